/**
 * The format of private key files: one JSON document, version 1.
 *
 * 1. Encrypted by default: a key derived from the passphrase by scrypt (N 2^17 to 2^20, r 8, p 1, own salt; a guess
 *    costs at least 128 MiB), AES-256-GCM, and everything else in the file bound to the cipher text as associated data.
 * 2. An unencrypted file says so in words, and is made only for development.
 * 3. A checksum over the whole file tells damage from a wrong passphrase. It covers only what is public anyway, so it
 *    tells an attacker nothing; who alters a file on purpose and mends the checksum gets `passphrase-wrong`.
 * 4. The public half in the file must be that of the private half.
 * 5. Nothing of this is ever part of a message.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  type KeyObject,
  randomBytes,
  scrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../metadata/json.ts';
import { formatJson, jsonOf } from '../../metadata/json-writer.ts';
import { keyIdOf } from '../../metadata/keys.ts';
import { publicHalfOf, type SigningKey, signingKeyOf } from './signing-key.ts';

const format = 'tidegate-private-key';
const formatVersion = 1;
const cost = { n: 2 ** 17, r: 8, p: 1 };
const highestN = 2 ** 20;
const saltLength = 32;
const nonceLength = 12;
const tagLength = 16;
/** Bytes; an RSA key of 8,192 bits has 4,700. */
const maxSecretLength = 16_384;
export const maxKeyFileLength = 65_536;
const minPassphraseLength = 8;
const unencrypted = 'none: an insecure development key';

/** A key file as it was read; nothing is decrypted yet. */
export interface KeyFile {
  readonly path: string;
  readonly keyId: string;
  readonly encrypted: boolean;
  readonly document: JsonObject;
}

/** How dear a guess is: binary logarithm of scrypt's N. A step more doubles time and memory. */
const costs = { lowest: 17, default: 17, highest: 20 } as const;

/**
 * @param logN from `costs.lowest` to `costs.highest`
 * @throws key-unusable for a passphrase that is too short
 */
export async function encryptKeyFile(
  key: KeyObject,
  passphrase: Uint8Array,
  path: string,
  logN: number = costs.default,
): Promise<Uint8Array> {
  if (passphrase.byteLength < minPassphraseLength) {
    throw new TidegateError(
      'key-unusable',
      `${path}: the passphrase has fewer than ${minPassphraseLength} bytes; a long one is the only lock on a stolen file`,
      { path, expected: minPassphraseLength },
    );
  }
  const salt = randomBytes(saltLength);
  const nonce = randomBytes(nonceLength);
  const header = headerOf(key, path, {
    cipher: 'aes-256-gcm',
    kdf: 'scrypt',
    ...cost,
    n: 2 ** logN,
    nonce: nonce.toString('hex'),
    salt: salt.toString('hex'),
  });
  const secret = key.export({ format: 'der', type: 'pkcs8' });
  const derived = await derive(passphrase, salt, { ...cost, n: 2 ** logN });
  try {
    const cipher = createCipheriv('aes-256-gcm', derived, nonce);
    cipher.setAAD(canonicalBytes(header));
    const text = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    return fileOf(header, text);
  } finally {
    derived.fill(0);
    secret.fill(0);
  }
}

/** A file that anyone can use who can read it. */
export function developmentKeyFile(key: KeyObject, path: string): Uint8Array {
  return fileOf(headerOf(key, path, unencrypted), key.export({ format: 'der', type: 'pkcs8' }));
}

function headerOf(
  key: KeyObject,
  path: string,
  encryption: string | Record<string, string | number>,
): JsonObject {
  const { json } = publicHalfOf(key, path);
  return objectOf(jsonOf({ format, version: formatVersion, key: json, encryption }), path);
}

function fileOf(header: JsonObject, secret: Uint8Array): Uint8Array {
  const whole = new Map<string, JsonValue>([...header, ['secret', Buffer.from(secret).toString('hex')]]);
  whole.set('checksum', digestOf('sha256', canonicalBytes(whole)));
  return new TextEncoder().encode(formatJson(whole));
}

/** @throws key-file-invalid when the file is damaged, altered, or of another format */
export function parseKeyFile(bytes: Uint8Array, path: string): KeyFile {
  let value: JsonValue;
  try {
    value = parseJson(bytes, { maxDepth: 8, maxValues: 64, maxDigits: 16 }, path);
  } catch (cause) {
    throw damaged(path, 'it is no JSON', { cause });
  }
  const document = objectOf(value, path);
  if (document.get('format') !== format || document.get('version') !== formatVersion) {
    throw damaged(path, `expected the format ${format}, version ${formatVersion}`);
  }
  const unsealed = new Map(document);
  unsealed.delete('checksum');
  if (document.get('checksum') !== digestOf('sha256', canonicalBytes(unsealed)))
    throw damaged(path, 'its checksum is wrong');
  const encryption = document.get('encryption');
  if (encryption !== unencrypted && !isJsonObject(encryption))
    throw damaged(path, 'its encryption is unknown');
  const keyId = keyIdOf(objectOf(document.get('key'), path));
  return { path, keyId, encrypted: encryption !== unencrypted, document: unsealed };
}

/**
 * Opens a key file. The passphrase is asked for only when there is one; its bytes stay the caller's to wipe.
 *
 * @throws passphrase-wrong, key-file-invalid, key-unusable
 */
export async function openKeyFile(file: KeyFile, passphrase: () => Promise<Uint8Array>): Promise<SigningKey> {
  return signingKeyOf(await readPrivateKey(file, passphrase), file.path);
}

/** The same, for who keeps the key elsewhere or under another passphrase. */
export async function readPrivateKey(
  file: KeyFile,
  passphrase: () => Promise<Uint8Array>,
): Promise<KeyObject> {
  const secret = secretOf(file);
  const plain = file.encrypted ? await decrypt(file, secret, await passphrase()) : secret;
  try {
    const key = privateKeyOf(plain, file.path);
    if (publicHalfOf(key, file.path).id === file.keyId) return key;
    throw damaged(file.path, 'its public half is not that of its private half');
  } finally {
    plain.fill(0);
  }
}

function privateKeyOf(der: Uint8Array, path: string): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
  } catch {
    // The cause is left out: it could describe the key.
    throw damaged(path, 'it holds no private key');
  }
}

async function decrypt(file: KeyFile, secret: Uint8Array, passphrase: Uint8Array): Promise<Uint8Array> {
  const { path, document } = file;
  const encryption = objectOf(document.get('encryption'), path);
  const header = new Map(document);
  header.delete('secret');
  const parameters = costOf(encryption, path);
  const nonce = bytesOf(encryption.get('nonce'), nonceLength, path);
  const derived = await derive(passphrase, bytesOf(encryption.get('salt'), saltLength, path), parameters);
  try {
    const decipher = createDecipheriv('aes-256-gcm', derived, nonce, { authTagLength: tagLength });
    decipher.setAAD(canonicalBytes(header));
    decipher.setAuthTag(secret.subarray(-tagLength));
    return Buffer.concat([decipher.update(secret.subarray(0, -tagLength)), decipher.final()]);
  } catch {
    throw new TidegateError(
      'passphrase-wrong',
      `${path}: this passphrase does not open the key file (or the file was altered on purpose)`,
      { path },
    );
  } finally {
    derived.fill(0);
  }
}

/** Weaker parameters than ours are a downgrade, far stronger ones exhaust the machine. */
function costOf(encryption: JsonObject, path: string): typeof cost {
  const n = encryption.get('n');
  const rest = ['cipher', 'kdf', 'r', 'p'].map((name) => encryption.get(name)).join();
  const known = rest === `aes-256-gcm,scrypt,${cost.r},${cost.p}`;
  const power = typeof n === 'number' && Number.isInteger(Math.log2(n));
  if (!known || !power || n < cost.n || n > highestN) {
    throw damaged(path, `expected scrypt with N from ${cost.n} to ${highestN}, r 8, p 1, and AES-256-GCM`);
  }
  return { ...cost, n };
}

const scryptAsync = promisify<
  Uint8Array,
  Uint8Array,
  number,
  { N: number; r: number; p: number; maxmem: number },
  Buffer
>(scrypt);

async function derive(passphrase: Uint8Array, salt: Uint8Array, { n, r, p }: typeof cost): Promise<Buffer> {
  return await scryptAsync(passphrase, salt, 32, { N: n, r, p, maxmem: 128 * n * r * p + 2 ** 20 });
}

function secretOf({ document, path }: KeyFile): Uint8Array {
  const secret = document.get('secret');
  const fits = typeof secret === 'string' && /^(?:[0-9a-f]{2})+$/.test(secret);
  if (!fits || secret.length <= 2 * tagLength || secret.length > 2 * maxSecretLength) {
    throw damaged(path, 'its secret part is no hexadecimal of a sensible length');
  }
  return Buffer.from(secret, 'hex');
}

function bytesOf(value: JsonValue | undefined, length: number, path: string): Uint8Array {
  if (typeof value === 'string' && /^[0-9a-f]+$/.test(value) && value.length === 2 * length) {
    return Buffer.from(value, 'hex');
  }
  throw damaged(path, `expected ${length} bytes in hexadecimal`);
}

function objectOf(value: JsonValue | undefined, path: string): JsonObject {
  if (isJsonObject(value)) return value;
  throw damaged(path, 'a part of it is missing');
}

function damaged(path: string, reason: string, options?: ErrorOptions): TidegateError {
  return new TidegateError(
    'key-file-invalid',
    `${path}: the key file is damaged or altered: ${reason}`,
    { path },
    options,
  );
}
