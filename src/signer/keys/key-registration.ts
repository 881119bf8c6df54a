/**
 * Making a key known whose private half stays where it is: on a token, in a key service. Its public half is read
 * there and stored as `NAME.pub`, which every command takes.
 */
import { fingerprintWords } from './fingerprint.ts';
import type { KeyContext } from './key-context.ts';
import { type KeyPlace, requireFreeName, type StoredKey, storePublicKey } from './key-folder.ts';
import { parseKeyUri } from './key-source.ts';

export interface RegisteredKey extends Omit<StoredKey, 'publicFile'> {
  /** Absent in a dry run. */
  readonly publicFile?: string;
  /** Where the private half is, as it was stated. */
  readonly uri: string;
}

/** @throws name-taken, and what opening the key throws */
export async function registerKey(
  text: string,
  place: KeyPlace,
  context: KeyContext,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<RegisteredKey> {
  const { uri, ...source } = parseKeyUri(text);
  await requireFreeName(place);
  const { id, json } = await source.open(context);
  const type = String(json.get('keytype'));
  if (dryRun) return { name: place.name, id, type, words: fingerprintWords(id), uri };
  return { ...(await storePublicKey(place, { id, json, type })), uri };
}
