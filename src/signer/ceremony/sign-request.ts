/** Signing: exactly the payload, with a key that the role wants, verified before it counts. */
import { TidegateError } from '../../errors.ts';
import { type SigningKey, signatureOf } from '../keys/signing-key.ts';
import { checkSignatures } from './request-signatures.ts';
import type { SigningRequest } from './signing-request.ts';
import { requestTitle } from './verified-request.ts';

/**
 * The request with one more signature; others that count stay, those that do not are left out. One that the key made
 * before stays as it is.
 *
 * @throws key-unusable when no side wants the key, or when what it made is not a signature of the payload
 */
export async function signRequest(
  request: SigningRequest,
  key: SigningKey,
  options: { readonly signal?: AbortSignal } = {},
): Promise<SigningRequest> {
  requireWanted(request, key);
  const { valid } = checkSignatures(request, request.signatures);
  if (valid.some(({ keyId }) => keyId === key.id)) return { ...request, signatures: valid };
  options.signal?.throwIfAborted();
  const hex = await signatureOf(key, request.payload, requestTitle(request));
  const signed = checkSignatures(request, [...valid, { keyId: key.id, hex }]);
  if (!signed.valid.some(({ keyId }) => keyId === key.id)) {
    const text = `${requestTitle(request)}: the signature by ${key.id.slice(0, 12)} does not verify with the key that the role lists under this id. Nothing was written`;
    throw new TidegateError('key-unusable', text, { keyId: key.id });
  }
  return { ...request, signatures: signed.valid };
}

function requireWanted(request: SigningRequest, { id }: SigningKey): void {
  if (request.sides.some(({ role }) => role.keyIds.includes(id))) return;
  const wanted = request.sides.map(
    ({ by, role }) => `${by}: ${role.keyIds.map((keyId) => keyId.slice(0, 12)).join(', ')}`,
  );
  throw new TidegateError(
    'key-unusable',
    `${requestTitle(request)}: key ${id.slice(0, 12)} is none of those that may sign it (${wanted.join('; ')}). Nothing was signed`,
    { keyId: id, expected: wanted },
  );
}
