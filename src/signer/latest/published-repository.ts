/** A repository at a place, believed as a host believes it: roots from a trusted one on, every signature, version and expiry. */
import { noFloors } from '../../trust/floors.ts';
import type { AuditPlace } from '../audit/places.ts';
import { type ReadFile, type ReadRepository, readRepository } from '../publication/repository-reader.ts';
import { trustPolicyAt } from '../workspace/roots.ts';

export interface PublishedRequest {
  readonly trustedRoot: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly signal?: AbortSignal | undefined;
}

/** @throws what the store and `trust/` throw */
export async function readPublished(
  place: AuditPlace,
  { trustedRoot, now, signal }: PublishedRequest,
): Promise<ReadRepository> {
  const wish = { folders, anchor: trustedRoot, policy: trustPolicyAt(now), floors: noFloors };
  return await readRepository(readerIn(place, signal), wish);
}

/** Names within a place: two folders that can lie anywhere. */
const folders = { metadata: 'metadata', targets: 'targets' };

function readerIn({ metadata, targets }: AuditPlace, signal: AbortSignal | undefined): ReadFile {
  const options = signal === undefined ? {} : { signal };
  return async (name, limit) => {
    const [folder, file] = name.startsWith('targets/') ? [targets, name.slice(8)] : [metadata, name.slice(9)];
    return await folder.readMetadata(file, limit, options);
  };
}
