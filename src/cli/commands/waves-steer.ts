/** `tidegate waves set | pause | resume | accelerate | withdraw | barrier | max-version | drop`: changes to what is published. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { TidegateError } from '../../errors.ts';
import type { FleetName } from '../../metadata/repository-layout.ts';
import type { Wish } from '../../signer/release/steer-release.ts';
import { steeringName } from '../../signer/release/steering-draft.ts';
import type { Workspace } from '../../signer/workspace/workspace.ts';
import { printableLine } from '../../terminal.ts';
import { addOverrideOptions, type OverrideOptions } from '../override-option.ts';
import { violationLine } from '../plan-text.ts';
import { addPublishAtOnce, type PublishAtOnceOptions, publishAtOnce } from '../publish-at-once.ts';
import { steeringData, steeringGroups } from '../steering-text.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { momentOption } from '../time-option.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

export type SteerOptions = PublishAtOnceOptions;

interface DropOptions extends WorkspaceOptions {
  readonly dryRun?: true;
}

type Id = readonly [variant: string, arch: string, version: string];

const wordsOfPublishing = `
The change waits for publication like a release: tidegate plan, tidegate publish. Hosts obey at their next check.
VARIANT and ARCH may be several, with commas, or a pattern: 'aws-*' '*' is every one in tidegate.toml that lists the release
and is not so yet. Either all of them change or none; --dry-run shows which.
`;

export const defineSteering: Define = (command, surroundings) => {
  defineSet(command.command('set'), surroundings);
  definePause(command.command('pause'), surroundings);
  addOverrideOptions(releaseCommand(command.command('resume')))
    .description('Go on with a paused release where it stopped: every host later by the length of the pause.')
    .addHelpText(
      'after',
      `${wordsOfPublishing}\nExample:\n  tidegate waves resume demo x86_64 1.2.0 --publish\n`,
    )
    .action((...args: [...Id, SwayOptions]) =>
      steer({ kind: 'resume', ...idIn(args) }, args[3], surroundings, overridesIn(args[3])),
    );
  defineAccelerate(command.command('accelerate'), surroundings);
  defineWithdraw(command.command('withdraw'), surroundings);
  addOverrideOptions(fleetCommand(command.command('max-version')))
    .description('Set the highest version that hosts of a variant and architecture run: those above go down.')
    .argument('<version>')
    .addHelpText('after', `${wordsOfPublishing}\nExample:\n  tidegate waves max-version demo x86_64 1.1.0\n`)
    .action((variant: string, arch: string, maxVersion: string, options: SwayOptions) =>
      steer({ kind: 'max-version', variant, arch, maxVersion }, options, surroundings, overridesIn(options)),
    );
  defineBarrier(command.command('barrier'), surroundings);
  addFleetArguments(addWorkspaceOption(command.command('drop')))
    .description('Take a change back that waits: of a release, or without a version of the highest version.')
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
      `${wordsOfPublishing}\nExamples:\n  tidegate waves pause demo x86_64 1.2.0 --publish\n  tidegate waves pause '*' '*' 1.2.0 --dry-run\n`,
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
    .description(
      'Make a release a barrier: hosts that run a lower version must run it before anything above it.',
    )
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
  return fleetCommand(command).argument('<version>');
}

function fleetCommand(command: Command): Command {
  return addFleetArguments(steeringCommand(command));
}

function addFleetArguments(command: Command): Command {
  return command
    .argument('<variant>', "one, several with commas, or a pattern such as '*'")
    .argument('<arch>', 'the same');
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
  const { steerReleases } = await import('../../signer/release/steer-release.ts');
  const { fleets, isOne, passOver } = 'variant' in wish ? await fleetsOf(workspace, wish) : noFleets;
  const wishes = isOne ? [wish] : fleets.map((fleet) => ({ ...wish, ...fleet }));
  const plans = await steerReleases(workspace, wishes, { now, dryRun, passOver, signal });
  for (const { name, why } of plans.passedOver) terminal.note(printableLine(`left out: ${name}: ${why}`));
  if (await publishAtOnce(options, surroundings, overrides)) return;
  for (const line of steeringGroups(plans.planned, now)) terminal.print(printableLine(line));
  const violations = plans.planned.flatMap((one) => one.violations);
  for (const violation of violations) terminal.print(printableLine(violationLine(violation, false)));
  const names = [...new Set(violations.map(({ name }) => name))];
  const answers =
    names.length === 0 ? '' : ` ${names.map((name) => `--override ${name}`).join(' ')} --reason TEXT`;
  terminal.print(dryRun ? 'nothing was written' : `next: tidegate plan, tidegate publish${answers}`);
  const changes = plans.planned.map((one) => ({ ...steeringData(one), violations: one.violations }));
  const { passedOver } = plans;
  terminal.printJson({ waiting: !dryRun, ...(isOne ? changes[0] : { changes, passedOver }) });
}

interface FleetsMeant {
  readonly fleets: readonly FleetName[];
  /** One is named, and nothing else can be meant. */
  readonly isOne: boolean;
  readonly passOver: boolean;
}

const noFleets: FleetsMeant = { fleets: [], isOne: true, passOver: false };

async function fleetsOf({ settings }: Workspace, asked: FleetName): Promise<FleetsMeant> {
  const { chosenFleets, hasPattern, isChoice } = await import('../../signer/release/fleet-choice.ts');
  const { variant, arch } = asked;
  if (!isChoice(asked)) return { fleets: [{ variant, arch }], isOne: true, passOver: false };
  return { fleets: chosenFleets(settings.fleets, asked), isOne: false, passOver: hasPattern(asked) };
}

async function drop(
  { variant, arch, version }: { variant: string; arch: string; version: string | undefined },
  options: DropOptions,
  surroundings: Surroundings,
): Promise<void> {
  const dryRun = options.dryRun === true;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { dropSteering } = await import('../../signer/release/steer-release.ts');
  const { fleets, isOne, passOver } = await fleetsOf(workspace, { variant, arch });
  const asked = fleets.map((fleet) => ({ ...fleet, ...(version !== undefined && { version }) }));
  const changes = await dropSteering(workspace, asked, { dryRun, passOver });
  for (const change of changes) {
    const what = `${change.kind} of ${steeringName(change)}`;
    surroundings.terminal.print(
      printableLine(dryRun ? `would be taken back: ${what}; nothing was written` : `taken back: ${what}`),
    );
  }
  const kinds = changes.map(({ kind }) => kind);
  surroundings.terminal.printJson({ dropped: isOne ? kinds[0] : kinds, dryRun });
}
