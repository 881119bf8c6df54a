/**
 * What is published, as hosts see it who know what was published before, and as they will see it in some days if nothing is
 * renewed until then. New hosts, that begin with the first root, are `settle`'s.
 */
import { formatTime } from '../../metadata/time.ts';
import { hostAnchor, trustPolicyAt } from '../workspace/roots.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { besideKnownRoots, type LiveRepository } from './live-repository.ts';
import { readerOf, readRepository } from './repository-reader.ts';

/** Milliseconds that what was just published must last, or five sevenths of a timestamp's life where that is less. */
const aWhile = 5 * 24 * 3_600_000;

export interface Publication {
  /** As the plan found it. */
  readonly before: LiveRepository;
  readonly live: LiveRepository;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * @returns sentences on what will expire too soon
 * @throws what `trust/` throws when a host of the old state could not follow: an alarm, since it is published
 */
export async function verifyLater(
  workspace: Workspace,
  { before, live, now }: Publication,
): Promise<readonly string[]> {
  const { place, roots } = live;
  const read = besideKnownRoots(live, readerOf(workspace.store));
  const request = { folders: place.folders, anchor: hostAnchor(roots), floors: before.floors };
  const { set } = await readRepository(read, { ...request, policy: trustPolicyAt(now) });
  const then = now + Math.min(aWhile, Math.floor((workspace.expiration.timestamp * 5) / 7));
  const { root, timestamp, snapshot, targets } = set;
  const files = { root, timestamp, snapshot, targets: targets.get('targets') };
  return Object.entries(files).flatMap(([role, file]) => {
    if (file === undefined || file.document.expires > then) return [];
    const { version, expires } = file.document;
    const text = `${role} ${version} expires at ${formatTime(expires)}`;
    return [`${place.name}: ${text}: hosts will refuse it at ${formatTime(then)} unless it is renewed`];
  });
}
