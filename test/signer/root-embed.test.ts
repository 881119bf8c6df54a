import assert from 'node:assert/strict';
import { fingerprintWords } from '../../src/signer/keys/fingerprint.ts';
import { readerOf } from '../../src/signer/publication/repository-reader.ts';
import { checkEmbeddedRoot, newestPublicRoot } from '../../src/signer/root-embed.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { signingKeys } from '../support/signing-keys.ts';
import { expiry } from '../support/simulated-documents.ts';
import { day, open, planAndPublish, start, workspaceDisk } from '../support/workspace.ts';

function placeOf(repository: RepositorySimulator) {
  const read = readerOf(repository.metadata);
  return {
    name: 'https://updates.example.com',
    folders: { metadata: 'metadata', targets: 'targets' },
    read: (name: string, limit: number) => read(name.slice('metadata/'.length), limit),
  };
}

/** Three roots, of which the first ended long ago. */
function threeRoots(name = 'simulated'): RepositorySimulator {
  const repository = new RepositorySimulator({ name });
  repository.root.expires = expiry(-366);
  repository.write('root');
  repository.root.expires = expiry(-365);
  repository.publishRoot();
  repository.setKeys('root', signingKeys(`${name}-new-root`, 3), 2);
  repository.root.expires = expiry(300);
  repository.publishRoot();
  return repository;
}

describe('signer/root-embed', () => {
  it('SGN-41: says version, threshold, fingerprints, hash, and where hosts come to from it', async () => {
    const repository = threeRoots();
    const bytes = repository.written('root', 3);
    const root = await checkEmbeddedRoot(bytes, [placeOf(repository)], repository.now);
    assert.deepEqual([root.version, root.threshold, root.latest], [3, 2, 3]);
    assert.deepEqual(
      root.keys,
      repository.signersOf('root').map(({ id }) => ({ id, words: fingerprintWords(id) })),
    );
    assert.match(root.sha256, /^[0-9a-f]{64}$/);
    const older = await checkEmbeddedRoot(
      repository.written('root', 2),
      [placeOf(repository)],
      repository.now - 1,
    );
    assert.deepEqual([older.version, older.latest], [2, 3]);
  });

  it('SGN-41: refuses a root that expired over a year ago, to the moment', async () => {
    const repository = threeRoots();
    const check = async (version: number, now: number) =>
      (await checkEmbeddedRoot(repository.written('root', version), [placeOf(repository)], now)).version;
    await assert.rejects(check(1, repository.now), { code: 'expired', message: /such as root 3/ });
    assert.equal(await check(2, repository.now - 1), 2);
    await assert.rejects(check(2, repository.now), { code: 'expired' });
    const late = repository.now + 3650 * 86_400_000;
    await assert.rejects(check(3, late), {
      code: 'expired',
      message: /make the next one: tidegate root propose/,
    });
  });

  it('SGN-41: refuses a root that is not the public one, or not public, in any of the repositories', async () => {
    const [repository, stranger] = [threeRoots(), threeRoots('stranger')];
    const check = async (bytes: Uint8Array, ...places: readonly RepositorySimulator[]) =>
      await checkEmbeddedRoot(bytes, places.map(placeOf), repository.now);
    const foreign = stranger.written('root', 3);
    await assert.rejects(check(foreign, repository), { code: 'identity-mismatch', message: /SHA-256/ });
    await assert.rejects(check(repository.written('root', 3), repository, stranger), {
      code: 'identity-mismatch',
    });
    repository.publishRoot();
    const last = repository.written('root', 4);
    repository.files.delete('4.root.json');
    await assert.rejects(check(last, repository), { code: 'not-found', message: /root 4 is not public/ });
  });

  it('SGN-41: refuses a root from which hosts could not go on, or that is none', async () => {
    const repository = threeRoots();
    const [place, bytes] = [placeOf(repository), repository.written('root', 2)];
    const stranger = threeRoots('stranger').written('root', 3);
    repository.tamper = (name, there) => (name === '3.root.json' ? stranger : there);
    await assert.rejects(checkEmbeddedRoot(bytes, [place], repository.now - 1), {
      code: 'threshold-not-met',
    });
    const own = Buffer.from(
      Buffer.from(bytes)
        .toString()
        .replace(/"version": ?2/, '"version":3'),
    );
    await assert.rejects(checkEmbeddedRoot(own, [place], repository.now), { code: 'threshold-not-met' });
    await assert.rejects(checkEmbeddedRoot(Buffer.from('<html>'), [place], repository.now), {
      class: 'parse',
    });
  });

  it('gives out the last root that is public, and none before the first publication', async () => {
    const workspace = await open(await workspaceDisk(), new MemoryStore());
    await assert.rejects(newestPublicRoot(workspace, { now: start }), { code: 'not-found' });
    await planAndPublish(workspace, start);
    const root = await newestPublicRoot(workspace, { now: start + day });
    assert.deepEqual([root.version, root.repository, root.threshold], [1, 'example/os', 2]);
    assert.deepEqual(root.bytes, workspace.roots[0]);
  });
});
