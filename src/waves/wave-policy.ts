/**
 * Wave policies: TOML files that say how fast a release reaches the fleet, independent of any date.
 *
 *     last_wave_lasts = "1 day"     optional, ours: spreads the last wave over this time
 *     minimum_bake = "4 hours"      optional, ours: the least time from the start of one wave to that of the next
 *     [[groups]]                    optional, ours: hosts that state one of the labels go at this moment,
 *     labels = ["canary"]           whatever their seed
 *     start_after = "0 minutes"
 *     [[waves]]
 *     start_after = "1 hour"        when this wave begins, counted from the release's start time
 *     fleet_percentage = 1          cumulative share of the fleet that is through when this wave ends
 *
 * Rules, stricter than Bottlerocket's tools, which let all but the first two pass and roll out something else:
 * 1. `fleet_percentage` is an integer 1 … 100.
 * 2. `start_after` is an offset, and rises from row to row.
 * 3. `fleet_percentage` rises from row to row: two equal ones would share a seed, and one wave would vanish.
 * 4. The last row says 100: everyone is in some wave, and the file says so.
 * 5. There is at least one wave, and no key that we do not know.
 * 6. Waves are `minimum_bake` apart, and so are groups that go first from the first wave. The first of several groups
 *    that a host belongs to counts, so a label stands in one group only.
 *
 * Wave i starts above the seed at which wave i−1 ended: floor(percentage × 2048 / 100), the first at 0.
 */
import { parse, type TomlTable, type TomlValue } from 'smol-toml';
import { TidegateError } from '../errors.ts';
import { earlyWave } from './bake.ts';
import { offsetForm, readOffset } from './offset.ts';
import { isLabel, labelForm } from './own-members.ts';
import type { Schedule } from './release.ts';
import { MAX_SEED } from './seed.ts';
import { isTime, timeRange } from './wave-time.ts';

export interface WavePolicyRow {
  /** Milliseconds from the release's start time to the start of this wave. */
  readonly startAfter: number;
  /** 1 … 100, cumulative. */
  readonly fleetPercentage: number;
}

export interface WavePolicy {
  readonly waves: readonly WavePolicyRow[];
  /** Milliseconds over which the last wave is spread; absent = it opens at once. */
  readonly lastWaveLasts?: number;
  readonly groups?: readonly GroupRow[];
  /** Milliseconds. */
  readonly minimumBake?: number;
}

export interface GroupRow {
  readonly labels: readonly string[];
  /** As in `WavePolicyRow`. */
  readonly startAfter: number;
}

/**
 * Reads and checks a policy.
 *
 * @throws wave-policy-invalid naming file, row and key
 */
export function parseWavePolicy(toml: string, fileName: string): WavePolicy {
  const table = parseToml(toml, fileName);
  refuseUnknown(table, ['waves', 'groups', 'last_wave_lasts', 'minimum_bake'], fileName);
  const rows = table.waves;
  if (!Array.isArray(rows) || rows.length === 0)
    throw invalid(fileName, rows, 'at least one [[waves]] table');
  const waves: WavePolicyRow[] = [];
  for (const [index, row] of rows.entries()) {
    const where = `${fileName}: wave ${index + 1}`;
    const wave = parseRow(row, where);
    checkRising(wave, waves.at(-1), where);
    waves.push(wave);
  }
  checkEnd(waves, fileName);
  const { groups, last_wave_lasts: lasts, minimum_bake: bake } = table;
  const policy = {
    waves,
    ...(lasts !== undefined && { lastWaveLasts: offset(lasts, `${fileName}: last_wave_lasts`) }),
    ...(groups !== undefined && { groups: parseGroups(groups, fileName) }),
    ...(bake !== undefined && { minimumBake: offset(bake, `${fileName}: minimum_bake`) }),
  };
  if (policy.minimumBake !== undefined) requireBake(policy.minimumBake, scheduleOf(policy, 0), fileName);
  return policy;
}

function parseGroups(value: TomlValue, fileName: string): readonly GroupRow[] {
  if (!Array.isArray(value)) throw invalid(fileName, value, 'tables [[groups]]');
  const seen = new Set<string>();
  return value.map((row, index) => {
    const where = `${fileName}: group ${index + 1}`;
    if (!isTable(row)) throw invalid(where, row, 'a table [[groups]]');
    refuseUnknown(row, ['labels', 'start_after'], where);
    const { labels } = row;
    if (!Array.isArray(labels) || labels.length === 0)
      throw invalid(`${where}: labels`, labels, 'a list of labels');
    for (const label of labels) {
      if (typeof label !== 'string' || !isLabel(label)) throw invalid(`${where}: labels`, label, labelForm);
      if (seen.has(label)) throw invalid(`${where}: labels`, label, 'each label once');
      seen.add(label);
    }
    return { labels: labels.map(String), startAfter: offset(row.start_after, `${where}: start_after`) };
  });
}

/**
 * The schedule of a release. Part of a second in the start time is rounded up, because a manifest that old
 * readers must understand holds whole seconds, and a release never starts early.
 *
 * @param startTime milliseconds since the epoch
 * @throws wave-policy-invalid when a wave would lie outside the years that a manifest can hold
 */
export function scheduleOf(policy: WavePolicy, startTime: number): Schedule {
  const start = Math.ceil(startTime / 1000) * 1000;
  const waves = new Map<number, number>();
  let seed = 0;
  let last = start;
  for (const wave of policy.waves) {
    last = start + wave.startAfter;
    waves.set(seed, last);
    seed = Math.trunc((wave.fleetPercentage * MAX_SEED) / 100);
  }
  const groups = policy.groups?.map(({ labels, startAfter }) => ({ labels, opens: start + startAfter }));
  const end = last + (policy.lastWaveLasts ?? 0);
  if (!isTime(start) || !isTime(end) || groups?.every(({ opens }) => isTime(opens)) === false) {
    throw new TidegateError('wave-policy-invalid', `start time: found ${startTime}, expected ${timeRange}`);
  }
  return {
    waves,
    ...(policy.lastWaveLasts !== undefined && { lastWaveEnds: end }),
    ...(groups !== undefined && { groups }),
  };
}

function requireBake(minimum: number, after: Schedule, fileName: string): void {
  const early = earlyWave({ minimum, after, at: Number.NEGATIVE_INFINITY });
  if (early === undefined) return;
  const found = `${early.gap / 60_000} minutes before wave ${early.wave}`;
  throw invalid(`${fileName}: bake time`, found, `at least ${minimum / 60_000} minutes (minimum_bake)`);
}

function parseToml(toml: string, fileName: string): TomlTable {
  try {
    return parse(toml, { integersAsBigInt: true });
  } catch (cause) {
    const reason = String(cause).split('\n', 1)[0];
    throw new TidegateError('wave-policy-invalid', `${fileName}: ${reason}`, { file: fileName }, { cause });
  }
}

function parseRow(row: TomlValue, where: string): WavePolicyRow {
  if (!isTable(row)) throw invalid(where, row, 'a table [[waves]]');
  refuseUnknown(row, ['start_after', 'fleet_percentage'], where);
  const percentage = row.fleet_percentage;
  if (typeof percentage !== 'bigint' || percentage < 1n || percentage > 100n) {
    throw invalid(`${where}: fleet_percentage`, percentage, 'an integer 1 … 100');
  }
  return {
    startAfter: offset(row.start_after, `${where}: start_after`),
    fleetPercentage: Number(percentage),
  };
}

function checkRising(wave: WavePolicyRow, before: WavePolicyRow | undefined, where: string): void {
  if (before === undefined) return;
  if (wave.fleetPercentage <= before.fleetPercentage) {
    throw invalid(`${where}: fleet_percentage`, wave.fleetPercentage, `more than ${before.fleetPercentage}`);
  }
  if (wave.startAfter <= before.startAfter) {
    throw invalid(
      `${where}: start_after`,
      `${wave.startAfter / 60_000} minutes`,
      'later than the wave before',
    );
  }
}

function checkEnd(waves: readonly WavePolicyRow[], fileName: string): void {
  const percentage = waves.at(-1)?.fleetPercentage;
  if (percentage !== 100) {
    throw invalid(`${fileName}: wave ${waves.length}: fleet_percentage`, percentage, '100 in the last wave');
  }
}

function offset(value: TomlValue | undefined, where: string): number {
  const milliseconds = typeof value === 'string' ? readOffset(value) : undefined;
  if (milliseconds === undefined) throw invalid(where, value, offsetForm);
  return milliseconds;
}

function refuseUnknown(table: TomlTable, known: readonly string[], where: string): void {
  for (const key of Object.keys(table)) {
    if (!known.includes(key)) throw invalid(where, `key ${key}`, known.join(' or '));
  }
}

function isTable(value: TomlValue): value is TomlTable {
  return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);
}

function invalid(where: string, found: TomlValue | undefined, expected: string): TidegateError {
  const shown = describe(found);
  return new TidegateError('wave-policy-invalid', `${where}: found ${shown}, expected ${expected}`, {
    where,
    found: shown,
    expected,
  });
}

function describe(found: TomlValue | undefined): string {
  if (found === undefined) return 'nothing';
  if (typeof found === 'object') return Array.isArray(found) ? 'an array' : 'a table or date';
  return typeof found === 'string' ? JSON.stringify(found) : String(found);
}
