import assert from 'node:assert/strict';
import { confirmTargets, updateTargets } from '../../src/trust/targets-role.ts';
import { graph } from '../support/delegation-graph.ts';
import { imageBytes } from '../support/fixture-repository.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { signingKey } from '../support/signing-keys.ts';
import { expiry } from '../support/simulated-documents.ts';
import { continueLookUp, lookUp, refuses, trustedTargets } from '../support/trusting.ts';

describe('trust: a role behind two delegators', () => {
  const one = signingKey('one');
  const two = signingKey('two');
  /** `shared` is delegated to by A, with the key `one`, and by B, with another. */
  function diamond(keyOfB: typeof one, signers = [one, keyOfB]): RepositorySimulator {
    const repository = graph([
      ['targets', 'A', { paths: ['a/*'] }],
      ['targets', 'B', { paths: ['b/*'] }],
    ]);
    repository.delegate('A', 'shared', { keys: [one], paths: ['*/*'] });
    repository.delegate('B', 'shared', { keys: [keyOfB], paths: ['*/*'] });
    repository.signers.set('shared', signers);
    for (const path of ['a/x', 'b/x']) repository.addTarget(path, imageBytes(path, 9), 'shared');
    repository.writeAll();
    return repository;
  }

  it('SPEC-71: is verified for each of them', () => {
    const repository = diamond(two, [one]);
    const first = lookUp(repository, 'a/x');
    assert.equal(first.found?.role, 'shared');
    refuses(
      () => continueLookUp(repository, first.set, 'b/x'),
      'threshold-not-met',
      'that B delegates shared to',
    );
    refuses(() => lookUp(repository, 'b/x'), 'threshold-not-met');
  });

  it('serves both when both have signed, without another request', () => {
    const repository = diamond(two);
    const { set } = lookUp(repository, 'a/x');
    const second = continueLookUp(repository, set, 'b/x');
    assert.equal(second.found?.role, 'shared');
    assert.deepEqual([...(second.set.targets.get('shared')?.delegators ?? [])], ['A', 'B']);
  });

  it('a role that is not there, or known for this delegator, needs no confirmation', () => {
    const repository = diamond(two);
    const { set } = lookUp(repository, 'a/x');
    assert.equal(confirmTargets(set, { role: 'absent', delegator: 'A' }), set);
    assert.equal(confirmTargets(set, { role: 'shared', delegator: 'A' }), set);
  });
});

describe('trust: delegated roles', () => {
  const reference = { role: 'A', delegator: 'targets' };

  it('SPEC-67: root and targets keys do not sign them', () => {
    const repository = new RepositorySimulator({ stateHashes: false });
    repository.delegate('targets', 'A');
    repository.writeAll();
    const set = trustedTargets(repository);
    for (const role of ['targets', 'root', 'snapshot'])
      refuses(
        () => updateTargets(set, repository.write('A', repository.signersOf(role)), reference),
        'threshold-not-met',
        '1.A.json',
        'that targets delegates A to',
      );
    assert.ok(updateTargets(set, repository.write('A'), reference));
  });

  it('DEL-13, TUF-21, SPEC-68, SPEC-69: hash, length, version and expiry as for the top-level role', () => {
    const make = (stateHashes: boolean): RepositorySimulator => {
      const repository = new RepositorySimulator({ stateHashes });
      repository.delegate('targets', 'A');
      repository.writeAll();
      return repository;
    };
    const repository = make(true);
    const set = trustedTargets(repository);
    const right = repository.written('A');
    const flipped = right.slice();
    flipped[flipped.length - 10] = (flipped[flipped.length - 10] ?? 0) ^ 1;
    refuses(() => updateTargets(set, flipped, reference), 'hash-mismatch', '1.A.json');
    refuses(() => updateTargets(set, right.subarray(1), reference), 'length-mismatch', '1.A.json');
    const bare = make(false);
    const bareSet = trustedTargets(bare);
    bare.role('A').version = 2;
    refuses(
      () => updateTargets(bareSet, bare.write('A'), reference),
      'version-mismatch',
      'version 2, expected is 1',
    );
    bare.role('A').version = 1;
    bare.role('A').expires = expiry(0);
    refuses(() => updateTargets(bareSet, bare.write('A'), reference), 'expired', '1.A.json');
    refuses(
      () => updateTargets(bareSet, bare.sign(bare.snapshot, bare.signersOf('A')), reference),
      'type-mismatch',
    );
    const [signer] = bare.signersOf('A');
    assert.ok(signer);
    refuses(
      () => updateTargets(bareSet, bare.write('A', [signer, signer]), reference),
      'duplicate-signature',
    );
  });

  it('a role that its delegator does not name is a defect of the caller', () => {
    const repository = graph([['targets', 'A']]);
    const set = trustedTargets(repository);
    for (const delegator of ['A', 'nobody'])
      refuses(
        () => updateTargets(set, repository.written('A'), { role: 'A', delegator }),
        'internal',
        'A is not delegated by',
      );
    const deeper = graph([
      ['targets', 'A'],
      ['A', 'B'],
    ]);
    const undelegated = { role: 'B', delegator: 'targets' };
    refuses(() => updateTargets(trustedTargets(deeper), deeper.written('B'), undelegated), 'internal');
  });
});
