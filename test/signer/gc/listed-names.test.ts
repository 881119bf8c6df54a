/** What a snapshot says is in use must be said by the people of the repository: an invented list removes what it leaves out. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { isJsonObject, type JsonObject } from '../../../src/metadata/json.ts';
import { jsonOf, withMembers } from '../../../src/metadata/json-writer.ts';
import { listedBy } from '../../../src/signer/gc/listed-names.ts';
import { endStaleUploads } from '../../../src/signer/gc/stale-uploads.ts';
import { KeyRing } from '../../../src/signer/keys/key-ring.ts';
import { signDocument } from '../../../src/signer/keys/signing.ts';
import { type LiveRepository, readLive } from '../../../src/signer/publication/live-repository.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { withS3 } from '../../support/s3-scene.ts';
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

const digest = (algorithm: string, bytes: Uint8Array): string =>
  createHash(algorithm).update(bytes).digest('hex');

describe('signer/gc: what snapshots list', () => {
  let workspace: Workspace;
  let live: LiveRepository;
  beforeEach(async () => {
    workspace = await open(await workspaceDisk(), new MemoryStore());
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    live = await readLive(workspace, repositoriesOf(workspace.settings)[0] ?? assert.fail());
  });

  async function write(role: 'targets' | 'snapshot', document: JsonObject): Promise<Uint8Array> {
    const ring = new KeyRing(workspace.fileSystem, `${directory}/keys`, unlock);
    const what = { document, role: live.root.roles[role], what: role };
    const bytes = await signDocument(what, ring, workspace.keys);
    await workspace.store.create(`metadata/2.${role}.json`, bytes);
    return bytes;
  }

  async function writeSnapshot(targets: Uint8Array): Promise<void> {
    const hashes = { sha256: digest('sha256', targets) };
    const meta = { 'targets.json': { version: 2, length: targets.byteLength, hashes } };
    await write('snapshot', withMembers(live.published?.snapshot.json ?? new Map(), { version: 2, meta }));
  }

  const list = async (version: number) => {
    const { store } = workspace;
    return await listedBy({ store, place: live.place, roots: [live.root], known: new Map() }, version);
  };

  it('keeps a target under every hash by which hosts may ask for it', async () => {
    const content = Buffer.from('an image');
    const hashes = { sha256: digest('sha256', content), sha512: digest('sha512', content) };
    const old = live.published?.targets.json.get('targets');
    assert.ok(isJsonObject(old));
    const targets = new Map([...old, ['both.img', jsonOf({ length: content.length, hashes })]]);
    const document = withMembers(live.published?.targets.json ?? new Map(), { version: 2, targets });
    await writeSnapshot(await write('targets', document));
    const { names } = await list(2);
    for (const hash of Object.values(hashes)) assert.ok(names.has(`targets/${hash}.both.img`), hash);
  });

  it('believes no snapshot that nobody signed, and no role but the one that it lists', async () => {
    const text = Buffer.from(live.published?.bytes.snapshot ?? []).toString();
    await workspace.store.create(
      'metadata/9.snapshot.json',
      Buffer.from(text.replace('"version": 1', '"version": 9')),
    );
    await workspace.store.create(
      'metadata/8.snapshot.json',
      Buffer.from(text.replace(/"sig": "../, '"sig": "00')),
    );
    for (const version of [8, 9]) await assert.rejects(list(version), { code: 'threshold-not-met' });
    const targets = await write(
      'targets',
      withMembers(live.published?.targets.json ?? new Map(), { version: 2, targets: {} }),
    );
    const other = Buffer.from(targets);
    other[other.length - 2] = 0x20;
    await writeSnapshot(other);
    await assert.rejects(list(2), { code: 'hash-mismatch' });
  });
});

describe('signer/gc: uploads in parts', () => {
  it('ends those of images that were begun more than three days ago, and nobody else’s', async () => {
    const now = start + 10 * day;
    await withS3({ shownTime: () => now }, async ({ server, store }) => {
      const image = `fleet/targets/${'a'.repeat(64)}.img`;
      const begun = now - 4 * day;
      const uploads = {
        old: { key: image, begun },
        young: { key: image, begun: now - 3 * day + 1000 },
        theirs: { key: 'fleet/backup/disk.tar', begun },
        elsewhere: { key: `other/targets/${'a'.repeat(64)}.img`, begun },
      };
      for (const [id, upload] of Object.entries(uploads)) server.openUploads.set(id, upload);
      const dry = await endStaleUploads(store, { now, act: false });
      assert.deepEqual([dry?.stale.map(({ id }) => id), dry?.aborted], [['old'], 0]);
      const ended = () =>
        server.calls.flatMap(({ operation, key }) => (operation === 'abort-upload' ? [key] : []));
      assert.deepEqual(ended(), []);
      const done = await endStaleUploads(store, { now, act: true });
      assert.equal(done?.stale.length, 1);
      assert.deepEqual(ended(), [image]);
    });
  });
});
