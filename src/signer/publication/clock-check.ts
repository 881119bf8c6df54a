/**
 * Whether the clock may be signed by. It is compared with what is known of the time from elsewhere:
 *
 * 1. It must not be before the last signature of this workspace, but for a tolerance.
 * 2. It must agree with the store's own clock, where the store has one, within the same tolerance.
 *
 * A clock that is ahead and that no store contradicts gets a warning of the plan when by it the published timestamp has
 * expired (plan-warnings.ts), and is refused when it passes the end of the root, before anything is written: what is
 * signed is put before the rules of a host at that time.
 */
import { TidegateError } from '../../errors.ts';
import { formatTime } from '../../metadata/time.ts';
import { readJournal } from '../workspace/state-file.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';

/** Milliseconds that clocks may be apart. */
export const clockTolerance = 5 * 60_000;

/** @throws clock-behind, clock-skewed, and what asking the store throws */
export async function requireClock(
  workspace: Workspace,
  repository: string,
  { now, signal }: { readonly now: number; readonly signal?: AbortSignal },
): Promise<void> {
  const journal = await readJournal(workspace, repository);
  if (journal !== undefined && now < journal.now - clockTolerance) throw clockBehind(now, journal.now);
  const { store } = workspace;
  const there = await store.storeTime?.(signal && { signal });
  if (there === undefined || Math.abs(there - now) <= clockTolerance) return;
  throw new TidegateError(
    'clock-skewed',
    `the clock says ${formatTime(now)}, and that of ${store.location} ${formatTime(there)}; expected less than ${clockTolerance / 60_000} minutes between them. Set the clock; nothing was signed`,
    { found: formatTime(now), expected: formatTime(there), location: store.location },
  );
}

/** The first rule alone, for what is done without network, over all repositories. @throws clock-behind */
export async function requireClockOnward(workspace: Workspace, now: number): Promise<void> {
  for (const { name } of repositoriesOf(workspace.settings)) {
    const journal = await readJournal(workspace, name);
    if (journal !== undefined && now < journal.now - clockTolerance) throw clockBehind(now, journal.now);
  }
}

export function clockBehind(now: number, last: number): TidegateError {
  return new TidegateError(
    'clock-behind',
    `the clock says ${formatTime(now)}, and this workspace signed at ${formatTime(last)} already. Set the clock, or, if it was ahead then, see docs/keeping-fresh.md; nothing was signed`,
    { found: formatTime(now), expected: formatTime(last) },
  );
}
