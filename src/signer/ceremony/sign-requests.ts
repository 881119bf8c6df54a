/** Several requests signed with several keys of one person: all of them, or none when one cannot be. */
import { TidegateError } from '../../errors.ts';
import { type KeyContext, parseKeyUri } from '../keys/key-source.ts';
import type { SigningKey } from '../keys/signing-key.ts';
import { signRequest } from './sign-request.ts';
import type { SigningRequest } from './signing-request.ts';

export interface SignedRequest {
  readonly request: SigningRequest;
  /** Ids of the keys whose signatures were not there before. */
  readonly added: readonly string[];
}

/**
 * @param uris where the private keys are
 * @throws usage when no key adds anything; key-unusable for a key that a request does not want; what opening keys throws
 */
export async function signRequests(
  requests: readonly SigningRequest[],
  uris: readonly string[],
  context: KeyContext,
): Promise<readonly SignedRequest[]> {
  const sources = uris.map(parseKeyUri);
  const keys: SigningKey[] = [];
  for (const source of sources) keys.push(await source.open(context));
  const signed: SignedRequest[] = [];
  for (const request of requests) signed.push(await signWithAll(request, keys, context.signal));
  if (signed.some(({ added }) => added.length > 0)) return signed;
  const which = requests.map(({ where }) => where).join(', ');
  throw new TidegateError('usage', `${which}: signed with ${uris.join(', ')} already; nothing was written`);
}

async function signWithAll(
  request: SigningRequest,
  keys: readonly SigningKey[],
  signal: AbortSignal | undefined,
): Promise<SignedRequest> {
  let signed = request;
  for (const key of keys) signed = await signRequest(signed, key, signal && { signal });
  const before = new Set(request.signatures.map(({ keyId, hex }) => `${keyId} ${hex.toLowerCase()}`));
  const added = signed.signatures.filter(({ keyId, hex }) => !before.has(`${keyId} ${hex}`));
  return { request: signed, added: added.map(({ keyId }) => keyId) };
}
