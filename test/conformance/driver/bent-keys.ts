/** Signing keys that are unusual on purpose: extra members, wrong signatures, schemes that nobody should read. */
import { constants, generateKeyPairSync, sign } from 'node:crypto';
import { keyIdOfJson, type SigningKey } from '../../support/signing-keys.ts';

/** The key with further members; its id covers them. */
export function keyWith(key: SigningKey, members: Readonly<Record<string, unknown>>): SigningKey {
  const json = { ...key.json, ...members };
  return { ...key, json, id: keyIdOfJson(json) };
}

/** The same public key under another id. */
export function keyLabelled(key: SigningKey, id: string): SigningKey {
  return { ...key, id };
}

/** Signs other bytes than it is given: a well-formed signature that is wrong. */
export function wronglySigning(key: SigningKey): SigningKey {
  return { ...key, sign: () => key.sign(new TextEncoder().encode('something else')) };
}

/** Leaves a placeholder, as services do for a signer who has not signed yet. */
export function notSigning(key: SigningKey): SigningKey {
  return { ...key, sign: () => '' };
}

/** RSA with the padding of PKCS #1 v1.5, which the specification does not name. */
export function pkcs1Key(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const json = {
    keytype: 'rsa',
    scheme: 'rsa-pkcs1v15-sha256',
    keyval: { public: publicKey.export({ type: 'spki', format: 'pem' }).toString() },
  };
  const key = { key: privateKey, padding: constants.RSA_PKCS1_PADDING };
  return {
    id: keyIdOfJson(json),
    json,
    privateKey,
    sign: (message) => sign('sha256', message, key).toString('hex'),
  };
}
