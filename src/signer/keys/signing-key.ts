/**
 * Private keys at work. Only what every client reads is made (ed25519, ECDSA on P-256, RSA-PSS with SHA-256 and a
 * salt of 32 bytes), and every signature is verified before it is used: a faulty signer is found here, not by hosts.
 */
import {
  constants,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  type SignKeyObjectInput,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import { TidegateError } from '../../errors.ts';
import { isUsable, loadPublicKey } from '../../metadata/crypto.ts';
import type { JsonObject } from '../../metadata/json.ts';
import { isJsonObject } from '../../metadata/json.ts';
import { jsonOf } from '../../metadata/json-writer.ts';
import { keyIdOf } from '../../metadata/keys.ts';
import { hasOddSalt } from './pss-salt.ts';

export const keyTypes = ['ed25519', 'ecdsa-p256', 'rsa-pss'] as const;
export type KeyType = (typeof keyTypes)[number];

export interface SignOptions {
  /** Gives up on a token or key service that does not answer. */
  readonly signal?: AbortSignal;
}

/** Something that signs: a key file, a token, a key service. */
export interface SigningKey {
  readonly id: string;
  /** The key object as it stands in root. */
  readonly json: JsonObject;
  /** The bare signature; callers take `signatureOf`, which checks it. */
  sign(message: Uint8Array, options?: SignOptions): Promise<Uint8Array>;
}

const generate = promisify(generateKeyPair);
const rsaBits = 3072;

/** A new private key. @throws key-unusable never: all three kinds can be made by Node.js */
export async function generatePrivateKey(type: KeyType): Promise<KeyObject> {
  switch (type) {
    case 'ed25519':
      return (await generate('ed25519')).privateKey;
    case 'ecdsa-p256':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey;
    case 'rsa-pss':
      return (await generate('rsa', { modulusLength: rsaBits })).privateKey;
  }
}

interface Scheme {
  readonly keytype: string;
  readonly scheme: string;
  readonly digest: string | undefined;
  readonly options: Omit<SignKeyObjectInput, 'key'>;
}

const schemes: Readonly<Record<KeyType, Scheme>> = {
  ed25519: { keytype: 'ed25519', scheme: 'ed25519', digest: undefined, options: {} },
  'ecdsa-p256': {
    keytype: 'ecdsa-sha2-nistp256',
    scheme: 'ecdsa-sha2-nistp256',
    digest: 'sha256',
    options: { dsaEncoding: 'der' },
  },
  'rsa-pss': {
    keytype: 'rsa',
    scheme: 'rsassa-pss-sha256',
    digest: 'sha256',
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  },
};

/** What everybody may know of a key. */
export interface PublicHalf {
  readonly type: KeyType;
  readonly id: string;
  readonly json: JsonObject;
}

/**
 * The public half of a private or public key.
 *
 * @param where the file, token or service, for messages
 * @throws key-unusable for a kind of key that hosts could not verify
 */
export function publicHalfOf(key: KeyObject, where: string): PublicHalf {
  const type = typeOf(key);
  if (type === undefined) {
    const { namedCurve } = key.asymmetricKeyDetails ?? {};
    const curve = namedCurve === undefined ? '' : ` on the curve ${namedCurve}`;
    const found = `${key.asymmetricKeyType ?? 'a secret'}${curve}`;
    throw unusable(where, `found a key of kind ${found}, expected one of ${keyTypes.join(', ')}`);
  }
  const { keytype, scheme } = schemes[type];
  const value = publicValueOf(key, type);
  const usable = loadPublicKey(keytype, scheme, value);
  if (!isUsable(usable)) throw unusable(where, usable.unusable);
  const json = keyJson(keytype, scheme, value);
  return { type, id: keyIdOf(json), json };
}

/**
 * A private key, ready to sign.
 *
 * @param where the file, for messages
 * @throws key-unusable for a kind of key that hosts could not verify
 */
export function signingKeyOf(privateKey: KeyObject, where: string): SigningKey {
  const { type, id, json } = publicHalfOf(privateKey, where);
  const { digest, options } = schemes[type];
  return {
    id,
    json,
    sign: async (message) => new Uint8Array(sign(digest, message, { key: privateKey, ...options })),
  };
}

/**
 * A signature in lower-case hexadecimal, verified with the public key as hosts will see it.
 *
 * @throws key-unusable when what the key gave is not a signature of these bytes
 */
export async function signatureOf(
  key: SigningKey,
  message: Uint8Array,
  where: string,
  options: SignOptions = {},
): Promise<string> {
  const signature = await key.sign(message, options);
  const verifier = loadPublicKey(
    String(key.json.get('keytype')),
    String(key.json.get('scheme')),
    publicValueIn(key.json),
  );
  if (!isUsable(verifier)) throw unusable(where, verifier.unusable);
  if (!verifier.verify(message, signature)) {
    throw unusable(where, 'the signature that it made does not verify with its own public key');
  }
  if (key.json.get('keytype') === 'rsa' && hasOddSalt(publicValueIn(key.json), message, signature))
    throw unusable(where, 'it signs with a salt of another length than 32 bytes, which tough refuses');
  return Buffer.from(signature).toString('hex');
}

function publicValueIn(json: JsonObject): string {
  const keyval = json.get('keyval');
  const value = isJsonObject(keyval) ? keyval.get('public') : undefined;
  return typeof value === 'string' ? value : '';
}

function typeOf(key: KeyObject): KeyType | undefined {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (key.asymmetricKeyType === 'rsa') return 'rsa-pss';
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return key.asymmetricKeyType === 'ec' && curve === 'prime256v1' ? 'ecdsa-p256' : undefined;
}

/** 64 hexadecimal characters for ed25519; else PEM, with the newline at its end that the key id then covers. */
function publicValueOf(key: KeyObject, type: KeyType): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  if (type !== 'ed25519') return publicKey.export({ format: 'pem', type: 'spki' }).toString();
  return Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex');
}

function keyJson(keytype: string, scheme: string, publicValue: string): JsonObject {
  const json = jsonOf({ keytype, keyval: { public: publicValue }, scheme });
  return isJsonObject(json) ? json : new Map();
}

function unusable(where: string, reason: string): TidegateError {
  return new TidegateError('key-unusable', `${where}: ${reason}`, { path: where });
}
