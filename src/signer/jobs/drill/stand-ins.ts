/**
 * Keys that stand in for those of a repository in a rehearsal: for each a new one, so that no real private key is
 * needed, and nothing that is signed is worth anything. Documents are rewritten to name them.
 */
import { canonicalBytes } from '../../../metadata/canonical.ts';
import { formatEnvelope } from '../../../metadata/envelope.ts';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '../../../metadata/json.ts';
import { nodeFileSystem } from '../../../storage/file-system.ts';
import { storePrivateKey } from '../../keys/key-folder.ts';
import { generatePrivateKey, type SigningKey, signatureOf, signingKeyOf } from '../../keys/signing-key.ts';

/** A stand-in under the name of the key that it stands for. */
export interface StandIn {
  readonly name: string;
  readonly key: SigningKey;
}

/** By the ids of the keys that they stand for. */
export type StandIns = ReadonlyMap<string, StandIn>;

/** @param names by the ids of the keys @param folder where both halves are stored, as development keys */
export async function makeStandIns(names: ReadonlyMap<string, string>, folder: string): Promise<StandIns> {
  const standIns = new Map<string, StandIn>();
  for (const [id, name] of names) {
    const privateKey = await generatePrivateKey('ed25519');
    await storePrivateKey({ fileSystem: nodeFileSystem, folder, name }, privateKey, {});
    standIns.set(id, { name, key: signingKeyOf(privateKey, name) });
  }
  return standIns;
}

/** A root, or the delegations of a targets role, with stand-ins for every key. */
export function withStandIns(document: JsonObject, standIns: StandIns): JsonObject {
  const rewrite = (value: JsonValue): JsonValue => {
    if (isJsonArray(value)) return value.map(rewrite);
    if (!isJsonObject(value)) return value;
    return new Map(Array.from(value, ([member, inner]) => [member, rewriteMember(member, inner)]));
  };
  const rewriteMember = (member: string, value: JsonValue): JsonValue => {
    if (member === 'keys' && isJsonObject(value)) return keysOf(value, standIns);
    if (member === 'keyids' && isJsonArray(value))
      return value.map((id) => standIns.get(String(id))?.key.id ?? id);
    return rewrite(value);
  };
  // What a targets role lists names no keys, whatever is attached to it.
  return new Map(
    Array.from(document, ([member, value]) => [
      member,
      member === 'targets' ? value : rewriteMember(member, value),
    ]),
  );
}

function keysOf(keys: JsonObject, standIns: StandIns): JsonObject {
  return new Map(
    Array.from(keys, ([id, json]) => {
      const standIn = standIns.get(id)?.key;
      return standIn === undefined ? [id, json] : [standIn.id, standIn.json];
    }),
  );
}

/** A file, signed with the stand-ins for these keys. */
export async function signedByStandIns(
  document: JsonObject,
  keyIds: Iterable<string>,
  standIns: StandIns,
): Promise<Uint8Array> {
  const message = canonicalBytes(document);
  const signatures = [];
  for (const id of new Set(keyIds)) {
    const key = standIns.get(id)?.key;
    if (key !== undefined)
      signatures.push({ keyId: key.id, hex: await signatureOf(key, message, 'a rehearsal') });
  }
  return formatEnvelope(document, signatures);
}
