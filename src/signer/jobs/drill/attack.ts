/**
 * An attacker in a rehearsal, with stand-ins for the keys that are taken as stolen and the place from which hosts read:
 * everything that these keys can sign runs ahead to a huge number, and where targets can be signed a file is made up.
 */

import { digestOf } from '../../../metadata/crypto.ts';
import { snapshotEntryName } from '../../../metadata/file-names.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../metadata/json.ts';
import { withMembers } from '../../../metadata/json-writer.ts';
import { metadataName } from '../../../metadata/repository-layout.ts';
import type { SwappableStore } from '../../../storage/store.ts';
import { fileMeta } from '../../publication/documents.ts';
import { type LiveRepository, listedIn } from '../../publication/live-repository.ts';
import { signersOf } from '../../role-signers.ts';
import type { DrillCopy } from './drill-copy.ts';
import { type StandIns, signedByStandIns } from './stand-ins.ts';

/** Ahead of everything honest, with room behind it. */
const forgedVersion = 1_000_000;
export const forgedTarget = 'attacker/backdoor.img';

export interface ForgeryOptions {
  /** With the timestamp key alone: name a snapshot that does not exist, so that nothing can be read. */
  readonly hidesSnapshot?: boolean;
  /** Default: a million. */
  readonly version?: number;
}

/**
 * The attacker's files by their names in the store. A role is forged only where everything above it can be, too:
 * hosts would not look at it otherwise.
 */
export async function forgedFiles(
  { standIns }: Pick<DrillCopy, 'standIns'>,
  live: LiveRepository,
  stolen: ReadonlySet<string>,
  { hidesSnapshot = false, version = forgedVersion }: ForgeryOptions = {},
): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const { published, place } = live;
  if (published === undefined || !stolen.has('timestamp')) return files;
  const own: StandIns = new Map(Array.from(standIns.values(), (standIn) => [standIn.key.id, standIn]));
  const sign = (role: string, document: JsonObject) =>
    signedByStandIns(document, signersOf(live, role)?.role.keyIds ?? [], own);
  const put = async (role: string, document: JsonObject): Promise<JsonValue> => {
    const bytes = await sign(role, document);
    files.set(metadataName(place.folders, role, role === 'timestamp' ? undefined : version), bytes);
    return fileMeta({ version, bytes });
  };
  let entry: JsonValue = hidesSnapshot
    ? new Map([['version', version]])
    : snapshotEntryIn(published.timestamp.json);
  if (stolen.has('snapshot')) {
    const before = published.snapshot.json.get('meta');
    const meta = new Map<string, JsonValue>(isJsonObject(before) ? before : []);
    for (const role of ['targets', ...published.delegated.keys()]) {
      const listed = listedIn(live, role);
      if (listed === undefined || !stolen.has(role)) continue;
      meta.set(snapshotEntryName(role), await put(role, forgedTargets(listed.json, version)));
    }
    entry = await put('snapshot', withMembers(published.snapshot.json, { meta, version }));
  }
  const { json } = published.timestamp;
  await put('timestamp', withMembers(json, { meta: { 'snapshot.json': entry }, version }));
  return files;
}

function snapshotEntryIn(timestamp: JsonObject): JsonValue {
  const meta = timestamp.get('meta');
  return (isJsonObject(meta) ? meta.get(snapshotEntryName('snapshot')) : undefined) ?? null;
}

function forgedTargets(json: JsonObject, version: number): JsonObject {
  const targets = json.get('targets');
  const backdoor = { length: 8, hashes: { sha256: digestOf('sha256', 'backdoor') } };
  const listed = new Map<string, JsonValue>(isJsonObject(targets) ? targets : []);
  const forged = withMembers(new Map(), backdoor);
  return withMembers(json, { version, targets: listed.set(forgedTarget, forged) });
}

/** What is published is the attacker's from now on. */
export async function publishForged(
  { store }: { readonly store: SwappableStore },
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  for (const [name, bytes] of files) {
    if (name.endsWith('/timestamp.json')) await store.swap(name, bytes, (await store.stat(name))?.etag);
    else await store.create(name, bytes);
  }
}
