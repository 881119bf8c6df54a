/**
 * Every name in the store that a snapshot refers to: its own, those of the roles that it lists, and those of the targets
 * that they list, under every hash by which a host may ask for them.
 *
 * The snapshot must be signed by the keys of one of the repository's roots, and roles must be what it says, so that
 * nobody who can write to the store makes a clean-up remove for him what he may not remove himself.
 */
import { TidegateError } from '../../errors.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import type { FileMeta } from '../../metadata/file-meta.ts';
import { metadataName, targetName } from '../../metadata/repository-layout.ts';
import type { RootDocument } from '../../metadata/root.ts';
import { parseSnapshot, type SnapshotDocument } from '../../metadata/snapshot.ts';
import { parseTargetPath } from '../../metadata/target-path.ts';
import { parseTargets, targetOf } from '../../metadata/targets.ts';
import type { CancelOptions, ReadableStore } from '../../storage/store.ts';
import { checkFile } from '../../trust/file-check.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { countSignatures } from '../../trust/threshold.ts';
import type { RepositoryPlace } from '../workspace/workspace.ts';

export interface ListingRequest extends CancelOptions {
  readonly store: ReadableStore;
  readonly place: RepositoryPlace;
  readonly roots: readonly RootDocument[];
  /** Names that the files of roles list, by the name and content of the file: many snapshots list the same ones. */
  readonly known: Map<string, ReadonlySet<string>>;
}

export interface SnapshotListing {
  readonly document: SnapshotDocument;
  readonly names: ReadonlySet<string>;
}

/** @throws not-found for a file that is missing, threshold-not-met, hash-mismatch, and what parsing throws */
export async function listedBy(request: ListingRequest, version: number): Promise<SnapshotListing> {
  const { place, roots } = request;
  const name = metadataName(place.folders, 'snapshot', version);
  const bytes = await required(
    request,
    name,
    `it is, or was within the grace, what hosts of ${place.name} read`,
  );
  const envelope = parseEnvelope(bytes, defaultLimits, name);
  const isSigned = roots.some((root) => {
    const { signedBy, threshold } = countSignatures(envelope, root.roles.snapshot, root.keys);
    return signedBy.length >= threshold;
  });
  if (!isSigned) {
    const text = `${name} is signed by the keys of no root of ${place.name}`;
    throw new TidegateError('threshold-not-met', text, { name });
  }
  const document = parseSnapshot(envelope);
  const names = new Set([name]);
  for (const [entry, meta] of document.meta) {
    const role = entry.slice(0, -'.json'.length);
    // Some tools list the root too; roots stay without being asked for.
    if (role === 'root') continue;
    for (const listed of await listedByRole(request, role, meta)) names.add(listed);
  }
  return { document, names };
}

async function listedByRole(
  request: ListingRequest,
  role: string,
  meta: FileMeta,
): Promise<ReadonlySet<string>> {
  const { place, known } = request;
  const name = metadataName(place.folders, role, meta.version);
  const before = known.get(name);
  if (before !== undefined) return before;
  const bytes = await required(request, name, 'a snapshot that is kept lists it');
  checkFile(bytes, meta, name);
  const document = parseTargets(parseEnvelope(bytes, defaultLimits, name), defaultLimits);
  const names = new Set([name]);
  for (const path of document.targets.keys()) {
    const parsed = parseTargetPath(path);
    const { sha256, sha512 } = targetOf(document, parsed)?.hashes ?? {};
    for (const hash of [sha256, sha512])
      if (hash !== undefined) names.add(targetName(place.folders, parsed, hash));
  }
  known.set(name, names);
  return names;
}

async function required({ store, signal }: ListingRequest, name: string, why: string): Promise<Uint8Array> {
  const file = await store.read(name, defaultLimits.maxStatedLength, signal && { signal });
  if (file !== undefined) return file.bytes;
  const text = `${name} is missing from ${store.location}: ${why}. Put it back; until then nobody knows what else is in use, and nothing is removed`;
  throw new TidegateError('not-found', text, { name, location: store.location });
}
