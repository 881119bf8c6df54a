/**
 * What Bottlerocket's format has no word for: the member `tidegate` of a release and of a manifest, which updog skips.
 *
 *     of a release:   { "spread": "linear", "last_wave_ends": TIME,
 *                       "groups": [{ "labels": ["canary"], "opens": TIME }],
 *                       "paused": { "at": TIME, "waves": { "0": TIME }, "last_wave_ends": TIME, "groups": [] } }
 *       without waves:  { "spread": "linear", "opened": TIME }
 *       a barrier:      { "spread": "linear", "barrier": true }
 *     of a manifest:  { "withdrawn": [{ "variant": …, "arch": …, "version": …, "at": TIME, "reason": … }] }
 */
import type { JsonObject, JsonValue } from '../metadata/json.ts';
import { arrayOf, manifestInvalid, objectOf, textOf, timeOf, versionOf } from './manifest-fields.ts';
import type { HostGroup, Pause, Release, Withdrawal } from './release.ts';
import { type Spread, spreads, type Waves } from './wave.ts';
import { formatTime, isTime, timeRange } from './wave-time.ts';

/** Members of a release's `tidegate` that are known here. */
export const ownReleaseMembers = ['spread', 'last_wave_ends', 'groups', 'paused', 'opened', 'barrier'];
export const ownManifestMembers = ['withdrawn'];

/** Groups of one release, and labels of one group. */
const maxGroups = 64;
const maxKey = 0xffff_ffff;

/** A label: what a host says of itself. */
export function isLabel(text: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,62}$/.test(text);
}

/** The form of a label, for messages. */
export const labelForm = 'a label: up to 63 of a-z, 0-9, ".", "_" and "-", a letter or digit first';

/** @throws manifest-invalid */
export function parseOwnMembers(
  own: JsonObject,
  waves: Waves,
  where: string,
): Pick<Release, 'spread' | 'lastWaveEnds' | 'groups' | 'pause' | 'opened' | 'barrier'> {
  const [spread, paused, opened] = [own.get('spread'), own.get('paused'), own.get('opened')];
  return {
    ...(spread !== undefined && { spread: spreadIn(spread, `${where}.spread`) }),
    ...endAndGroups(own, waves, where),
    ...(paused !== undefined && { pause: parsePause(paused, `${where}.paused`) }),
    ...(opened !== undefined && { opened: timeOf(opened, `${where}.opened`) }),
    ...(barrierIn(own.get('barrier'), `${where}.barrier`) && { barrier: true }),
  };
}

/** Wave keys ascending. @throws manifest-invalid */
export function parseWaves(value: JsonValue | undefined, where: string): Waves {
  const entries: [number, number][] = [];
  const keys = new Set<number>();
  for (const [text, time] of objectOf(value, where)) {
    const key = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (!(key <= maxKey)) throw manifestInvalid(where, text, 'keys that are unsigned 32-bit integers');
    if (keys.has(key)) throw manifestInvalid(where, text, 'each seed once');
    keys.add(key);
    entries.push([key, timeOf(time, `${where}[${JSON.stringify(text)}]`)]);
  }
  entries.sort(([a], [b]) => a - b);
  let before = Number.NEGATIVE_INFINITY;
  for (const [key, time] of entries) {
    if (time < before)
      throw manifestInvalid(`${where}["${key}"]`, formatTime(time), 'no time before the last');
    before = time;
  }
  return new Map(entries);
}

/** @throws manifest-invalid */
export function parseWithdrawn(value: JsonValue | undefined, where: string): readonly Withdrawal[] {
  return arrayOf(value, where).map((entry, index) => {
    const at = `${where}[${index}]`;
    const one = objectOf(entry, at);
    const reason = one.get('reason');
    return {
      variant: textOf(one.get('variant'), `${at}.variant`),
      arch: textOf(one.get('arch'), `${at}.arch`),
      version: versionOf(one.get('version'), `${at}.version`),
      at: timeOf(one.get('at'), `${at}.at`),
      ...(reason !== undefined && { reason: textOf(reason, `${at}.reason`) }),
    };
  });
}

/** The members of a release's `tidegate`, without those that are not known. */
export function ownMembersJson(
  { spread, lastWaveEnds, groups, pause, opened, barrier }: Release,
  where: string,
): readonly (readonly [string, JsonValue])[] {
  const plan = { ...(lastWaveEnds !== undefined && { lastWaveEnds }), ...(groups && { groups }) };
  return [
    ...(spread === undefined ? [] : ([['spread', spread]] as const)),
    ...planJson(plan, where),
    ...(pause === undefined ? [] : ([['paused', pauseJson(pause, `${where}.paused`)]] as const)),
    ...(opened === undefined ? [] : ([['opened', timeJson(opened, where)]] as const)),
    ...(barrier === undefined ? [] : ([['barrier', barrier]] as const)),
  ];
}

export function wavesJson(waves: Waves, where: string): JsonObject {
  const ascending = [...waves].sort(([a], [b]) => a - b);
  return new Map(ascending.map(([key, time]) => [String(key), timeJson(time, where)]));
}

export function withdrawnJson(withdrawn: readonly Withdrawal[]): readonly JsonObject[] {
  return withdrawn.map(
    ({ variant, arch, version, at, reason }, index) =>
      new Map<string, JsonValue>([
        ['variant', variant],
        ['arch', arch],
        ['version', version],
        ['at', timeJson(at, `withdrawn[${index}]`)],
        ...(reason === undefined ? [] : ([['reason', reason]] as const)),
      ]),
  );
}

function barrierIn(value: JsonValue | undefined, where: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true;
  throw manifestInvalid(where, value, 'true or false');
}

function spreadIn(value: JsonValue, where: string): Spread {
  const spread = spreads.find((name) => name === value);
  if (spread === undefined) throw manifestInvalid(where, value, spreads.join(' or '));
  return spread;
}

function parsePause(value: JsonValue, where: string): Pause {
  const pause = objectOf(value, where);
  const waves = parseWaves(pause.get('waves'), `${where}.waves`);
  return { at: timeOf(pause.get('at'), `${where}.at`), waves, ...endAndGroups(pause, waves, where) };
}

function endAndGroups(
  object: JsonObject,
  waves: Waves,
  where: string,
): Pick<Pause, 'lastWaveEnds' | 'groups'> {
  const [end, groups] = [object.get('last_wave_ends'), object.get('groups')];
  return {
    ...(end !== undefined && { lastWaveEnds: lastWaveEndsIn(end, waves, `${where}.last_wave_ends`) }),
    ...(groups !== undefined && { groups: parseGroups(groups, `${where}.groups`) }),
  };
}

function lastWaveEndsIn(value: JsonValue, waves: Waves, where: string): number {
  const lastWaveEnds = timeOf(value, where);
  if ([...waves.values()].every((start) => start <= lastWaveEnds)) return lastWaveEnds;
  throw manifestInvalid(where, value, 'a time not before the last wave');
}

function parseGroups(value: JsonValue, where: string): readonly HostGroup[] {
  const groups = arrayOf(value, where);
  if (groups.length > maxGroups) throw manifestInvalid(where, groups.length, `at most ${maxGroups} groups`);
  return groups.map((entry, index) => {
    const at = `${where}[${index}]`;
    const group = objectOf(entry, at);
    const labels = arrayOf(group.get('labels'), `${at}.labels`).map((label, place) => {
      if (typeof label === 'string' && isLabel(label)) return label;
      throw manifestInvalid(`${at}.labels[${place}]`, label, labelForm);
    });
    if (labels.length === 0 || labels.length > maxGroups) {
      throw manifestInvalid(`${at}.labels`, labels.length, `1 to ${maxGroups} labels`);
    }
    return { labels, opens: timeOf(group.get('opens'), `${at}.opens`) };
  });
}

function planJson(
  { lastWaveEnds, groups }: Pick<Pause, 'lastWaveEnds' | 'groups'>,
  where: string,
): readonly (readonly [string, JsonValue])[] {
  return [
    ...(lastWaveEnds === undefined ? [] : ([['last_wave_ends', timeJson(lastWaveEnds, where)]] as const)),
    ...(groups === undefined ? [] : ([['groups', groups.map((group) => groupJson(group, where))]] as const)),
  ];
}

function groupJson({ labels, opens }: HostGroup, where: string): JsonObject {
  return new Map<string, JsonValue>([
    ['labels', labels],
    ['opens', timeJson(opens, where)],
  ]);
}

function pauseJson({ at, waves, ...plan }: Pause, where: string): JsonObject {
  return new Map<string, JsonValue>([
    ['at', timeJson(at, where)],
    ['waves', wavesJson(waves, where)],
    ...planJson(plan, where),
  ]);
}

function timeJson(time: number, where: string): string {
  if (!isTime(time)) throw manifestInvalid(where, time, timeRange);
  return formatTime(time);
}
