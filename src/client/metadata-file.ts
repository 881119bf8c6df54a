/** Fetching one metadata file from one source, and using a stored one instead. */
import { isTidegateError, TidegateError } from '../errors.ts';
import type { Source } from './source.ts';
import { cancelOptions, type Work } from './work.ts';

/** @throws not-found, length-limit and whatever goes wrong on the way */
export async function fetchFile(
  source: Source,
  name: string,
  limit: number,
  work: Pick<Work, 'signal'>,
): Promise<Uint8Array> {
  const bytes = await source.readMetadata(name, limit, cancelOptions(work));
  if (bytes !== undefined) return bytes;
  const text = `${name}: does not exist at ${source.location} (404)`;
  throw new TidegateError('not-found', text, { file: name, url: source.location });
}

/**
 * Gives stored bytes to a rule; undefined when there are none or the rule refuses them. That is how an older
 * version looks, so it is no trouble; bytes that are not even a document are damage, and noted.
 */
export function tryStored<T>(
  bytes: Uint8Array | undefined,
  rule: (bytes: Uint8Array) => T,
  { notes }: Pick<Work, 'notes'>,
): T | undefined {
  if (bytes === undefined) return undefined;
  try {
    return rule(bytes);
  } catch (error) {
    if (!isTidegateError(error) || error.class === 'internal') throw error;
    if (error.class === 'parse') {
      notes.add(error.code, `The stored copy is damaged and is fetched again: ${error.message}`);
    }
    return undefined;
  }
}
