/**
 * A new workspace: folders, policies, keys and the first root, signed; or, where people bring keys that they made
 * elsewhere, the request for it. It is made beside its place and moved there whole, so that an interrupted run leaves no
 * half of one.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { RepositoryLayout } from '../../metadata/repository-layout.ts';
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import { type FileSystem, nodeFileSystem } from '../../storage/file-system.ts';
import type { LockedKey, NamedKey } from '../keys/key-ring.ts';
import type { KeyType } from '../keys/signing-key.ts';
import { acceptedNow, type OverrideWish } from './accept-weaknesses.ts';
import { fillWorkspace } from './init-files.ts';
import { makeWholeFolder, type NewFolderOptions, requireFree, templatesFolder } from './new-folder.ts';
import type { Override } from './overrides.ts';
import { weaknessesOf } from './policies.ts';
import { readWorkspaceFile, type WorkspaceSettings, workspaceFileName } from './workspace-file.ts';

export interface InitOptions extends NewFolderOptions {
  readonly template: RepositoryLayout;
  /** The name of the repository, for ever. */
  readonly name: string;
  /** Where to publish: a folder, relative to the workspace, or an address. */
  readonly store: string;
  /** Architectures by variant. Default: variant `demo` for x86_64. */
  readonly variants?: Readonly<Record<string, readonly string[]>>;
  /** Default ed25519. */
  readonly keyType?: KeyType;
  /** Keys that were made elsewhere, by role, instead of new ones. The threshold is that of the template by default. */
  readonly given?: Partial<Record<TopLevelRole, GivenKeys>>;
  /** Asked once for each new key; the bytes stay the caller's. Needed unless development keys are asked for. */
  readonly passphrase?: (key: LockedKey) => Promise<Uint8Array>;
  /** Leaves private keys unencrypted: for development and demonstrations alone. */
  readonly insecureDevelopmentKeys?: boolean;
  /** What a person accepts though it is weaker than the policies. */
  readonly override?: OverrideWish | undefined;
  /** Milliseconds since the epoch; default: the clock. */
  readonly now?: number;
  readonly fileSystem?: FileSystem;
}

export interface GivenKeys {
  readonly keys: readonly NamedKey[];
  readonly threshold?: number;
}

/**
 * Makes a workspace in a folder that does not exist yet or is empty.
 *
 * @throws workspace-exists, config-invalid for a name, store or variant that cannot be, usage without any way to
 *   protect the keys, key-unusable for a passphrase that is too short
 */
export async function initWorkspace(directory: string, options: InitOptions): Promise<void> {
  const { fileSystem: fs = nodeFileSystem } = options;
  const checked = await checkInit(directory, options);
  const makesKeys = topLevelRoles.some((role) => options.given?.[role] === undefined);
  if (makesKeys && options.insecureDevelopmentKeys !== true && options.passphrase === undefined) {
    const text = 'a passphrase for the new keys is missing; only development keys can do without';
    throw new TidegateError('usage', text);
  }
  await makeWholeFolder(
    fs,
    checked.target,
    (write) => fillWorkspace(write, { ...checked, options }),
    options,
  );
}

export interface CheckedInit {
  /** The folder, absolute. */
  readonly target: string;
  /** What tidegate.toml will say. */
  readonly toml: string;
  readonly settings: WorkspaceSettings;
  /** What will be on record as accepted. */
  readonly overrides: readonly Override[];
}

/** What can be known of a new workspace before anything is made. Throws as `initWorkspace`; writes nothing. */
export async function checkInit(directory: string, options: InitOptions): Promise<CheckedInit> {
  const target = resolve(directory);
  await requireFree(options.fileSystem ?? nodeFileSystem, target);
  requireDistinct(options.given ?? {});
  const toml = await fillTemplate(options);
  const settings = readWorkspaceFile(toml);
  const weaknesses = await weaknessesOf(nodeFileSystem, templatesFolder, settings);
  return {
    target,
    toml,
    settings,
    overrides: acceptedNow(weaknesses, [], options.override, workspaceFileName),
  };
}

/** One key under two names, or two keys under one. @throws key-unusable */
function requireDistinct(given: NonNullable<InitOptions['given']>): void {
  const names = new Map<string, string>();
  const ids = new Map<string, string>();
  for (const { name, id } of topLevelRoles.flatMap((role) => given[role]?.keys ?? [])) {
    const [knownName, knownId] = [names.get(id) ?? name, ids.get(name) ?? id];
    if (knownName !== name || knownId !== id) {
      const problem =
        knownName === name ? `two keys are called ${name}` : `${knownName} and ${name} are the same key`;
      throw new TidegateError('key-unusable', `${problem}, expected a key of its own for each name`, {
        name,
      });
    }
    names.set(id, name);
    ids.set(name, id);
  }
}

/** Text that people typed becomes TOML text, never TOML. */
async function fillTemplate({ template, name, store, variants, given = {} }: InitOptions): Promise<string> {
  const text = await readFile(join(templatesFolder, 'layouts', `${template}.toml`), 'utf8');
  const rows = Object.entries(variants ?? { demo: ['x86_64'] }).map(
    ([variant, architectures]) => `${JSON.stringify(variant)} = ${JSON.stringify(architectures)}`,
  );
  const filled = text
    .replace('"@NAME@"', () => JSON.stringify(name))
    .replace('"@STORE@"', () => JSON.stringify(store))
    .replace('@VARIANTS@', () => rows.join('\n'));
  return topLevelRoles.reduce((sum, role) => withGivenKeys(sum, role, given[role]), filled);
}

function withGivenKeys(toml: string, role: TopLevelRole, given: GivenKeys | undefined): string {
  if (given === undefined) return toml;
  const names = JSON.stringify(given.keys.map(({ name }) => name)).replaceAll(',', ', ');
  const at = toml.indexOf(`[roles.${role}]`);
  const section = toml
    .slice(at)
    .replace(/^keys = .*$/m, () => `keys = ${names}`)
    .replace(/^threshold = .*$/m, (line) =>
      given.threshold === undefined ? line : `threshold = ${given.threshold}`,
    );
  return toml.slice(0, at) + section;
}
