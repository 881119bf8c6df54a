/**
 * The threshold (TUF specification 4.2, 5.3.4 and others): a document is believed when enough *distinct
 * public keys* of the role have signed its canonical bytes.
 *
 * 1. What counts is the decoded key: two ids, or two spellings, of one key are one key.
 * 2. Signatures by unknown keys, and wrong ones beside enough right ones, do no harm.
 * 3. A key that cannot be used contributes nothing, and the message says why.
 */
import { TidegateError } from '../errors.ts';
import { isUsable } from '../metadata/crypto.ts';
import type { Envelope, SignatureEntry } from '../metadata/envelope.ts';
import { type KeySet, type RoleKeys, verificationKey } from '../metadata/keys.ts';
import { printable } from '../metadata/printable.ts';

export interface SignatureCount {
  /** Key ids whose signatures count, one for each distinct public key. */
  readonly signedBy: readonly string[];
  readonly threshold: number;
  /** Key ids of the role that did not contribute, with the reason. */
  readonly without: ReadonlyMap<string, string>;
}

/** Counts the valid signatures of a role over a document; decides nothing. */
export function countSignatures(envelope: Envelope, role: RoleKeys, keys: KeySet): SignatureCount {
  const entries = new Map(envelope.signatures.map((entry) => [entry.keyId, entry]));
  const counted = new Set<string>();
  const signedBy: string[] = [];
  const without = new Map<string, string>();
  for (const id of role.keyIds) {
    const outcome = checkOne(entries.get(id), envelope.canonical, id, keys);
    if ('reason' in outcome) without.set(id, outcome.reason);
    else if (counted.has(outcome.identity)) without.set(id, 'the same public key as another key id');
    else {
      counted.add(outcome.identity);
      signedBy.push(id);
    }
  }
  return { signedBy, threshold: role.threshold, without };
}

type Outcome = { readonly identity: string } | { readonly reason: string };

function checkOne(
  entry: SignatureEntry | undefined,
  canonical: Uint8Array,
  id: string,
  keys: KeySet,
): Outcome {
  if (entry === undefined) return { reason: 'no signature' };
  if (entry.signature === undefined) return { reason: 'a signature that is not hexadecimal' };
  const key = keys.get(id);
  if (key === undefined) return { reason: 'no such key' };
  const usable = verificationKey(key);
  if (!isUsable(usable)) return { reason: usable.unusable };
  return usable.verify(canonical, entry.signature)
    ? { identity: usable.identity }
    : { reason: 'a wrong signature' };
}

/**
 * @param signers whose keys are asked, for the message: "root 4's timestamp keys"
 * @throws threshold-not-met
 */
export function requireThreshold(
  envelope: Envelope,
  role: RoleKeys,
  keys: KeySet,
  signers: string,
): SignatureCount {
  const count = countSignatures(envelope, role, keys);
  if (count.signedBy.length >= count.threshold) return count;
  const reasons = Array.from(count.without, ([id, reason]) => `${printable(id).slice(0, 12)}: ${reason}`);
  if (role.keyIds.length < role.threshold) reasons.unshift(`the role has only ${role.keyIds.length} keys`);
  throw new TidegateError(
    'threshold-not-met',
    `${envelope.file}: ${count.signedBy.length} of ${count.threshold} valid signatures by ${signers} (${reasons.slice(0, 8).join('; ')})`,
    { file: envelope.file, valid: count.signedBy.length, threshold: count.threshold, signers },
  );
}
