/**
 * Time for one wave to show its faults before the next one begins. Pure.
 *
 * 1. Every wave that is still to come begins so much after the one before, the first one after groups that go first.
 * 2. Of a release under way, the first wave that reaches hosts of no wave that has begun comes so much after the last one
 *    that really began, whatever the new plan says of the past.
 * 3. A wave whose time is past when it is published begins then: no host knew of it earlier. So does a release that is
 *    opened to everyone at once.
 */
import type { HostGroup, Release } from './release.ts';
import { MAX_SEED } from './seed.ts';
import type { Waves } from './wave.ts';

export interface EarlyWave {
  /** From 1; undefined: everyone at once. */
  readonly wave: number | undefined;
  /** Milliseconds from the beginning of the one before. */
  readonly gap: number;
}

export interface BakeQuestion {
  /** Milliseconds. */
  readonly minimum: number;
  readonly after: { readonly waves: Waves; readonly groups?: readonly HostGroup[] | undefined };
  /** The release as hosts know it; undefined: they know of none. */
  readonly before?: Release | undefined;
  /** When it is published, in milliseconds. */
  readonly at: number;
}

/** Times of a manifest are whole seconds, the earlier ones where they are computed. */
const second = 1000;

/** The first wave that begins too early. */
export function earlyWave({ minimum, after, before, at }: BakeQuestion): EarlyWave | undefined {
  const starts = startsOf(after.waves, at);
  const seen = before === undefined ? nothingSeen : seenOf(before, at);
  const first = Math.max(at, Number(starts[0]?.time));
  // Groups that come with the first wave are no step before it.
  const ahead = (after.groups ?? []).map(({ opens }) => Math.max(opens, at)).filter((opens) => opens < first);
  let previous = seen.last ?? Math.max(...ahead);
  for (const { wave, lastSeed, time } of starts) {
    const start = Math.max(time, at);
    if (!seen.has(lastSeed)) {
      if (start - previous <= minimum - second) return { wave, gap: start - previous };
      previous = start;
    } else if (time > at) previous = time;
  }
  return undefined;
}

interface Start {
  readonly wave: number | undefined;
  readonly lastSeed: number;
  readonly time: number;
}

function startsOf(waves: Waves, at: number): readonly Start[] {
  if (waves.size === 0) return [{ wave: undefined, lastSeed: MAX_SEED, time: at }];
  const entries = [...waves].sort(([a], [b]) => a - b);
  return entries.map(([, time], index) => ({
    wave: index + 1,
    lastSeed: entries[index + 1]?.[0] ?? MAX_SEED,
    time,
  }));
}

/** What hosts have seen of a release. */
interface Seen {
  /** When the last wave began, or a group where none has. */
  readonly last: number | undefined;
  /** Whether the wave of a seed has begun. */
  readonly has: (seed: number) => boolean;
}

const nothingSeen: Seen = { last: undefined, has: () => false };

function seenOf(release: Release, at: number): Seen {
  const { waves, groups, opened } = release;
  if (waves.size === 0) return { last: opened, has: () => true };
  // While it is paused, its own waves say only who is held.
  const plan = release.pause ?? { at, waves, groups };
  const begun = [...plan.waves].filter(([, time]) => time <= plan.at);
  const group = Math.max(
    ...(plan.groups ?? []).map(({ opens }) => opens).filter((opens) => opens <= plan.at),
  );
  if (begun.length === 0) return { ...nothingSeen, last: Number.isFinite(group) ? group : undefined };
  const next = Math.min(...[...plan.waves].filter(([, time]) => time > plan.at).map(([key]) => key));
  return { last: Math.max(...begun.map(([, time]) => time)), has: (seed) => seed <= next };
}
