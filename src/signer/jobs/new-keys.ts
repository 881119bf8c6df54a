/** The keys that a job brings into a workspace: made here, or made known where they are. */
import { join, resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { formatJson } from '../../metadata/json-writer.ts';
import { createDurably, writeDurably } from '../../storage/durable-file.ts';
import { readPlainFile, statusIfAny } from '../../storage/plain-file.ts';
import { parseKeyAddress } from '../keys/key-address.ts';
import type { KeyUnlocker, LockedKey } from '../keys/key-context.ts';
import { maxKeyFileLength } from '../keys/key-file.ts';
import { storePrivateKey } from '../keys/key-folder.ts';
import { privateKeyPath, publicKeyPath, readPublicKey } from '../keys/key-ring.ts';
import { parseKeyUri } from '../keys/key-source.ts';
import { parsePublicKeyFile, requireUsable } from '../keys/public-key-file.ts';
import { generatePrivateKey, type KeyType } from '../keys/signing-key.ts';
import { isKeyName, keyNameForm } from '../workspace/key-names.ts';
import { withKeyPlace } from '../workspace/role-edit.ts';
import { type Workspace, whileLocked } from '../workspace/workspace.ts';
import { readWorkspaceFile, workspaceFileName } from '../workspace/workspace-file.ts';

/** A key for a role: NAME, whose public half is in keys/; NAME=FILE.pub; or NAME=ADDRESS of a private half. */
export interface NewKey {
  /** undefined: the job has one role. */
  readonly role: string | undefined;
  readonly name: string;
  readonly place: string | undefined;
}

const form = /^(?:([A-Za-z0-9._/-]+):)?([a-z0-9][a-z0-9._-]*)(?:=(.+))?$/s;

/** "[ROLE:]NAME[=FILE.pub|ADDRESS]" @throws usage */
export function parseNewKey(text: string): NewKey {
  const [, role, name = '', place] = form.exec(text) ?? [];
  if (isKeyName(name)) return { role, name, place };
  const found = `--key ${text}: expected NAME, NAME=FILE.pub or NAME=ADDRESS, with ROLE: before it where there are several roles; NAME is ${keyNameForm}`;
  throw new TidegateError('usage', found);
}

export interface KeyMaking {
  readonly type?: KeyType;
  /** For the new private half; undefined: it is left unencrypted, for development. */
  readonly passphrase: ((key: LockedKey) => Promise<Uint8Array>) | undefined;
}

/** "timestamp" → "timestamp-2" → "timestamp-3": the next name that no key has, and that is not taken. */
export async function nextKeyName(
  { fileSystem, directory }: Workspace,
  old: string,
  taken: ReadonlySet<string> = new Set(),
): Promise<string> {
  const [, base = old, number = '1'] = /^(.*?)(?:-(\d{1,4}))?$/.exec(old) ?? [];
  for (let next = Number(number) + 1; ; next += 1) {
    const name = `${base}-${next}`;
    const paths = [
      publicKeyPath(join(directory, 'keys'), name),
      privateKeyPath(join(directory, 'keys'), name),
    ];
    const found = await Promise.all(paths.map((path) => statusIfAny(fileSystem, path)));
    if (!taken.has(name) && found.every((status) => status === undefined)) return name;
  }
}

/** A new key in `keys/`. @throws key-unusable for a passphrase that is too short, name-taken */
export async function makeKey(workspace: Workspace, name: string, making: KeyMaking): Promise<void> {
  const { fileSystem, directory } = workspace;
  const folder = join(directory, 'keys');
  const passphrase = await making.passphrase?.({ name, path: privateKeyPath(folder, name) });
  const privateKey = await generatePrivateKey(making.type ?? 'ed25519');
  await storePrivateKey(
    { fileSystem, folder, name },
    privateKey,
    passphrase === undefined ? {} : { passphrase },
  );
  passphrase?.fill(0);
}

/**
 * Makes a key known that exists already. Its private half stays where it is.
 *
 * @param directory where relative paths start
 * @throws workspace-invalid for a name without a public half, name-taken for one that another key has,
 *   key-file-invalid, key-unusable, key-uri-invalid, and what opening a key throws
 */
export async function bringKey(
  workspace: Workspace,
  { name, place }: NewKey,
  {
    directory,
    unlock,
    signal,
  }: { readonly directory: string; readonly unlock: KeyUnlocker; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { fileSystem } = workspace;
  const folder = join(workspace.directory, 'keys');
  if (place === undefined) {
    await readPublicKey(fileSystem, folder, name);
    return;
  }
  const path = resolve(directory, place);
  const file = place.endsWith('.pub') ? await readPlainFile(fileSystem, path, maxKeyFileLength) : undefined;
  if (file !== undefined) {
    const key = parsePublicKeyFile(file.bytes, path);
    requireUsable(key, path);
    await keepPublicHalf(workspace, name, key);
    return;
  }
  parseKeyAddress(place);
  const context = { fileSystem, directory: workspace.directory, unlock, name, ...(signal && { signal }) };
  await keepPublicHalf(workspace, name, await parseKeyUri(place).open(context));
  await keepPlace(workspace, name, place);
}

async function keepPublicHalf(
  { fileSystem, directory }: Workspace,
  name: string,
  { id, json }: { readonly id: string; readonly json: Parameters<typeof formatJson>[0] },
): Promise<void> {
  const folder = join(directory, 'keys');
  const path = publicKeyPath(folder, name);
  if (
    (await createDurably(fileSystem, path, new TextEncoder().encode(formatJson(json)), { mode: 0o644 })) ===
    'created'
  )
    return;
  const known = await readPublicKey(fileSystem, folder, name);
  if (known.id === id) return;
  throw new TidegateError(
    'name-taken',
    `${path} is another key, expected a name of its own for ${id.slice(0, 12)}`,
    { path },
  );
}

async function keepPlace(workspace: Workspace, name: string, uri: string): Promise<void> {
  await whileLocked(workspace, () =>
    editSettings(workspace, (text) =>
      readWorkspaceFile(text).keyPlaces.get(name) === uri ? text : withKeyPlace(text, name, uri),
    ),
  );
}

/** tidegate.toml, changed whole or not at all; untouched where nothing changes. @throws config-invalid */
export async function editSettings(workspace: Workspace, edit: (text: string) => string): Promise<void> {
  const { fileSystem, directory } = workspace;
  const path = join(directory, workspaceFileName);
  const file = await readPlainFile(fileSystem, path, 1024 * 1024);
  if (file === undefined) throw new TidegateError('workspace-invalid', `${path} is gone`, { path });
  const before = new TextDecoder().decode(file.bytes);
  const after = edit(before);
  if (after === before) return;
  readWorkspaceFile(after);
  const mode = file.status.mode & 0o777;
  await writeDurably(fileSystem, path, new TextEncoder().encode(after), { mode, within: directory });
}
