import assert from 'node:assert/strict';
import { defaultLimits } from '../../src/trust/limits.ts';
import { targetsLimit, topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import { signingKey } from '../support/signing-keys.ts';
import { START, timeText } from '../support/simulated-documents.ts';
import {
  expiryMoments,
  garbage,
  padded,
  refuses,
  trustedSnapshot,
  trustedTargets,
  trustedTimestamp,
} from '../support/trusting.ts';

describe('trust: targets', () => {
  it('SPEC-67, TUF-01: by a stranger, unsigned, or by another role', () => {
    const repository = fixtureRepository({ stateHashes: false });
    const set = trustedSnapshot(repository);
    for (const signers of [
      [signingKey('stranger')],
      [],
      repository.signersOf('snapshot'),
      repository.signersOf('root'),
    ])
      refuses(
        () => updateTargets(set, repository.write('targets', signers), topLevelTargets),
        'threshold-not-met',
        '5.targets.json',
        '0 of 1',
        "root 2's targets keys",
      );
  });

  it('TUF-21: of another moment; length and hash before anything is parsed', () => {
    const repository = fixtureRepository();
    const set = trustedSnapshot(repository);
    const right = repository.written('targets');
    refuses(() => updateTargets(set, garbage, topLevelTargets), 'length-mismatch', '5.targets.json');
    refuses(
      () => updateTargets(set, padded(garbage, right.length), topLevelTargets),
      'hash-mismatch',
      '5.targets.json',
    );
    const bare = fixtureRepository({ stateHashes: false });
    const bareSet = trustedSnapshot(bare);
    bare.targets.version = 4;
    refuses(
      () => updateTargets(bareSet, bare.write('targets'), topLevelTargets),
      'version-mismatch',
      'version 4, expected is 5',
    );
  });

  it('TUF-14, TUF-15: expired from the moment that it names', () => {
    const repository = fixtureRepository();
    for (const [late, fails] of expiryMoments) {
      repository.targets.expires = timeText(START + late);
      repository.writeAll();
      if (fails) refuses(() => trustedTargets(repository), 'expired', '5.targets.json', 'version 5');
      else assert.ok(trustedTargets(repository));
    }
  });

  it('SPEC-26, TUF-25: the limit is the stated length, or the own one', () => {
    const repository = fixtureRepository();
    const set = trustedSnapshot(repository);
    const right = repository.written('targets');
    assert.equal(targetsLimit(set, 'targets'), right.length);
    refuses(
      () => updateTargets(set, padded(right, right.length + 1), topLevelTargets),
      'length-limit',
      '5.targets.json',
    );
    const bare = trustedSnapshot(fixtureRepository({ stateHashes: false }));
    assert.equal(targetsLimit(bare, 'targets'), defaultLimits.maxTargetsLength);
    refuses(() => updateTargets(bare, padded(right, 5_242_881), topLevelTargets), 'length-limit');
  });

  it('DEL-23: delegations only where they are allowed; a list of none delegates nothing', () => {
    const repository = fixtureRepository();
    repository.targets.delegations = { keys: {}, roles: [] };
    repository.writeAll();
    const policy = { allowDelegations: false };
    assert.ok(trustedTargets(repository, { policy }));
    repository.delegate('targets', 'delegated');
    repository.writeAll();
    refuses(() => trustedTargets(repository, { policy }), 'delegations-not-allowed', '5.targets.json');
    repository.delegateSuccinct('targets', 1, 'bin');
    repository.writeAll();
    refuses(() => trustedTargets(repository, { policy }), 'delegations-not-allowed');
    assert.ok(trustedTargets(repository));
  });

  it('SPEC-9: key ids of delegations too are hashes in strict mode', () => {
    const repository = fixtureRepository();
    repository.delegate('targets', 'delegated');
    const { delegations } = repository.targets;
    assert.ok(delegations);
    delegations.keys.label = signingKey('labelled').json;
    repository.writeAll();
    refuses(() => trustedTargets(repository), 'document-invalid', '5.targets.json', 'label');
    assert.ok(trustedTargets(repository, { policy: { requireHashedKeyIds: false } }));
  });

  it('is not asked for before a snapshot', () => {
    refuses(() => updateTargets(trustedTimestamp(fixtureRepository()), garbage, topLevelTargets), 'internal');
  });
});
