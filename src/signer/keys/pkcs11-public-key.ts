/** Public keys as tokens keep them, in attributes of objects. Pure. */
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { attributes, keyKinds } from './pkcs11-constants.ts';

/** The value of an attribute of one object; undefined when the object has none, or does not show it. */
export type AttributeReader = (type: number) => Uint8Array | undefined;

const curves = {
  p256: '06082a8648ce3d030107',
  /** RFC 8410, and the name of the curve as PKCS#11 2.40 drafts had it. */
  ed25519: ['06032b6570', '130c656477617264733235353139'],
} as const;

/**
 * The public key that stands in the attributes of a public or, as some tokens do, a private key.
 *
 * @returns undefined when they do not tell one of a kind that we can use
 */
export function publicKeyIn(read: AttributeReader): KeyObject | undefined {
  try {
    return fromSubjectPublicKeyInfo(read) ?? fromNumbers(read);
  } catch {
    return undefined;
  }
}

/** The public key of a certificate object. */
export function publicKeyInCertificate(read: AttributeReader): KeyObject | undefined {
  const der = read(attributes.CKA_VALUE);
  try {
    return der === undefined ? undefined : new X509Certificate(der).publicKey;
  } catch {
    return undefined;
  }
}

/** What stands in CKA_KEY_TYPE and in every other number: unsigned, as wide as the machine likes, low byte first. */
export function numberIn(bytes: Uint8Array | undefined): number | undefined {
  return bytes === undefined || bytes.length === 0
    ? undefined
    : Number(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function fromSubjectPublicKeyInfo(read: AttributeReader): KeyObject | undefined {
  const der = read(attributes.CKA_PUBLIC_KEY_INFO);
  if (der === undefined || der.length === 0) return undefined;
  return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
}

function fromNumbers(read: AttributeReader): KeyObject | undefined {
  switch (numberIn(read(attributes.CKA_KEY_TYPE))) {
    case keyKinds.CKK_RSA: {
      const [modulus, exponent] = [read(attributes.CKA_MODULUS), read(attributes.CKA_PUBLIC_EXPONENT)];
      if (modulus === undefined || exponent === undefined) return undefined;
      const [n, e] = [base64url(modulus), base64url(exponent)];
      return createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' });
    }
    case keyKinds.CKK_EC: {
      const point = pointOf(read, [curves.p256], 65);
      if (point?.[0] !== 4) return undefined;
      const [x, y] = [base64url(point.subarray(1, 33)), base64url(point.subarray(33))];
      return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
    }
    case keyKinds.CKK_EC_EDWARDS: {
      const point = pointOf(read, curves.ed25519, 32);
      if (point === undefined) return undefined;
      return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: base64url(point) }, format: 'jwk' });
    }
    default:
      return undefined;
  }
}

/** CKA_EC_POINT is an OCTET STRING; some tokens leave its two bytes of head away. */
function pointOf(read: AttributeReader, curve: readonly string[], length: number): Uint8Array | undefined {
  const found = Buffer.from(read(attributes.CKA_EC_PARAMS) ?? []).toString('hex');
  const bytes = read(attributes.CKA_EC_POINT);
  if (!curve.includes(found) || bytes === undefined) return undefined;
  if (bytes.length === length) return bytes;
  const isWrapped = bytes.length === length + 2 && bytes[0] === 4 && bytes[1] === length;
  return isWrapped ? bytes.subarray(2) : undefined;
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
