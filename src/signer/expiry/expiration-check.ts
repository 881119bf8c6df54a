/** Whether roles expire too soon: what a monitoring system asks again and again. Pure but for `readPlaces`. */
import { isTidegateError, TidegateError } from '../../errors.ts';
import type { RepositoryFolders } from '../../metadata/repository-layout.ts';
import type { Floors } from '../../trust/floors.ts';
import { clockTolerance } from '../publication/clock-check.ts';
import { type ReadFile, readerOf } from '../publication/repository-reader.ts';
import type { Expiration } from '../workspace/expiration.ts';
import { regardlessOfExpiry } from '../workspace/roots.ts';
import { readFloors } from '../workspace/state-file.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { livesOf, type RoleLife, readEveryRole } from './role-reader.ts';
import {
  checkRoleNames,
  kindOf,
  type Level,
  levelOf,
  type ThresholdOptions,
  type Thresholds,
  thresholdsFor,
  worstOf,
} from './thresholds.ts';

/** A repository to be looked at. */
export interface WatchedPlace {
  /** For people: the metadata folder, or the address. */
  readonly name: string;
  readonly folders: RepositoryFolders;
  readonly read: ReadFile;
  readonly anchor: Uint8Array;
  readonly floors: Floors;
}

export interface WatchedRepository {
  readonly repository: string;
  /** Empty: nothing was ever published. */
  readonly roles: readonly RoleLife[];
  /** Why it could not be looked at, or does not verify. */
  readonly fault: TidegateError | undefined;
}

export interface CheckedRole extends RoleLife, Thresholds {
  readonly repository: string;
  /** Milliseconds until it expires; negative when it has. */
  readonly remaining: number;
  /** It lives longer than the policy allows, as after a clock that was ahead; a warning at least. */
  readonly tooLong: boolean;
  readonly level: Level;
}

export interface ExpirationCheck {
  /** The time that was asked about, milliseconds since the epoch. */
  readonly at: number;
  /** The worst of all. */
  readonly level: Level;
  readonly roles: readonly CheckedRole[];
  /** What keeps hosts from updating already: critical. */
  readonly faults: readonly { readonly repository: string; readonly error: TidegateError }[];
  /** Repositories of the workspace that were never published. */
  readonly unpublished: readonly string[];
}

export interface CheckOptions extends ThresholdOptions {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** How long each role is signed for. */
  readonly validity: Expiration;
  /** The time that is: no role may outlive what would be signed now. Without it no policy is known to be broken. */
  readonly signedBefore?: number;
}

/** @throws usage for thresholds of roles that do not exist, or that contradict each other */
export function checkExpirations(
  repositories: readonly WatchedRepository[],
  { at, validity, signedBefore, ...thresholds }: CheckOptions,
): ExpirationCheck {
  const roles = repositories.flatMap(({ repository, roles: lives }) =>
    lives.map((life) => {
      const longest = validity[kindOf(life.role)];
      const limits = thresholdsFor(life.role, longest, thresholds);
      const remaining = life.expires - at;
      const tooLong = signedBefore !== undefined && life.expires > signedBefore + longest + clockTolerance;
      const level = worstOf([levelOf(remaining, limits), tooLong ? 'warning' : 'ok']);
      return { ...life, repository, ...limits, remaining, tooLong, level };
    }),
  );
  // Roles of a repository that could not be read are not known, so no name can be called wrong.
  const complete = repositories.every(({ fault, roles: lives }) => fault === undefined && lives.length > 0);
  if (complete) checkRoleNames(thresholds, new Set(roles.map(({ role }) => role)));
  const faults = repositories.flatMap(({ repository, fault }) =>
    fault === undefined ? [] : [{ repository, error: fault }],
  );
  const unpublished = repositories
    .filter(({ fault, roles: lives }) => fault === undefined && lives.length === 0)
    .map(({ repository }) => repository);
  const level = worstOf([
    ...roles.map((role) => role.level),
    ...(faults.length > 0 ? ['critical' as const] : []),
  ]);
  return { at, level, roles, faults, unpublished };
}

/** What of an error is the repository's, and not the caller's. */
const callersFaults: ReadonlySet<string> = new Set(['usage', 'config', 'cancelled', 'internal']);

/** Reads every place; one that cannot be read does not hide the others. @throws usage, config and cancelled errors */
export async function readPlaces(places: readonly WatchedPlace[]): Promise<readonly WatchedRepository[]> {
  const found: WatchedRepository[] = [];
  for (const place of places) {
    const { name: repository, read, floors } = place;
    try {
      const set = await readEveryRole(read, { ...place, policy: regardlessOfExpiry });
      if (set === undefined && floors.timestamp > 0) throw vanished(place);
      found.push({ repository, roles: set === undefined ? [] : livesOf(set), fault: undefined });
    } catch (error) {
      if (!isTidegateError(error) || callersFaults.has(error.class)) throw error;
      found.push({ repository, roles: [], fault: error });
    }
  }
  return found;
}

/** The repositories of a workspace as they are public. @throws workspace-invalid before the first root is signed */
export async function placesOfWorkspace(
  workspace: Workspace,
  signal?: AbortSignal,
): Promise<readonly WatchedPlace[]> {
  const [anchor] = workspace.roots;
  if (anchor === undefined) {
    throw new TidegateError('workspace-invalid', `${workspace.directory}: no root is signed yet`);
  }
  const read = readerOf(workspace.store, signal);
  const places: WatchedPlace[] = [];
  for (const { name, folders } of repositoriesOf(workspace.settings)) {
    places.push({ name, folders, read, anchor, floors: await readFloors(workspace, name) });
  }
  return places;
}

function vanished({ name, folders, floors }: WatchedPlace): TidegateError {
  const text = `${name}: ${folders.metadata}/timestamp.json is gone; version ${floors.timestamp} was published`;
  return new TidegateError('rollback', text, { repository: name, floor: floors.timestamp });
}
