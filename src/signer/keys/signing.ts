/**
 * Signing a document with the keys of a role. As many keys sign as the threshold asks, in the order of the role,
 * passing over those that are not at hand; each signature is verified before it is taken.
 */
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import { formatEnvelope } from '../../metadata/envelope.ts';
import type { JsonObject } from '../../metadata/json.ts';
import type { RoleKeys } from '../../metadata/keys.ts';
import type { KeyRing, NamedKey } from './key-ring.ts';
import { type SigningKey, signatureOf } from './signing-key.ts';

/** What is to be signed, for messages: "metadata: snapshot 7". */
export interface SignRequest {
  readonly document: JsonObject;
  readonly role: RoleKeys;
  readonly what: string;
}

/**
 * The file of a signed document.
 *
 * @throws signatures-missing naming the keys that are not at hand, key-unusable, and what opening key files throws
 */
export async function signDocument(
  request: SignRequest,
  ring: KeyRing,
  names: ReadonlyMap<string, NamedKey>,
): Promise<Uint8Array> {
  const { role, what } = request;
  const keys: SigningKey[] = [];
  const missing: string[] = [];
  for (const id of role.keyIds) {
    if (keys.length === role.threshold) break;
    const name = names.get(id);
    const key = name && (await ring.open(name));
    if (key === undefined) missing.push(name?.name ?? id.slice(0, 12));
    else keys.push(key);
  }
  if (keys.length < role.threshold) {
    throw new TidegateError(
      'signatures-missing',
      `${what}: ${keys.length} of ${role.threshold} keys are at hand; missing: ${missing.join(', ')}. Nothing was written`,
      { what, found: keys.length, expected: role.threshold, missing },
    );
  }
  return await signWith(request, keys);
}

/** The file of a document, signed with each of the keys. */
export async function signWith(
  { document, what }: Pick<SignRequest, 'document' | 'what'>,
  keys: readonly SigningKey[],
): Promise<Uint8Array> {
  const message = canonicalBytes(document);
  const signatures = [];
  for (const key of keys) signatures.push({ keyId: key.id, hex: await signatureOf(key, message, what) });
  return formatEnvelope(document, signatures);
}
