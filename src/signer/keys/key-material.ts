/**
 * Bytes that hold one private key, in any format that is known, into a KeyObject of node:crypto.
 *
 * 1. The format is told from the bytes and named in every refusal.
 * 2. Opening costs what the file states, within bounds that are checked first.
 * 3. Whoever signs with the bytes as they are takes no weak lock: a thief of the file would have the key. `key import`
 *    takes it, and locks it anew.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { TidegateError } from '../../errors.ts';
import { type KeyContext, secretFor } from './key-context.ts';
import { parseKeyFile, readPrivateKey } from './key-file.ts';
import { checkFormat, type KeyFormat } from './key-format.ts';
import { weaknessOf } from './password-encryption.ts';
import { type SigningKey, signingKeyOf } from './signing-key.ts';

export const materialFormats = [
  'key-file',
  'pkcs8-pem',
  'pkcs8-pem-encrypted',
  'pkcs8-der',
  'pkcs8-der-encrypted',
  'pkcs1-pem',
  'pkcs1-pem-encrypted',
  'pkcs1-der',
  'sec1-pem',
  'sec1-pem-encrypted',
  'sec1-der',
  'seed',
  'pkcs12',
] as const satisfies readonly KeyFormat[];
export type MaterialFormat = (typeof materialFormats)[number];

/** Those that stand alone and are not weak by design. */
const signableFormats = [
  'key-file',
  'pkcs8-pem',
  'pkcs8-pem-encrypted',
  'pkcs8-der',
  'pkcs8-der-encrypted',
  'pkcs1-pem',
  'pkcs1-der',
  'sec1-pem',
  'sec1-der',
  'seed',
] as const satisfies readonly MaterialFormat[];

/** Bytes; an RSA key of 8,192 bits has 6,500 in PEM. */
export const maxMaterialLength = 65_536;

export interface KeyMaterial {
  readonly privateKey: KeyObject;
  readonly format: MaterialFormat;
  readonly encrypted: boolean;
  /** Why a thief of the bytes gets at the key by guessing; undefined when guesses are dear, or nothing is locked. */
  readonly weakness: string | undefined;
}

/** Asked for once, when the bytes are locked; what comes is wiped after its use. */
type Passphrase = () => Promise<Uint8Array>;

/**
 * Signs with the bytes as they are.
 *
 * @throws key-file-invalid naming the format that was found and those expected, passphrase-wrong, key-unusable for a
 *   kind of key that hosts could not verify and for a lock that is weak
 */
export async function openKeyMaterial(
  bytes: Uint8Array,
  path: string,
  context: KeyContext,
): Promise<SigningKey> {
  checkFormat(bytes, signableFormats, path);
  const { privateKey, weakness } = await readKeyMaterial(bytes, path, () => secretFor(context, path));
  if (weakness === undefined) return signingKeyOf(privateKey, path);
  const text = `${path}: its lock is weak (${weakness}), so that a copy of it gives the key away. Nothing was signed; lock it anew with: tidegate key import --rewrap`;
  throw new TidegateError('key-unusable', text, { path, found: weakness });
}

/** @throws key-file-invalid, passphrase-wrong, key-unusable */
export async function readKeyMaterial(
  bytes: Uint8Array,
  path: string,
  passphrase: Passphrase,
): Promise<KeyMaterial> {
  const format = checkFormat(bytes, materialFormats, path);
  const open = { format, encrypted: false, weakness: undefined };
  switch (format) {
    case 'key-file': {
      const file = parseKeyFile(bytes, path);
      const privateKey = await readPrivateKey(file, passphrase);
      return { privateKey, format, encrypted: file.encrypted, weakness: undefined };
    }
    case 'pkcs12': {
      const { readPkcs12 } = await import('./pkcs12.ts');
      const key = await wiped(passphrase, (secret) => readPkcs12(bytes, secret, path));
      return { ...key, format, encrypted: true };
    }
    case 'pkcs8-pem-encrypted':
      return { ...(await readEncryptedPkcs8(pemBody(bytes, path), path, passphrase)), format };
    case 'pkcs8-der-encrypted':
      return { ...(await readEncryptedPkcs8(bytes, path, passphrase)), format };
    case 'pkcs1-pem-encrypted':
    case 'sec1-pem-encrypted':
      return { ...(await readOldEncryptedPem(bytes, path, passphrase)), format };
    case 'pkcs8-pem':
    case 'pkcs1-pem':
    case 'sec1-pem':
      requireOneKey(bytes, path);
      return { ...open, privateKey: decode({ key: Buffer.from(bytes) }, path) };
    case 'seed':
      return { ...open, privateKey: decode({ key: seedDer(bytes), format: 'der', type: 'pkcs8' }, path) };
    case 'pkcs8-der':
    case 'pkcs1-der':
    case 'sec1-der': {
      const type = derTypes[format];
      return { ...open, privateKey: decode({ key: Buffer.from(bytes), format: 'der', type }, path) };
    }
  }
}

const derTypes = { 'pkcs8-der': 'pkcs8', 'pkcs1-der': 'pkcs1', 'sec1-der': 'sec1' } as const;

type Opened = Omit<KeyMaterial, 'format'>;

async function readEncryptedPkcs8(der: Uint8Array, path: string, passphrase: Passphrase): Promise<Opened> {
  const { readPkcs8Encryption } = await import('./pkcs12.ts');
  const weakness = weaknessOf(await readPkcs8Encryption(der, path));
  const key = { key: Buffer.from(der), format: 'der', type: 'pkcs8' } as const;
  const privateKey = await wiped(passphrase, (secret) => decode({ ...key, passphrase: secret }, path));
  return { privateKey, encrypted: true, weakness };
}

/** Headers inside PEM: one round of MD5. */
async function readOldEncryptedPem(bytes: Uint8Array, path: string, passphrase: Passphrase): Promise<Opened> {
  requireOneKey(bytes, path);
  const key = Buffer.from(bytes);
  const privateKey = await wiped(passphrase, (secret) => decode({ key, passphrase: secret }, path));
  return { privateKey, encrypted: true, weakness: 'one round of MD5' };
}

async function wiped<T>(passphrase: Passphrase, use: (secret: Buffer) => T | Promise<T>): Promise<T> {
  const given = await passphrase();
  const secret = Buffer.from(given);
  given.fill(0);
  try {
    return await use(secret);
  } finally {
    secret.fill(0);
  }
}

type PrivateKeyInput = Exclude<Parameters<typeof createPrivateKey>[0], string | Buffer>;

/** The cause is left out: it could describe the key. */
function decode(input: PrivateKeyInput, path: string): KeyObject {
  try {
    return createPrivateKey(input);
  } catch {
    if ('passphrase' in input) {
      const text = `${path}: this passphrase does not open the key (or the file was altered)`;
      throw new TidegateError('passphrase-wrong', text, { path });
    }
    const text = `${path}: the private key is damaged, or of a kind that Node.js does not know`;
    throw new TidegateError('key-file-invalid', text, { path });
  }
}

const beginning = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/g;

/** A decoder takes the first of several, which may not be the one that is meant. */
function requireOneKey(bytes: Uint8Array, path: string): void {
  const count = Buffer.from(bytes).toString('latin1').match(beginning)?.length ?? 0;
  if (count === 1) return;
  throw new TidegateError('key-file-invalid', `${path}: found ${count} private keys, expected one`, { path });
}

function pemBody(bytes: Uint8Array, path: string): Uint8Array {
  requireOneKey(bytes, path);
  const text = Buffer.from(bytes).toString('latin1');
  const body = /-----BEGIN ENCRYPTED PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(text)?.[1];
  if (body !== undefined) return Buffer.from(body.replaceAll(/\s/g, ''), 'base64');
  throw new TidegateError('key-file-invalid', `${path}: the PEM is damaged or cut`, { path });
}

/** PKCS#8 around an ed25519 seed: RFC 8410, section 7. */
function seedDer(seed: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
}
