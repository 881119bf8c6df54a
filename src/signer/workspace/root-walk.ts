/**
 * Walking the roots of a repository. One publication walks the same chain a dozen times, at other moments and with
 * other floors; whether one root follows from another depends on neither, so each link is verified once in a process,
 * and again only where a byte or a limit differs. The form of key ids is asked each time, by the rule of that walk.
 */
import { metadataFileName } from '../../metadata/file-names.ts';
import type { RootDocument } from '../../metadata/root.ts';
import { checkKeyIds } from '../../trust/document-check.ts';
import type { Floors } from '../../trust/floors.ts';
import type { TrustPolicy } from '../../trust/policy.ts';
import { type TrustedSet, trustRoot, updateRoot, type Verified } from '../../trust/trusted-set.ts';

/** A root that was verified, and the limits by which. */
interface Known {
  readonly root: Verified<RootDocument>;
  readonly limits: TrustPolicy['limits'];
}

/** Chains that are remembered: those of a few repositories. */
const mostAnchors = 8;
/** Successors of one root: the right one, and what somebody else may have served. */
const mostSuccessors = 4;

const anchors: Known[] = [];
const successors = new WeakMap<RootDocument, Known[]>();

/** As `trustRoot`. */
export function beginWalk(anchor: Uint8Array, policy: TrustPolicy, floors: Floors): TrustedSet {
  const known = knownIn(anchors, anchor, policy);
  if (known === undefined) {
    const set = trustRoot(anchor, policy, floors);
    keep(anchors, { root: set.root, limits: policy.limits }, mostAnchors);
    return set;
  }
  checkKeyIds(known.root.document.keys, policy, 'trusted root');
  return { policy, floors, root: known.root, timestamp: undefined, snapshot: undefined, targets: new Map() };
}

/** As `updateRoot`. */
export function stepTo(set: TrustedSet, bytes: Uint8Array): TrustedSet {
  const { document } = set.root;
  const after = successors.get(document) ?? [];
  const known = knownIn(after, bytes, set.policy);
  if (known !== undefined) {
    checkKeyIds(known.root.document.keys, set.policy, metadataFileName('root', document.version + 1));
    return { ...set, root: known.root };
  }
  const next = updateRoot(set, bytes);
  keep(after, { root: next.root, limits: set.policy.limits }, mostSuccessors);
  successors.set(document, after);
  return next;
}

function knownIn(list: readonly Known[], bytes: Uint8Array, policy: TrustPolicy): Known | undefined {
  return list.find(({ root, limits }) => limits === policy.limits && Buffer.compare(root.bytes, bytes) === 0);
}

function keep(list: Known[], known: Known, most: number): void {
  list.push(known);
  if (list.length > most) list.shift();
}
