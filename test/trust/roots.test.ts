import assert from 'node:assert/strict';
import { noFloors } from '../../src/trust/floors.ts';
import { defaultLimits } from '../../src/trust/limits.ts';
import { finishRoot, trustRoot, updateRoot } from '../../src/trust/trusted-set.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { type SigningKey, signingKey, signingKeys } from '../support/signing-keys.ts';
import { expiry, START } from '../support/simulated-documents.ts';
import { padded, refuses, strictPolicy, trustedRoots } from '../support/trusting.ts';

describe('trust: roots', () => {
  const first = (repository: RepositorySimulator) =>
    trustRoot(repository.written('root', 1), strictPolicy, noFloors);

  it('walks from the embedded root to the newest', () => {
    const set = trustedRoots(fixtureRepository());
    assert.equal(set.root.document.version, 2);
    assert.deepEqual([set.floors.root, set.floors.timestamp, set.floors.timestampKeys.size], [2, 0, 1]);
  });

  it('SPEC-41: an embedded root that does not hold its own threshold is refused', () => {
    const repository = new RepositorySimulator();
    const [one] = repository.signersOf('root');
    assert.ok(one);
    const weak = repository.sign(repository.root, [one]);
    refuses(
      () => trustRoot(weak, strictPolicy, noFloors),
      'threshold-not-met',
      'trusted root: 1 of 2',
      "root 1's own root keys",
    );
    refuses(() => trustRoot(new Uint8Array(), strictPolicy, noFloors), 'json-invalid', 'trusted root');
    refuses(() => trustRoot(repository.written('timestamp'), strictPolicy, noFloors), 'type-mismatch');
  });

  it('SPEC-42, TUF-44: an embedded root may have expired, and be 39 versions behind', () => {
    const repository = new RepositorySimulator();
    repository.root.expires = expiry(-730);
    repository.write('root');
    repository.root.expires = expiry(365);
    for (let version = 2; version <= 40; version += 1) repository.publishRoot();
    assert.equal(trustedRoots(repository).root.document.version, 40);
  });

  it('TUF-01: a root by a stranger, unsigned, or by the keys of another role', () => {
    const repository = fixtureRepository();
    const set = trustedRoots(repository);
    repository.root.version = 3;
    const strangers = [
      signingKeys('stranger', 3),
      [],
      repository.signersOf('timestamp'),
      repository.signersOf('root').slice(0, 1),
    ];
    for (const signers of strangers)
      refuses(
        () => updateRoot(set, repository.sign(repository.root, signers)),
        'threshold-not-met',
        '3.root.json',
        /[01] of 2/,
        "root 2's root keys",
      );
  });

  it('SPEC-48, TUF-02, TUF-05: the next version exactly', () => {
    const repository = fixtureRepository();
    const set = trustedRoots(repository);
    for (const version of [1, 2, 4, 5, Number.MAX_SAFE_INTEGER]) {
      const bytes = repository.sign({ ...repository.root, version }, repository.signersOf('root'));
      refuses(() => updateRoot(set, bytes), 'version-mismatch', `version ${version}, expected is 3`);
    }
    refuses(() => updateRoot(set, repository.written('root', 2)), 'version-mismatch');
    refuses(() => updateRoot(set, repository.written('root', 1)), 'version-mismatch');
  });

  it('SPEC-43, TUF-25: one byte over the limit', () => {
    const repository = fixtureRepository();
    const { maxRootLength } = defaultLimits;
    const second = repository.written('root', 2);
    assert.equal(updateRoot(first(repository), padded(second, maxRootLength)).root.document.version, 2);
    refuses(
      () => updateRoot(first(repository), padded(second, maxRootLength + 1)),
      'length-limit',
      '2.root.json',
      `${maxRootLength}`,
    );
    refuses(
      () => trustRoot(padded(repository.written('root', 1), maxRootLength + 1), strictPolicy, noFloors),
      'length-limit',
      'trusted root',
    );
  });

  it('SPEC-49, SPEC-51, TUF-06: only the last root must be valid at the start time', () => {
    const repository = fixtureRepository();
    repository.root.expires = expiry(-1);
    repository.publishRoot();
    refuses(() => trustedRoots(repository), 'expired', 'root 3', 'expired at 2029-12-31T00:00:00Z');
    repository.root.expires = expiry(1);
    repository.publishRoot();
    assert.equal(trustedRoots(repository).root.document.version, 4);
  });

  it('TUF-15: expired from the very moment', () => {
    const repository = new RepositorySimulator();
    repository.root.expires = expiry(0);
    repository.write('root');
    for (const now of [START, START + 1])
      refuses(() => trustedRoots(repository, { policy: { now } }), 'expired');
    assert.ok(trustedRoots(repository, { policy: { now: START - 1 } }));
  });

  it('TUF-37, SPEC-53: consistent snapshots are required of the last root, where the policy wants them', () => {
    const repository = fixtureRepository();
    repository.root.consistent_snapshot = false;
    repository.publishRoot();
    refuses(() => trustedRoots(repository), 'consistent-snapshot-required', 'root 3');
    assert.equal(
      trustedRoots(repository, { policy: { requireConsistentSnapshot: false } }).root.document
        .consistentSnapshot,
      false,
    );
    delete repository.root.consistent_snapshot;
    repository.publishRoot();
    refuses(() => trustedRoots(repository), 'consistent-snapshot-required', 'root 4');
    repository.root.consistent_snapshot = true;
    repository.publishRoot();
    assert.equal(trustedRoots(repository).root.document.consistentSnapshot, true);
  });

  it('a chain that ends below a root seen before is a rollback', () => {
    const repository = fixtureRepository();
    refuses(
      () => trustedRoots(repository, { floors: { ...noFloors, root: 3 } }),
      'rollback',
      'root 2',
      '2 < 3',
    );
    assert.ok(trustedRoots(repository, { floors: { ...noFloors, root: 2 } }));
  });

  it('SPEC-9: a key id that is not the hash of its key is refused in strict mode, a label otherwise', () => {
    const repository = fixtureRepository();
    const { json } = signingKey('labelled');
    repository.root.keys.label = json;
    const bytes = repository.publishRoot();
    const strict = first(repository);
    const second = updateRoot(strict, repository.written('root', 2));
    refuses(
      () => updateRoot(second, bytes),
      'document-invalid',
      '3.root.json',
      'key id label is not the hash',
    );
    const labels = { ...second, policy: { ...strictPolicy, requireHashedKeyIds: false } };
    assert.equal(updateRoot(labels, bytes).root.document.version, 3);
    repository.root.version = 1;
    const embedded = repository.write('root');
    refuses(() => trustRoot(embedded, strictPolicy, noFloors), 'document-invalid', 'trusted root', 'label');
  });

  it('the next root belongs to the same repository, once the trusted one names it', () => {
    const repository = new RepositorySimulator();
    repository.root['x-tidegate-repository'] = 'fleet';
    repository.publishRoot();
    const named = trustedRoots(repository);
    for (const name of ['other', undefined, 'fleet2']) {
      repository.root['x-tidegate-repository'] = name;
      const bytes = repository.sign({ ...repository.root, version: 3 }, repository.signersOf('root'));
      refuses(
        () => updateRoot(named, bytes),
        'identity-mismatch',
        '3.root.json',
        name ?? 'no repository',
        'expected is "fleet"',
      );
    }
  });

  it('finishing twice changes nothing', () => {
    const set = trustedRoots(fixtureRepository());
    assert.deepEqual(finishRoot(set), set);
  });
});

describe('TUF-03: rotations of root keys', () => {
  type Step = {
    readonly keys: readonly number[];
    readonly threshold: number;
    readonly signers: readonly number[];
  };
  const pool = signingKeys('rotation', 12);
  const pick = (numbers: readonly number[]): SigningKey[] =>
    pool.filter((_, index) => numbers.includes(index + 1));

  /** Versions that are accepted before the first refusal. */
  function accepted(steps: readonly Step[]): number {
    const repository = new RepositorySimulator();
    let set: ReturnType<typeof trustRoot> | undefined;
    let version = 0;
    for (const { keys, threshold, signers } of steps) {
      version += 1;
      repository.setKeys('root', pick(keys), threshold);
      repository.root.version = version;
      const bytes = repository.sign(repository.root, pick(signers));
      try {
        set = set === undefined ? trustRoot(bytes, strictPolicy, noFloors) : updateRoot(set, bytes);
      } catch {
        return version - 1;
      }
    }
    return version;
  }

  const step = (keys: readonly number[], threshold: number, signers: readonly number[]): Step => ({
    keys,
    threshold,
    signers,
  });
  const five = step([1, 2, 3, 4, 5], 3, [1, 2, 3]);
  const rows: readonly (readonly [string, readonly Step[], number])[] = [
    ['1 of 1 to 1 of 1', [step([1], 1, [1]), step([2], 1, [1, 2]), step([2], 1, [2])], 3],
    ['1 of 1 to 1 of 1, without the new signature', [step([1], 1, [1]), step([2], 1, [1])], 1],
    ['1 of 1 to 1 of 1, without the old signature', [step([1], 1, [1]), step([2], 1, [2])], 1],
    ['1 of 1 kept, but signed by nobody', [step([1], 1, [1]), step([1], 1, [])], 1],
    ['1 of 1 that skips a step', [step([1], 1, [1]), step([2], 1, [1, 2]), step([3], 1, [1, 3])], 2],
    ['3 of 5 unchanged', [five, five], 2],
    ['3 of 5 with one key changed', [five, step([1, 3, 4, 5, 6], 3, [1, 3, 4])], 2],
    [
      '3 of 5 with one key changed, signed by the old and the new of them',
      [five, step([1, 3, 4, 5, 6], 3, [2, 3, 4, 6])],
      2,
    ],
    ['3 of 5 with one key changed, too few old', [five, step([1, 3, 4, 5, 6], 3, [3, 4, 6])], 1],
    ['3 of 5 with one key changed, too few new', [five, step([1, 3, 4, 5, 6], 3, [2, 3, 4])], 1],
    ['3 of 5 with all keys changed', [five, step([6, 7, 8, 9, 10], 3, [1, 2, 3, 6, 7, 8])], 2],
    ['3 of 5 with all keys changed, too few old', [five, step([6, 7, 8, 9, 10], 3, [1, 2, 6, 7, 8])], 1],
    ['3 of 5 with all keys changed, too few new', [five, step([6, 7, 8, 9, 10], 3, [1, 2, 3, 6, 7])], 1],
    [
      '3 of 5 with all keys changed through a step between',
      [five, step([1, 2, 3, 6, 7], 3, [1, 2, 3]), step([6, 7, 8, 9, 10], 3, [1, 6, 7, 8])],
      3,
    ],
    ['threshold up', [step([1, 2, 3], 1, [1]), step([1, 2, 3], 2, [1, 2])], 2],
    ['threshold up, not met', [step([1, 2, 3], 1, [1]), step([1, 2, 3], 2, [1])], 1],
    ['threshold down', [step([1, 2, 3], 2, [1, 2]), step([1, 2, 3], 1, [1, 2])], 2],
    ['threshold down, the old one not met', [step([1, 2, 3], 2, [1, 2]), step([1, 2, 3], 1, [1])], 1],
    ['threshold above the number of keys', [step([1, 2], 3, [1, 2])], 0],
    ['signatures by others beside', [step([1], 1, [1, 5, 6]), step([2], 1, [1, 2, 7])], 2],
  ];
  for (const [name, steps, versions] of rows)
    it(`SPEC-46: ${name}`, () => assert.equal(accepted(steps), versions));
});
