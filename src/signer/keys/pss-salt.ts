/**
 * The salt of an RSA-PSS signature cannot be seen in it: whether a verifier that insists on 32 bytes takes it is found
 * out by asking one.
 */
import { constants, createPublicKey, verify } from 'node:crypto';

/** True when the signature is right, and its salt has another length than 32 bytes. */
export function hasOddSalt(pem: string, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    const key = createPublicKey(pem);
    const takes = (saltLength: number): boolean =>
      verify('sha256', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength }, signature);
    return !takes(32) && takes(constants.RSA_PSS_SALTLEN_AUTO);
  } catch {
    // No key, or no signature: that is said elsewhere.
    return false;
  }
}
