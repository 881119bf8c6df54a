/**
 * Which stage a job is in and what may be done now. Pure.
 *
 * Keys of jobs that sign every day change in three stages, so that no host ever meets a signature that the root it has
 * just read does not know:
 *
 * 1. introduce: a root that lists old and new keys; the old ones go on signing.
 * 2. switch: when no cache shows the root before any more, the new keys sign.
 * 3. withdraw: when the last signature by an old key has expired, a root without the old ones. This is also what lets
 *    hosts forget version numbers that an old key could have forged.
 *
 * Keys of people, and keys that are stolen, change at once: there is one root, `replace`.
 */
import type { Job } from './job.ts';

export type Stage = 'introduce' | 'switch' | 'withdraw' | 'replace' | 'done';

/** Milliseconds by which clocks of hosts may be behind. */
export const clockSkew = 5 * 60_000;

/** Caches, a host's longest cycle and clocks together, in milliseconds. */
export const defaultWait = 3_600_000;

export interface Due {
  readonly stage: Stage;
  /** Milliseconds since the epoch from which on it may be done; undefined: now. */
  readonly from: number | undefined;
}

export function isOverlapping({ wait }: Pick<Job, 'wait'>): boolean {
  return wait > 0;
}

export function dueStage(job: Job, now: number): Due {
  const { introduced, oldExpires, switched, done } = job.marks;
  if (done !== undefined) return { stage: 'done', from: undefined };
  if (!isOverlapping(job)) return { stage: 'replace', from: undefined };
  if (introduced === undefined) return { stage: 'introduce', from: undefined };
  if (switched === undefined) return { stage: 'switch', from: later(introduced + job.wait, now) };
  return { stage: 'withdraw', from: later((oldExpires ?? switched) + clockSkew, now) };
}

function later(time: number, now: number): number | undefined {
  return now < time ? time : undefined;
}

/** What tidegate.toml shall say of each role in a stage: the root that is wished for, and which keys sign first. */
export function wishOf({ changes }: Job, stage: Stage): ReadonlyMap<string, readonly string[]> {
  return new Map(
    changes.map(({ role, before, after }) => [
      role,
      stage === 'introduce' ? [...before, ...after.filter((name) => !before.includes(name))] : after,
    ]),
  );
}

/** True when the root that lists the keys has to follow what tidegate.toml says in this stage. */
export function needsRoot(stage: Stage): boolean {
  return stage !== 'switch';
}
