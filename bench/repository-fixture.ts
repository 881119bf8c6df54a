/** A signed repository as files in a folder, laid out as it is served. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalBytes } from '../src/metadata/canonical.ts';
import { formatEnvelope } from '../src/metadata/envelope.ts';
import { isJsonObject, type JsonObject } from '../src/metadata/json.ts';
import { formatJson, jsonOf, type Plain } from '../src/metadata/json-writer.ts';

/** `ordered` is what Tidegate publishes; `unordered` is indented as well, but its members are in no order. */
export type JsonForm = 'ordered' | 'unordered';

export const roleFiles = {
  root: '1.root.json',
  timestamp: 'timestamp.json',
  snapshot: '1.snapshot.json',
  targets: '1.targets.json',
} as const;

const header = { spec_version: '1.0.0', version: 1, expires: '2100-01-01T00:00:00Z' };

/** Writes the four roles, each signed by the same ed25519 key, which is left in `keyFile`. Returns the bytes of the targets role. */
export function writeRepository(folder: string, targets: Plain, form: JsonForm, keyFile?: string): number {
  mkdirSync(folder, { recursive: true });
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  if (keyFile !== undefined) writeFileSync(keyFile, privateKey.export({ format: 'der', type: 'pkcs8' }));
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: raw.toString('hex') } };
  const keyId = sha256(canonicalBytes(jsonOf(key)));
  const role = { keyids: [keyId], threshold: 1 };
  const write = (file: string, document: Plain): Uint8Array => {
    const bytes = envelope(objectOf(document), keyId, privateKey, form);
    writeFileSync(join(folder, file), bytes);
    return bytes;
  };
  write(roleFiles.root, {
    _type: 'root',
    ...header,
    consistent_snapshot: true,
    keys: { [keyId]: key },
    roles: { root: role, timestamp: role, snapshot: role, targets: role },
  });
  const listed = write(roleFiles.targets, { _type: 'targets', ...header, targets });
  const snapshot = write(roleFiles.snapshot, {
    _type: 'snapshot',
    ...header,
    meta: { 'targets.json': metaOf(listed) },
  });
  write(roleFiles.timestamp, {
    _type: 'timestamp',
    ...header,
    meta: { 'snapshot.json': metaOf(snapshot) },
  });
  return listed.byteLength;
}

/** Names of 64 characters, one SHA-256 each, nothing else: the smallest entry that hosts accept. */
export function manyTargets(count: number): Plain {
  const targets: Record<string, Plain> = {};
  for (let index = 0; index < count; index += 1) {
    const digest = sha256(String(index));
    const name = `image-${String(index).padStart(6, '0')}-x86_64-${digest}`.slice(0, 56).concat('.img.lz4');
    targets[name] = { length: 1_000_000 + index, hashes: { sha256: digest } };
  }
  return targets;
}

function metaOf(bytes: Uint8Array): Plain {
  return { hashes: { sha256: sha256(bytes) }, length: bytes.byteLength, version: 1 };
}

function envelope(signed: JsonObject, keyId: string, privateKey: KeyObject, form: JsonForm): Uint8Array {
  const hex = sign(null, canonicalBytes(signed), privateKey).toString('hex');
  if (form === 'ordered') return formatEnvelope(signed, [{ keyId, hex }]);
  return Buffer.from(formatJson(jsonOf({ signed, signatures: [{ sig: hex, keyid: keyId }] })));
}

function objectOf(value: Plain): JsonObject {
  const json = jsonOf(value);
  if (isJsonObject(json)) return json;
  throw new Error('A document is an object.');
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}
