/**
 * All that a signer should see of a request before he signs: computed from the payload and the verified chain. A claim
 * of the file is shown as one.
 */
import { rolesForPath } from '../../metadata/delegations.ts';
import { parseKeySet } from '../../metadata/keys.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import { isTargetPath } from '../../metadata/target-path.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { parseManifest } from '../../waves/manifest.ts';
import { type Manifest, missingImages, releaseName } from '../../waves/release.ts';
import {
  checkSignatures,
  type DroppedSignature,
  progressOf,
  type SideProgress,
} from '../ceremony/request-signatures.ts';
import type { SigningRequest } from '../ceremony/signing-request.ts';
import { type Alarm, alarm } from './alarm.ts';
import { alarmsOf } from './alarms.ts';
import { objectOrNothing } from './change.ts';
import { type Difference, differenceOf } from './difference.ts';
import type { OwnerNames } from './key-facts.ts';
import { ownerAlarms, ownerNames } from './owner-names.ts';
import { shown } from './shown.ts';

export interface ReviewOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Names by key id, from the signer's own public keys. */
  readonly confirmed?: ReadonlyMap<string, string>;
  /** The version of the signer's own root, when it was found to lead to the root in force. */
  readonly trustedRoot?: number | undefined;
}

export interface Review {
  readonly request: SigningRequest;
  readonly now: number;
  readonly trustedRoot: number | undefined;
  readonly names: OwnerNames;
  readonly alarms: readonly Alarm[];
  readonly difference: Difference;
  /** Of a targets role that lists a manifest, where it is at hand. */
  readonly manifest: Manifest | undefined;
  readonly manifestBefore: Manifest | undefined;
  readonly progress: readonly SideProgress[];
  readonly dropped: readonly DroppedSignature[];
}

const week = 7 * 24 * 3_600_000;
/**
 * A week more than the longest of the policies that come with Tidegate. A request can state a shorter validity; a longer
 * one would be the word of whoever wrote the file.
 */
const longestValidity = { root: 53 * week, targets: 27 * week, snapshot: 27 * week, timestamp: 14 * week };
const tolerance = 24 * 3_600_000;

/** @throws manifest-invalid when an attached manifest is none */
export function reviewOf(request: SigningRequest, options: ReviewOptions): Review {
  const { now, confirmed = new Map(), trustedRoot } = options;
  const names = ownerNames(request.owners, confirmed);
  const difference = differenceOf(request.before, request.document, names);
  const manifest = manifestIn(request.attachments);
  const longest = longestValidity[request.type];
  const stated = request.longestValidity === undefined ? longest : request.longestValidity + tolerance;
  return {
    request,
    now,
    trustedRoot,
    names,
    alarms: [
      ...requestAlarms(request, trustedRoot),
      ...alarmsOf(difference, { now, longestValidity: Math.min(longest, stated) }),
      ...ownerAlarms(request.owners, confirmed, keySetsOf(request)),
      ...delegatedAlarms(request),
      ...manifestAlarms(difference, manifest, request),
    ],
    difference,
    manifest,
    manifestBefore: manifestIn(request.previousAttachments),
    progress: progressOf(request),
    dropped: checkSignatures(request, request.signatures).dropped,
  };
}

function requestAlarms(
  { rootVersion, role, version, previous, previousUnverified, unsigned }: SigningRequest,
  trustedRoot: number | undefined,
): readonly Alarm[] {
  const alarms: Alarm[] = [];
  if (rootVersion === undefined) {
    const sentence =
      'this is a FIRST root: no earlier one vouches for it. Compare the words of every key with its owner, by another way than this file';
    alarms.push(alarm('first-root', sentence));
  } else if (trustedRoot === undefined) {
    const sentence =
      'no root of your own was given (--root FILE): whoever made this file can have made every root and version that it is compared with';
    alarms.push(alarm('root-not-compared', sentence));
  }
  if (role !== 'root' && version > 1 && previous === undefined)
    alarms.push(
      alarm('no-previous', `version ${version} comes without the version before; all of it is shown as new`),
    );
  if (previousUnverified) {
    const sentence =
      'no key at hand has signed the version before that the request gives; all of it is shown as new';
    alarms.push(alarm('previous-unverified', sentence));
  }
  for (const name of unsigned)
    alarms.push(
      alarm('delegator-unsigned', `${shown(name)}, which names the keys of this role, is not signed yet`),
    );
  return alarms;
}

/** Clients pass over what a role lists outside of its paths. */
function delegatedAlarms({ sides, role, document }: SigningRequest): readonly Alarm[] {
  const delegations = sides[0]?.delegations;
  if (delegations === undefined) return [];
  return [...objectOrNothing(document.get('targets')).keys()]
    .filter(
      (path) => isTargetPath(path) && !rolesForPath(delegations, path).some(({ name }) => name === role),
    )
    .map((path) =>
      alarm('target-not-delegated', `${shown(role)} may not sign for ${shown(path)}: clients pass it over`),
    );
}

function keySetsOf({ sides, document, type }: SigningRequest): readonly ReturnType<typeof parseKeySet>[] {
  const keys = objectOrNothing(document.get('delegations')).get('keys');
  const own = type === 'targets' && keys !== undefined ? [parseKeySet(keys, defaultLimits, place)] : [];
  return [...sides.map((side) => side.keys), ...own];
}

const place = { file: 'payload', path: 'signed.delegations.keys' };

function manifestIn(attachments: SigningRequest['attachments']): Manifest | undefined {
  const bytes = attachments.get(manifestTarget);
  return bytes === undefined ? undefined : parseManifest(bytes);
}

function manifestAlarms(
  { targets }: Difference,
  manifest: Manifest | undefined,
  { document }: SigningRequest,
): readonly Alarm[] {
  const changed = targets.changes.some(({ name, state }) => name === manifestTarget && state !== 'removed');
  if (manifest === undefined) {
    const sentence = `${manifestTarget} has other bytes, and they are not in the request: which releases it opens, and when, cannot be shown`;
    return changed ? [alarm('manifest-unseen', sentence)] : [];
  }
  if (document.has('delegations')) return [];
  const listed = objectOrNothing(document.get('targets'));
  return missingImages(manifest, (path) => listed.has(path)).map(({ release, kind, path }) =>
    alarm(
      'image-not-listed',
      `${shown(releaseName(release))}: its image ${kind}, ${shown(path)}, is not among the targets`,
    ),
  );
}
