/** The signatures of a request: which of them count, who is missing, and the signed file when nobody is. */
import { TidegateError } from '../../errors.ts';
import { isUsable, signatureBytes } from '../../metadata/crypto.ts';
import { formatEnvelope, type WrittenSignature } from '../../metadata/envelope.ts';
import { verificationKey } from '../../metadata/keys.ts';
import { countSignatures } from '../../trust/threshold.ts';
import { envelopeOf } from './request-payload.ts';
import type { RequestSide, SigningRequest } from './signing-request.ts';
import { requestTitle } from './verified-request.ts';

export interface DroppedSignature {
  readonly keyId: string;
  /** By a key that no side wants, a second one of the same key, or one that does not verify. */
  readonly why: 'stranger' | 'duplicate' | 'invalid';
}

export interface CheckedSignatures {
  /** One for each key id, in the order of the key ids. */
  readonly valid: readonly WrittenSignature[];
  readonly dropped: readonly DroppedSignature[];
}

/** Sorts out what counts. The result does not depend on the order of the signatures. */
export function checkSignatures(
  { sides, payload }: Pick<SigningRequest, 'sides' | 'payload'>,
  signatures: readonly WrittenSignature[],
): CheckedSignatures {
  const valid = new Map<string, WrittenSignature>();
  const dropped: DroppedSignature[] = [];
  for (const signature of signatures) {
    const { keyId } = signature;
    const wanting = sides.filter(({ role }) => role.keyIds.includes(keyId));
    if (wanting.length === 0) dropped.push({ keyId, why: 'stranger' });
    else if (!wanting.some((side) => verifies(side, signature, payload)))
      dropped.push({ keyId, why: 'invalid' });
    else if (valid.has(keyId)) {
      dropped.push({ keyId, why: 'duplicate' });
      // Of two that are both right (random signatures) the same one stays, whatever came first.
      const known = valid.get(keyId)?.hex ?? signature.hex;
      if (signature.hex.toLowerCase() < known) valid.set(keyId, lowerCase(signature));
    } else valid.set(keyId, lowerCase(signature));
  }
  const sorted = [...valid.values()].sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
  return { valid: sorted, dropped };
}

function lowerCase({ keyId, hex }: WrittenSignature): WrittenSignature {
  return { keyId, hex: hex.toLowerCase() };
}

function verifies({ keys }: RequestSide, { keyId, hex }: WrittenSignature, payload: Uint8Array): boolean {
  const key = keys.get(keyId);
  const signature = signatureBytes(hex);
  if (key === undefined || signature === undefined) return false;
  const usable = verificationKey(key);
  return isUsable(usable) && usable.verify(payload, signature);
}

export interface SideProgress {
  /** Whose keys: "root 4's keys". */
  readonly by: string;
  readonly have: number;
  readonly need: number;
  /** Key ids. */
  readonly signed: readonly string[];
  readonly missing: readonly string[];
}

/** How far each side is. Two ids of one public key count once. */
export function progressOf(request: SigningRequest): readonly SideProgress[] {
  const { document, payload, where, sides } = request;
  const envelope = {
    ...envelopeOf(document, payload, where),
    signatures: checkSignatures(request, request.signatures).valid.map(({ keyId, hex }) => ({
      keyId,
      signature: signatureBytes(hex),
    })),
  };
  return sides.map(({ by, role, keys }) => {
    const { signedBy, threshold } = countSignatures(envelope, role, keys);
    const missing = role.keyIds.filter((id) => !signedBy.includes(id));
    return { by, have: signedBy.length, need: threshold, signed: signedBy, missing };
  });
}

/** "2 of 3 by root 4's keys, 1 of 3 by root 5's keys" */
export function progressText(progress: readonly SideProgress[]): string {
  return progress.map(({ have, need, by }) => `${have} of ${need} by ${by}`).join(', ');
}

export function isComplete(progress: readonly SideProgress[]): boolean {
  return progress.every(({ have, need }) => have >= need);
}

/**
 * The metadata file, with every signature that counts.
 *
 * @throws signatures-missing naming which side lacks how many
 */
export function signedFile(request: SigningRequest): Uint8Array {
  const progress = progressOf(request);
  if (isComplete(progress))
    return formatEnvelope(request.document, checkSignatures(request, request.signatures).valid);
  const lacking = progress
    .filter(({ have, need }) => have < need)
    .map(
      ({ by, have, need, missing }) =>
        `${need - have} more by ${by} (${missing.map((id) => nameOf(request, id)).join(', ')})`,
    );
  throw new TidegateError(
    'signatures-missing',
    `${requestTitle(request)}: ${progressText(progress)}; it lacks ${lacking.join(' and ')}. Nothing was written`,
    { what: requestTitle(request), lacking },
  );
}

/** A short name of a key: what the request calls its owner, else the beginning of its id. */
export function nameOf({ owners }: Pick<SigningRequest, 'owners'>, keyId: string): string {
  return owners.get(keyId) ?? keyId.slice(0, 12);
}
