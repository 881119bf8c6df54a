/**
 * The commands of a host, defined on any commander program: `tidegate-agent NAME` and `tidegate host NAME` are the
 * same. Each does one thing and ends; a timer or an orchestrator calls them. Printing is here, doing is in the agent.
 */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { TidegateError } from '../errors.ts';
import type { ProgramSurroundings } from '../program.ts';
import { formatDuration, type Progress, printableLine, type Terminal } from '../terminal.ts';
import type { Choice } from '../waves/choose.ts';
import { type Release, releaseName } from '../waves/release.ts';
import { compareVersions, parseVersion } from '../waves/version.ts';
import type { Agent } from './agent.ts';
import type { AgentConfig } from './config.ts';
import type { AgentStatus } from './status.ts';

/** What the commands of a host may touch of their process. */
export type HostSurroundings = ProgramSurroundings;

export const defaultConfigPath = '/etc/tidegate/agent.toml';

interface HostOptions {
  readonly config?: string;
}

type Run = (agent: Agent, surroundings: HostSurroundings, options: HostOptions) => Promise<void>;

interface HostCommand {
  readonly name: string;
  readonly summary: string;
  readonly run: Run;
}

const hostCommands: readonly HostCommand[] = [
  { name: 'prepare', summary: 'install the chosen release into the inactive slot', run: prepare },
  { name: 'activate', summary: 'let the next boot try the prepared slot', run: simple('activate') },
  { name: 'deactivate', summary: 'take an ordered change of slot back', run: simple('deactivate') },
  {
    name: 'confirm',
    summary: 'say that the running system works, so that it boots again',
    run: simple('confirm'),
  },
  {
    name: 'revert',
    summary: 'go back to the other slot at the next boot, and give the running release up',
    run: simple('revert'),
  },
  { name: 'status', summary: 'state, slots, last command and failure', run: status },
];

/** Adds the commands of a host to a program or command. */
export function defineHostCommands(parent: Command, surroundings: HostSurroundings): void {
  common(parent.command('check').description('Refresh, and choose the release to take now.'))
    .option('--retry-failed', 'let releases be chosen again that fell back or were reverted here')
    .action(async (options: HostOptions & { readonly retryFailed?: boolean }) => {
      await withAgent(options, surroundings, async (agent) => {
        const { signal, terminal, now } = surroundings;
        const before = await agent.status();
        const choice = await agent.check({ signal, retryFailed: options.retryFailed === true });
        const after = await agent.status();
        for (const line of takenBackLines(before, after)) terminal.print(printableLine(line));
        terminal.print(printableLine(choiceText(choice, now())));
        terminal.printJson(after);
      });
    });
  for (const { name, summary, run } of hostCommands) {
    const sentence = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
    common(parent.command(name).description(sentence)).action(async (options: HostOptions) => {
      await withAgent(options, surroundings, (agent) => run(agent, surroundings, options));
    });
  }
  defineInit(parent, surroundings);
  defineBoot(parent, surroundings);
}

/** Slots that are files have no boot loader of their own: a start script asks this command which one to run. */
function defineBoot(parent: Command, surroundings: HostSurroundings): void {
  common(
    parent
      .command('boot')
      .description('For a start script: choose the slot for this start, use up a try, print its folder.'),
  ).action(async (options: HostOptions) => {
    const [{ readConfig }, { FileSlots }, { startSlot }] = await Promise.all([
      import('./config.ts'),
      import('./file-slots.ts'),
      import('./boot.ts'),
    ]);
    const { slotsDirectory: directory, slotSize } = await readConfig(configPath(options, surroundings));
    const started = await startSlot(new FileSlots({ directory, slotSize }), surroundings.signal);
    surroundings.terminal.print(started.folder);
    surroundings.terminal.printJson(started);
  });
}

/** @param more of the example */
function common(command: Command, more = ''): Command {
  return command
    .option('--config <file>', `configuration (default: TIDEGATE_AGENT_CONFIG, else ${defaultConfigPath})`)
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `\nExample:\n  tidegate-agent ${command.name()} --config my-host/agent.toml${more}\n`,
    );
}

function defineInit(parent: Command, surroundings: HostSurroundings): void {
  const command = parent.command('init').description('Set the slots up, once: say which release runs.');
  common(command, ' --release 1.0.0')
    .requiredOption('--release <version>', 'the version that runs')
    .option('--slot <name>', 'the slot that runs: a or b', 'a')
    .option('--image <kind=file...>', 'an image of the running release, such as root=FILE')
    .action(async (options: HostOptions & InitOptions) => await init(options, surroundings));
}

interface InitOptions {
  readonly release: string;
  readonly slot: string;
  readonly image?: readonly string[];
}

async function init(options: HostOptions & InitOptions, surroundings: HostSurroundings): Promise<void> {
  const { directory, terminal, signal } = surroundings;
  const [{ readConfig }, { provisionSlots }] = await Promise.all([
    import('./config.ts'),
    import('./provision.ts'),
  ]);
  const { host, slotsDirectory, slotSize } = await readConfig(configPath(options, surroundings));
  const { slot } = options;
  if (slot !== 'a' && slot !== 'b') throw usage(`--slot: found ${slot}, expected a or b`);
  const release = { variant: host.variant, arch: host.arch, version: options.release };
  const images = Object.fromEntries((options.image ?? []).map((text) => parseImage(text, directory)));
  await provisionSlots({ directory: slotsDirectory, slotSize, release, slot, images, signal });
  terminal.print(`${slotsDirectory}: slot ${slot} runs ${releaseName(release)}. Next: check`);
  terminal.printJson({ slots: slotsDirectory, running_slot: slot, release });
}

function configPath(
  { config }: HostOptions,
  { directory, environment }: Pick<HostSurroundings, 'directory' | 'environment'>,
): string {
  // A variable that is set to nothing counts as not set.
  return resolve(directory, config ?? (environment.TIDEGATE_AGENT_CONFIG || defaultConfigPath));
}

function parseImage(text: string, directory: string): readonly [string, string] {
  const [kind = '', ...path] = text.split('=');
  if (kind === '' || path.length === 0) throw usage(`--image: found ${text}, expected KIND=FILE`);
  return [kind, resolve(directory, path.join('='))];
}

/** Makes the agent that a configuration describes, and gives back what it held open. */
export async function withAgent<T>(
  options: HostOptions,
  surroundings: Pick<HostSurroundings, 'directory' | 'environment' | 'now'>,
  work: (agent: Agent) => Promise<T>,
): Promise<T> {
  const { readConfig } = await import('./config.ts');
  const config = await readConfig(configPath(options, surroundings));
  const { agent, close } = await createAgent(config, surroundings.now);
  try {
    return await work(agent);
  } finally {
    await close();
  }
}

async function createAgent(
  config: AgentConfig,
  clock: () => number,
): Promise<{ readonly agent: Agent; readonly close: () => Promise<void> }> {
  const [{ RepositoryClient }, { Agent }, { FileSlots }, durable, { nodeFileSystem }] = await Promise.all([
    import('../client/updater.ts'),
    import('./agent.ts'),
    import('./file-slots.ts'),
    import('../storage/durable-file.ts'),
    import('../storage/file-system.ts'),
  ]);
  const { stateDirectory, slotsDirectory: directory, slotSize, host } = config;
  await durable.makeFolder(nodeFileSystem, stateDirectory, 0o700);
  const { trustedRoot, metadata, targets, secondVerifier } = config;
  const client = new RepositoryClient({
    ...{ trustedRoot, metadata, targets, secondVerifier, clock },
    stateDirectory: join(stateDirectory, 'repository'),
  });
  const slots = new FileSlots({ directory, slotSize });
  const agent = new Agent({ client, slots, host, clock, stateDirectory: join(stateDirectory, 'agent') });
  return { agent, close: () => client.close() };
}

function simple(method: 'activate' | 'deactivate' | 'confirm' | 'revert'): Run {
  return async (agent, { terminal, signal }) => report(await agent[method]({ signal }), terminal);
}

async function prepare(agent: Agent, { terminal, signal }: HostSurroundings): Promise<void> {
  let line: Progress | undefined;
  let found: AgentStatus;
  try {
    found = await agent.prepare({
      signal,
      progress: ({ received, total }) => {
        const shown = line ?? terminal.progress('receiving', total);
        line = shown;
        shown.update(received);
      },
    });
  } finally {
    line?.end();
  }
  report(found, terminal);
}

async function status(agent: Agent, { terminal }: HostSurroundings): Promise<void> {
  report(await agent.status(), terminal);
}

function report(found: AgentStatus, terminal: Terminal): void {
  for (const line of statusLines(found)) terminal.print(printableLine(line));
  terminal.printJson(found);
}

/** For people; the last line says what to do next. */
export function statusLines(found: AgentStatus): readonly string[] {
  const { active_partition, staging_partition, running_slot, confirmed, last_failure } = found;
  const other = running_slot === 'a' ? 'b' : 'a';
  const lines = [
    `state      ${found.update_state}`,
    `running    ${active_partition.image.version} in slot ${running_slot}, ${confirmed ? 'confirmed' : 'not confirmed'}`,
    `inactive   ${staging_partition === null ? 'nothing complete' : staging_partition.image.version} in slot ${other}`,
    `next boot  slot ${active_partition.next_to_boot ? running_slot : other}`,
  ];
  for (const { version, reason } of found.failed_versions) {
    lines.push(`given up   ${version}: ${reason === 'fell-back' ? 'it did not boot' : 'it was reverted'}`);
  }
  if (last_failure !== null) {
    const { command, code, message, timestamp } = last_failure;
    lines.push(`failure    ${timestamp} ${command}: ${message} [${code}]`);
  }
  return [...lines, `next       ${nextStep(found)}`];
}

function nextStep(found: AgentStatus): string {
  const { update_state, confirmed, chosen_update, staging_partition, available_updates } = found;
  switch (update_state) {
    case 'Ready':
      return 'reboot (or deactivate)';
    case 'Staged':
      if (available_updates.includes(staging_partition?.image.version ?? '')) return 'activate';
      return chosen_update === null ? 'check' : `prepare (${chosen_update.version})`;
    case 'Available':
      return confirmed ? `prepare (${chosen_update?.version})` : 'confirm, or revert';
    case 'Idle':
      return confirmed ? 'check' : 'confirm, or revert';
  }
}

/** A check takes an activation back whose release is gone. */
function takenBackLines(before: AgentStatus, after: AgentStatus): readonly string[] {
  if (before.update_state !== 'Ready' || after.update_state === 'Ready') return [];
  const version = after.staging_partition?.image.version;
  return [`the activation of ${version} was taken back: it is not offered any more`];
}

function choiceText(choice: Choice, now: number): string {
  if (choice.kind === 'update') {
    const { release, downgrade } = choice;
    return `${releaseName(release)} is to be taken${downgrade ? ', a lower version' : ''}. Next: prepare`;
  }
  const { reason, release, opensAt } = choice;
  const name = release === undefined ? '' : releaseName(release);
  const reasons = {
    current: 'no update: nothing newer',
    locked: 'no update: the version lock runs, or is not listed',
    variant: 'no update: nothing is listed for this variant and architecture',
    barrier: barrierText(release),
    failed: `no update: ${name} has failed on this host`,
    wave: `no update yet: ${name} opens ${opensText(opensAt ?? now, now)}`,
    paused: `no update yet: ${name} is paused by its publisher`,
  };
  return reasons[reason];
}

function barrierText(release: Release | undefined): string {
  if (release === undefined) return 'no update';
  const name = releaseName(release);
  const [version, highest] = [release.version, release.maxVersion].map((text) => parseVersion(text, name));
  if (version !== undefined && highest !== undefined && compareVersions(version, highest) <= 0)
    return `no update: ${name} is a barrier, and must run before the locked version`;
  return `no update: ${name} is above the highest version allowed`;
}

function opensText(opensAt: number, now: number): string {
  return `at ${new Date(opensAt).toISOString()}, in ${formatDuration(opensAt - now)}`;
}

function usage(text: string): TidegateError {
  return new TidegateError('usage', text);
}
