/**
 * Keys for tests. Those on curves come from their names, so that a run can be repeated; RSA keys are made once
 * in a process, because making them is slow.
 */
import {
  constants,
  createECDH,
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { type Json, record, writtenCanonically } from './written-json.ts';

/** Named by key type and scheme, with what is unusual about the spelling behind. */
export const keyKinds = [
  'ed25519',
  'ed25519 pem',
  'ecdsa p256',
  'ecdsa p256 hex',
  'ecdsa-sha2-nistp256',
  'ecdsa p384',
  'ecdsa-sha2-nistp384',
  'rsa sha256',
  'rsa sha384',
  'rsa sha512',
] as const;
export type KeyKind = (typeof keyKinds)[number];

export interface KeyJson {
  keytype: string;
  scheme: string;
  keyval: { [member: string]: unknown; public: string };
  [member: string]: unknown;
}

export interface SigningKey {
  readonly id: string;
  readonly json: KeyJson;
  readonly privateKey: KeyObject;
  /** Lower-case hexadecimal, as it stands in `sig`. */
  sign(message: Uint8Array): string;
}

export interface SigningOptions {
  /** RSA-PSS only: 32 by default. */
  readonly saltLength?: number;
}

const forms: Readonly<Record<KeyKind, { keytype: string; scheme: string; digest?: string }>> = {
  ed25519: { keytype: 'ed25519', scheme: 'ed25519' },
  'ed25519 pem': { keytype: 'ed25519', scheme: 'ed25519' },
  'ecdsa p256': { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', digest: 'sha256' },
  'ecdsa p256 hex': { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp256', digest: 'sha256' },
  'ecdsa-sha2-nistp256': { keytype: 'ecdsa-sha2-nistp256', scheme: 'ecdsa-sha2-nistp256', digest: 'sha256' },
  'ecdsa p384': { keytype: 'ecdsa', scheme: 'ecdsa-sha2-nistp384', digest: 'sha384' },
  'ecdsa-sha2-nistp384': { keytype: 'ecdsa-sha2-nistp384', scheme: 'ecdsa-sha2-nistp384', digest: 'sha384' },
  'rsa sha256': { keytype: 'rsa', scheme: 'rsassa-pss-sha256', digest: 'sha256' },
  'rsa sha384': { keytype: 'rsa', scheme: 'rsassa-pss-sha384', digest: 'sha384' },
  'rsa sha512': { keytype: 'rsa', scheme: 'rsassa-pss-sha512', digest: 'sha512' },
};

const made = new Map<string, SigningKey>();

/** The same name and kind give the same key. */
export function signingKey(
  name: string,
  kind: KeyKind = 'ed25519',
  options: SigningOptions = {},
): SigningKey {
  const label = `${kind} ${name} ${options.saltLength ?? ''}`;
  const known = made.get(label);
  if (known !== undefined) return known;
  const { keytype, scheme, digest } = forms[kind];
  const privateKey = privateKeyOf(name, kind);
  const json: KeyJson = { keytype, scheme, keyval: { public: publicText(privateKey, kind) } };
  const { saltLength = 32 } = options;
  const padding = keytype === 'rsa' && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  const key: SigningKey = {
    id: keyIdOfJson(json),
    json,
    privateKey,
    sign: (message) =>
      sign(digest ?? null, message, { key: privateKey, dsaEncoding: 'der', ...padding }).toString('hex'),
  };
  made.set(label, key);
  return key;
}

/** Several keys of one kind: `name-1`, `name-2`, … */
export function signingKeys(name: string, count: number, kind: KeyKind = 'ed25519'): SigningKey[] {
  return Array.from({ length: count }, (_, index) => signingKey(`${name}-${index + 1}`, kind));
}

export function keyIdOfJson(json: Json): string {
  return createHash('sha256').update(writtenCanonically(json)).digest('hex');
}

/** Key objects by id, as root and delegations list them. */
export function keyTable(keys: readonly SigningKey[]): Record<string, KeyJson> {
  const table = record<KeyJson>();
  for (const { id, json } of keys) table[id] = json;
  return table;
}

const rsaKeys = new Map<string, KeyObject>();

function privateKeyOf(name: string, kind: KeyKind): KeyObject {
  if (kind.startsWith('rsa')) return rsaKey(name);
  if (kind.startsWith('ed25519')) {
    const seed = createHash('sha256').update(name).digest();
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  }
  return kind.includes('384') ? ellipticKey(name, 'sha384', 'P-384') : ellipticKey(name, 'sha256', 'P-256');
}

function rsaKey(name: string): KeyObject {
  const known = rsaKeys.get(name) ?? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  rsaKeys.set(name, known);
  return known;
}

function ellipticKey(name: string, digest: string, crv: 'P-256' | 'P-384'): KeyObject {
  const secret = createHash(digest).update(name).digest();
  const pair = createECDH(crv === 'P-256' ? 'prime256v1' : 'secp384r1');
  pair.setPrivateKey(secret);
  const point = pair.getPublicKey();
  const half = (point.length - 1) / 2;
  const jwk = {
    kty: 'EC',
    crv,
    d: secret.toString('base64url'),
    x: point.subarray(1, 1 + half).toString('base64url'),
    y: point.subarray(1 + half).toString('base64url'),
  };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

function publicText(privateKey: KeyObject, kind: KeyKind): string {
  const publicKey = createPublicKey(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const der = publicKey.export({ type: 'spki', format: 'der' });
  if (kind === 'ed25519') return der.subarray(-32).toString('hex');
  if (kind === 'ecdsa p256 hex') return der.subarray(-65).toString('hex');
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}
