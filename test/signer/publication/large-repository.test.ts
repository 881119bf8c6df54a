/** What one more image asks of the store, by how much is there already. The times are measured in bench/cases/scale-publish.ts. */
import assert from 'node:assert/strict';
import { addTarget } from '../../../src/signer/release/add-target.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { type StorageCall, StorageReplay } from '../../support/storage-replay.ts';
import {
  addVersion,
  hour,
  open,
  planAndPublish,
  putFile,
  start,
  workspaceDisk,
} from '../../support/workspace.ts';
import { nextRoot, ownKey } from '../../support/workspace-ceremony.ts';

/** Every call of a publication of one image into a repository of so many targets and roots. */
async function callsUpon(targets: number, roots: number): Promise<readonly StorageCall[]> {
  const [disk, store] = [await workspaceDisk(), new MemoryStore()];
  let workspace = await open(disk, store);
  for (let index = 0; index < targets; index += 1)
    await addTarget(workspace, { path: await putFile(disk, `/images/file-${index}.bin`, `bytes ${index}`) });
  const keys = [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')];
  for (let version = 2; version <= roots; version += 1) workspace = await nextRoot(workspace, keys, start);
  await planAndPublish(workspace, start);
  await addVersion(workspace, '1.0.0');
  const replay = new StorageReplay(store);
  await planAndPublish({ ...(await open(disk, store)), store: replay }, start + hour);
  return replay.calls;
}

describe('signer/publication: a large repository', () => {
  it('PUB-28: one more image asks for each target twice and each root a few times, and writes none of them again', async () => {
    const [few, many] = [await callsUpon(10, 2), await callsUpon(50, 12)];
    const growth = (fits: (call: StorageCall) => boolean): number =>
      many.filter(fits).length - few.filter(fits).length;
    assert.equal(
      growth(({ call }) => call === 'create' || call === 'swap' || call === 'remove'),
      0,
    );
    // Before an upload, and before the commit.
    assert.equal(
      growth(({ name }) => name.endsWith('.bin')),
      2 * 40,
    );
    const perRoot = growth(({ name }) => name.endsWith('.root.json')) / 10;
    assert.ok(perRoot <= 8, `${perRoot} requests for each root`);
    assert.equal(
      growth(() => true),
      2 * 40 + perRoot * 10,
    );
  });
});
