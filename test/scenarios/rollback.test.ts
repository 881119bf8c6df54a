/** A host never goes back: not by old files, not by losing its own. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ClientScene } from '../support/client-scene.ts';
import { signingKeys } from '../support/signing-keys.ts';
import type { TargetsJson } from '../support/simulated-documents.ts';

/** What a refresh may change when timestamp 6 was right and what follows was not. */
const timestampMoved = ['floors.1', 'floors.2', 'timestamp.json'];

describe('rollback', () => {
  let scene: ClientScene;
  beforeEach(async () => {
    scene = new ClientScene();
    await scene.refresh();
  });
  afterEach(() => scene.close());

  it('TUF-09: refuses an older timestamp', async () => {
    scene.repository.timestamp.version = 4;
    scene.repository.write('timestamp');
    const error = await scene.refused('rollback', () => scene.refresh());
    assert.match(error.message, /timestamp has version 4 < 5/);
  });

  it('TUF-09: refuses it also when the stored timestamp is gone, because floors lie apart', async () => {
    scene.repository.timestamp.version = 4;
    scene.repository.write('timestamp');
    for (const name of ['timestamp.json', 'snapshot.json', 'targets.json', 'root.json', 'roots'])
      rmSync(join(scene.state, name), { recursive: true });
    // root.json and the chain come back; nothing else does.
    await scene.refused('rollback', () => scene.refresh(), ['root.json', 'roots/2.root']);
  });

  it('TUF-10: another timestamp of the same version is passed over without an error', async () => {
    scene.repository.timestamp['x-other'] = true;
    scene.repository.write('timestamp');
    const before = scene.files();
    assert.equal((await scene.refresh()).versions.timestamp, 5);
    assert.deepEqual(scene.files(), before);
  });

  it('TUF-11: refuses a newer timestamp that lists an older snapshot', async () => {
    const { repository } = scene;
    repository.timestamp.version = 6;
    repository.timestamp.meta['snapshot.json'] = { version: 4 };
    repository.write('timestamp');
    const error = await scene.refused('rollback', () => scene.refresh());
    assert.match(error.message, /snapshot.*4 < 5/);
  });

  it('TUF-17: refuses a newer snapshot that lists older targets', async () => {
    const { repository } = scene;
    repository.targets.version = 4;
    repository.snapshot.meta['targets.json'] = repository.metaOf(repository.write('targets'), 4);
    repository.publishSnapshot();
    const error = await scene.refused('rollback', () => scene.refresh(), timestampMoved);
    assert.match(error.message, /targets\.json has version 4 < 5/);
  });

  for (const change of ['older', 'gone'] as const) {
    it(`TUF-18: refuses a snapshot in which a delegated role is ${change}`, async () => {
      const { repository } = scene;
      repository.delegate('targets', 'extra');
      repository.role('extra').version = 4;
      repository.publish('extra', 'targets');
      await scene.refresh();
      if (change === 'gone') delete repository.snapshot.meta['extra.json'];
      else repository.snapshot.meta['extra.json'] = { version: 4 };
      repository.publishSnapshot();
      const error = await scene.refused('rollback', () => scene.refresh(), timestampMoved);
      assert.match(
        error.message,
        change === 'gone' ? /extra\.json is gone; version 5/ : /extra\.json has version 4 < 5/,
      );
    });
  }

  it('TUF-17: refuses a snapshot without targets.json', async () => {
    delete scene.repository.snapshot.meta['targets.json'];
    scene.repository.publishSnapshot();
    await scene.refused('document-invalid', () => scene.refresh(), timestampMoved);
  });

  it('TUF-19: after a bad snapshot a repaired repository is accepted without clearing anything', async () => {
    const { repository } = scene;
    const good = { ...repository.snapshot.meta };
    repository.snapshot.meta['targets.json'] = { version: 4 };
    repository.publishSnapshot();
    await scene.refused('rollback', () => scene.refresh(), timestampMoved);
    repository.snapshot.meta = good;
    repository.publishSnapshot();
    assert.deepEqual((await scene.refresh()).versions, { root: 2, timestamp: 7, snapshot: 7, targets: 5 });
  });

  for (const rotated of [['timestamp'], ['timestamp', 'snapshot'], ['snapshot']] as const) {
    it(`TUF-22: recovers from a fast-forward by new keys of ${rotated.join(' and ')}`, async () => {
      const { repository } = scene;
      const saved = structuredClone({ timestamp: repository.timestamp, snapshot: repository.snapshot });
      const savedTargets: TargetsJson = structuredClone(repository.targets);
      repository.targets.version = 999_998;
      repository.snapshot.version = 999_998;
      repository.timestamp.version = 999_998;
      repository.publish();
      await scene.refresh();
      Object.assign(repository.timestamp, saved.timestamp, { version: 1 });
      Object.assign(repository.snapshot, saved.snapshot, { version: 1 });
      Object.assign(repository.targets, savedTargets, { version: 1 });
      repository.writeAll();
      await assert.rejects(scene.refresh(), { code: 'rollback' });
      for (const role of rotated) repository.setKeys(role, signingKeys(`new-${role}`, 1));
      repository.publishRoot();
      for (const role of ['targets', 'snapshot', 'timestamp'] as const) repository.write(role);
      repository.writeAll();
      assert.deepEqual((await scene.refresh()).versions, { root: 3, timestamp: 1, snapshot: 1, targets: 1 });
      assert.deepEqual((await scene.refresh()).versions, { root: 3, timestamp: 1, snapshot: 1, targets: 1 });
    });
  }

  it('TUF-22: a revoked key ends the fast-forward also when the timestamp was signed by one that stays', async () => {
    const { repository } = scene;
    const [stays, goes] = signingKeys('pair', 2);
    assert.ok(stays !== undefined && goes !== undefined);
    repository.setKeys('timestamp', [stays, goes]);
    repository.publishRoot();
    repository.timestamp.version = 999_999;
    repository.write('timestamp', [stays]);
    await scene.refresh();
    repository.setKeys('timestamp', [stays]);
    repository.publishRoot();
    repository.timestamp.version = 6;
    repository.write('timestamp');
    assert.equal((await scene.refresh()).versions.timestamp, 6);
  });

  it('keeps two repositories apart: a state directory of another one is refused', async () => {
    const { repository } = scene;
    repository.root['x-tidegate-repository'] = 'here';
    repository.publishRoot();
    for (const role of ['timestamp', 'snapshot', 'targets'])
      repository.document(role)['x-tidegate-repository'] = 'here';
    repository.publish();
    assert.equal((await scene.refresh()).repository, 'here');
    const other = new ClientScene();
    try {
      other.repository.root['x-tidegate-repository'] = 'elsewhere';
      other.repository.publishRoot();
      const trustedRoot = other.repository.written('root', 3);
      const error = await scene.refused('identity-mismatch', () =>
        scene.refresh({ trustedRoot, metadata: other.repository.metadata }),
      );
      assert.match(error.message, /belongs to repository "here"/);
    } finally {
      await other.close();
    }
  });
});
