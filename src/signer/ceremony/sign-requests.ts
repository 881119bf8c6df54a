/**
 * Several requests signed with several keys of one person:
 *
 * 1. A key that a request does not want is a mistake of the person who typed it: nothing is signed.
 * 2. A key that cannot be opened, or whose token or service fails, is named; what the others made is kept.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { type KeyContext, type KeySource, parseKeyUri } from '../keys/key-source.ts';
import type { SigningKey } from '../keys/signing-key.ts';
import { requireWanted, signRequest } from './sign-request.ts';
import type { SigningRequest } from './signing-request.ts';

export interface SignedRequest {
  readonly request: SigningRequest;
  /** Ids of the keys whose signatures were not there before. */
  readonly added: readonly string[];
}

export interface FailedKey {
  /** The address of the key. */
  readonly uri: string;
  readonly error: TidegateError;
}

export interface SigningOutcome {
  readonly signed: readonly SignedRequest[];
  /** Keys that did not sign all of the requests, though they should have. */
  readonly failed: readonly FailedKey[];
}

/**
 * @param uris where the private keys are
 * @throws usage when no key adds anything; key-unusable for a key that a request does not want; what the first key met
 *   with when none made a signature
 */
export async function signRequests(
  requests: readonly SigningRequest[],
  uris: readonly string[],
  context: KeyContext,
): Promise<SigningOutcome> {
  const failed: FailedKey[] = [];
  const keys = await openKeys(uris.map(parseKeyUri), context, failed);
  for (const { key } of keys) for (const request of requests) requireWanted(request, key);
  let signed = requests;
  for (const { uri, key } of keys) signed = await signAll(signed, uri, key, context, failed);
  const outcomes = signed.map((request, index) => ({ request, added: addedTo(requests[index], request) }));
  if (outcomes.some(({ added }) => added.length > 0)) return { signed: outcomes, failed };
  if (failed.length > 0) throw failureOf(failed, 'nothing was written');
  const which = requests.map(({ where }) => where).join(', ');
  throw new TidegateError('usage', `${which}: signed with ${uris.join(', ')} already; nothing was written`);
}

interface OpenKey {
  readonly uri: string;
  readonly key: SigningKey;
}

async function openKeys(
  sources: readonly KeySource[],
  context: KeyContext,
  failed: FailedKey[],
): Promise<readonly OpenKey[]> {
  const keys: OpenKey[] = [];
  for (const { uri, open } of sources) {
    const key = await attempt(uri, failed, () => open(context));
    if (key !== undefined) keys.push({ uri, key });
    // Who turns away from a question is not asked the next one.
    const last = failed.at(-1)?.error;
    if (last?.code === 'cancelled') throw last;
  }
  return keys;
}

/** One key over all requests, up to the first that it cannot sign: a service that failed is not asked again. */
async function signAll(
  requests: readonly SigningRequest[],
  uri: string,
  key: SigningKey,
  { signal }: KeyContext,
  failed: FailedKey[],
): Promise<readonly SigningRequest[]> {
  const done = [...requests];
  for (const [index, request] of requests.entries()) {
    const signed = await attempt(uri, failed, () => signRequest(request, key, signal && { signal }));
    if (signed === undefined) break;
    done[index] = signed;
  }
  return done;
}

async function attempt<T>(uri: string, failed: FailedKey[], act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (!isTidegateError(error)) throw error;
    failed.push({ uri, error });
    return undefined;
  }
}

function addedTo(before: SigningRequest | undefined, { signatures }: SigningRequest): readonly string[] {
  const known = new Set(before?.signatures.map(({ keyId, hex }) => `${keyId} ${hex.toLowerCase()}`));
  return signatures.filter(({ keyId, hex }) => !known.has(`${keyId} ${hex}`)).map(({ keyId }) => keyId);
}

/** Every key that failed, with its reason, under the code of the first. @param rest what became of the others */
export function failureOf(failed: readonly FailedKey[], rest: string): TidegateError {
  const [first] = failed;
  const reasons = failed.map(({ uri, error }) => `key ${uri}: ${error.message}`);
  return new TidegateError(
    first?.error.code ?? 'key-unusable',
    `${reasons.join('; ')}; ${rest}`,
    { ...first?.error.details, keys: failed.map(({ uri }) => uri) },
    { cause: first?.error },
  );
}
