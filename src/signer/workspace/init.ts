/**
 * A new workspace: folders, policies, keys and the first root, signed. It is made beside its place and moved there
 * whole, so that an interrupted run leaves no half of one.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { formatJson } from '../../metadata/json-writer.ts';
import type { RepositoryLayout } from '../../metadata/repository-layout.ts';
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import { onDisk } from '../../storage/disk-error.ts';
import { createDurably, makeFolder, makeFolders } from '../../storage/durable-file.ts';
import { type FileSystem, nodeFileSystem } from '../../storage/file-system.ts';
import { statusIfAny } from '../../storage/plain-file.ts';
import { syncFolder } from '../../storage/staged-file.ts';
import { developmentKeyFile, encryptKeyFile } from '../keys/key-file.ts';
import { type LockedKey, privateKeyPath, publicKeyPath } from '../keys/key-ring.ts';
import { signWith } from '../keys/signing.ts';
import { generatePrivateKey, type KeyType, type SigningKey, signingKeyOf } from '../keys/signing-key.ts';
import { rootDocument } from '../publication/documents.ts';
import { type Expiration, expirationOf, readExpirationPolicy } from './expiration.ts';
import { parseWorkspaceFile, type WorkspaceSettings, workspaceFileName } from './workspace-file.ts';

export interface InitOptions {
  readonly template: RepositoryLayout;
  /** The name of the repository, for ever. */
  readonly name: string;
  /** Where to publish: a folder, relative to the workspace, or an address. */
  readonly store: string;
  /** Architectures by variant. Default: variant `demo` for x86_64. */
  readonly variants?: Readonly<Record<string, readonly string[]>>;
  /** Default ed25519. */
  readonly keyType?: KeyType;
  /** Asked once for each new key; the bytes stay the caller's. Needed unless development keys are asked for. */
  readonly passphrase?: (key: LockedKey) => Promise<Uint8Array>;
  /** Leaves private keys unencrypted: for development and demonstrations alone. */
  readonly insecureDevelopmentKeys?: boolean;
  /** Milliseconds since the epoch; default: the clock. */
  readonly now?: number;
  readonly fileSystem?: FileSystem;
}

const templates = join(import.meta.dirname, '..', '..', '..', 'repo-templates');
const policies: Readonly<Record<string, readonly string[]>> = {
  waves: ['default', 'accelerated', 'slow', 'emergency'],
  expiration: ['root-52w', '2w-2w-1w', '2w-26w-1w', '26w-26w-13w'],
};
const folderMode = 0o700;
const privateMode = 0o600;
const publicMode = 0o644;

/**
 * Makes a workspace in a folder that does not exist yet or is empty.
 *
 * @throws workspace-exists, config-invalid for a name, store or variant that cannot be, usage without any way to
 *   protect the keys, key-unusable for a passphrase that is too short
 */
export async function initWorkspace(directory: string, options: InitOptions): Promise<void> {
  const { fileSystem: fs = nodeFileSystem } = options;
  const { target, toml, settings } = await checkInit(directory, options);
  if (options.insecureDevelopmentKeys !== true && options.passphrase === undefined) {
    const text = 'a passphrase for the new keys is missing; only development keys can do without';
    throw new TidegateError('usage', text);
  }
  const draft = join(dirname(target), `.tidegate-init-${basename(target)}-${randomBytes(6).toString('hex')}`);
  await makeFolder(fs, draft, folderMode);
  try {
    await fill(fs, draft, { toml, settings, options });
    await onDisk('move the new workspace to', target, () => fs.rename(draft, target));
  } catch (error) {
    await clearAway(fs, draft).catch(() => undefined);
    throw error;
  }
  await syncFolder(fs, dirname(target));
}

export interface CheckedInit {
  /** The folder, absolute. */
  readonly target: string;
  /** What tidegate.toml will say. */
  readonly toml: string;
  readonly settings: WorkspaceSettings;
}

/** What can be known of a new workspace before anything is made. Throws as `initWorkspace`; writes nothing. */
export async function checkInit(directory: string, options: InitOptions): Promise<CheckedInit> {
  const target = resolve(directory);
  await requireFree(options.fileSystem ?? nodeFileSystem, target);
  const toml = await fillTemplate(options);
  return { target, toml, settings: parseWorkspaceFile(toml) };
}

/** What failed leaves no keys behind. */
async function clearAway(fs: FileSystem, folder: string): Promise<void> {
  for (const { name, kind } of await fs.entries(folder)) {
    const path = join(folder, name);
    await (kind === 'folder' ? clearAway(fs, path) : fs.unlink(path));
  }
  await fs.removeFolder(folder);
}

async function requireFree(fs: FileSystem, target: string): Promise<void> {
  const status = await statusIfAny(fs, target);
  if (status === undefined) return;
  const entries =
    status.kind === 'folder' ? await onDisk('list', target, () => fs.entries(target)) : undefined;
  if (entries?.length === 0) return;
  const found = entries === undefined ? 'something that is no folder' : 'files already';
  throw new TidegateError('workspace-exists', `${target} holds ${found}; expected a new or an empty folder`, {
    path: target,
  });
}

/** Text that people typed becomes TOML text, never TOML. */
async function fillTemplate({ template, name, store, variants }: InitOptions): Promise<string> {
  const text = await readFile(join(templates, 'layouts', `${template}.toml`), 'utf8');
  const rows = Object.entries(variants ?? { demo: ['x86_64'] }).map(
    ([variant, architectures]) => `${JSON.stringify(variant)} = ${JSON.stringify(architectures)}`,
  );
  return text
    .replace('"@NAME@"', () => JSON.stringify(name))
    .replace('"@STORE@"', () => JSON.stringify(store))
    .replace('@VARIANTS@', () => rows.join('\n'));
}

interface Draft {
  readonly toml: string;
  readonly settings: WorkspaceSettings;
  readonly options: InitOptions;
}

async function fill(fs: FileSystem, folder: string, { toml, settings, options }: Draft): Promise<void> {
  const write = async (name: string, content: string | Uint8Array, mode = publicMode): Promise<void> => {
    const path = join(folder, name);
    await makeFolders(fs, path, { within: folder, mode: folderMode });
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    await createDurably(fs, path, bytes, { mode });
  };
  const copies = Object.entries(policies).flatMap(([kind, names]) =>
    names.map((name) => join(kind, `${name}.toml`)),
  );
  for (const copy of copies) await write(join('policies', copy), await readFile(join(templates, copy)));
  const expiration = await readExpiration(settings);
  const keys = new Map<string, SigningKey>();
  for (const name of new Set(topLevelRoles.flatMap((role) => settings.roles[role].keys))) {
    const privateKey = await generatePrivateKey(options.keyType ?? 'ed25519');
    const path = privateKeyPath('keys', name);
    const key = signingKeyOf(privateKey, path);
    keys.set(name, key);
    const passphrase =
      options.insecureDevelopmentKeys === true ? undefined : await options.passphrase?.({ name, path });
    const file =
      passphrase === undefined
        ? developmentKeyFile(privateKey, path)
        : await encryptKeyFile(privateKey, passphrase, path);
    await write(path, file, privateMode);
    await write(publicKeyPath('keys', name), formatJson(key.json));
  }
  const now = options.now ?? Date.now();
  await write(join('roots', '1.root.json'), await firstRoot(settings, keys, now + expiration.root));
  await write('.gitignore', 'keys/*.key.json\nstate/\n.tidegate-lock/\n');
  await write(workspaceFileName, toml);
}

async function readExpiration(settings: WorkspaceSettings): Promise<Expiration> {
  const files = settings.expirationPolicies.map((name) => join('expiration', `${name}.toml`));
  const read = async (file: string) =>
    readExpirationPolicy(await readFile(join(templates, file), 'utf8'), file);
  return expirationOf(settings.expiration, await Promise.all(files.map(read)));
}

async function firstRoot(
  settings: WorkspaceSettings,
  keys: ReadonlyMap<string, SigningKey>,
  expires: number,
): Promise<Uint8Array> {
  const of = (role: TopLevelRole) => {
    const { keys: names, threshold } = settings.roles[role];
    return { keyIds: names.flatMap((name) => keys.get(name)?.id ?? []), threshold };
  };
  const roles = {
    root: of('root'),
    timestamp: of('timestamp'),
    snapshot: of('snapshot'),
    targets: of('targets'),
  };
  const objects = new Map(Array.from(keys.values(), (key) => [key.id, key.json]));
  const document = rootDocument({ repository: settings.name, version: 1, expires }, objects, roles);
  const signers = settings.roles.root.keys.slice(0, settings.roles.root.threshold);
  return await signWith(
    { document, what: 'root 1' },
    signers.flatMap((name) => keys.get(name) ?? []),
  );
}
