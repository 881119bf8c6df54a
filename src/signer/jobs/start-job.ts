/**
 * The beginning of each kind of job: which keys of which roles change into which. Nothing of it is written but the new
 * keys and, last of all, the job itself, so that an accident before leaves keys that nobody uses.
 */
import { join } from 'node:path';
import { isTidegateError, TidegateError } from '../../errors.ts';
import type { KeyUnlocker } from '../keys/key-context.ts';
import { readLive } from '../publication/live-repository.ts';
import { readOverrides } from '../workspace/overrides.ts';
import { readThresholds } from '../workspace/policies.ts';
import { roleKeyNames } from '../workspace/role-edit.ts';
import { requireStrength, roleWeaknesses } from '../workspace/role-strength.ts';
import { chainOf, rootDifferences } from '../workspace/roots.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { workspaceFileName } from '../workspace/workspace-file.ts';
import { rolesOfKey, rolesToReplace } from './affected-roles.ts';
import { reopened } from './carry-out.ts';
import { changedRoles } from './honest-state.ts';
import type { HonestState, Job, JobKind, RoleChange } from './job.ts';
import { writeJob } from './job.ts';
import { bringKey, type KeyMaking, makeKey, type NewKey, nextKeyName } from './new-keys.ts';
import { causesOfOurs } from './recovery.ts';
import { defaultWait } from './stages.ts';

export interface StartOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Keys that exist. */
  readonly keys: readonly NewKey[];
  /** Make a key where none is given. */
  readonly making: KeyMaking | undefined;
  /** Where relative paths of keys start. */
  readonly directory: string;
  readonly unlock: KeyUnlocker;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/** One key of a role that another takes the place of; `after` of the plan holds its name, or that of one to be made. */
interface Replacement {
  readonly role: string;
  readonly old: string;
  /** undefined: nothing takes its place. */
  readonly next: { readonly name: string; readonly given: NewKey | undefined } | undefined;
}

/** @param old the key that goes; default: the only one @throws usage, config-invalid, and what bringing keys throws */
export async function startRotation(
  workspace: Workspace,
  role: string,
  options: StartOptions & { readonly old?: string | undefined; readonly wait?: number | undefined },
): Promise<Job> {
  requireSettled(workspace);
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
  requireSettled(workspace);
  await requireReadable(workspace, name);
  const affected = rolesOfKey(workspace.settings, name);
  if (affected.length === 0)
    throw new TidegateError(
      'usage',
      `${name} is no key of any role in ${workspaceFileName}; nothing has to be revoked`,
    );
  const replacements: Replacement[] = [];
  const made = new Map<string, Replacement>();
  for (const { role, keys, threshold } of affected) {
    const given =
      options.keys.find((key) => key.role === role) ?? options.keys.find((key) => key.role === undefined);
    const isEnough = keys.length - 1 >= threshold && given === undefined && options.making === undefined;
    // One new key for all the roles that shared the old one, as it was.
    const known = made.get(name);
    const own = isEnough
      ? { role, old: name, next: undefined }
      : known === undefined
        ? await replacementOf(workspace, role, name, options)
        : { ...known, role };
    if (own.next?.given === undefined && own.next !== undefined) made.set(name, own);
    replacements.push(own);
  }
  return await begin(workspace, { kind: 'revoke', name: `revoke-${name}`, wait: 0 }, replacements, options);
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
  requireSettled(workspace);
  const stolen = new Set(options.stolen);
  for (const place of repositoriesOf(workspace.settings)) {
    const state = options.honest.find(({ repository }) => repository === place.name);
    if (state === undefined) continue;
    for (const role of await changedRoles(workspace, place, state)) stolen.add(role);
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

/** Half of another change would get into the same root. */
function requireSettled({ roots, settings, keys }: Workspace): void {
  const [difference] =
    roots.length === 0
      ? ['no root is signed yet']
      : rootDifferences(chainOf(roots, 'roots').root.document, settings, keys);
  if (difference === undefined) return;
  throw new TidegateError(
    'workspace-invalid',
    `${difference}. Finish that first, or put ${workspaceFileName} back`,
  );
}

function keysOf({ settings }: Workspace, role: string): readonly string[] {
  const keys = roleKeyNames(settings, role);
  if (keys !== undefined) return keys;
  throw new TidegateError(
    'config-invalid',
    `${workspaceFileName} has no role ${role}, expected root, targets, snapshot, timestamp or a role of [[delegations]]`,
    { role },
  );
}

async function replacementOf(
  workspace: Workspace,
  role: string,
  old: string,
  { keys, making }: StartOptions,
  others: readonly Replacement[] = [],
): Promise<Replacement> {
  const used = others.filter((other) => other.role === role).map(({ next }) => next?.given);
  const free = (key: NewKey): boolean => !used.includes(key);
  const given =
    keys.find((key) => key.role === role && free(key)) ??
    (others.length === 0 ? keys.find((key) => key.role === undefined) : undefined);
  if (given !== undefined) return { role, old, next: { name: given.name, given } };
  if (making !== undefined) {
    const twin = others.find((other) => other.old === old)?.next;
    return { role, old, next: twin ?? { name: await nextKeyName(workspace, old), given: undefined } };
  }
  throw new TidegateError(
    'usage',
    `${role}: which key takes the place of ${old}? Expected --new-key, or --key ${others.length > 0 ? `${role}:` : ''}NAME=FILE.pub`,
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
  const job: Job = {
    ...head,
    changes: changesOf(workspace, replacements),
    marks: { started: Math.floor(options.now / 1000) * 1000 },
  };
  requireNew(replacements, workspace);
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
  await writeJob(workspace, job);
  return job;
}

function changesOf(workspace: Workspace, replacements: readonly Replacement[]): readonly RoleChange[] {
  return [...new Set(replacements.map(({ role }) => role))].map((role) => {
    const before = keysOf(workspace, role);
    const after = before.flatMap((name) => {
      const replacement = replacements.find((candidate) => candidate.role === role && candidate.old === name);
      if (replacement === undefined) return [name];
      return replacement.next === undefined ? [] : [replacement.next.name];
    });
    return { role, before, after: [...new Set(after)] };
  });
}

function requireNew(replacements: readonly Replacement[], workspace: Workspace): void {
  const same = replacements.find(
    ({ role, next }) => next !== undefined && keysOf(workspace, role).includes(next.name),
  );
  if (same === undefined) return;
  throw new TidegateError('usage', `${same.next?.name} signs ${same.role} already; expected a new key`);
}

/** What the job wants is as strong as policies ask, or somebody has answered for it. @throws config-invalid */
async function requireStrong(workspace: Workspace, { changes }: Pick<Job, 'changes'>): Promise<void> {
  const { settings, fileSystem, directory } = workspace;
  const of = (role: string, keys: readonly string[]) =>
    changes.find((change) => change.role === role)?.after ?? keys;
  const { root, targets, snapshot, timestamp } = settings.roles;
  const wished = {
    roles: {
      root: { ...root, keys: of('root', root.keys) },
      targets: { ...targets, keys: of('targets', targets.keys) },
      snapshot: { ...snapshot, keys: of('snapshot', snapshot.keys) },
      timestamp: { ...timestamp, keys: of('timestamp', timestamp.keys) },
    },
    delegations: (settings.delegations ?? []).map((role) => ({ ...role, keys: of(role.name, role.keys) })),
  };
  for (const [role, { keys, threshold }] of [
    ...Object.entries(wished.roles),
    ...wished.delegations.map((role) => [role.name, role] as const),
  ]) {
    if (keys.length >= threshold) continue;
    const text = `${role}: ${keys.length} keys would be left of ${threshold} that must sign; expected --new-key, or --key NAME=FILE.pub`;
    throw new TidegateError('usage', text, { role });
  }
  const thresholds = await readThresholds(fileSystem, join(directory, 'policies'), settings);
  requireStrength(
    roleWeaknesses(wished, thresholds),
    await readOverrides(fileSystem, directory),
    workspaceFileName,
  );
}
