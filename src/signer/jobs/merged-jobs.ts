/**
 * Two jobs that take stolen keys from the same role. Pure.
 *
 * 1. What either takes away stays away, whichever is continued last: both wish for the same keys from then on.
 * 2. What either brings stays, unless the later one takes it away.
 * 3. A rotation gives way to them and is no part of this: half of it may be a stolen key.
 */
import type { Job, RoleChange } from './job.ts';

export interface MergedJobs {
  readonly job: Job;
  /** The earlier ones that wish for something else now. */
  readonly changed: readonly Job[];
}

export function mergedJobs(job: Job, earlier: readonly Job[]): MergedJobs {
  const others = earlier.filter(({ kind, name }) => kind !== 'rotate' && name !== job.name);
  const changes = job.changes.map((change) =>
    others.flatMap((other) => changeOf(other, change.role)).reduce(mergedChange, change),
  );
  const changed = others
    .filter((other) => changes.some(({ role }) => changeOf(other, role).length > 0))
    .map((other) => ({ ...other, changes: other.changes.map((change) => following(change, changes)) }));
  return { job: { ...job, changes }, changed };
}

function changeOf({ changes }: Job, role: string): readonly RoleChange[] {
  return changes.filter((change) => change.role === role);
}

function mergedChange(change: RoleChange, earlier: RoleChange): RoleChange {
  const gone = new Set([change, earlier].flatMap(({ before, after }) => without(before, after)));
  const after = new Set([...change.after, ...without(earlier.after, earlier.before)]);
  return { ...change, after: [...after].filter((name) => !gone.has(name)) };
}

function following(change: RoleChange, changes: readonly RoleChange[]): RoleChange {
  const after = changes.find(({ role }) => role === change.role)?.after;
  return after === undefined ? change : { ...change, after };
}

function without(names: readonly string[], others: readonly string[]): readonly string[] {
  return names.filter((name) => !others.includes(name));
}
