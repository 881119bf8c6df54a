/**
 * Keys on tokens, by PKCS#11: the private half never leaves the token.
 *
 * 1. Exactly one private key must fit the address, and its public half must be found on the token too.
 * 2. Digests are made here wherever the token takes them, so that documents may be longer than its buffers.
 * 3. Every signature has a session of its own, which ends with it: a step that failed in the middle blocks no other.
 * 4. A native call cannot be cancelled: whoever gives up stops waiting, and the token finishes alone.
 */
import { resolve } from 'node:path';
import type { Handle, Mechanism } from 'pkcs11js';
import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { cancelled, checkCancelled } from '../../storage/cancel.ts';
import { derOfRawSignature } from './ecdsa-signature.ts';
import { unlessAborted } from './interruption.ts';
import type { KeyContext } from './key-context.ts';
import { tokenPinSource } from './pin-source.ts';
import type { Pkcs11Address } from './pkcs11-address.ts';
import { CKF_SERIAL_SESSION, CKG_MGF1_SHA256, CKU_CONTEXT_SPECIFIC, mechanisms } from './pkcs11-constants.ts';
import { tokenFault } from './pkcs11-fault.ts';
import { loadTokenLibrary, quietly, type TokenLibrary } from './pkcs11-library.ts';
import { findKey } from './pkcs11-objects.ts';
import {
  atToken,
  dropSession,
  findToken,
  login,
  openSession,
  type PinSource,
  type Token,
} from './pkcs11-token.ts';
import { type KeyType, publicHalfOf, type SigningKey } from './signing-key.ts';

/** Of RSA with 8,192 bits. */
const maxSignatureLength = 1024;

/**
 * @throws key-library-missing, key-not-found, passphrase-wrong, key-service-denied, key-service-unavailable,
 *   key-unusable, cancelled, and what reading the PIN throws
 */
export async function openPkcs11(
  address: Pkcs11Address,
  context: KeyContext,
  load: (path: string) => Promise<TokenLibrary> = loadTokenLibrary,
): Promise<SigningKey> {
  const where = placeName(address, context);
  checkCancelled(`opening ${where}`, context.signal);
  const library = await load(resolve(context.directory, address.modulePath));
  const pin = tokenPinSource(address, context, where);
  return await library.turns.take(async () => {
    const token = findToken(library, address, where);
    const session = await openSession(library, token, pin, where);
    try {
      return keyOf({ library, token, pin, where }, findKey(library, session, address, where), context);
    } catch (error) {
      dropSession(library, token, error);
      throw error;
    }
  });
}

interface Place {
  readonly library: TokenLibrary;
  readonly token: Token;
  readonly pin: PinSource;
  readonly where: string;
}

function keyOf(place: Place, found: ReturnType<typeof findKey>, context: KeyContext): SigningKey {
  const { library, token, where } = place;
  const { type, id, json } = publicHalfOf(found.publicKey, where);
  const available = new Set(
    atToken(where, 'C_GetMechanismList', () => library.api.C_GetMechanismList(token.slot)),
  );
  const scheme = schemeOf(type, available, library.pssParameters);
  if (scheme === undefined) {
    const text = `${where}: the token has no mechanism for ${type}; expected ${mechanismNames[type]}`;
    throw new TidegateError('key-unusable', text, { key: where });
  }
  return {
    id,
    json,
    sign: async (message, { signal = context.signal } = {}) => {
      const what = `signing with ${where}`;
      checkCancelled(what, signal);
      const work = signOnce(place, found, scheme, scheme.data(message));
      try {
        return scheme.signature(await unlessAborted(work, signal));
      } catch (error) {
        if (signal?.aborted === true) throw cancelled(what, signal);
        throw error;
      }
    },
  };
}

async function signOnce(
  place: Place,
  { handle, asksAlways }: ReturnType<typeof findKey>,
  { mechanism }: Scheme,
  data: Uint8Array,
): Promise<Uint8Array> {
  const { library, token, pin, where } = place;
  const { api } = library;
  let session: Handle | undefined;
  try {
    session = api.C_OpenSession(token.slot, CKF_SERIAL_SESSION);
    api.C_SignInit(session, mechanism, handle);
    if (asksAlways) await login({ library, token, session, userType: CKU_CONTEXT_SPECIFIC }, pin, where);
    return await api.C_SignAsync(session, Buffer.from(data), Buffer.alloc(maxSignatureLength));
  } catch (error) {
    dropSession(library, token, error);
    throw error instanceof TidegateError ? error : tokenFault(error, where, 'C_Sign');
  } finally {
    const ended = session;
    if (ended !== undefined) quietly(() => api.C_CloseSession(ended));
  }
}

interface Scheme {
  readonly mechanism: Mechanism;
  data(message: Uint8Array): Uint8Array;
  /** What the token gave, as TUF wants it; what is none is found by the check that every signature goes through. */
  signature(raw: Uint8Array): Uint8Array;
}

const mechanismNames: Readonly<Record<KeyType, string>> = {
  ed25519: 'CKM_EDDSA',
  'ecdsa-p256': 'CKM_ECDSA',
  'rsa-pss': 'CKM_RSA_PKCS_PSS or CKM_SHA256_RSA_PKCS_PSS',
};

function schemeOf(type: KeyType, available: ReadonlySet<number>, pss: number): Scheme | undefined {
  const asItIs = (bytes: Uint8Array): Uint8Array => bytes;
  const parameter = { type: pss, hashAlg: mechanisms.CKM_SHA256, mgf: CKG_MGF1_SHA256, saltLen: 32 };
  const schemes: Readonly<Record<KeyType, readonly Scheme[]>> = {
    ed25519: [{ mechanism: { mechanism: mechanisms.CKM_EDDSA }, data: asItIs, signature: asItIs }],
    'ecdsa-p256': [
      {
        mechanism: { mechanism: mechanisms.CKM_ECDSA },
        data: sha256,
        signature: (raw) => derOfRawSignature(raw) ?? raw,
      },
    ],
    'rsa-pss': [
      { mechanism: { mechanism: mechanisms.CKM_RSA_PKCS_PSS, parameter }, data: sha256, signature: asItIs },
      {
        mechanism: { mechanism: mechanisms.CKM_SHA256_RSA_PKCS_PSS, parameter },
        data: asItIs,
        signature: asItIs,
      },
    ],
  };
  return schemes[type].find(({ mechanism }) => available.has(mechanism.mechanism));
}

function sha256(message: Uint8Array): Uint8Array {
  return Buffer.from(digestOf('sha256', message), 'hex');
}

/** `root-1 (pkcs11 object "root-1" of token "release")`, for messages. */
function placeName({ object, id, token, slotId }: Pkcs11Address, { name }: Pick<KeyContext, 'name'>): string {
  const key =
    object === undefined ? `id ${Buffer.from(id ?? []).toString('hex')}` : `object ${JSON.stringify(object)}`;
  const where =
    token === undefined
      ? slotId === undefined
        ? ''
        : ` in slot ${slotId}`
      : ` of token ${JSON.stringify(token)}`;
  return name === undefined ? `pkcs11 ${key}${where}` : `${name} (pkcs11 ${key}${where})`;
}
