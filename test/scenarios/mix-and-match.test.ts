/** Files of one moment only: what a parent states is what a child must be, and nothing expired is taken. */
import assert from 'node:assert/strict';
import { ClientScene } from '../support/client-scene.ts';
import { signingKey, signingKeys } from '../support/signing-keys.ts';
import { expiry } from '../support/simulated-documents.ts';

const floors = ['floors.1', 'floors.2'];
const roles = ['timestamp', 'snapshot', 'targets'] as const;
/** What may have changed when everything before a role was right. */
const movedBefore = {
  timestamp: [],
  snapshot: [...floors, 'timestamp.json'],
  targets: [...floors, 'snapshot.json', 'timestamp.json'],
} as const;

describe('mix and match, signatures and expiry', () => {
  let scene: ClientScene;
  beforeEach(async () => {
    scene = new ClientScene();
    await scene.refresh();
  });
  afterEach(() => scene.close());

  for (const role of roles) {
    for (const [who, signers] of [
      ['a stranger', () => [signingKey('stranger')]],
      ['nobody', () => []],
      ["root's keys", () => scene.repository.signersOf('root')],
    ] as const) {
      it(`TUF-01: refuses ${role} signed by ${who}`, async () => {
        const { repository } = scene;
        repository.signers.set(role, [...signers()]);
        repository.publish();
        const error = await scene.refused('threshold-not-met', () => scene.refresh(), movedBefore[role]);
        assert.match(error.message, new RegExp(`${role}\\.json: 0 of 1 valid`));
      });
    }

    it(`SPEC-60, TUF-14: refuses ${role} that has expired, and stores it not`, async () => {
      const { repository } = scene;
      repository.document(role).expires = expiry(-1);
      repository.publish();
      const error = await scene.refused('expired', () => scene.refresh(), movedBefore[role]);
      assert.match(error.message, new RegExp(`${role}\\.json: version 6 expired at 2029-12-31T00:00:00Z`));
    });
  }

  for (const [seconds, accepted] of [
    [0, false],
    [-1, false],
    [1, true],
  ] as const) {
    it(`TUF-15: an expiry ${seconds} s after the start of the update is ${accepted ? 'good' : 'over'}`, async () => {
      scene.repository.timestamp.expires = expiry(seconds / 86_400);
      scene.repository.publish();
      if (accepted) await scene.refresh();
      else await scene.refused('expired', () => scene.refresh());
    });
  }

  it('SPEC-40, CLK-04: the time is taken once for each refresh, and anew for the next', async () => {
    scene.repository.timestamp.expires = expiry(1);
    scene.repository.publish();
    let asked = 0;
    const client = scene.client({
      clock: () => {
        asked += 1;
        return scene.now;
      },
    });
    scene.repository.tamper = (name, bytes) => {
      if (name === 'timestamp.json') scene.now += 2 * 86_400_000;
      return bytes;
    };
    await client.refresh();
    assert.equal(asked, 1);
    await assert.rejects(client.refresh(), { code: 'expired' });
  });

  for (const [what, meta, code] of [
    ['hash', { hashes: { sha256: '0'.repeat(64) } }, 'hash-mismatch'],
    ['length', { length: 1_000_000 }, 'length-mismatch'],
    ['version', { version: 6 }, 'version-mismatch'],
  ] as const) {
    it(`TUF-20: refuses a snapshot whose ${what} is not what the timestamp says`, async () => {
      const { repository } = scene;
      const bytes = repository.publishSnapshot();
      const { length, hashes } = repository.metaOf(bytes, 6);
      repository.timestamp.meta['snapshot.json'] =
        what === 'version'
          ? { version: 7 }
          : { version: 6, length: length ?? 0, hashes: hashes ?? {}, ...meta };
      if (what === 'version') repository.files.set('7.snapshot.json', bytes);
      repository.publishTimestamp();
      const error = await scene.refused(code, () => scene.refresh(), movedBefore.snapshot);
      assert.match(error.message, /snapshot\.json/);
    });

    it(`TUF-21: refuses targets whose ${what} is not what the snapshot says`, async () => {
      const { repository } = scene;
      repository.publish();
      spoilMeta(scene, 'targets', what);
      const error = await scene.refused(code, () => scene.refresh(), movedBefore.targets);
      assert.match(error.message, /targets\.json/);
    });

    it(`TUF-21, DEL-13: refuses a delegated role whose ${what} is not what the snapshot says, and stores it not`, async () => {
      const { repository } = scene;
      repository.delegate('targets', 'extra');
      repository.publish('extra', 'targets');
      spoilMeta(scene, 'extra', what);
      const client = scene.client();
      await client.refresh();
      const error = await scene.refused(code, () => client.resolve('only-there.img'));
      assert.match(error.message, /extra\.json/);
    });
  }

  it('DEL-13: refuses a delegated role that has expired, or that a stranger signed', async () => {
    const { repository } = scene;
    repository.delegate('targets', 'extra').expires = expiry(-1);
    repository.publish('extra', 'targets');
    const client = scene.client();
    await client.refresh();
    await scene.refused('expired', () => client.resolve('only-there.img'));
    repository.role('extra').expires = expiry(9);
    repository.signers.set('extra', [signingKey('stranger')]);
    repository.publish('extra');
    await client.refresh();
    await scene.refused('threshold-not-met', () => client.resolve('only-there.img'));
  });

  it('SPEC-39, TUF-36: a file that is missing on the server is named, and the next run succeeds once it is there', async () => {
    for (const role of ['snapshot', 'targets'] as const) {
      scene.repository.publish();
      const version = scene.repository.document(role).version;
      const name = `${version}.${role}.json`;
      scene.repository.tamper = (file, bytes) => (file === name ? undefined : bytes);
      const error = await scene.refused('not-found', () => scene.refresh(), movedBefore[role]);
      assert.match(error.message, new RegExp(`^${version}\\.${role}\\.json`));
      scene.repository.tamper = undefined;
      assert.equal((await scene.refresh()).versions[role], version);
    }
  });

  it('SPEC-39: an error at any step leaves the client able to update later, in the same process and in a new one', async () => {
    const { repository } = scene;
    for (const step of ['root', 'timestamp', 'snapshot', 'targets'] as const) {
      for (const spoil of [
        (bytes: Uint8Array) => bytes.subarray(0, 100),
        () => new TextEncoder().encode('no such thing'),
        (bytes: Uint8Array) => bytes.map((byte, index) => (index === bytes.length - 200 ? byte ^ 1 : byte)),
      ]) {
        repository.publishRoot();
        repository.publish();
        const { version } = repository.document(step);
        const name = step === 'timestamp' ? 'timestamp.json' : `${version}.${step}.json`;
        repository.tamper = (file, bytes) => (file === name && bytes ? spoil(bytes) : bytes);
        const client = scene.client();
        await assert.rejects(client.refresh(), (error: Error) => error.message.includes(name));
        repository.tamper = undefined;
        const another = await scene.refresh();
        assert.deepEqual([another.versions[step], another.versions.root], [version, repository.root.version]);
        assert.equal((await client.refresh()).versions[step], version, 'the one that failed');
      }
    }
  });

  it('TUF-38: refuses a snapshot in the place of the timestamp, though signed by a key of it', async () => {
    const { repository } = scene;
    repository.setKeys('timestamp', repository.signersOf('snapshot'));
    repository.publishRoot();
    repository.publishTimestamp();
    await scene.refresh();
    repository.files.set('timestamp.json', repository.written('snapshot'));
    await scene.refused('type-mismatch', () => scene.refresh());
  });

  it('TUF-42: hashes and lengths in timestamp and snapshot may be absent', async () => {
    const { repository } = scene;
    repository.snapshot.meta['targets.json'] = { version: 5 };
    const bytes = repository.publishSnapshot();
    repository.timestamp.meta['snapshot.json'] = { version: 6 };
    repository.publishTimestamp();
    assert.ok(bytes.length > 0);
    assert.equal((await scene.refresh()).versions.snapshot, 6);
  });

  it('TUF-45: stored targets that a revoked key signed are not used', async () => {
    const { repository } = scene;
    repository.setKeys('targets', signingKeys('new-targets', 1));
    repository.publishRoot();
    repository.tamper = (name, bytes) => (name.endsWith('targets.json') ? undefined : bytes);
    await scene.refused('not-found', () => scene.refresh(), [...floors, 'root.json', 'roots/3.root']);
    const client = scene.client();
    await assert.rejects(client.resolve('boot-1.2.0.img'), { code: 'not-found' });
  });

  it('TUF-45: a client that trusted them before forgets them when a refresh fails', async () => {
    const client = scene.client();
    await client.resolve('boot-1.2.0.img');
    scene.repository.setKeys('targets', signingKeys('new-targets', 1));
    scene.repository.publishRoot();
    scene.repository.tamper = (name, bytes) => (name.endsWith('targets.json') ? undefined : bytes);
    await assert.rejects(client.refresh(), { code: 'not-found' });
    await assert.rejects(client.resolve('boot-1.2.0.img'), { code: 'not-found' });
  });

  it('TUF-37: inconsistent snapshots are refused, and read when the policy allows it', async () => {
    const { repository } = scene;
    repository.root.consistent_snapshot = false;
    repository.publishRoot();
    repository.publish();
    repository.addTarget('plain.img', new Uint8Array(10));
    repository.publish();
    await scene.refused('consistent-snapshot-required', () => scene.refresh(), [
      ...floors,
      'root.json',
      'roots/3.root',
    ]);
    const client = scene.client({ requireConsistentSnapshot: false });
    scene.repository.requests.length = 0;
    await client.refresh();
    assert.deepEqual(repository.requests, ['4.root.json', 'timestamp.json', 'snapshot.json', 'targets.json']);
    assert.deepEqual((await client.resolve('plain.img')).urls, ['memory:simulated/targets/plain.img']);
  });

  it('TUF-35: names the address when there is no timestamp', async () => {
    scene.repository.files.delete('timestamp.json');
    const error = await scene.refused('not-found', () => scene.refresh());
    assert.match(error.message, /timestamp\.json: does not exist at memory:simulated\/metadata \(404\)/);
  });

  it('TUF-34: a captive portal is called one', async () => {
    scene.repository.tamper = () => new TextEncoder().encode('<!DOCTYPE html><title>Sign in</title>');
    const error = await scene.refused('not-metadata', () => scene.refresh());
    assert.match(error.message, /captive portal/);
  });
});

/** Lets the snapshot state something else of a role than what lies on the server, under new versions. */
function spoilMeta({ repository }: ClientScene, role: string, what: 'hash' | 'length' | 'version'): void {
  const { version } = repository.role(role);
  const bytes = repository.written(role);
  const meta = repository.metaOf(bytes, version);
  if (what === 'hash') meta.hashes = { sha256: '0'.repeat(64) };
  if (what === 'length') meta.length = bytes.length + 1;
  if (what === 'version') {
    meta.version = version + 1;
    repository.files.set(repository.fileName(role, version + 1), bytes);
  }
  repository.snapshot.meta[`${role}.json`] = meta;
  repository.publishSnapshot();
}
