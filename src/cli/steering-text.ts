/** Changes to published releases for people: what was, what will be, who is open now. */
import { formatTime } from '../metadata/time.ts';
import type { PlannedSteering } from '../signer/publication/steering-plan.ts';
import { steeringName } from '../signer/release/steering-draft.ts';
import { waveRows } from '../signer/release/wave-rows.ts';
import { countOf, formatDuration, formatTable } from '../terminal.ts';
import type { Release } from '../waves/release.ts';
import { MAX_SEED } from '../waves/seed.ts';
import { completeAt, openPlaces, turnOf } from '../waves/turn.ts';

const verbs = {
  set: 'other waves for',
  pause: 'pause of',
  resume: 'resumption of',
  barrier: 'barrier:',
  accelerate: 'acceleration of',
  withdraw: 'withdrawal of',
  'max-version': '',
  migrations: '',
} as const;

/** @param now in milliseconds */
export function steeringLines(steered: PlannedSteering, now: number): readonly string[] {
  const { change, before, after, goal } = steered;
  const name = `${verbs[change.kind]} ${steeringName(change)}`.trim();
  if (change.kind === 'migrations') {
    const hops = change.migrations.map(
      ({ from, to, targets }) => `    ${from} to ${to}: ${targets.join(', ') || 'nothing to run'}`,
    );
    return [`${name}: ${countOf(change.migrations.length, 'hop')}`, ...hops];
  }
  if (change.kind === 'max-version') {
    return [`${name}: ${before?.maxVersion ?? 'none'} → ${change.maxVersion}; hosts above go down to it`];
  }
  if (change.kind === 'withdraw') {
    const why = change.reason === undefined ? '' : `: ${change.reason}`;
    const call =
      goal === undefined ? 'hosts that run it stay' : `hosts that run it are called back to ${goal}`;
    return [`${name}${why}`, `    it is never offered again; ${call}`];
  }
  if (change.kind === 'barrier') {
    const what = change.on ? barrierText : 'no barrier any more: hosts below it may jump to what is above it';
    return [name, `    ${what}`];
  }
  const state = after?.pause === undefined ? closingLines(before, after, now) : pauseLines(after, now);
  return [name, '    now:', ...planLines(before, now), '    then:', ...planLines(after, now), ...state];
}

/** Changes that come to the same are told of once, below all their names. */
export function steeringGroups(all: readonly PlannedSteering[], now: number): readonly string[] {
  const groups = new Map<string, { readonly heads: string[]; readonly rest: readonly string[] }>();
  for (const one of all) {
    const [head = '', ...rest] = steeringLines(one, now);
    const group = groups.get(rest.join('\n')) ?? { heads: [], rest };
    group.heads.push(head);
    groups.set(rest.join('\n'), group);
  }
  return [...groups.values()].flatMap(({ heads, rest }) => [...heads, ...rest]);
}

/** What a release that is a barrier means. */
export const barrierText = 'a barrier: hosts below it must run it before anything above it';

/** Hosts that have had their turn and would lose it. */
function closingLines(
  before: Release | undefined,
  after: Release | undefined,
  now: number,
): readonly string[] {
  if (before === undefined || after === undefined) return [];
  const [was, is] = [openPlaces(before, now), openPlaces(after, now)];
  const labels = closingLabels(before, after, now);
  const closing = [
    ...(is < was ? [shareText(was - is)] : []),
    ...(labels.length > 0 ? [`hosts labelled ${labels.join(' or ')}`] : []),
  ];
  return closing.map((who) => `    warning: ${who} are open and will close; those that run it stay`);
}

/** Labels whose hosts are open now, and by the new plan not whatever their seed. */
function closingLabels(before: Release, after: Release, now: number): readonly string[] {
  const open = (before.groups ?? []).filter(({ opens }) => opens <= now).flatMap(({ labels }) => labels);
  return open.filter((label) => {
    const turn = turnOf(after, { seed: MAX_SEED - 1, labels: [label] });
    return turn !== 'always' && turn > now;
  });
}

function pauseLines(release: Release, now: number): readonly string[] {
  const open = openPlaces(release, now);
  const lines = [`    ${shareText(open)} are open and stay so; nobody else comes until it is resumed`];
  if (open === 0) lines.push('    hosts with updog whose seed is 0 stay open: no wave can close them');
  return lines;
}

function planLines(release: Release | undefined, now: number): readonly string[] {
  if (release === undefined) return ['      not listed'];
  const rows = scheduleRows(release).map(([first, ...rest]) => [`      ${first}`, ...rest]);
  const table = rows.length === 0 ? ['      open to every host at once'] : formatTable(rows).split('\n');
  return [...table, `      ${progressText(release, now)}`];
}

/** Waves and groups, in absolute times. */
export function scheduleRows(release: Release): readonly (readonly [string, string, string])[] {
  if (release.pause !== undefined) {
    const since = `since ${formatTime(release.pause.at)}`;
    return [['paused', since, `${releaseLeft(release)} of its waves are left`]];
  }
  const groups = (release.groups ?? []).map(
    ({ labels, opens }) => [formatTime(opens), 'at once', `hosts labelled ${labels.join(' or ')}`] as const,
  );
  return [...groups, ...waveRows(release)];
}

function releaseLeft({ pause }: Release): number {
  return pause === undefined ? 0 : [...pause.waves.values()].filter((time) => time > pause.at).length;
}

/** "open to 41.5 % of hosts (by seed), to all at 2030-01-07T00:00:00Z (in 2 d)". */
export function progressText(release: Release, now: number): string {
  const open = openPlaces(release, now);
  const end = completeAt(release);
  if (open === MAX_SEED && (end === 'always' || end <= now)) return 'open to all hosts';
  if (release.pause !== undefined || end === 'always') return `open to ${shareText(open)}`;
  return `open to ${shareText(open)}, to all at ${formatTime(Math.ceil(end / 1000) * 1000)} (in ${formatDuration(end - now)})`;
}

function shareText(open: number): string {
  return `${((open * 100) / MAX_SEED).toFixed(1)} % of hosts`;
}

/** The same as data, times as text. */
export function steeringData({ change, before, after, goal }: PlannedSteering): Record<string, unknown> {
  const data = (release: Release | undefined): unknown =>
    release === undefined ? null : releaseData(release);
  return { change, before: data(before), after: data(after), ...(goal !== undefined && { goal }) };
}

/** A release as data, times as text. */
export function releaseData({
  waves,
  lastWaveEnds,
  groups,
  pause,
  opened,
  unknown: _,
  ...release
}: Release): unknown {
  return {
    ...release,
    waves: Object.fromEntries(Array.from(waves, ([seed, time]) => [seed, formatTime(time)])),
    ...(lastWaveEnds !== undefined && { lastWaveEnds: formatTime(lastWaveEnds) }),
    ...(groups && { groups: groups.map(({ labels, opens }) => ({ labels, opens: formatTime(opens) })) }),
    ...(pause && { pausedAt: formatTime(pause.at) }),
    ...(opened !== undefined && { opened: formatTime(opened) }),
  };
}
