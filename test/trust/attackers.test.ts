import assert from 'node:assert/strict';
import { type ErrorCode, isTidegateError } from '../../src/errors.ts';
import { checkFile } from '../../src/trust/file-check.ts';
import { topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import { updateRoot } from '../../src/trust/trusted-set.ts';
import { fixtureImages, fixtureRepository, imageBytes } from '../support/fixture-repository.ts';
import type { RepositorySimulator } from '../support/repository-simulator.ts';
import { type SigningKey, signingKey, signingKeys } from '../support/signing-keys.ts';
import { expiry, hashesOf } from '../support/simulated-documents.ts';
import { refuses, servedRole, trustedRoots, trustedSnapshot, trustedTargets } from '../support/trusting.ts';

const evil = imageBytes('evil', 9000);

/** What an attacker who holds the keys of `held` gets a client to accept, after a good refresh at 2/5/5/5. */
function outcome(
  held: readonly string[],
  attack: (repository: RepositorySimulator) => void,
): ErrorCode | 'accepted' {
  const repository = fixtureRepository();
  const { floors } = trustedTargets(repository);
  for (const role of ['root', 'timestamp', 'snapshot', 'targets'])
    if (!held.includes(role)) repository.signers.set(role, [signingKey('stranger')]);
  attack(repository);
  try {
    trustedTargets(repository, { floors });
    return 'accepted';
  } catch (error) {
    assert.ok(isTidegateError(error));
    return error.code;
  }
}

const install = (repository: RepositorySimulator): void => {
  repository.addTarget(fixtureImages.root, evil);
  repository.publish();
};
/** Yesterday's files under versions of today, as far as the held keys go. */
const rollBack = (repository: RepositorySimulator): void => {
  repository.targets.version = 3;
  repository.publish();
};
/** Nothing new, for ever. */
const freeze = (repository: RepositorySimulator): void => {
  for (const document of [repository.timestamp, repository.snapshot]) document.expires = expiry(-1);
  repository.publishSnapshot();
};

describe('trust: TUF-32, what each stolen key is good for', () => {
  const table: readonly (readonly [
    string,
    readonly string[],
    ErrorCode | 'accepted',
    ErrorCode | 'accepted',
  ])[] = [
    ['no key', [], 'threshold-not-met', 'threshold-not-met'],
    ['timestamp', ['timestamp'], 'threshold-not-met', 'threshold-not-met'],
    ['timestamp and snapshot', ['timestamp', 'snapshot'], 'threshold-not-met', 'rollback'],
    ['targets alone', ['targets'], 'threshold-not-met', 'threshold-not-met'],
    ['targets and timestamp', ['targets', 'timestamp'], 'threshold-not-met', 'threshold-not-met'],
    ['all three', ['timestamp', 'snapshot', 'targets'], 'accepted', 'rollback'],
  ];
  for (const [name, held, installs, rollsBack] of table) {
    it(name, () => {
      assert.equal(outcome(held, install), installs, 'another image');
      assert.equal(outcome(held, rollBack), rollsBack, 'an older targets version');
      assert.notEqual(outcome(held, freeze), 'accepted', 'nothing new past the expiry');
    });
  }

  it('one root key of two changes no key', () => {
    const repository = fixtureRepository();
    const set = trustedRoots(repository);
    const [one] = repository.signersOf('root');
    assert.ok(one);
    const own = signingKeys('attacker', 2);
    repository.setKeys('targets', own, 1);
    repository.root.version = 3;
    refuses(() => updateRoot(set, repository.write('root', [one, ...own])), 'threshold-not-met', '1 of 2');
  });
});

describe('trust: keys that are gone', () => {
  it('TUF-45: targets signed by a key that a later root revoked are not trusted, cached or served', () => {
    const repository = fixtureRepository();
    const cached = repository.written('targets');
    repository.setKeys('targets', [signingKey('new targets')]);
    repository.publishRoot();
    const set = trustedSnapshot(repository);
    assert.deepEqual(servedRole(repository, set, 'targets'), cached);
    refuses(
      () => updateTargets(set, cached, topLevelTargets),
      'threshold-not-met',
      "0 of 1 valid signatures by root 3's targets keys",
    );
  });

  it('PAR-01: one root signature given twice or nine times is refused, by old keys and new ones', () => {
    const repository = fixtureRepository();
    const set = trustedRoots(repository);
    const [one] = repository.signersOf('root');
    assert.ok(one);
    for (const times of [2, 9]) {
      repository.root.version = 3;
      const repeated: SigningKey[] = Array.from({ length: times }, () => one);
      refuses(
        () => updateRoot(set, repository.write('root', repeated)),
        'duplicate-signature',
        '3.root.json',
      );
      const newOne = signingKey('new root');
      repository.setKeys('root', [newOne, ...signingKeys('new root', 2)], 2);
      const old = signingKeys('simulated-root', 3);
      const bytes = repository.write('root', [...old, ...Array.from({ length: times }, () => newOne)]);
      refuses(() => updateRoot(set, bytes), 'duplicate-signature');
    }
  });
});

describe('trust: files against their parent', () => {
  it('TUF-29, SPEC-76: other bytes of the same length, and bytes of another length, are told apart', () => {
    const [right, other] = [imageBytes('a', 500), imageBytes('b', 500)];
    const meta = { length: 500, hashes: hashesOf(right) };
    checkFile(right, meta, 'a.img');
    refuses(() => checkFile(other, meta, 'a.img'), 'hash-mismatch', 'a.img');
    for (const bytes of [right.subarray(0, 499), Buffer.concat([right, other.subarray(0, 1)])])
      refuses(() => checkFile(bytes, meta, 'a.img'), 'length-mismatch', 'a.img', `${bytes.length} bytes`);
    const both = { length: 500, hashes: { ...meta.hashes, sha512: '0'.repeat(128) } };
    refuses(() => checkFile(right, both, 'a.img'), 'hash-mismatch', 'sha512');
  });
});
