import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type Inventory, inventoryOf } from '../../src/mirror/inventory.ts';
import { updateTargets } from '../../src/trust/targets-role.ts';
import type { TrustedSet } from '../../src/trust/trusted-set.ts';
import { fixtureRepository, imageBytes } from '../support/fixture-repository.ts';
import type { RepositorySimulator } from '../support/repository-simulator.ts';
import { servedRole, trustedRoots, trustedSnapshot, trustedTargets } from '../support/trusting.ts';

const folders = { metadata: 'metadata', targets: 'targets' };

/** Name, length and SHA-256 of every file that the simulator serves, the older versions of root included. */
function servedFiles(repository: RepositorySimulator): Map<string, readonly [number, string]> {
  const all = [
    ...Array.from(repository.files, ([name, bytes]) => [`metadata/${name}`, bytes] as const),
    ...Array.from(repository.targetFiles, ([name, bytes]) => [`targets/${name}`, bytes] as const),
  ];
  return new Map(
    all.map(([name, bytes]) => [name, [bytes.byteLength, createHash('sha256').update(bytes).digest('hex')]]),
  );
}

/** The files of the repository's present versions, and no other, with what they are. */
function assertComplete(inventory: Inventory, repository: RepositorySimulator, unknown: string[]): void {
  const served = servedFiles(repository);
  const superseded = [...served.keys()].filter((name) => !inventory.files.some((file) => file.name === name));
  assert.ok(
    superseded.every((name) => /^metadata\/\d+\.(?!root)[^/]*$/.test(name)),
    superseded.join(),
  );
  for (const { name, length, sha256 } of inventory.files) {
    const facts = served.get(name);
    assert.ok(facts !== undefined, name);
    assert.deepEqual([length, sha256], unknown.includes(name) ? [undefined, undefined] : facts, name);
  }
  assert.equal(new Set(inventory.files.map(({ name }) => name)).size, inventory.files.length);
}

function withRole(repository: RepositorySimulator, set: TrustedSet, role: string): TrustedSet {
  return updateTargets(set, servedRole(repository, set, role), { role, delegator: 'targets' });
}

describe('mirror/inventory', () => {
  it('lists every file that is served, with length and hash, the manifest like any other', () => {
    const repository = fixtureRepository();
    const inventory = inventoryOf(trustedTargets(repository), folders);
    assert.deepEqual(inventory.unread, []);
    assertComplete(inventory, repository, ['metadata/1.root.json']);
    const names = inventory.files.map(({ name }) => name);
    assert.deepEqual(names.slice(0, 5), [
      'metadata/1.root.json',
      'metadata/2.root.json',
      'metadata/timestamp.json',
      'metadata/5.snapshot.json',
      'metadata/5.targets.json',
    ]);
    assert.equal(names.filter((name) => /^targets\/[0-9a-f]{64}\.manifest\.json$/.test(name)).length, 1);
    assert.equal(names.length, 5 + 4);
  });

  it('names delegated roles that were not read, and lists their targets once they are', () => {
    const repository = fixtureRepository();
    repository.delegate('targets', 'firmware', { paths: ['fw-*'] });
    repository.addTarget('fw-1.bin', imageBytes('fw', 500), 'firmware');
    repository.addTarget('boot-1.2.0.img', imageBytes('boot-1.2.0.img', 9000), 'firmware');
    repository.publish('firmware', 'targets');
    const before = inventoryOf(trustedTargets(repository), folders);
    assert.deepEqual(before.unread, ['firmware']);
    const role = before.files.find(({ name }) => name.endsWith('.firmware.json'));
    assert.equal(role?.sha256, createHash('sha256').update(repository.written('firmware')).digest('hex'));
    assert.ok(!before.files.some(({ name }) => name.includes('fw-1.bin')));
    const after = inventoryOf(withRole(repository, trustedTargets(repository), 'firmware'), folders);
    assert.deepEqual(after.unread, []);
    assertComplete(after, repository, ['metadata/1.root.json']);
    assert.equal(after.files.length, before.files.length + 1);
  });

  it('knows nothing of a role that was not read where the snapshot states no hash', () => {
    const repository = fixtureRepository({ stateHashes: false });
    const inventory = inventoryOf(trustedSnapshot(repository), folders);
    assert.deepEqual(inventory.unread, ['targets']);
    const role = inventory.files.find(({ name }) => name === 'metadata/5.targets.json');
    assert.deepEqual(role, { name: 'metadata/5.targets.json', length: undefined, sha256: undefined });
  });

  it('has one name per stated hash, since hosts differ in which they ask for', () => {
    const repository = fixtureRepository();
    const sha512 = 'ab'.repeat(64);
    for (const [path, target] of Object.entries(repository.targets.targets)) {
      if (path.startsWith('boot')) Object.assign(target.hashes, { sha512 });
      if (path.startsWith('root')) Object.assign(target, { hashes: { sha512 } });
    }
    repository.publish();
    const { files } = inventoryOf(trustedTargets(repository), folders);
    const boot = files.filter(({ name }) => name.endsWith('boot-1.2.0.img'));
    assert.equal(boot.length, 2);
    assert.ok(boot.every(({ sha256 }) => sha256 === boot[0]?.sha256 && sha256 !== undefined));
    const root = files.filter(({ name }) => name.endsWith('root-1.2.0.img'));
    assert.deepEqual(root, [{ name: `targets/${sha512}.root-1.2.0.img`, length: 9000, sha256: undefined }]);
  });

  it('lists names as they are without consistent snapshots, in any folders', () => {
    const repository = fixtureRepository({ consistentSnapshot: false });
    const set = trustedTargets(repository, { policy: { requireConsistentSnapshot: false } });
    const names = inventoryOf(set, { metadata: '', targets: 'a/b' }).files.map(({ name }) => name);
    const roles = ['1.root.json', '2.root.json', 'timestamp.json', 'snapshot.json', 'targets.json'];
    assert.deepEqual(names.slice(0, 5), roles);
    assert.ok(names.includes('a/b/manifest.json') && names.includes('a/b/boot-1.2.0.img'));
  });

  it('needs a trusted snapshot', () => {
    assert.throws(() => inventoryOf(trustedRoots(fixtureRepository()), folders), { code: 'internal' });
  });
});
