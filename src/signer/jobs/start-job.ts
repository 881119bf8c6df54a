/**
 * The beginning of each kind of job: which keys of which roles change into which. Nothing of it is written but the new
 * keys and, last of all, the job itself, so that an accident before leaves keys that nobody uses.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { readLive } from '../publication/live-repository.ts';
import { roleKeyNames } from '../workspace/role-edit.ts';
import { chainOf, rootDifferences } from '../workspace/roots.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { workspaceFileName } from '../workspace/workspace-file.ts';
import { abandonJob } from './advance.ts';
import { rolesOfKey, rolesToReplace } from './affected-roles.ts';
import { reopened } from './carry-out.ts';
import { commandOf } from './checklist.ts';
import { changedRoles, honestRepository } from './honest-state.ts';
import type { HonestState, Job, JobKind } from './job.ts';
import { readJobs, writeJob } from './job.ts';
import { mergedJobs } from './merged-jobs.ts';
import { bringKey, makeKey } from './new-keys.ts';
import { requireOwnRoots } from './own-roots.ts';
import { causesOfOurs } from './recovery.ts';
import {
  changesOf,
  keysOf,
  type Replacement,
  replacementOf,
  requireNew,
  requireStrong,
  type StartOptions,
} from './replacements.ts';
import { defaultWait } from './stages.ts';

/** @param old the key that goes; default: the only one @throws usage, config-invalid, and what bringing keys throws */
export async function startRotation(
  workspace: Workspace,
  role: string,
  options: StartOptions & { readonly old?: string | undefined; readonly wait?: number | undefined },
): Promise<Job> {
  requireSettled(workspace);
  await requireOwnRoots(workspace);
  await requireUntouched(workspace, role);
  const keys = keysOf(workspace, role);
  const old = options.old ?? (keys.length === 1 ? keys[0] : undefined);
  if (old === undefined || !keys.includes(old)) {
    const found =
      options.old === undefined
        ? `${role} has the keys ${keys.join(', ')}`
        : `${options.old} is no key of ${role} (${keys.join(', ')})`;
    throw new TidegateError('usage', `${found}; say which one goes: --old NAME`);
  }
  const replacement = await replacementOf(workspace, role, old, options);
  const isOnline = role === 'timestamp' || role === 'snapshot';
  const wait = isOnline ? (options.wait ?? defaultWait) : 0;
  return await begin(workspace, { kind: 'rotate', name: `rotate-${role}`, wait }, [replacement], options);
}

/**
 * A stolen key goes from every role at once. Others take its place where too few would be left.
 *
 * @throws usage, and what bringing keys throws
 */
export async function startRevocation(
  workspace: Workspace,
  name: string,
  options: StartOptions,
): Promise<Job> {
  requireRoot(workspace);
  await requireOwnRoots(workspace);
  await requireReadable(workspace, name);
  const affected = rolesOfKey(workspace.settings, name);
  if (affected.length === 0 && !isInRoot(workspace, name))
    throw new TidegateError(
      'usage',
      `${name} is no key of any role in ${workspaceFileName} or the root in force; nothing has to be revoked`,
    );
  const replacements: Replacement[] = [];
  for (const { role, keys, threshold } of affected) {
    const isEnough =
      keys.length - 1 >= threshold && options.keys.length === 0 && options.making === undefined;
    if (isEnough) replacements.push({ role, old: name, next: undefined });
    else replacements.push(await replacementOf(workspace, role, name, options, replacements));
  }
  return await begin(workspace, { kind: 'revoke', name: `revoke-${name}`, wait: 0 }, replacements, options);
}

/** A key on its way out is in the root still, and in tidegate.toml no more. */
function isInRoot({ roots, keys }: Workspace, name: string): boolean {
  const root = chainOf(roots, 'roots').root.document;
  return [...root.keys.keys()].some((id) => keys.get(id)?.name === name);
}

export interface RecoveryOptions extends StartOptions {
  readonly honest: readonly HonestState[];
  /** Target paths that go. */
  readonly remove: readonly string[];
  /** Roles whose keys are known to be stolen, beside those that something unknown was published of. */
  readonly stolen: readonly string[];
}

/** @throws usage, and what bringing keys throws */
export async function startRecovery(workspace: Workspace, options: RecoveryOptions): Promise<Job> {
  requireRoot(workspace);
  const stolen = new Set(options.stolen);
  if (stolen.has('root'))
    throw new TidegateError(
      'usage',
      'a stolen root key is taken away by: tidegate revoke NAME --compromised. As many as must sign, and only a new first root by an OS image helps',
    );
  await requireOwnRoots(workspace);
  for (const role of await attackedRoles(workspace, options)) stolen.add(role);
  if (stolen.size === 0) {
    const text =
      'what is published is what this workspace published last: there is nothing to recover from. If it came from somebody else all the same, give --keep-from FILE, --remove TARGET or --stolen ROLE';
    throw new TidegateError('usage', text);
  }
  const replacements: Replacement[] = [];
  for (const role of rolesToReplace(stolen)) {
    if (roleKeyNames(workspace.settings, role) === undefined) continue;
    for (const old of keysOf(workspace, role))
      replacements.push(await replacementOf(workspace, role, old, options, replacements));
  }
  const job = {
    kind: 'recover',
    name: 'recover',
    wait: 0,
    honest: options.honest,
    remove: options.remove,
  } as const;
  return await begin(workspace, job, replacements, options);
}

/** What an attacker left may be more than a key can be taken away from. */
async function requireReadable(workspace: Workspace, key: string): Promise<void> {
  for (const place of repositoriesOf(workspace.settings)) {
    try {
      await readLive(workspace, place);
    } catch (error) {
      if (!isTidegateError(error) || (causesOfOurs.has(error.class) && error.code !== 'not-found'))
        throw error;
      const text = `${error.message}. What is published is not whole any more; revoking ${key} is not enough. Next: tidegate recover`;
      throw new TidegateError(error.code, text, error.details, { cause: error });
    }
  }
}

/** Roles of which something unknown is published, or that list what shall go. */
async function attackedRoles(
  workspace: Workspace,
  { honest, remove }: RecoveryOptions,
): Promise<ReadonlySet<string>> {
  const roles = new Set<string>();
  for (const place of repositoriesOf(workspace.settings)) {
    const state = honest.find(({ repository }) => repository === place.name);
    if (state === undefined) continue;
    for (const role of await changedRoles(workspace, place, state)) roles.add(role);
    const { published } = await honestRepository(workspace, place, state);
    for (const [role, document] of [
      ['targets', published?.targets] as const,
      ...Array.from(published?.delegated ?? [], ([name, file]) => [name, file.document] as const),
    ])
      if (remove.some((path) => document?.targets.has(path) === true)) roles.add(role);
  }
  return roles;
}

function requireRoot({ roots }: Workspace): void {
  if (roots.length > 0) return;
  throw new TidegateError('workspace-invalid', 'no root is signed yet: there is nothing that hosts trust');
}

/** Half of another change would get into the same root. What is stolen does not wait for that. */
function requireSettled(workspace: Workspace): void {
  requireRoot(workspace);
  const { roots, settings, keys } = workspace;
  const [difference] = rootDifferences(chainOf(roots, 'roots').root.document, settings, keys);
  if (difference === undefined) return;
  throw new TidegateError(
    'workspace-invalid',
    `${difference}. Finish that first, or put ${workspaceFileName} back`,
  );
}

/** Of two jobs on one role the one that was begun last would undo the other. */
async function requireUntouched(workspace: Workspace, role: string): Promise<void> {
  const other = (await readJobs(workspace)).find(({ changes }) =>
    changes.some((change) => change.role === role),
  );
  if (other === undefined) return;
  throw new TidegateError(
    'workspace-invalid',
    `${other.name} is under way and changes the keys of ${role}. Finish that first: ${commandOf(other)}`,
    { role },
  );
}

async function begin(
  workspace: Workspace,
  head: { readonly kind: JobKind; readonly name: string; readonly wait: number } & Pick<
    Job,
    'honest' | 'remove'
  >,
  replacements: readonly Replacement[],
  options: StartOptions,
): Promise<Job> {
  const marks = { started: Math.floor(options.now / 1000) * 1000 };
  const alone: Job = { ...head, changes: changesOf(workspace, replacements), marks };
  const { job, changed } = mergedJobs(alone, await readJobs(workspace));
  requireNew(replacements, workspace, job);
  await requireStrong(workspace, job);
  if (options.dryRun === true) return job;
  const made = new Set<string>();
  for (const { next } of replacements) {
    if (next === undefined || made.has(next.name)) continue;
    made.add(next.name);
    if (next.given !== undefined) await bringKey(workspace, next.given, options);
    else if (options.making !== undefined) await makeKey(workspace, next.name, options.making);
  }
  const known = new Set(Array.from((await reopened(workspace)).keys.values(), ({ name }) => name));
  const missing = [...made].find((name) => !known.has(name));
  if (missing !== undefined)
    throw new TidegateError(
      'usage',
      `${missing} is a key that the workspace knows under another name; expected a new key`,
    );
  if (job.kind !== 'rotate') await giveUpRotations(workspace, job);
  // The earlier ones first: an accident between the two leaves none that brings a stolen key back.
  for (const other of changed) await writeJob(workspace, other);
  await writeJob(workspace, job);
  return job;
}

/** What was to happen in peace to the same roles is overtaken. */
async function giveUpRotations(workspace: Workspace, { changes }: Job): Promise<void> {
  for (const other of await readJobs(workspace)) {
    if (other.kind !== 'rotate') continue;
    const same = other.changes.some(({ role }) => changes.some((change) => change.role === role));
    if (same) await abandonJob(workspace, other);
  }
}
