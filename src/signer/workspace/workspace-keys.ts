/** The private keys of a workspace: which are at hand, and a ring that opens them. */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import type { KeyUnlocker } from '../keys/key-context.ts';
import { isPrivateKeyAtHand, KeyRing } from '../keys/key-ring.ts';
import type { Workspace } from './workspace.ts';
import { readWorkspaceFile, type WorkspaceSettings, workspaceFileName } from './workspace-file.ts';

/** What the keys of a workspace are found by. */
export type KeyedWorkspace = Pick<Workspace, 'directory' | 'fileSystem' | 'settings'>;

/** Opens keys where tidegate.toml says that they are, else in `keys/`. */
export function openKeyRing(workspace: KeyedWorkspace, unlock: KeyUnlocker, signal?: AbortSignal): KeyRing {
  const { directory, fileSystem, settings } = workspace;
  return new KeyRing(fileSystem, join(directory, 'keys'), unlock, {
    places: settings.keyPlaces,
    directory,
    ...(signal !== undefined && { signal }),
  });
}

/** True when the private half lies in the workspace, or tidegate.toml says where it is. It is not looked into. */
export async function hasPrivateKey(workspace: KeyedWorkspace, name: string): Promise<boolean> {
  const { directory, fileSystem, settings } = workspace;
  const options = { places: settings.keyPlaces, directory };
  return await isPrivateKeyAtHand(fileSystem, join(directory, 'keys'), name, options);
}

/** Bytes of tidegate.toml; more is no configuration. */
const maxTextLength = 1_048_576;

/**
 * What tidegate.toml says of roles and keys, for who looks at keys while the rest of the workspace may be unfinished.
 *
 * @throws workspace-invalid, config-invalid
 */
export async function readKeySettings(fs: FileSystem, directory: string): Promise<WorkspaceSettings> {
  const path = join(directory, workspaceFileName);
  const file = await readPlainFile(fs, path, maxTextLength);
  if (file !== undefined) return readWorkspaceFile(new TextDecoder().decode(file.bytes));
  throw new TidegateError('workspace-invalid', `${path} does not exist`, { path });
}
