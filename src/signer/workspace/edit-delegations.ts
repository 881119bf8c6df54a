/** `delegate add|remove`: tidegate.toml is edited, whole or not at all. What hosts see changes with the next publication. */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { formatJson } from '../../metadata/json-writer.ts';
import { createDurably, writeDurably } from '../../storage/durable-file.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { type NamedKey, publicKeyPath, readPublicKey } from '../keys/key-ring.ts';
import { acceptedNow, type OverrideWish } from './accept-weaknesses.ts';
import { withDelegation, withoutDelegation } from './delegation-edit.ts';
import type { DelegationSetting } from './delegation-settings.ts';
import { type Override, readOverrides, recordOverrides } from './overrides.ts';
import { weaknessesOf } from './policies.ts';
import { type Workspace, whileLocked } from './workspace.ts';
import { readWorkspaceFile, workspaceFileName } from './workspace-file.ts';

export interface NewDelegation extends DelegationSetting {
  /** Public halves that come into the workspace with it. */
  readonly publicKeys?: readonly NamedKey[];
  /** The role that shall be searched next; default: it is searched last. */
  readonly before?: string;
  /** What a person accepts of it though it is weaker than the policies. */
  readonly override?: OverrideWish | undefined;
}

/** @throws config-invalid, role-name-invalid, workspace-invalid for a key without a public half, name-taken, locked */
export async function addDelegation(workspace: Workspace, wanted: NewDelegation): Promise<void> {
  const { publicKeys = [] } = wanted;
  await whileLocked(workspace, async () => {
    const { text, overrides } = await edited(workspace, wanted);
    for (const key of publicKeys) await addPublicKey(workspace, key);
    for (const name of wanted.keys) await readPublicKey(workspace.fileSystem, keysFolder(workspace), name);
    await recordOverrides(workspace.fileSystem, workspace.directory, overrides);
    await writeSettings(workspace, text);
  });
}

/** What `addDelegation` would refuse of tidegate.toml, without writing anything. */
export async function checkDelegation(workspace: Workspace, wanted: NewDelegation): Promise<void> {
  await edited(workspace, wanted);
}

/** @throws config-invalid when there is no such role, locked */
export async function removeDelegation(
  workspace: Workspace,
  name: string,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<void> {
  const without = async (): Promise<string> =>
    withoutDelegation((await readSettingsText(workspace)).text, name);
  if (dryRun) await without();
  else await whileLocked(workspace, async () => writeSettings(workspace, await without()));
}

/** The file with the new block, and what is to be recorded for it. */
async function edited(
  workspace: Workspace,
  { publicKeys = [], before, override, ...setting }: NewDelegation,
): Promise<{ readonly text: string; readonly overrides: readonly Override[] }> {
  const names = new Map(workspace.keys);
  for (const key of publicKeys) requireOneName(names, key);
  const { fileSystem, directory } = workspace;
  const text = withDelegation((await readSettingsText(workspace)).text, setting, before);
  const weaknesses = await weaknessesOf(fileSystem, join(directory, 'policies'), readWorkspaceFile(text));
  const recorded = await readOverrides(fileSystem, directory);
  return { text, overrides: acceptedNow(weaknesses, recorded, override, workspaceFileName) };
}

async function writeSettings(workspace: Workspace, text: string): Promise<void> {
  const { path, mode } = await readSettingsText(workspace);
  const { fileSystem, directory } = workspace;
  await writeDurably(fileSystem, path, new TextEncoder().encode(text), { mode, within: directory });
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

/** A key has one name: a workspace with two for one key does not open. @throws name-taken */
function requireOneName(keys: Map<string, NamedKey>, key: NamedKey): void {
  const { id, name } = key;
  const known = keys.get(id);
  keys.set(id, key);
  if (known === undefined || known.name === name) return;
  const text = `${name}.pub is the key ${known.name}, which has that name already; expected --keys ${known.name}, or another key`;
  throw new TidegateError('name-taken', text, { found: known.name, expected: name });
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
