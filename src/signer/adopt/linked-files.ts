/**
 * A folder of targets as tuftool and pubsys leave it: links to the images, wherever they lie. Links are followed here
 * and nowhere else. What is read through one is believed only when its signed length and hash fit.
 */
import { basename, dirname, join } from 'node:path';
import { DirectoryStore } from '../../storage/directory.ts';
import { onDisk } from '../../storage/disk-error.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { statusIfAny } from '../../storage/plain-file.ts';
import type { ReadableStore } from '../../storage/store.ts';

/** The same store; a folder gives the file behind a link too. */
export function followingLinks(store: ReadableStore): ReadableStore {
  if (!(store instanceof DirectoryStore)) return store;
  const { location } = store;
  return {
    location,
    read: async (name, limit, options) => {
      const file = await behind(store, name);
      return await file.store.read(file.name, limit, options);
    },
    open: async (name, options) => {
      const file = await behind(store, name);
      const found = await file.store.open(file.name, options);
      return found && { ...found, name };
    },
    stat: async (name, options) => {
      const file = await behind(store, name);
      const found = await file.store.stat(file.name, options);
      return found && { ...found, name };
    },
  };
}

interface StoredFile {
  readonly store: DirectoryStore;
  readonly name: string;
}

async function behind(store: DirectoryStore, name: string): Promise<StoredFile> {
  const path = join(store.location, name);
  if ((await statusIfAny(nodeFileSystem, path))?.kind !== 'link') return { store, name };
  const real = await onDisk('follow the link', path, () => nodeFileSystem.realPath(path));
  return { store: new DirectoryStore(dirname(real)), name: basename(real) };
}
