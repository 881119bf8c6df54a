/** What ceremonies publish (a new root, targets signed elsewhere, delegated roles) as hosts and tuf-js read it. */
import assert from 'node:assert/strict';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { proposeTargets } from '../../src/signer/ceremony/propose-targets.ts';
import { writeRequest } from '../../src/signer/ceremony/request-folder.ts';
import { takeRequests } from '../../src/signer/ceremony/take-requests.ts';
import { planPublication } from '../../src/signer/publication/plan-publication.ts';
import { publish } from '../../src/signer/publication/publish.ts';
import { readerOf, readRepository } from '../../src/signer/publication/repository-reader.ts';
import { addTarget } from '../../src/signer/release/add-target.ts';
import { addDelegation } from '../../src/signer/workspace/edit-delegations.ts';
import { trustPolicyAt } from '../../src/signer/workspace/roots.ts';
import { repositoriesOf, type Workspace } from '../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { noFloors } from '../../src/trust/floors.ts';
import { searchTarget } from '../../src/trust/lookup.ts';
import { readByTufJs } from '../support/tuf-js-reader.ts';
import { addVersion, open, planAndPublish, putFile, unlock, workspaceDisk } from '../support/workspace.ts';
import { editToml, foreignKey, nextRoot, ownKey, signedBy } from '../support/workspace-ceremony.ts';

const hour = 3_600_000;

/** The search of a host that begins with the first root. */
async function rolesAsked(workspace: Workspace, name: string, now: number): Promise<readonly string[]> {
  const [place] = repositoriesOf(workspace.settings);
  const [anchor] = workspace.roots;
  if (place === undefined || anchor === undefined) throw new Error('no repository');
  const request = { folders: place.folders, anchor, policy: trustPolicyAt(now), floors: noFloors };
  const { set } = await readRepository(readerOf(workspace.store), request);
  const step = searchTarget(set, parseTargetPath(name)).next();
  if (step.done !== true) throw new Error('a role was not loaded');
  return [...step.value.visited, step.value.found?.role ?? 'nothing'];
}

describe('from ceremonies to hosts', () => {
  it('a host of the first root follows the new one, and finds what each role lists', async () => {
    const now = Date.now();
    const fs = await workspaceDisk();
    const store = new MemoryStore();
    const first = await open(fs, store);
    await addVersion(first, '1.0.0');
    await planAndPublish(first, now - 10 * hour);
    const [anna, ben] = [await foreignKey(fs, 'anna'), await foreignKey(fs, 'ben')];
    await editToml(
      fs,
      'keys = ["targets"]\nthreshold = 1',
      'keys = ["anna", "ben", "targets"]\nthreshold = 2',
    );
    const opened = await open(fs, store);
    const root = [await ownKey(opened, 'root-1'), await ownKey(opened, 'root-3')];
    const second = await nextRoot(opened, root, now - 9 * hour);
    const dora = await foreignKey(fs, 'dora');
    await addDelegation(second, {
      name: 'firmware',
      keys: ['dora'],
      threshold: 1,
      paths: ['fw-*'],
      terminating: true,
    });
    const workspace = await open(fs, store);
    const path = await putFile(fs, '/images/fw-7.bin', 'firmware 7');
    await addTarget(workspace, { path, role: 'firmware', custom: new Map([['board', 'a']]) });
    await addVersion(workspace, '1.1.0');
    for (const role of ['firmware', 'targets']) {
      const [proposed] = await proposeTargets(workspace, { now: now - 8 * hour, role });
      assert.ok(proposed);
      const keys = role === 'targets' ? [ben, anna] : [dora];
      await writeRequest(workspace, await signedBy(proposed.request, keys), { path: proposed.path });
    }
    const taken = await takeRequests(workspace, [], { now });
    const plan = await planPublication(taken.workspace, { now, signed: taken.signed });
    assert.deepEqual(
      plan.signatures.map(({ role, signed }) => [role, signed]),
      [
        ['firmware', true],
        ['targets', true],
        ['snapshot', false],
        ['timestamp', false],
      ],
    );
    await publish(taken.workspace, plan, { now, unlock });
    assert.deepEqual(await rolesAsked(workspace, 'fw-7.bin', now), ['targets', 'firmware', 'firmware']);
    assert.deepEqual(await rolesAsked(workspace, 'fw-8.bin', now), ['targets', 'firmware', 'nothing']);
    assert.equal(await readByTufJs(workspace, store, 'metadata', 'fw-7.bin'), 'firmware 7');
    assert.equal(
      await readByTufJs(workspace, store, 'metadata', 'os-demo-x86_64-1.1.0.img'),
      'image of 1.1.0',
    );
  });
});
