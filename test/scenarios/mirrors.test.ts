/** Several locations: what one does wrong is reported, and the next is asked; an attack is never hidden behind a cable. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TidegateError } from '../../src/errors.ts';
import type { ReadableStore } from '../../src/storage/store.ts';
import { ClientScene } from '../support/client-scene.ts';
import { fixtureImages, fixtureRepository, imageBytes } from '../support/fixture-repository.ts';
import { signingKeys } from '../support/signing-keys.ts';
import { expiry } from '../support/simulated-documents.ts';
import { SimulatorStore } from '../support/simulator-store.ts';

type Answer = (name: string) => Uint8Array | undefined;

function bad(answer: Answer, name = 'bad'): ReadableStore {
  return new SimulatorStore(`memory:${name}`, answer);
}

function failing(code: 'network-unreachable' | 'http-status' | 'too-slow'): Answer {
  return () => {
    throw new TidegateError(code, `it is ${code}`);
  };
}

/** What a mirror serves that was left behind at an earlier moment. */
function stale(change: (repository: ReturnType<typeof fixtureRepository>) => void): Answer {
  const old = fixtureRepository();
  change(old);
  return (name) => old.files.get(name);
}

describe('mirrors', () => {
  let scene: ClientScene;
  beforeEach(async () => {
    scene = new ClientScene();
    await scene.refresh();
    scene.repository.publishRoot();
    scene.repository.publish();
  });
  afterEach(() => scene.close());

  const mirrors: Record<string, { readonly code: string; readonly answer: Answer }> = {
    'cannot be reached': { code: 'network-unreachable', answer: failing('network-unreachable') },
    'answers 500': { code: 'http-status', answer: failing('http-status') },
    'is too slow': { code: 'too-slow', answer: failing('too-slow') },
    'is empty': { code: 'not-found', answer: () => undefined },
    'serves web pages': { code: 'not-metadata', answer: () => new TextEncoder().encode('<html>') },
    'serves rubbish': { code: 'json-invalid', answer: () => new Uint8Array(40) },
    'is rolled back': {
      code: 'rollback',
      answer: stale((old) => {
        old.timestamp.version = 4;
        old.write('timestamp');
      }),
    },
    'is stale': {
      code: 'expired',
      answer: stale((old) => {
        old.timestamp.version = 6;
        old.timestamp.expires = expiry(-1);
        old.write('timestamp');
      }),
    },
    'is of somebody else': {
      code: 'threshold-not-met',
      answer: stale((old) => {
        old.timestamp.version = 900;
        old.write('timestamp', signingKeys('stranger', 1));
      }),
    },
  };
  for (const [how, { code, answer }] of Object.entries(mirrors)) {
    it(`TUF-31: one that ${how} is named, and the next is used`, async () => {
      const { versions, faults } = await scene.refresh({
        metadata: [bad(answer), scene.repository.metadata],
      });
      assert.deepEqual(versions, { root: 3, timestamp: 6, snapshot: 6, targets: 6 });
      assert.deepEqual([faults[0]?.location, faults[0]?.code], ['memory:bad', code]);
      // It raised no floor: the good one alone is accepted next time.
      assert.equal((await scene.refresh()).versions.timestamp, 6);
    });
  }

  it('TUF-31: a mirror without the newest root does not keep the others from being believed', async () => {
    const behind = fixtureRepository();
    scene.repository.setKeys('timestamp', signingKeys('new-timestamp', 1));
    scene.repository.publishRoot();
    scene.repository.publishTimestamp();
    await scene.refresh();
    scene.repository.publish();
    const metadata = [bad((name) => behind.files.get(name)), scene.repository.metadata];
    const { versions, faults } = await scene.refresh({ metadata });
    assert.equal(versions.timestamp, 8);
    assert.equal(faults[0]?.code, 'threshold-not-met');
  });

  it('TUF-31: one that has the timestamp but not what it lists is passed over for the rest', async () => {
    const { repository } = scene;
    const half = bad(
      (name) => (/snapshot|targets/.test(name) ? undefined : repository.files.get(name)),
      'half',
    );
    const { faults } = await scene.refresh({ metadata: [half, repository.metadata] });
    assert.deepEqual(
      faults.map(({ file, code }) => [file, code]),
      [['6.snapshot.json', 'not-found']],
    );
    assert.deepEqual(repository.requests, ['6.snapshot.json', '6.targets.json']);
  });

  it('asks no second mirror when the first does everything right', async () => {
    const asked: string[] = [];
    const second = bad((name) => {
      asked.push(name);
      return undefined;
    });
    await scene.refresh({ metadata: [scene.repository.metadata, second] });
    assert.deepEqual(asked, []);
  });

  it('when all fail, the attack is the error and not the outage; nothing changed', async () => {
    const rolledBack = mirrors['is rolled back']?.answer ?? assert.fail();
    const error = await scene.refused('rollback', () =>
      scene.refresh({
        metadata: [bad(failing('too-slow')), bad(rolledBack, 'worse'), bad(failing('http-status'))],
      }),
    );
    assert.match(error.message, /none of 3 locations/);
  });

  const images: Record<string, { readonly code: string; readonly answer: Answer }> = {
    'has it not': { code: 'not-found', answer: () => undefined },
    'has it altered': { code: 'hash-mismatch', answer: () => imageBytes('other', 9000) },
    'has it longer': { code: 'length-mismatch', answer: () => new Uint8Array(9001) },
    'has it shorter': { code: 'length-mismatch', answer: () => new Uint8Array(8999) },
    'breaks off': { code: 'network-unreachable', answer: failing('network-unreachable') },
  };
  for (const [how, { code, answer }] of Object.entries(images)) {
    it(`TUF-31: a location of images that ${how} is named, leaves nothing, and the next is used`, async () => {
      const out = join(scene.folder, 'out.img');
      const client = scene.client({ targets: [bad(answer), scene.repository.images] });
      const { faults, location } = await client.download(fixtureImages.root, out);
      assert.deepEqual([faults[0]?.code, location], [code, 'memory:simulated/targets']);
      assert.deepEqual(new Uint8Array(readFileSync(out)), imageBytes(fixtureImages.root, 9000));
      assert.deepEqual(readdirSync(scene.folder).sort(), ['out.img', 'state']);
    });

    it(`NET-12: alone, one that ${how} is an error and leaves no file`, async () => {
      const out = join(scene.folder, 'out.img');
      const client = scene.client({ targets: bad(answer) });
      await assert.rejects(client.download(fixtureImages.root, out), { code });
      assert.ok(!existsSync(out));
      assert.deepEqual(readdirSync(scene.folder), ['state']);
    });
  }

  it('TUF-29: the bytes of another image of the same length are refused', async () => {
    const { repository } = scene;
    repository.tamper = (name, bytes) =>
      name.startsWith('targets/') ? imageBytes(fixtureImages.boot, 9000) : bytes;
    const out = join(scene.folder, 'out.img');
    const client = scene.client();
    await client.download(fixtureImages.boot, out);
    const error = await client
      .download(fixtureImages.root, join(scene.folder, 'root.img'))
      .catch((reason) => reason);
    assert.equal(error.code, 'hash-mismatch');
    assert.match(error.message, /target root-1\.2\.0\.img/);
  });

  it('TUF-28: an update asks for the manifest and the images that it needs, and for nothing else', async () => {
    const { repository } = scene;
    for (let index = 0; index < 500; index += 1)
      repository.addTarget(`spare-${index}.img`, new Uint8Array(index));
    repository.publish();
    const client = scene.client();
    await client.refresh();
    repository.requests.length = 0;
    const choice = await client.choose({ variant: 'demo', arch: 'x86_64', version: '1.0.0', seed: 1 });
    assert.equal(choice.kind, 'update');
    for (const path of Object.values(choice.kind === 'update' ? choice.release.images : {}))
      await client.download(path, join(scene.folder, path));
    const asked = repository.requests.map((name) => name.replace(/^targets\/[0-9a-f]{64}\./, ''));
    assert.deepEqual(asked.sort(), ['manifest.json', ...Object.values(fixtureImages)].sort());
  });

  it('a release whose image no role lists is not chosen', async () => {
    delete scene.repository.targets.targets[fixtureImages.hash];
    scene.repository.publish();
    const host = { variant: 'demo', arch: 'x86_64', version: '1.0.0', seed: 1 };
    await assert.rejects(scene.client().choose(host), { code: 'manifest-image-missing' });
  });
});
