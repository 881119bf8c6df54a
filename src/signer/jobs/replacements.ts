/**
 * Which key takes the place of which, before anything is written: names that are free, keys that are given for a role or
 * for the one role there is, and roles that stay as strong as the policies ask.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { KeyUnlocker } from '../keys/key-context.ts';
import { readOverrides } from '../workspace/overrides.ts';
import { readThresholds } from '../workspace/policies.ts';
import { roleKeyNames } from '../workspace/role-edit.ts';
import { requireStrength, roleWeaknesses } from '../workspace/role-strength.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { workspaceFileName } from '../workspace/workspace-file.ts';
import type { Job, RoleChange } from './job.ts';
import { type KeyMaking, type NewKey, nextKeyName } from './new-keys.ts';
import { isOverlapping } from './stages.ts';

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
export interface Replacement {
  readonly role: string;
  readonly old: string;
  /** undefined: nothing takes its place. */
  readonly next: { readonly name: string; readonly given: NewKey | undefined } | undefined;
}

/** @throws config-invalid for a role that does not exist */
export function keysOf({ settings }: Workspace, role: string): readonly string[] {
  const keys = roleKeyNames(settings, role);
  if (keys !== undefined) return keys;
  throw new TidegateError(
    'config-invalid',
    `${workspaceFileName} has no role ${role}, expected root, targets, snapshot, timestamp or a role of [[delegations]]`,
    { role },
  );
}

/**
 * @param others of the same job: a given key is used once, and a new one for all roles that shared the old one
 * @throws usage when no key is given and none shall be made
 */
export async function replacementOf(
  workspace: Workspace,
  role: string,
  old: string,
  { keys, making }: StartOptions,
  others: readonly Replacement[] = [],
): Promise<Replacement> {
  const twin = others.find((other) => other.old === old)?.next;
  const used = others.map(({ next }) => next?.given);
  const free = (key: NewKey): boolean => !used.includes(key);
  const given =
    keys.find((key) => key.role === role && free(key)) ??
    (others.length === 0 ? keys.find((key) => key.role === undefined) : undefined);
  if (given !== undefined) return { role, old, next: { name: given.name, given } };
  if (twin !== undefined) return { role, old, next: twin };
  if (making !== undefined) {
    const taken = new Set(others.flatMap(({ next }) => next?.name ?? []));
    return { role, old, next: { name: await nextKeyName(workspace, old, taken), given: undefined } };
  }
  throw new TidegateError(
    'usage',
    `${role}: which key takes the place of ${old}? Expected --new-key, or --key ${others.length > 0 ? `${role}:` : ''}NAME=FILE.pub`,
  );
}

export function changesOf(workspace: Workspace, replacements: readonly Replacement[]): readonly RoleChange[] {
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

/**
 * A rotation in stages may go on with a key that is listed already: one that was given up half way has brought it.
 *
 * @throws usage
 */
export function requireNew(
  replacements: readonly Replacement[],
  workspace: Workspace,
  { wait }: Pick<Job, 'wait'>,
): void {
  const same = replacements.find(
    ({ role, old, next }) =>
      next !== undefined &&
      keysOf(workspace, role).includes(next.name) &&
      (!isOverlapping({ wait }) || next.name === old),
  );
  if (same === undefined) return;
  throw new TidegateError('usage', `${same.next?.name} signs ${same.role} already; expected a new key`);
}

/** What the job wants is as strong as policies ask, or somebody has answered for it. @throws config-invalid */
export async function requireStrong(workspace: Workspace, { changes }: Pick<Job, 'changes'>): Promise<void> {
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
