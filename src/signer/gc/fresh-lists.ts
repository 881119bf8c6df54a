/**
 * Whether lists of a store show what was written last: pins are found by them, so that a clean-up by late ones would bite.
 */
import { randomUUID } from 'node:crypto';
import { TidegateError } from '../../errors.ts';
import type { SwappableStore } from '../../storage/store.ts';
import { closeNote } from '../publication/pin.ts';
import { formatNote, notesFolder } from '../publication/store-note.ts';

export const listsFolder = `${notesFolder}/gc/lists/`;

/** Writes a small file, looks for it in a list, and takes it away. @throws store-unsupported */
export async function requireFreshLists(store: SwappableStore): Promise<void> {
  const name = `${listsFolder}${randomUUID()}.json`;
  await store.create(name, formatNote({}));
  const listed: string[] = [];
  for await (const file of store.list(listsFolder)) listed.push(file.name);
  await closeNote(store, name);
  if (listed.includes(name)) return;
  const text = `a list of ${store.location} does not show a file that was just written there: pins of publications could be missing from it too. Nothing was removed`;
  throw new TidegateError('store-unsupported', text, { location: store.location });
}
