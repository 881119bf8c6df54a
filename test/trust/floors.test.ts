import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isTidegateError } from '../../src/errors.ts';
import { type Floors, noFloors } from '../../src/trust/floors.ts';
import { topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import { finishRoot, type TrustedSet, updateSnapshot, updateTimestamp } from '../../src/trust/trusted-set.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import type { RepositorySimulator } from '../support/repository-simulator.ts';
import { signingKey, signingKeys } from '../support/signing-keys.ts';
import type { TopLevel } from '../support/simulated-documents.ts';
import { refuses, trustedRoots, trustedTargets } from '../support/trusting.ts';

const FAR = 999_999;

/** The floors of a client that took what an attacker with all online keys published. */
function floorsAfterAttack(repository: RepositorySimulator): Floors {
  for (const role of ['timestamp', 'snapshot', 'targets']) repository.document(role).version = FAR;
  repository.writeAll();
  return trustedTargets(repository).floors;
}

/** Versions back at 1, signed by the keys of today. */
function repaired(repository: RepositorySimulator, rotated: readonly TopLevel[]): RepositorySimulator {
  for (const role of rotated) repository.setKeys(role, signingKeys(`new-${role}`, 1));
  repository.publishRoot();
  for (const role of ['timestamp', 'snapshot', 'targets']) repository.document(role).version = 1;
  repository.writeAll();
  return repository;
}

describe('trust/floors', () => {
  for (const rotated of [['timestamp'], ['snapshot', 'timestamp'], ['snapshot']] as const) {
    it(`SPEC-52, TUF-22: after ${rotated.join(' and ')} is rotated, version 1 is accepted again`, () => {
      const repository = fixtureRepository();
      const floors = floorsAfterAttack(repository);
      assert.deepEqual([floors.timestamp, floors.snapshot, floors.meta.get('targets.json')], [FAR, FAR, FAR]);
      repaired(repository, rotated);
      assert.deepEqual(trustedTargets(repository, { floors }).floors.meta, new Map([['targets.json', 1]]));
    });
  }

  it('TUF-22: rotating the targets key or the root keys alone lowers nothing', () => {
    for (const role of ['targets', 'root'] as const) {
      const repository = fixtureRepository();
      const floors = floorsAfterAttack(repository);
      repository.setKeys(role, signingKeys(`new-${role}`, 3), 2);
      refuses(() => trustedTargets(repaired(repository, []), { floors }), 'rollback', `1 < ${FAR}`);
    }
  });

  it('a key that is added beside the old one lowers nothing, one that is taken away lowers everything', () => {
    const repository = fixtureRepository();
    const floors = floorsAfterAttack(repository);
    const [old] = repository.signersOf('timestamp');
    assert.ok(old);
    repository.setKeys('timestamp', [old, signingKey('second')]);
    repository.publishRoot();
    const both = trustedRoots(repository, { floors }).floors;
    assert.deepEqual([both.timestamp, both.timestampKeys.size, both.root], [FAR, 2, 3]);
    repository.setKeys('timestamp', [signingKey('second')]);
    repository.publishRoot();
    const one = trustedRoots(repository, { floors: both }).floors;
    assert.deepEqual(
      [one.timestamp, one.snapshot, one.meta.size, one.timestampKeys.size, one.root],
      [0, 0, 0, 1, 4],
    );
  });

  it('another spelling of the same key is no rotation', () => {
    const repository = fixtureRepository();
    const floors = floorsAfterAttack(repository);
    repository.setKeys('timestamp', [signingKey('simulated-timestamp-1', 'ed25519 pem')]);
    repository.publishRoot();
    assert.equal(trustedRoots(repository, { floors }).floors.timestamp, FAR);
  });

  it('the floor of root never falls', () => {
    const repository = fixtureRepository();
    const floors = trustedTargets(repository).floors;
    repository.setKeys('timestamp', [signingKey('second')]);
    repository.publishRoot();
    assert.equal(trustedRoots(repository, { floors }).floors.root, 3);
  });

  it('only rise, over any sequence of good and hostile answers, and never above what was signed', () => {
    const roles = fc.constantFrom('timestamp', 'snapshot', 'targets');
    const version = fc.integer({ min: 1, max: 9 });
    const event = fc.record({ role: roles, version, listed: version, hostile: fc.boolean() });
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 20 }), (events) => {
        const repository = fixtureRepository({ stateHashes: false });
        const roots = trustedRoots(repository);
        let floors: Floors = noFloors;
        for (const { role, version, listed, hostile } of events) {
          const document = repository.document(role);
          document.version = version;
          repository.timestamp.meta['snapshot.json'] = { version: listed };
          const bytes = repository.write(
            role,
            hostile ? [signingKey('stranger')] : repository.signersOf(role),
          );
          const next = refreshed(repository, { ...roots, floors });
          assert.ok(
            next.timestamp >= floors.timestamp &&
              next.snapshot >= floors.snapshot &&
              next.root >= floors.root,
          );
          for (const [name, floor] of floors.meta) assert.ok((next.meta.get(name) ?? 0) >= floor);
          if (hostile && role === 'timestamp')
            assert.equal(next.timestamp, floors.timestamp, `${bytes.length}`);
          floors = next;
        }
        assert.ok(floors.timestamp <= 9);
      }),
      { numRuns: 40 },
    );
  });
});

/** As a client goes: as far as the files allow, the floors of every accepted step kept. */
function refreshed(repository: RepositorySimulator, roots: TrustedSet): Floors {
  let set = finishRoot(roots);
  try {
    set = updateTimestamp(set, repository.files.get('timestamp.json') ?? new Uint8Array());
    const { version = 0 } = set.timestamp?.document.snapshot ?? {};
    set = updateSnapshot(set, repository.files.get(`${version}.snapshot.json`) ?? new Uint8Array());
    const targets = set.snapshot?.document.meta.get('targets.json')?.version;
    set = updateTargets(
      set,
      repository.files.get(`${targets}.targets.json`) ?? new Uint8Array(),
      topLevelTargets,
    );
  } catch (error) {
    if (!isTidegateError(error)) throw error;
  }
  return set.floors;
}
