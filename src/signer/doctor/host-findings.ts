/**
 * What hosts find at a place, be it the store itself or what a CDN makes of it: fresh ones, those with a root of any age,
 * and those of some days ahead if nothing is signed until then.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import { formatTime } from '../../metadata/time.ts';
import type { Floors } from '../../trust/floors.ts';
import { noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { requireTimestamp, type TrustedSet } from '../../trust/trusted-set.ts';
import { readEveryRole } from '../expiry/role-reader.ts';
import type { ReadFile } from '../publication/repository-reader.ts';
import { hostAnchor, trustPolicyAt } from '../workspace/roots.ts';
import type { RepositoryPlace } from '../workspace/workspace.ts';
import { type CheckName, type Finding, fail, ok, warn } from './finding.ts';

export interface HostView {
  /** For messages: the repository and where it was looked at. */
  readonly where: string;
  readonly place: RepositoryPlace;
  readonly read: ReadFile;
  /** Of the workspace, from `firstRoot` on. */
  readonly roots: readonly Uint8Array[];
  readonly firstRoot: number;
  /** The lowest versions that may be shown. */
  readonly floors: Floors;
  /** Versions of earlier snapshots that hosts may still be in the middle of. */
  readonly recentSnapshots: ReadonlySet<number>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Another time to look at it, and whether it was asked for. */
  readonly at: number;
  readonly asked: boolean;
}

export async function hostFindings(view: HostView): Promise<readonly Finding[]> {
  const { where, place, read } = view;
  const name = metadataName(place.folders, 'timestamp');
  const head = await read(name, defaultLimits.maxTimestampLength);
  if (head === undefined) return [absentFinding(view, name)];
  const read_ = remembered(read);
  const found = await attempt(view, 'client', view.now, read_);
  const findings = [
    ok('published', where, name),
    ...(await rootFindings(view)),
    ...(await snapshotFindings(view)),
  ];
  if (!('set' in found)) return [...findings, found.finding];
  const { version } = requireTimestamp(found.set).document;
  findings.push(
    versionFinding(view, version),
    ok('client', where, `a fresh host comes to timestamp ${version}`),
  );
  const later = await attempt(view, 'later', view.at, read_);
  findings.push('set' in later ? ok('later', where, `still good at ${formatTime(view.at)}`) : later.finding);
  return findings;
}

/** PUB-05: nothing is worse than going back to nothing. */
function absentFinding({ where, floors }: HostView, name: string): Finding {
  if (floors.timestamp === 0)
    return warn('published', where, `${name} does not exist`, 'nothing was ever published: tidegate publish');
  const found = `${name} is gone, and version ${floors.timestamp} was published`;
  return fail(
    'version',
    where,
    found,
    'put the store back as it was; hosts refuse everything below what they have seen',
  );
}

function versionFinding({ where, floors }: HostView, version: number): Finding {
  if (version >= floors.timestamp)
    return ok('version', where, `timestamp ${version}, as high as was ever seen`);
  const found = `version went down: timestamp ${version}, and ${floors.timestamp} was published`;
  const advice = `a store restored from a backup, or an old cache. Hosts that have seen ${floors.timestamp} refuse this: put the later files back; what is signed next must be above ${floors.timestamp}`;
  return fail('version', where, found, advice);
}

function remembered(read: ReadFile): ReadFile {
  const known = new Map<string, Promise<Uint8Array | undefined>>();
  return async (name, limit) => {
    const found = known.get(name) ?? read(name, limit);
    known.set(name, found);
    return await found;
  };
}

async function attempt(
  { where, place, roots, now, asked }: HostView,
  check: CheckName,
  at: number,
  read: ReadFile,
): Promise<{ readonly set: TrustedSet } | { readonly finding: Finding }> {
  const request = {
    folders: place.folders,
    anchor: hostAnchor(roots),
    policy: trustPolicyAt(at),
    floors: noFloors,
  };
  try {
    const set = await readEveryRole(read, request);
    if (set === undefined) throw new TidegateError('not-found', 'the timestamp went away');
    return { set };
  } catch (error) {
    if (!isTidegateError(error) || error.class === 'cancelled') throw error;
    const found = `${error.code}: ${error.message}`;
    const level = at === now || asked ? fail : warn;
    const advice =
      error.code === 'expired'
        ? 'sign anew: tidegate refresh; people for root and targets'
        : 'look at it with tidegate verify; hosts take no update until it is mended';
    return { finding: level(check, where, found, advice) };
  }
}

/** PUB-18: hosts in the field begin with a root of any age, and each finds its way only over all that follow. */
async function rootFindings({ where, place, read, roots, firstRoot }: HostView): Promise<readonly Finding[]> {
  const gone: number[] = [];
  const other: number[] = [];
  for (const [index, own] of roots.entries()) {
    const version = firstRoot + index;
    const bytes = await read(metadataName(place.folders, 'root', version), defaultLimits.maxRootLength);
    if (bytes === undefined) gone.push(version);
    else if (!Buffer.from(bytes).equals(own)) other.push(version);
  }
  const last = firstRoot + roots.length - 1;
  const findings: Finding[] = [];
  if (gone.length > 0) {
    const stranded =
      Math.max(...gone) > firstRoot
        ? `; hosts with a root below ${Math.max(...gone)} are lost without it`
        : '';
    const advice =
      'put them back from roots/ of the workspace, under their names, and take away what removed them (a lifecycle rule?)';
    findings.push(fail('roots', where, `missing: root ${gone.join(', ')}${stranded}`, advice));
  }
  if (other.length > 0) {
    const advice = 'somebody wrote over them: find out who, then put back those of roots/';
    findings.push(
      fail('roots', where, `other bytes than in this workspace: root ${other.join(', ')}`, advice),
    );
  }
  if (findings.length > 0) return findings;
  return [ok('roots', where, `a host with any root from ${firstRoot} to ${last} finds its way to ${last}`)];
}

async function snapshotFindings({
  where,
  place,
  read,
  recentSnapshots,
}: HostView): Promise<readonly Finding[]> {
  const gone: number[] = [];
  for (const version of recentSnapshots) {
    const name = metadataName(place.folders, 'snapshot', version);
    if ((await read(name, defaultLimits.maxStatedLength)) === undefined) gone.push(version);
  }
  const all = recentSnapshots.size;
  if (gone.length === 0) return [ok('snapshots', where, `${all} of the last month are there`)];
  const found = `missing: snapshot ${gone.toSorted((one, next) => one - next).join(', ')}, current within the last month`;
  const advice =
    'hosts in the middle of an update fail once; take away what removes them, only tidegate gc may';
  return [warn('snapshots', where, found, advice)];
}
