/**
 * A metadata file as it stands, of whatever tool: what it says, whether it is sound, and which of its signatures verify
 * by the keys at hand. Keys at hand are those of a root itself, of a root that is given, and of a given delegator.
 */
import { isTidegateError } from '../../errors.ts';
import { digestOf, isUsable } from '../../metadata/crypto.ts';
import { type Envelope, parseEnvelope } from '../../metadata/envelope.ts';
import { verificationKey } from '../../metadata/keys.ts';
import { parseRoot } from '../../metadata/root.ts';
import { parseSnapshot } from '../../metadata/snapshot.ts';
import { parseTargets } from '../../metadata/targets.ts';
import { parseTimestamp } from '../../metadata/timestamp.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { countSignatures } from '../../trust/threshold.ts';
import { rootSide, topLevelSide } from '../ceremony/request-authority.ts';
import type { SideProgress } from '../ceremony/request-signatures.ts';
import type { RequestSide } from '../ceremony/signing-request.ts';
import { type Difference, differenceOf } from '../review/difference.ts';
import type { OwnerNames } from '../review/key-facts.ts';

/** Files whose keys are used, not verified themselves. */
export interface KeyFiles {
  readonly root?: Uint8Array | undefined;
  /** A targets role that delegates. */
  readonly delegator?: Uint8Array | undefined;
}

export interface InspectedSignature {
  readonly keyId: string;
  readonly outcome: 'verifies' | 'wrong' | 'no-key';
  /** Whose key it verifies with. */
  readonly by: readonly string[];
}

export interface MetadataInspection {
  readonly where: string;
  /** Of the file as it was read. */
  readonly length: number;
  readonly sha256: string;
  /** Of the canonical bytes that signatures cover. */
  readonly signedLength: number;
  readonly signedSha256: string;
  /** The document against nothing: everything that it says. */
  readonly content: Difference;
  /** What keeps clients from reading it. */
  readonly unsound: string | undefined;
  readonly signatures: readonly InspectedSignature[];
  readonly progress: readonly SideProgress[];
}

export function inspectMetadata(
  envelope: Envelope,
  bytes: Uint8Array,
  files: KeyFiles,
  names: OwnerNames,
): MetadataInspection {
  const { file, signed, canonical } = envelope;
  const sides = sidesFor(envelope, files);
  return {
    where: file,
    length: bytes.length,
    sha256: digestOf('sha256', bytes),
    signedLength: canonical.length,
    signedSha256: digestOf('sha256', canonical),
    content: differenceOf(undefined, signed, names),
    unsound: problemOf(() => readAny(envelope)),
    signatures: envelope.signatures.map(({ keyId }) => inspectSignature(envelope, keyId, sides)),
    progress: sides.map((side) => progressOn(envelope, side)),
  };
}

function readAny(envelope: Envelope): void {
  switch (envelope.signed.get('_type')) {
    case 'root':
      parseRoot(envelope, defaultLimits);
      break;
    case 'snapshot':
      parseSnapshot(envelope);
      break;
    case 'timestamp':
      parseTimestamp(envelope);
      break;
    default:
      parseTargets(envelope, defaultLimits);
  }
}

function problemOf(read: () => void): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (isTidegateError(error)) return error.message;
    throw error;
  }
}

/** Everyone whose signatures could be meant. */
function sidesFor(envelope: Envelope, { root, delegator }: KeyFiles): readonly RequestSide[] {
  const type = envelope.signed.get('_type');
  const sides: RequestSide[] = [];
  if (type === 'root' && problemOf(() => readAny(envelope)) === undefined)
    sides.push({ ...rootSide(parseRoot(envelope, defaultLimits)), by: 'its own root keys' });
  if (root !== undefined) {
    const document = parseRoot(parseEnvelope(root, defaultLimits, '--root'), defaultLimits);
    if (type === 'root') sides.push(rootSide(document));
    else if (type === 'targets' || type === 'snapshot' || type === 'timestamp')
      sides.push(topLevelSide(document, type));
  }
  if (delegator !== undefined && type === 'targets') sides.push(...delegatedSides(delegator));
  return sides;
}

/** Delegated roles do not say their names; those of which a key has signed are meant. */
function delegatedSides(delegator: Uint8Array): readonly RequestSide[] {
  const document = parseTargets(parseEnvelope(delegator, defaultLimits, '--delegator'), defaultLimits);
  const { delegations } = document;
  if (delegations === undefined) return [];
  return delegations.roles.map((role) => ({
    by: `the keys that version ${document.version} delegates ${role.name} to`,
    role,
    keys: delegations.keys,
    delegations,
  }));
}

function inspectSignature(
  envelope: Envelope,
  keyId: string,
  sides: readonly RequestSide[],
): InspectedSignature {
  const signature = envelope.signatures.find((entry) => entry.keyId === keyId)?.signature;
  const knowing = sides.filter(({ role, keys }) => role.keyIds.includes(keyId) && keys.has(keyId));
  const verifying = knowing.filter(({ keys }) => {
    const key = keys.get(keyId);
    const usable = key && verificationKey(key);
    if (usable === undefined || !isUsable(usable) || signature === undefined) return false;
    return usable.verify(envelope.canonical, signature);
  });
  const outcome = verifying.length > 0 ? 'verifies' : knowing.length > 0 ? 'wrong' : 'no-key';
  return { keyId, outcome, by: verifying.map(({ by }) => by) };
}

function progressOn(envelope: Envelope, { by, role, keys }: RequestSide): SideProgress {
  const { signedBy, threshold } = countSignatures(envelope, role, keys);
  const missing = role.keyIds.filter((id) => !signedBy.includes(id));
  return { by, have: signedBy.length, need: threshold, signed: signedBy, missing };
}
