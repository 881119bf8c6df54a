/**
 * Edits who signs in tidegate.toml as text, so that comments and everything else stay as people wrote them. Pure.
 *
 * 1. Of a role only its line `keys = […]` changes.
 * 2. What comes out is read again: it says the new keys and nothing else new, or the edit is refused.
 */
import { TidegateError } from '../../errors.ts';
import { isTopLevelRole } from '../../metadata/role-name.ts';
import { readWorkspaceFile, type WorkspaceSettings, workspaceFileName } from './workspace-file.ts';

/** Names of the keys of a role, a top-level one or a delegated one; undefined: tidegate.toml has no such role. */
export function roleKeyNames(
  { roles, delegations = [] }: Pick<WorkspaceSettings, 'roles' | 'delegations'>,
  role: string,
): readonly string[] | undefined {
  if (isTopLevelRole(role)) return roles[role].keys;
  return delegations.find(({ name }) => name === role)?.keys;
}

/** @throws config-invalid when there is no such role, or it is written in a way that cannot be edited */
export function withRoleKeys(text: string, role: string, keys: readonly string[]): string {
  const before = readWorkspaceFile(text);
  const present = roleKeyNames(before, role);
  if (present === undefined) throw unfit(`there is no role ${role}`);
  if (isSame(present, keys)) return text;
  const lines = text.split('\n');
  const from = isTopLevelRole(role)
    ? lines.findIndex((line) => headerOf(line) === `[roles.${role}]`)
    : delegationStart(lines, before, role);
  const at = from < 0 ? -1 : lines.findIndex((line, index) => index > from && isKeysLine(line));
  const end = lines.findIndex((line, index) => index > from && /^\s*\[/.test(line));
  if (at < 0 || (end >= 0 && at > end)) throw unfit(`the keys of ${role} cannot be edited here`);
  lines[at] = `keys = [${keys.map((name) => JSON.stringify(name)).join(', ')}]`;
  return verified(before, lines.join('\n'), new Map([[role, keys]]));
}

/** Adds the address of a private half under `[keys]`. @throws config-invalid */
export function withKeyPlace(text: string, name: string, uri: string): string {
  const line = `${JSON.stringify(name)} = ${JSON.stringify(uri)}`;
  const lines = text.split('\n');
  const at = lines.findIndex((candidate) => headerOf(candidate) === '[keys]');
  if (at >= 0) return lines.toSpliced(at + 1, 0, line).join('\n');
  return `${text.trimEnd()}\n\n[keys]\n${line}\n`;
}

/** Without the table `[keys]`: every private half is looked for in `keys/`. */
export function withoutKeyPlaces(text: string): string {
  const lines = text.split('\n');
  const from = lines.findIndex((line) => headerOf(line) === '[keys]');
  if (from < 0) return text;
  const next = lines.findIndex((line, index) => index > from && /^\s*\[/.test(line));
  return [...lines.slice(0, from), ...(next < 0 ? [] : lines.slice(next))].join('\n');
}

function headerOf(line: string): string {
  return line.replace(/#.*$/, '').replaceAll(/\s/g, '');
}

function isKeysLine(line: string): boolean {
  return /^\s*keys\s*=\s*\[[^\]]*\]\s*(#.*)?$/.test(line);
}

function delegationStart(lines: readonly string[], settings: WorkspaceSettings, role: string): number {
  const index = (settings.delegations ?? []).findIndex(({ name }) => name === role);
  const starts = lines.flatMap((line, at) => (headerOf(line) === '[[delegations]]' ? [at] : []));
  return starts[index] ?? -1;
}

function verified(
  before: WorkspaceSettings,
  text: string,
  wanted: ReadonlyMap<string, readonly string[]>,
): string {
  const after = readWorkspaceFile(text);
  const roles = ['root', 'targets', 'snapshot', 'timestamp', ...namesOf(before)];
  const isRight = roles.every((role) =>
    isSame(roleKeyNames(after, role) ?? [], wanted.get(role) ?? roleKeyNames(before, role) ?? []),
  );
  if (isRight && isSame(namesOf(before), namesOf(after))) return text;
  throw unfit('the roles are written in a way that cannot be edited here; edit the file by hand');
}

function namesOf({ delegations = [] }: WorkspaceSettings): readonly string[] {
  return delegations.map(({ name }) => name);
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((name, index) => name === other[index]);
}

function unfit(problem: string): TidegateError {
  const text = `${workspaceFileName}: ${problem}`;
  return new TidegateError('config-invalid', text, { file: workspaceFileName });
}
