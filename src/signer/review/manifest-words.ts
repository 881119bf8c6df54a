/** What a manifest says to hosts, as lines: every release that is not as before, with its waves in absolute times. */

import type { JsonValue } from '../../metadata/json.ts';
import { escaped } from '../../metadata/printable.ts';
import { type Migration, migrationKey } from '../../waves/migrations.ts';
import {
  type Manifest,
  type Pause,
  type Release,
  releaseKey,
  releaseName,
  spreadOf,
} from '../../waves/release.ts';
import { formatTime } from '../../waves/wave-time.ts';
import { waveRows } from '../release/wave-rows.ts';
import { type ChangeState, type MemberChange, otherMembers } from './change.ts';
import { memberLines, signs } from './change-words.ts';

/** @param before undefined where it is not at hand; every release is shown then */
export function manifestLines(before: Manifest | undefined, after: Manifest): readonly string[] {
  const [old, present] = [releasesOf(before), releasesOf(after)];
  const gone = [...old].filter(([key]) => !present.has(key)).map(([, release]) => release);
  const lines: string[] = [];
  let kept = 0;
  for (const [key, release] of present) {
    const changed = releaseLines(old.get(key), release);
    if (changed.length === 0) kept += 1;
    lines.push(...changed);
  }
  const stay = before === undefined ? ', the version before is not at hand' : '';
  return [
    `manifest: ${present.size} release${present.size === 1 ? '' : 's'}, ${kept} as before${stay}`,
    ...lines,
    ...gone.map((release) => `  - release ${escaped(releaseName(release))}`),
    ...memberLines(otherMembers(withdrawalsOf(before), withdrawalsOf(after), []), '  '),
    ...migrationLines(before?.migrations ?? [], after.migrations),
    ...memberLines(otherMembers(before?.unknown ?? new Map(), after.unknown ?? new Map(), []), '  '),
  ];
}

function releasesOf(manifest: Manifest | undefined): ReadonlyMap<string, Release> {
  return new Map((manifest?.updates ?? []).map((release) => [releaseKey(release), release]));
}

function releaseLines(before: Release | undefined, after: Release): readonly string[] {
  const state: ChangeState = before === undefined ? 'added' : 'changed';
  const old = before === undefined ? new Map<string, JsonValue>() : factsOf(before);
  const present = factsOf(after);
  const facts: readonly MemberChange[] = otherMembers(old, present, []);
  const waves = wavesOf(after);
  const sameWaves = before !== undefined && wavesOf(before).join('\n') === waves.join('\n');
  if (facts.length === 0 && sameWaves) return [];
  return [
    `  ${signs[state]} release ${escaped(releaseName(after))}`,
    ...memberLines(facts, '      '),
    ...(sameWaves ? [] : waves.map((line) => `      ${line}`)),
  ];
}

/** Everything that a release says but who it is and its waves. */
function factsOf(release: Release): ReadonlyMap<string, JsonValue> {
  return new Map<string, JsonValue>([
    ['version', release.version],
    ['highest version for its fleet', release.maxVersion],
    ...(release.barrier === true ? [['barrier for hosts below it', 'yes'] as const] : []),
    ...Object.entries(release.images).map(([kind, path]) => [`image ${kind}`, path] as const),
    ...(release.unknown ?? new Map<string, JsonValue>()),
  ]);
}

function wavesOf(release: Release): readonly string[] {
  const rows = waveRows(release);
  const { groups = [], pause, opened } = release;
  const since = opened === undefined ? '' : `, since ${formatTime(opened)}`;
  const waves = [...rows.map((row) => row.join('  ')), `hosts inside a wave: ${spreadOf(release)}`];
  return [
    ...groups.map(
      ({ labels, opens }) =>
        `${formatTime(opens)}  at once  hosts labelled ${labels.map(escaped).join(' or ')}`,
    ),
    ...(rows.length === 0 ? [`open to every host at once${since}`] : waves),
    ...(pause === undefined ? [] : pauseLines(release, pause)),
  ];
}

/** What is signed with a pause comes into force when it is resumed. */
function pauseLines(release: Release, pause: Pause): readonly string[] {
  const { waves, lastWaveEnds, groups } = pause;
  const { pause: _pause, lastWaveEnds: _end, groups: _groups, ...rest } = release;
  const plan = {
    ...rest,
    waves,
    ...(lastWaveEnds !== undefined && { lastWaveEnds }),
    ...(groups && { groups }),
  };
  return [
    `paused since ${formatTime(pause.at)}; when it is resumed, by so much later:`,
    ...wavesOf(plan).map((line) => `  ${line}`),
  ];
}

function withdrawalsOf(manifest: Manifest | undefined): ReadonlyMap<string, JsonValue> {
  return new Map(
    (manifest?.withdrawn ?? []).map(({ at, reason, ...id }) => [
      `withdrawn for ever: ${releaseName(id)}`,
      `${formatTime(at)}${reason === undefined ? '' : `, ${reason}`}`,
    ]),
  );
}

function migrationLines(before: readonly Migration[], after: readonly Migration[]): readonly string[] {
  const object = (hops: readonly Migration[]): ReadonlyMap<string, JsonValue> =>
    new Map(hops.map((hop) => [`migration ${migrationKey(hop)}`, hop.targets]));
  return memberLines(otherMembers(object(before), object(after), []), '  ');
}
