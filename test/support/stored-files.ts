/** All that lies in a store: its names, and a copy of it to go on with. */
import { MemoryStore } from '../../src/storage/memory.ts';
import type { SwappableStore } from '../../src/storage/store.ts';

export async function namesOf(store: SwappableStore, prefix = ''): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of store.list(prefix)) names.push(name);
  return names;
}

/** A new store in memory with the same files. */
export async function copyOfStore(from: SwappableStore): Promise<MemoryStore> {
  return await copyFiles(from, new MemoryStore());
}

/** @returns the store that was copied to */
export async function copyFiles<S extends SwappableStore>(from: SwappableStore, to: S): Promise<S> {
  for (const name of await namesOf(from)) {
    const file = await from.read(name, Number.MAX_SAFE_INTEGER);
    if (file !== undefined) await to.create(name, file.bytes);
  }
  return to;
}
