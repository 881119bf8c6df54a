/**
 * Walking the roots of a repository. One publication walks the same chain a dozen times, at other moments and with
 * other floors; whether one root follows from another depends on neither, so each link is verified once in a process,
 * and again only where a byte or a rule differs.
 */
import type { RootDocument } from '../../metadata/root.ts';
import type { Floors } from '../../trust/floors.ts';
import type { TrustPolicy } from '../../trust/policy.ts';
import { type TrustedSet, trustRoot, updateRoot, type Verified } from '../../trust/trusted-set.ts';

/** A root that was verified, and the rules by which. */
interface Known {
  readonly root: Verified<RootDocument>;
  readonly limits: TrustPolicy['limits'];
  readonly requireHashedKeyIds: boolean | undefined;
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
    keep(anchors, { root: set.root, ...rulesOf(policy) }, mostAnchors);
    return set;
  }
  return { policy, floors, root: known.root, timestamp: undefined, snapshot: undefined, targets: new Map() };
}

/** As `updateRoot`. */
export function stepTo(set: TrustedSet, bytes: Uint8Array): TrustedSet {
  const { document } = set.root;
  const after = successors.get(document) ?? [];
  const known = knownIn(after, bytes, set.policy);
  if (known !== undefined) return { ...set, root: known.root };
  const next = updateRoot(set, bytes);
  keep(after, { root: next.root, ...rulesOf(set.policy) }, mostSuccessors);
  successors.set(document, after);
  return next;
}

function rulesOf({ limits, requireHashedKeyIds }: TrustPolicy): Omit<Known, 'root'> {
  return { limits, requireHashedKeyIds };
}

function knownIn(list: readonly Known[], bytes: Uint8Array, policy: TrustPolicy): Known | undefined {
  return list.find(
    ({ root, limits, requireHashedKeyIds }) =>
      limits === policy.limits &&
      requireHashedKeyIds === policy.requireHashedKeyIds &&
      Buffer.from(root.bytes).equals(bytes),
  );
}

function keep(list: Known[], known: Known, most: number): void {
  list.push(known);
  if (list.length > most) list.shift();
}
