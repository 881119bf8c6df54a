/** TUF-32: what an attacker can do with which keys, as the specification has it (section 6.1 of the paper's table). */
import assert from 'node:assert/strict';
import { ClientScene } from '../support/client-scene.ts';
import { fixtureImages, fixtureRepository } from '../support/fixture-repository.ts';
import { signingKeys } from '../support/signing-keys.ts';
import { expiry, hashesOf, type TopLevel } from '../support/simulated-documents.ts';

const evil = new TextEncoder().encode('evil image');

describe('stolen keys', () => {
  let scene: ClientScene;
  beforeEach(async () => {
    scene = new ClientScene();
    await scene.refresh();
  });
  afterEach(() => scene.close());

  /** A server of the attacker: the repository as it is, in which only the stolen roles carry true signatures. */
  function attacker(...stolen: readonly TopLevel[]) {
    const repository = fixtureRepository();
    for (const role of ['root', 'timestamp', 'snapshot', 'targets'] as const)
      if (!stolen.includes(role)) repository.signers.set(role, signingKeys('attacker', 3));
    return repository;
  }

  for (const stolen of [['timestamp'], ['timestamp', 'snapshot']] as const) {
    it(`TUF-32: with ${stolen.join(' and ')} nothing can be made up`, async () => {
      const server = attacker(...stolen);
      server.targets.targets[fixtureImages.boot] = { length: evil.length, hashes: hashesOf(evil) };
      server.publish();
      await assert.rejects(scene.refresh({ metadata: server.metadata }), { code: 'threshold-not-met' });
      await assert.rejects(scene.client({ metadata: server.metadata }).resolve(fixtureImages.boot), {
        code: 'threshold-not-met',
      });
    });
  }

  it('TUF-32: with timestamp and snapshot no older targets are believed', async () => {
    const server = attacker('timestamp', 'snapshot');
    server.files.set('4.targets.json', server.written('targets', 5));
    server.snapshot.meta['targets.json'] = { version: 4 };
    server.publishSnapshot();
    await assert.rejects(scene.refresh({ metadata: server.metadata }), { code: 'rollback' });
  });

  it('TUF-32: with the timestamp no older snapshot is believed, and a freeze ends with the snapshot', async () => {
    const server = attacker('timestamp');
    server.timestamp.expires = expiry(1000);
    server.publishTimestamp();
    assert.equal((await scene.refresh({ metadata: server.metadata })).versions.timestamp, 6);
    scene.now += 31 * 86_400_000;
    await assert.rejects(scene.refresh({ metadata: server.metadata }), {
      code: 'expired',
      message: /snapshot/,
    });
  });

  it('TUF-32: with targets alone nothing is believed', async () => {
    const server = attacker('targets');
    server.targets.targets[fixtureImages.boot] = { length: evil.length, hashes: hashesOf(evil) };
    server.publish();
    await assert.rejects(scene.refresh({ metadata: server.metadata }), { code: 'threshold-not-met' });
  });

  it('TUF-32: with all online keys and targets an image can be made up, until root takes the keys away', async () => {
    const server = attacker('timestamp', 'snapshot', 'targets');
    server.addTarget(fixtureImages.boot, evil);
    server.publish();
    const fooled = await scene.client({ metadata: server.metadata }).resolve(fixtureImages.boot);
    assert.equal(fooled.length, evil.length);
    for (const role of ['timestamp', 'snapshot', 'targets'] as const)
      scene.repository.setKeys(role, signingKeys(`after-${role}`, 1));
    scene.repository.publishRoot();
    scene.repository.writeAll();
    await scene.refresh();
    assert.equal((await scene.client().resolve(fixtureImages.boot)).length, 9000);
    await assert.rejects(scene.refresh({ metadata: server.metadata }), { code: 'threshold-not-met' });
  });

  it('TUF-32: one root key of the two that are needed changes nothing', async () => {
    const server = attacker('timestamp', 'snapshot', 'targets');
    const [one] = scene.repository.signersOf('root');
    assert.ok(one !== undefined);
    server.setKeys('targets', signingKeys('attacker', 1));
    server.root.version = 3;
    server.write('root', [one, ...signingKeys('attacker', 3)]);
    await scene.refused('threshold-not-met', () => scene.refresh({ metadata: server.metadata }));
  });

  for (const role of ['root', 'timestamp', 'snapshot', 'targets'] as const) {
    for (const times of [2, 9]) {
      it(`PAR-01: one key that signs ${role} ${times} times does not reach a threshold of two`, async () => {
        // Without hashes in the parents, which would notice it first.
        const repository = fixtureRepository({ stateHashes: false });
        if (role !== 'root') repository.setKeys(role, signingKeys('two', 2), 2);
        repository.publishRoot();
        if (role === 'root') repository.publishRoot();
        repository.publish();
        const repeated = repository.fileName(role, repository.document(role).version);
        repository.tamper = (name, bytes) =>
          name === repeated ? withRepeatedSignature(bytes, times) : bytes;
        const other = new ClientScene(repository);
        await assert.rejects(other.refresh(), { code: 'duplicate-signature' });
        await other.close();
      });
    }
  }
});

function withRepeatedSignature(bytes: Uint8Array | undefined, times: number): Uint8Array {
  const document = JSON.parse(new TextDecoder().decode(bytes));
  document.signatures = Array.from({ length: times }, () => document.signatures[0]);
  return new TextEncoder().encode(JSON.stringify(document));
}
