/** `delegate add|remove`: tidegate.toml is edited, whole or not at all. What hosts see changes with the next publication. */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { formatJson } from '../../metadata/json-writer.ts';
import { createDurably, writeDurably } from '../../storage/durable-file.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { type NamedKey, publicKeyPath, readPublicKey } from '../keys/key-ring.ts';
import { withDelegation, withoutDelegation } from './delegation-edit.ts';
import type { DelegationSetting } from './delegation-settings.ts';
import { requireStrength, roleWeaknesses, strictThresholds } from './role-strength.ts';
import { type Workspace, whileLocked } from './workspace.ts';
import { readWorkspaceFile, workspaceFileName } from './workspace-file.ts';

export interface NewDelegation extends DelegationSetting {
  /** Public halves that come into the workspace with it. */
  readonly publicKeys?: readonly NamedKey[];
  /** The role that shall be searched next; default: it is searched last. */
  readonly before?: string;
}

/** @throws config-invalid, role-name-invalid, workspace-invalid for a key without a public half, name-taken, locked */
export async function addDelegation(workspace: Workspace, wanted: NewDelegation): Promise<void> {
  const { publicKeys = [], before, ...setting } = wanted;
  await whileLocked(workspace, async () => {
    await editFile(
      workspace,
      (text) => withDelegation(text, setting, before),
      async () => {
        for (const key of publicKeys) await addPublicKey(workspace, key);
        for (const name of setting.keys)
          await readPublicKey(workspace.fileSystem, keysFolder(workspace), name);
      },
    );
  });
}

/** @throws config-invalid when there is no such role, locked */
export async function removeDelegation(
  workspace: Workspace,
  name: string,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<void> {
  if (dryRun) withoutDelegation((await readSettingsText(workspace)).text, name);
  else await whileLocked(workspace, () => editFile(workspace, (text) => withoutDelegation(text, name)));
}

/** What `addDelegation` would refuse, without writing anything. */
export async function checkDelegation(
  workspace: Workspace,
  { before, publicKeys: _keys, ...setting }: NewDelegation,
): Promise<void> {
  checked(withDelegation((await readSettingsText(workspace)).text, setting, before));
}

async function editFile(
  workspace: Workspace,
  edit: (text: string) => string,
  prepare: () => Promise<void> = async () => undefined,
): Promise<void> {
  const { text, path, mode } = await readSettingsText(workspace);
  const edited = checked(edit(text));
  await prepare();
  const { fileSystem, directory } = workspace;
  await writeDurably(fileSystem, path, new TextEncoder().encode(edited), { mode, within: directory });
}

function checked(text: string): string {
  const settings = readWorkspaceFile(text);
  const own = { roles: settings.roles, delegations: settings.delegations };
  requireStrength(
    roleWeaknesses(own, strictThresholds).filter(({ place }) => place.startsWith('[[delegations]]')),
    [],
    workspaceFileName,
  );
  return text;
}

async function readSettingsText({ fileSystem, directory }: Workspace) {
  const path = join(directory, workspaceFileName);
  const file = await readPlainFile(fileSystem, path, 1024 * 1024);
  if (file === undefined) throw new TidegateError('workspace-invalid', `${path} is gone`, { path });
  return { path, text: new TextDecoder().decode(file.bytes), mode: file.status.mode & 0o777 };
}

function keysFolder({ directory }: Workspace): string {
  return join(directory, 'keys');
}

async function addPublicKey(workspace: Workspace, { name, id, json }: NamedKey): Promise<void> {
  const { fileSystem: fs } = workspace;
  const path = publicKeyPath(keysFolder(workspace), name);
  const made = await createDurably(fs, path, new TextEncoder().encode(formatJson(json)), { mode: 0o644 });
  if (made === 'created') return;
  const known = await readPublicKey(fs, keysFolder(workspace), name);
  if (known.id === id) return;
  throw new TidegateError(
    'name-taken',
    `${path} is another key, expected a name of its own for ${id.slice(0, 12)}`,
    {
      path,
      found: known.id,
      expected: id,
    },
  );
}
