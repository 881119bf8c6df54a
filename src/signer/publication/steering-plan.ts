/**
 * Changes to releases that are published, as they will stand in the manifest. Pure.
 *
 * 1. They come before new releases, so that one publication can withdraw a release and bring the next.
 * 2. What is so already, because an interrupted publication did it, is done.
 * 3. Other waves and acceleration are made for the waves that somebody saw: where these have changed since, the change is
 *    refused.
 */
import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { isSameFleet } from '../../metadata/repository-layout.ts';
import { formatManifest } from '../../waves/manifest.ts';
import type { Manifest, Release } from '../../waves/release.ts';
import {
  findRelease,
  findWithdrawal,
  inSpread,
  requireRelease,
  setBarrier,
  setMaxVersion,
  setMigrations,
  setWaves,
} from '../../waves/releases.ts';
import {
  accelerateRelease,
  isPausedForAll,
  pauseRelease,
  resumeRelease,
  withdrawRelease,
} from '../../waves/steering.ts';
import { scheduleOf, type WavePolicy } from '../../waves/wave-policy.ts';
import { type ReleaseSteering, type Steering, steeringName } from '../release/steering-draft.ts';

export interface ScheduledSteering {
  readonly change: Steering;
  /** The one that the change names. */
  readonly policy?: WavePolicy;
}

/** What a change comes to. */
export interface PlannedSteering {
  readonly change: Steering;
  /** The release before and after, or a release of the fleet where its highest version changes. */
  readonly before: Release | undefined;
  readonly after: Release | undefined;
  /** Of a withdrawal that calls hosts back: the version that they go down to. */
  readonly goal?: string;
}

export interface SteeringInput {
  /** As published. */
  readonly manifest: Manifest;
  readonly steering: readonly ScheduledSteering[];
  /** When what counts from the publication begins, in milliseconds. */
  readonly at: number;
}

/** @throws release-invalid, wave-policy-invalid */
export function planSteering({ manifest, steering, at }: SteeringInput): {
  readonly manifest: Manifest;
  readonly steered: readonly PlannedSteering[];
} {
  const waiting = steering.filter(({ change }) => !isSteered(change, manifest));
  let sum = manifest;
  const steered = waiting.map((one): PlannedSteering => {
    const before = concerned(one.change, sum);
    requireListed(one.change, sum);
    sum = steer(sum, one, at);
    const after = concerned(one.change, sum);
    const goal = goalOf(one.change, sum);
    return { change: one.change, before, after, ...(goal !== undefined && { goal }) };
  });
  return { manifest: sum, steered };
}

function goalOf(change: Steering, { updates }: Manifest): string | undefined {
  if (change.kind !== 'withdraw' || change.callBack === undefined) return undefined;
  return updates.find((release) => isSameFleet(release, change))?.maxVersion;
}

/** True when what the change wants is so. */
export function isSteered(change: Steering, manifest: Manifest): boolean {
  if (change.kind === 'migrations') {
    const text = ({ migrations }: Pick<Manifest, 'migrations'>): string => JSON.stringify(migrations);
    return text(change) === text(manifest);
  }
  if (change.kind === 'max-version') {
    const own = manifest.updates.filter((one) => isSameFleet(one, change));
    return own.length > 0 && own.every(({ maxVersion }) => maxVersion === change.maxVersion);
  }
  const release = findRelease(manifest, change);
  if (change.kind === 'withdraw')
    return (
      release === undefined &&
      findWithdrawal(manifest, change) !== undefined &&
      isCalledBack(change, manifest)
    );
  if (release === undefined) return false;
  if (change.kind === 'pause') return change.everyone ? isPausedForAll(release) : release.pause !== undefined;
  if (change.kind === 'resume') return release.pause === undefined;
  if (change.kind === 'barrier') return (release.barrier === true) === change.on;
  return false;
}

/** Somebody else may have withdrawn the release and let hosts stay: then the highest version is none that is listed. */
function isCalledBack(change: Extract<Steering, { kind: 'withdraw' }>, { updates }: Manifest): boolean {
  if (change.callBack === undefined) return true;
  const own = updates.filter((one) => isSameFleet(one, change));
  return own.every(({ maxVersion }) => own.some(({ version }) => version === maxVersion));
}

/**
 * True when a publication of this workspace has done it, whose manifest this is. Other waves are recognised by this: the
 * release is no longer what the change was made for.
 */
export function isSteeringPublished(change: Steering, manifest: Manifest): boolean {
  if (change.kind !== 'set' && change.kind !== 'accelerate') return isSteered(change, manifest);
  const release = findRelease(manifest, change);
  return release !== undefined && baseOf(release) !== change.base;
}

/** Identifies the entry of a release. */
export function baseOf(release: Release): string {
  return digestOf('sha256', formatManifest({ updates: [release], migrations: [] }));
}

function steer(manifest: Manifest, { change, policy }: ScheduledSteering, at: number): Manifest {
  switch (change.kind) {
    case 'migrations':
      return setMigrations(manifest, change.migrations);
    case 'max-version':
      return setMaxVersion(manifest, change, change.maxVersion);
    case 'pause':
      return pauseRelease(manifest, change, { at, everyone: change.everyone });
    case 'resume':
      return resumeRelease(manifest, change, at);
    case 'barrier':
      return setBarrier(manifest, change, change.on);
    case 'withdraw': {
      const { reason, callBack } = change;
      const options = {
        at,
        ...(reason !== undefined && { reason }),
        ...(callBack !== undefined && { callBack }),
      };
      return withdrawRelease(manifest, change, options);
    }
    case 'accelerate': {
      requireBase(manifest, change);
      const { factor } = change;
      return accelerateRelease(manifest, change, {
        at,
        ...(factor !== undefined && { factor }),
        ...(policy !== undefined && { policy }),
      });
    }
    case 'set': {
      requireBase(manifest, change);
      const { spread, startTime = at } = change;
      const schedule =
        policy === undefined ? { waves: new Map(), opened: at } : scheduleOf(policy, startTime);
      return setWaves(manifest, change, inSpread(schedule, spread));
    }
  }
}

/** The release of a change may have been withdrawn by somebody else since. */
function requireListed(change: Steering, manifest: Manifest): void {
  if (!('base' in change) || findRelease(manifest, change) !== undefined) return;
  const gone = findWithdrawal(manifest, change) !== undefined ? 'withdrawn' : 'taken away';
  const { kind, variant, arch, version } = change;
  const text = `${steeringName(change)}: it was ${gone} since this change (${kind}) was made. Take the change back: tidegate waves drop ${variant} ${arch} ${version}`;
  throw new TidegateError('release-invalid', text, { release: steeringName(change) });
}

function requireBase(manifest: Manifest, change: ReleaseSteering): void {
  if (baseOf(requireRelease(manifest, change)) === change.base) return;
  const text = `${steeringName(change)}: its waves were changed by another publication since this change was made. Look at them (tidegate waves show) and make it again`;
  throw new TidegateError('release-invalid', text, { release: steeringName(change) });
}

function concerned(change: Steering, manifest: Manifest): Release | undefined {
  if (change.kind === 'migrations') return undefined;
  if (change.kind !== 'max-version') return findRelease(manifest, change);
  return manifest.updates.find((one) => isSameFleet(one, change));
}
