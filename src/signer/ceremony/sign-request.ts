/** Signing: exactly the payload, with a key that the role wants, verified before it counts. */
import { TidegateError } from '../../errors.ts';
import { asListed } from '../keys/listed-key.ts';
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
  const wanted = wantedSpellings(request, key);
  const { valid } = checkSignatures(request, request.signatures);
  const missing = wanted.filter(({ id }) => !valid.some(({ keyId }) => keyId === id));
  const added = [];
  for (const spelling of missing) {
    options.signal?.throwIfAborted();
    added.push({
      keyId: spelling.id,
      hex: await signatureOf(spelling, request.payload, requestTitle(request)),
    });
  }
  const signed = checkSignatures(request, [...valid, ...added]);
  const refused = wanted.find(({ id }) => !signed.valid.some(({ keyId }) => keyId === id));
  if (refused !== undefined) {
    const text = `${requestTitle(request)}: the signature by ${refused.id.slice(0, 12)} does not verify with the key that the role lists under this id. Nothing was written`;
    throw new TidegateError('key-unusable', text, { keyId: refused.id });
  }
  return { ...request, signatures: signed.valid };
}

/** @throws key-unusable when no side wants the key */
export function requireWanted(request: SigningRequest, key: SigningKey): void {
  wantedSpellings(request, key);
}

/** The key under each id that a side lists it as: two roots of another tool may spell one key in two ways. */
function wantedSpellings(request: SigningRequest, key: SigningKey): readonly SigningKey[] {
  const spellings = new Map<string, SigningKey>();
  for (const { role, keys } of request.sides) {
    for (const id of role.keyIds) {
      const json = keys.get(id)?.json;
      const spelling = json && asListed(key, { id, json });
      if (spelling !== undefined) spellings.set(id, spelling);
    }
  }
  if (spellings.size === 0) throw unwanted(request, key);
  return [...spellings.values()];
}

function unwanted(request: SigningRequest, { id }: SigningKey): TidegateError {
  const wanted = request.sides.map(
    ({ by, role }) => `${by}: ${role.keyIds.map((keyId) => keyId.slice(0, 12)).join(', ')}`,
  );
  return new TidegateError(
    'key-unusable',
    `${requestTitle(request)}: key ${id.slice(0, 12)} is none of those that may sign it (${wanted.join('; ')}). Nothing was signed`,
    { keyId: id, expected: wanted },
  );
}
