/** Targets that another tool has given delegations: kept when they are sound, refused when they are not. */
import assert from 'node:assert/strict';
import { isJsonObject, type JsonObject } from '../../../src/metadata/json.ts';
import { type Plain, withMembers } from '../../../src/metadata/json-writer.ts';
import { KeyRing } from '../../../src/signer/keys/key-ring.ts';
import { signDocument } from '../../../src/signer/keys/signing.ts';
import {
  fileMeta,
  snapshotDocument,
  targetsDocument,
  timestampDocument,
} from '../../../src/signer/publication/documents.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import {
  addVersion,
  day,
  directory,
  open,
  planAndPublish,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

async function liveOf(workspace: Workspace) {
  const [place] = repositoriesOf(workspace.settings);
  if (place === undefined) throw new Error('no repository');
  return await readLive(workspace, place);
}

/** Publishes version 2 of everything with these delegations, as another tool would. */
async function delegate(workspace: Workspace, delegations: Plain, role: string): Promise<void> {
  const { published, root } = await liveOf(workspace);
  if (published === undefined) throw new Error('nothing is published');
  const ring = new KeyRing(workspace.fileSystem, `${directory}/keys`, unlock);
  const sign = async (name: 'targets' | 'snapshot' | 'timestamp', document: JsonObject) =>
    await signDocument({ document, role: root.roles[name], what: name }, ring, workspace.keys);
  const head = (base: JsonObject) => ({
    repository: 'example/os',
    version: 2,
    expires: start + 100 * day,
    base,
  });
  const document = targetsDocument(head(published.targets.json), published.targets.targets);
  const targets = await sign('targets', withMembers(document, { delegations }));
  const extra = await signDocument(
    {
      document: targetsDocument({ ...head(new Map()), version: 7 }, new Map()),
      role: root.roles.targets,
      what: role,
    },
    ring,
    workspace.keys,
  );
  const listed = snapshotDocument(head(published.snapshot.json), { version: 2, bytes: targets });
  const meta = new Map(listed.get('meta') as JsonObject).set(
    `${role}.json`,
    fileMeta({ version: 7, bytes: extra }),
  );
  const snapshot = await sign('snapshot', withMembers(listed, { meta }));
  const pointer = timestampDocument(
    head(published.timestamp.json),
    fileMeta({ version: 2, bytes: snapshot }),
  );
  await workspace.store.create('metadata/2.targets.json', targets);
  await workspace.store.create(`metadata/7.${role}.json`, extra);
  await workspace.store.create('metadata/2.snapshot.json', snapshot);
  const timestamp = await sign('timestamp', pointer);
  assert.equal(await workspace.store.swap('metadata/timestamp.json', timestamp, published.etag), 'swapped');
}

describe('signer: delegations of others', () => {
  const keyOf = (workspace: Workspace) => [...workspace.keys.values()].find(({ name }) => name === 'targets');

  function delegationsOf(workspace: Workspace, roles: readonly string[]): Plain {
    const key = keyOf(workspace);
    if (key === undefined) throw new Error('no key');
    const role = (name: string): Plain => ({
      name,
      keyids: [key.id],
      threshold: 1,
      paths: ['extra-*'],
      terminating: false,
    });
    return { keys: { [key.id]: key.json }, roles: roles.map(role) };
  }

  it('SPEC-24: are kept, and their roles stay in the snapshot', async () => {
    const workspace = await open(await workspaceDisk());
    await planAndPublish(workspace, start);
    await delegate(workspace, delegationsOf(workspace, ['extra']), 'extra');
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start + day);
    const { published } = await liveOf(workspace);
    assert.equal(published?.targets.version, 3);
    assert.ok(isJsonObject(published?.targets.json.get('delegations')));
    assert.deepEqual([...(published?.snapshot.meta.keys() ?? [])].toSorted(), ['extra.json', 'targets.json']);
    assert.equal(published?.snapshot.meta.get('extra.json')?.version, 7);
  });

  it('DEL-06: two entries of one name are refused before anything is signed', async () => {
    const workspace = await open(await workspaceDisk());
    await planAndPublish(workspace, start);
    await delegate(workspace, delegationsOf(workspace, ['extra', 'extra']), 'extra');
    await assert.rejects(planPublication(workspace, { now: start + day }), { code: 'document-invalid' });
  });
});
