/** The private keys of a workspace: which are at hand, and a ring that opens them. */
import { join } from 'node:path';
import type { KeyUnlocker } from '../keys/key-context.ts';
import { isPrivateKeyAtHand, KeyRing } from '../keys/key-ring.ts';
import type { Workspace } from './workspace.ts';

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
