/**
 * Snapshots of before, which a host in the middle of an update may still ask for.
 *
 * A snapshot that is older than one that has expired is of no use to anybody: whatever timestamp lists it has expired
 * too. A clean-up may have taken it, and rightly.
 */
import { TidegateError } from '../../errors.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import { parseSnapshot } from '../../metadata/snapshot.ts';
import { defaultLimits } from '../../trust/limits.ts';
import type { TrustedSet } from '../../trust/trusted-set.ts';
import type { AuditPlace } from './places.ts';
import type { Problems } from './problems.ts';

/** How many of them, at most. */
const recentSnapshots = 16;
/** Versions from here on are times, and do not follow one on the other. */
const firstTime = 1_000_000_000;

export interface SnapshotsRequest {
  readonly problems: Problems;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

/** Warns of those that are missing. */
export async function auditKeptSnapshots(
  { metadata }: AuditPlace,
  set: TrustedSet,
  { problems, now, signal }: SnapshotsRequest,
): Promise<void> {
  const version = set.snapshot?.document.version ?? 0;
  if (!set.root.document.consistentSnapshot || version >= firstTime) return;
  const gone: string[] = [];
  for (let earlier = version - 1; earlier >= Math.max(1, version - recentSnapshots); earlier -= 1) {
    const name = metadataFileName('snapshot', earlier);
    const bytes = await problems.attempt(() =>
      metadata.readMetadata(name, defaultLimits.maxStatedLength, signal === undefined ? {} : { signal }),
    );
    if (bytes === undefined) gone.unshift(name);
    else if (hasExpired(bytes, name, now)) break;
  }
  if (gone.length === 0) return;
  const text = `earlier snapshots are missing from ${metadata.location}: ${gone.join(', ')}; a host in the middle of an update may ask for one`;
  problems.add(new TidegateError('not-found', text, { missing: gone }), 'warning');
}

/** As the file says it: nobody trusts it, and nothing more than a warning hangs on it. */
function hasExpired(bytes: Uint8Array, name: string, now: number): boolean {
  try {
    return parseSnapshot(parseEnvelope(bytes, defaultLimits, name)).expires <= now;
  } catch {
    return false;
  }
}
