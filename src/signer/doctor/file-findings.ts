/** Whether every file is there that targets roles list, by its length: a host that is sent to a missing one cannot update. */
import { nameFor } from '../../storage/http.ts';
import type { ReadableStore } from '../../storage/store.ts';
import { inParallel } from '../audit/parallel.ts';
import type { ListedFile } from '../publication/listed-files.ts';
import { type Finding, fail, ok } from './finding.ts';

const parallel = 32;
const mostNamed = 5;

/** @throws what asking the store throws */
export async function fileFindings(
  store: ReadableStore,
  where: string,
  files: readonly ListedFile[],
  signal?: AbortSignal,
): Promise<readonly Finding[]> {
  const wrong: string[] = [];
  await inParallel(files, parallel, async ({ name, length }) => {
    const found = await store.stat(nameFor(store, name), signal && { signal });
    if (found?.length !== length) wrong.push(name);
  });
  if (wrong.length === 0) return [ok('files', where, `all ${files.length} listed files are there`)];
  const named = wrong.toSorted().slice(0, mostNamed).join(', ');
  const found = `${wrong.length} of ${files.length} listed files are missing or cut short: ${named}`;
  return [fail('files', where, found, 'put them back, or publish without them; hosts cannot get them')];
}
