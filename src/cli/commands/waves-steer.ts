/** `tidegate waves set | pause | resume | accelerate | withdraw | barrier | max-version | drop`: changes to what is published. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { TidegateError } from '../../errors.ts';
import type { Wish } from '../../signer/release/steer-release.ts';
import { printableLine } from '../../terminal.ts';
import { addOverrideOptions, type OverrideOptions } from '../override-option.ts';
import { violationLine } from '../plan-text.ts';
import { addPublishAtOnce, type PublishAtOnceOptions, publishAtOnce } from '../publish-at-once.ts';
import { steeringData, steeringLines } from '../steering-text.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { momentOption } from '../time-option.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

export type SteerOptions = PublishAtOnceOptions;

interface DropOptions extends WorkspaceOptions {
  readonly dryRun?: true;
}

type Id = readonly [variant: string, arch: string, version: string];

const wordsOfPublishing =
  '\nThe change waits for publication like a release: tidegate plan, tidegate publish. Hosts obey at their next check.\n';

export const defineSteering: Define = (command, surroundings) => {
  defineSet(command.command('set'), surroundings);
  definePause(command.command('pause'), surroundings);
  releaseCommand(command.command('resume'))
    .description('Go on with a paused release where it stopped: every host later by the length of the pause.')
    .addHelpText(
      'after',
      `${wordsOfPublishing}\nExample:\n  tidegate waves resume demo x86_64 1.2.0 --publish\n`,
    )
    .action((...args: [...Id, SteerOptions]) =>
      steer({ kind: 'resume', ...idIn(args) }, args[3], surroundings),
    );
  defineAccelerate(command.command('accelerate'), surroundings);
  defineWithdraw(command.command('withdraw'), surroundings);
  steeringCommand(command.command('max-version'))
    .description('Set the highest version that hosts of a variant and architecture run: those above go down.')
    .argument('<variant>')
    .argument('<arch>')
    .argument('<version>')
    .addHelpText('after', `${wordsOfPublishing}\nExample:\n  tidegate waves max-version demo x86_64 1.1.0\n`)
    .action((variant: string, arch: string, maxVersion: string, options: SteerOptions) =>
      steer({ kind: 'max-version', variant, arch, maxVersion }, options, surroundings),
    );
  defineBarrier(command.command('barrier'), surroundings);
  addWorkspaceOption(command.command('drop'))
    .description('Take a change back that waits: of a release, or without a version of the highest version.')
    .argument('<variant>')
    .argument('<arch>')
    .argument('[version]')
    .option('--dry-run', 'say what would be taken back; write nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  tidegate waves drop demo x86_64 1.2.0 --dry-run\n  tidegate waves drop demo x86_64 1.2.0\n',
    )
    .action((variant: string, arch: string, version: string | undefined, options: DropOptions) =>
      drop({ variant, arch, version }, options, surroundings),
    );
};

/** Of changes that can break what tidegate.toml asks of waves. */
type SwayOptions = SteerOptions & OverrideOptions;

interface SetOptions extends SwayOptions {
  readonly policy: string;
  readonly startTime?: (now: number) => number;
  readonly spread: 'linear' | 'shipped';
}

function defineSet(command: Command, surroundings: Surroundings): void {
  addOverrideOptions(releaseCommand(command))
    .description(
      'Give a published release other waves. Hosts that are open may close by it: look at the plan.',
    )
    .requiredOption('--policy <name>', 'a policy of policies/waves, or none to open to everyone at once')
    .option('--start-time <time>', 'when its waves count from (default: when published)', momentOption)
    .addOption(new Option('--spread <how>', 'inside a wave').choices(['linear', 'shipped']).default('linear'))
    .addHelpText(
      'after',
      `${wordsOfPublishing}\nExample:\n  tidegate waves set demo x86_64 1.2.0 --policy slow\n`,
    )
    .action((...args: [...Id, SetOptions]) => {
      const { policy, startTime, spread } = args[3];
      if (policy === 'none' && startTime !== undefined) throw openAtOnceLater();
      const wish = {
        ...{ kind: 'set' as const, ...idIn(args), spread },
        ...(policy !== 'none' && { policy }),
        ...(startTime !== undefined && { startTime: startTime(surroundings.now()) }),
      };
      return steer(wish, args[3], surroundings, overridesIn(args[3]));
    });
}

function openAtOnceLater(): TidegateError {
  const text =
    'without waves (none) a release is open as soon as it is published; for a moment of its own, a policy with one wave';
  return new TidegateError('usage', `--start-time: ${text}`);
}

function definePause(command: Command, surroundings: Surroundings): void {
  releaseCommand(command)
    .description(
      'Stop a release: hosts whose turn has come stay open, nobody else comes until it is resumed.',
    )
    .option('--everyone', 'close hosts whose turn has come, too')
    .addHelpText(
      'after',
      `${wordsOfPublishing}\nExample:\n  tidegate waves pause demo x86_64 1.2.0 --publish\n`,
    )
    .action((...args: [...Id, SteerOptions & { readonly everyone?: true }]) => {
      const everyone = args[3].everyone === true;
      return steer({ kind: 'pause', ...idIn(args), everyone }, args[3], surroundings);
    });
}

interface AccelerateOptions extends SwayOptions {
  readonly factor?: number;
  readonly policy?: string;
}

function defineAccelerate(command: Command, surroundings: Surroundings): void {
  addOverrideOptions(releaseCommand(command))
    .description('Bring the rest of a release sooner. No host that is open closes.')
    .option('--factor <number>', 'how many times as fast, such as 2 or 1.5', factorOf)
    .option('--policy <name>', 'go on with this policy of policies/waves, from where the release stands')
    .addHelpText(
      'after',
      `${wordsOfPublishing}\nExamples:\n  tidegate waves accelerate demo x86_64 1.2.0 --factor 2\n  tidegate waves accelerate demo x86_64 1.2.0 --policy emergency --publish\n`,
    )
    .action((...args: [...Id, AccelerateOptions]) => {
      const { factor, policy } = args[3];
      if ((factor === undefined) === (policy === undefined))
        throw new TidegateError('usage', 'expected --factor or --policy, one of them');
      const how = { ...(factor !== undefined && { factor }), ...(policy !== undefined && { policy }) };
      const wish = { kind: 'accelerate' as const, ...idIn(args), ...how };
      return steer(wish, args[3], surroundings, overridesIn(args[3]));
    });
}

interface WithdrawOptions extends SteerOptions {
  readonly reason?: string;
  readonly callBack?: string | true;
}

function defineWithdraw(command: Command, surroundings: Surroundings): void {
  releaseCommand(command)
    .description('Take a release back for ever. Hosts that run it stay, unless they are called back.')
    .option('--reason <text>', 'why: signed into the list of releases, for all to read')
    .option('--call-back [version]', 'hosts that run it go down to this version (default: the highest left)')
    .addHelpText(
      'after',
      `${wordsOfPublishing}A version that was withdrawn comes back only by: tidegate release add --readmit\n\nExamples:\n  tidegate waves withdraw demo x86_64 1.2.0 --publish\n  tidegate waves withdraw demo x86_64 1.2.0 --call-back 1.1.0\n`,
    )
    .action((...args: [...Id, WithdrawOptions]) => {
      const { reason, callBack } = args[3];
      const how = {
        ...(reason !== undefined && { reason }),
        ...(callBack !== undefined && { callBack: callBack === true ? 'highest' : callBack }),
      };
      return steer({ kind: 'withdraw', ...idIn(args), ...how }, args[3], surroundings);
    });
}

function defineBarrier(command: Command, surroundings: Surroundings): void {
  releaseCommand(command)
    .description('Make a release a barrier: hosts that run a lower version take nothing above it before it.')
    .option('--off', 'make it none')
    .addHelpText(
      'after',
      `${wordsOfPublishing}updog does not know barriers, and jumps.\n\nExamples:\n  tidegate waves barrier demo x86_64 1.2.0\n  tidegate waves barrier demo x86_64 1.2.0 --off\n`,
    )
    .action((...args: [...Id, SteerOptions & { readonly off?: true }]) => {
      const on = args[3].off !== true;
      return steer({ kind: 'barrier', ...idIn(args), on }, args[3], surroundings);
    });
}

function releaseCommand(command: Command): Command {
  return steeringCommand(command).argument('<variant>').argument('<arch>').argument('<version>');
}

export function steeringCommand(command: Command): Command {
  return addPublishAtOnce(addWorkspaceOption(command)).option(
    '--dry-run',
    'show what it would come to; write nothing',
  );
}

function idIn([variant, arch, version]: readonly [...Id, unknown]): {
  readonly variant: string;
  readonly arch: string;
  readonly version: string;
} {
  return { variant, arch, version };
}

/** In thousandths at most: that is how a draft keeps it. */
function factorOf(text: string): number {
  if (/^\d{1,4}(\.\d{1,3})?$/.test(text) && Number(text) > 1) return Number(text);
  throw new InvalidArgumentError('expected a number above 1, such as 2 or 1.5');
}

function overridesIn({ override, reason, publish }: SwayOptions): OverrideOptions {
  if (override.length > 0 && publish !== true)
    throw new TidegateError('usage', '--override goes with --publish, or later with: tidegate publish');
  return { override, ...(reason !== undefined && { reason }) };
}

/** The change as a draft, and with --publish everything that waits. */
export async function steer(
  wish: Wish,
  options: SteerOptions,
  surroundings: Surroundings,
  overrides?: OverrideOptions,
): Promise<void> {
  const { terminal, signal } = surroundings;
  const now = surroundings.now();
  const dryRun = options.dryRun === true;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { steerRelease } = await import('../../signer/release/steer-release.ts');
  const planned = await steerRelease(workspace, wish, { now, dryRun, signal });
  if (await publishAtOnce(options, surroundings, overrides)) return;
  for (const line of steeringLines(planned, now)) terminal.print(printableLine(line));
  const { violations } = planned;
  for (const violation of violations) terminal.print(printableLine(violationLine(violation, false)));
  const [first] = violations;
  const publish = first === undefined ? 'publish' : `publish --override ${first.name} --reason TEXT`;
  terminal.print(dryRun ? 'nothing was written' : `next: tidegate plan, tidegate ${publish}`);
  terminal.printJson({ waiting: !dryRun, ...steeringData(planned), violations });
}

async function drop(
  { variant, arch, version }: { variant: string; arch: string; version: string | undefined },
  options: DropOptions,
  surroundings: Surroundings,
): Promise<void> {
  const dryRun = options.dryRun === true;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { dropSteering } = await import('../../signer/release/steer-release.ts');
  const name = `${variant} ${arch}`;
  const change = await dropSteering(
    workspace,
    version === undefined ? `highest version of ${name}` : `release ${name} ${version}`,
    { dryRun },
  );
  const what = `${change.kind} of ${name} ${version ?? ''}`.trimEnd();
  surroundings.terminal.print(
    dryRun ? `would be taken back: ${what}; nothing was written` : `taken back: ${what}`,
  );
  surroundings.terminal.printJson({ dropped: change.kind, dryRun });
}
