/** `tidegate waves show | when`: how far releases are, and when a host has its turn. */
import { type Command, InvalidArgumentError } from 'commander';
import { TidegateError } from '../../errors.ts';
import { formatTime } from '../../metadata/time.ts';
import { formatDuration, formatTable, printableLine } from '../../terminal.ts';
import { isLabel, labelForm } from '../../waves/own-members.ts';
import type { Manifest, Release } from '../../waves/release.ts';
import { releaseName } from '../../waves/release.ts';
import { MAX_SEED, parseSeed, seedOf } from '../../waves/seed.ts';
import { completeAt, openPlaces, turnOf } from '../../waves/turn.ts';
import {
  addRepositoryOptions,
  placesFrom,
  type RepositoryOptions,
  type TrustedPlaces,
} from '../repository-option.ts';
import { barrierText, progressText, releaseData, scheduleRows } from '../steering-text.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { momentOption } from '../time-option.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface ShowOptions extends WorkspaceOptions, RepositoryOptions {
  readonly at?: (now: number) => number;
}

interface WhenOptions extends ShowOptions {
  readonly seed?: number;
  readonly hostId?: string;
  readonly labels?: readonly string[];
}

const wordsOfPlaces = '\nWith --from, what is there is verified as a host does it; no workspace is needed.\n';

function byAddress(what: string): string {
  return `  tidegate waves ${what} --from https://updates.example.com --root root.json\n`;
}

export const defineShow: Define = (command, surroundings) => {
  common(command.command('show'))
    .description('Every published release: its waves, how many hosts are open now, and when all are.')
    .addHelpText(
      'after',
      `${wordsOfPlaces}\nExamples:\n  tidegate waves show\n  tidegate waves show demo x86_64 --at +2d\n${byAddress('show demo x86_64')}`,
    )
    .action((name: readonly string[], options: ShowOptions) => show(name, options, surroundings));
  common(command.command('when'))
    .description('When a host has its turn for every published release.')
    .option('--seed <number>', 'the seed of the host', seedOption)
    .option('--host-id <id>', 'or the id from which its seed follows')
    .option('--labels <list>', 'what the host says of itself, such as canary,rack-7', labelsOption)
    .addHelpText(
      'after',
      `${wordsOfPlaces}\nExamples:\n  tidegate waves when --seed 17\n  tidegate waves when --host-id 4c4c4544 --labels canary\n${byAddress('when --seed 17')}`,
    )
    .action((name: readonly string[], options: WhenOptions) => when(name, options, surroundings));
};

function common(command: Command): Command {
  return addRepositoryOptions(addWorkspaceOption(command))
    .argument('[release...]', 'VARIANT [ARCH [VERSION]]; none: all')
    .option('--at <time>', 'as of another time: +14d, or 2030-01-31T09:30:00Z', momentOption);
}

function labelsOption(text: string): readonly string[] {
  const labels = text.split(',');
  const wrong = labels.find((label) => !isLabel(label));
  if (wrong === undefined) return labels;
  throw new InvalidArgumentError(`found ${JSON.stringify(wrong)}, expected ${labelForm}`);
}

function seedOption(text: string): number {
  try {
    return parseSeed(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : 'expected a seed');
  }
}

async function show(
  name: readonly string[],
  options: ShowOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const now = options.at?.(surroundings.now()) ?? surroundings.now();
  const found = await publishedReleases(name, options, surroundings);
  for (const release of found.releases) {
    terminal.print(printableLine(`release ${releaseName(release)}: ${progressText(release, now)}`));
    const rows = scheduleRows(release).map(([first, ...rest]) => [`  ${first}`, ...rest]);
    if (rows.length > 0)
      for (const line of formatTable(rows).split('\n')) terminal.print(printableLine(line));
    if (release.barrier === true) terminal.print(`  ${barrierText}`);
    if (release.maxVersion !== release.version) terminal.print(`  highest version: ${release.maxVersion}`);
  }
  if (found.releases.length === 0) terminal.print('no such release is published');
  for (const { at, reason, ...id } of found.withdrawn)
    terminal.print(
      printableLine(`withdrawn ${releaseName(id)} at ${formatTime(at)}${reason ? `: ${reason}` : ''}`),
    );
  for (const change of found.waiting) terminal.print(printableLine(`waits for publication: ${change}`));
  terminal.printJson({
    at: formatTime(now),
    releases: found.releases.map((release) => ({
      ...(releaseData(release) as object),
      ...progressData(release, now),
    })),
    withdrawn: found.withdrawn.map(({ at, ...rest }) => ({ ...rest, at: formatTime(at) })),
    waiting: found.waiting,
  });
}

function progressData(release: Release, now: number): Record<string, unknown> {
  const end = completeAt(release);
  return {
    openShare: openPlaces(release, now) / MAX_SEED,
    paused: release.pause !== undefined,
    openToAll: release.pause !== undefined || end === 'always' ? null : wholeSecond(end),
  };
}

async function when(
  name: readonly string[],
  options: WhenOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const { hostId, labels } = options;
  if ((options.seed === undefined) === (hostId === undefined))
    throw new TidegateError('usage', 'expected --seed or --host-id, one of them');
  const seed = options.seed ?? seedOf(hostId ?? '');
  const now = options.at?.(surroundings.now()) ?? surroundings.now();
  const { releases } = await publishedReleases(name, options, surroundings);
  const turns = releases.map((release) => ({ release, turn: turnIn(release, { seed, labels }) }));
  const rows = turns.map(({ release, turn }) => [releaseName(release), turnText(turn, now)]);
  terminal.print(`seed ${seed}${labels === undefined ? '' : `, labelled ${labels.join(', ')}`}`);
  if (rows.length > 0) for (const line of formatTable(rows).split('\n')) terminal.print(printableLine(line));
  terminal.printJson({
    seed,
    labels: labels ?? [],
    releases: turns.map(({ release: { variant, arch, version }, turn }) => ({
      ...{ variant, arch, version, paused: turn === 'paused', always: turn === 'always' },
      opensAt: typeof turn === 'number' ? wholeSecond(turn) : null,
      open: turn === 'always' || (typeof turn === 'number' && turn <= now),
    })),
  });
}

type Turn = number | 'always' | 'paused';

function turnIn(release: Release, host: { seed: number; labels: readonly string[] | undefined }): Turn {
  const turn = turnOf(release, host);
  const { pause } = release;
  return pause !== undefined && turn !== 'always' && turn > pause.at ? 'paused' : turn;
}

function turnText(turn: Turn, now: number): string {
  if (turn === 'always') return 'open at all times';
  if (turn === 'paused') return 'waits: the release is paused';
  const text = wholeSecond(turn);
  return turn <= now ? `open since ${text}` : `opens at ${text}, in ${formatDuration(turn - now)}`;
}

/** The first whole second at which it is open. */
function wholeSecond(moment: number): string {
  return formatTime(Math.ceil(moment / 1000) * 1000);
}

interface Published {
  readonly releases: readonly Release[];
  readonly withdrawn: readonly NonNullable<Manifest['withdrawn']>[number][];
  readonly waiting: readonly string[];
}

async function publishedReleases(
  [variant, arch, version, ...more]: readonly string[],
  options: ShowOptions,
  surroundings: Surroundings,
): Promise<Published> {
  if (more.length > 0) throw new TidegateError('usage', 'a release is named VARIANT ARCH VERSION');
  if (options.root !== undefined && options.from === undefined)
    throw new TidegateError('usage', '--root goes with --from LOCATION');
  const given = await placesFrom({ variant, arch }, options, surroundings);
  const { manifests, waiting } =
    given === undefined
      ? await ofWorkspace(variant, options, surroundings)
      : { manifests: await ofPlaces(given, surroundings), waiting: [] };
  const isAsked = (one: { variant: string; arch: string; version: string }): boolean =>
    (variant ?? one.variant) === one.variant &&
    (arch ?? one.arch) === one.arch &&
    (version ?? one.version) === one.version;
  return {
    releases: manifests.flatMap(({ updates }) => updates.filter(isAsked)),
    withdrawn: manifests.flatMap(({ withdrawn = [] }) => withdrawn.filter(isAsked)),
    waiting,
  };
}

interface Lists {
  readonly manifests: readonly Manifest[];
  /** Changes that wait for publication. */
  readonly waiting: readonly string[];
}

async function ofWorkspace(
  variant: string | undefined,
  options: WorkspaceOptions,
  surroundings: Surroundings,
): Promise<Lists> {
  const workspace = await openChosenWorkspace(options, surroundings);
  const [{ readLive }, { repositoriesOf }, { readSteering, steeringName }] = await Promise.all([
    import('../../signer/publication/live-repository.ts'),
    import('../../signer/workspace/workspace.ts'),
    import('../../signer/release/steering-draft.ts'),
  ]);
  const manifests: Manifest[] = [];
  for (const place of repositoriesOf(workspace.settings)) {
    if (variant !== undefined && !place.fleets.some((fleet) => fleet.variant === variant)) continue;
    manifests.push((await readLive(workspace, place, surroundings.signal)).manifest);
  }
  const waiting = await readSteering(workspace);
  return { manifests, waiting: waiting.map((change) => `${change.kind} ${steeringName(change)}`) };
}

async function ofPlaces(
  { places, trustedRoot }: TrustedPlaces,
  { now, signal }: Surroundings,
): Promise<readonly Manifest[]> {
  const { readPublished } = await import('../../signer/latest/published-repository.ts');
  const request = { trustedRoot, now: now(), signal };
  const manifests: Manifest[] = [];
  for (const place of places) manifests.push((await readPublished(place, request)).manifest);
  return manifests;
}
