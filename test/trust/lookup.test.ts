import assert from 'node:assert/strict';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { defaultLimits } from '../../src/trust/limits.ts';
import { searchTarget } from '../../src/trust/lookup.ts';
import { confirmTargets, isTrusted, updateTargets } from '../../src/trust/targets-role.ts';
import { fixtureRepository, imageBytes } from '../support/fixture-repository.ts';
import type { DelegationOptions } from '../support/repository-simulator.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { signingKey } from '../support/signing-keys.ts';
import { expiry } from '../support/simulated-documents.ts';
import { continueLookUp, lookUp, refuses, trustedTargets } from '../support/trusting.ts';

type Edge = readonly [delegator: string, role: string, options?: DelegationOptions];

/** A repository of these delegations, in this order; `lists` are the roles that list `path`. */
function graph(
  edges: readonly Edge[],
  lists: readonly string[] = [],
  path = 'app/p.img',
): RepositorySimulator {
  const repository = new RepositorySimulator();
  const keys = [signingKey('delegated')];
  for (const [delegator, role, options] of edges)
    repository.delegate(delegator, role, { keys, paths: ['*/*'], ...options });
  for (const role of lists) repository.addTarget(path, imageBytes(role, 40), role);
  repository.writeAll();
  return repository;
}

const found = (repository: RepositorySimulator, path = 'app/p.img') => {
  const { found: target, visited } = lookUp(repository, path);
  return [target?.role, visited.join(' ')];
};

describe('trust/lookup', () => {
  it('spec row 72: pre-order, depth first, in order of appearance; the first that lists the path wins', () => {
    const edges: readonly Edge[] = [
      ['targets', 'A'],
      ['targets', 'B'],
      ['targets', 'C'],
      ['A', 'A1'],
      ['A', 'A2'],
      ['B', 'B1'],
      ['A1', 'X'],
    ];
    assert.deepEqual(found(graph(edges)), [undefined, 'targets A A1 X A2 B B1 C']);
    assert.deepEqual(found(graph(edges, ['B1', 'C'])), ['B1', 'targets A A1 X A2 B B1']);
    assert.deepEqual(found(graph(edges, ['A', 'X'])), ['A', 'targets A']);
    assert.deepEqual(found(graph(edges, ['targets', 'A'])), ['targets', 'targets']);
  });

  it('spec row 36: in that order also for names that look like numbers', () => {
    const edges: readonly Edge[] = [
      ['targets', '20'],
      ['targets', '3'],
      ['targets', 'b'],
    ];
    assert.deepEqual(found(graph(edges, ['20', '3', 'b'])), ['20', 'targets 20']);
    assert.deepEqual(found(graph(edges)), [undefined, 'targets 20 3 b']);
  });

  it('DEL-01, spec row 73: behind a terminating role that covers the path nobody else is asked', () => {
    const terminating = { terminating: true };
    assert.deepEqual(
      found(
        graph(
          [
            ['targets', 'A', terminating],
            ['targets', 'B'],
          ],
          ['B'],
        ),
      ),
      [undefined, 'targets A'],
    );
    assert.deepEqual(
      found(
        graph(
          [
            ['targets', 'A', terminating],
            ['A', 'A1'],
            ['A', 'A2'],
            ['targets', 'B'],
          ],
          ['A2', 'B'],
        ),
      ),
      ['A2', 'targets A A1 A2'],
    );
    assert.deepEqual(
      found(
        graph(
          [
            ['targets', 'A'],
            ['A', 'A1', terminating],
            ['A', 'A2'],
            ['targets', 'B'],
          ],
          ['B'],
        ),
      ),
      [undefined, 'targets A A1'],
    );
    const elsewhere = { terminating: true, paths: ['other/*'] };
    assert.deepEqual(
      found(
        graph(
          [
            ['targets', 'A', elsewhere],
            ['targets', 'B'],
          ],
          ['B'],
        ),
      ),
      ['B', 'targets B'],
    );
  });

  it('DEL-02: of two roles that list a path, always the first', () => {
    const repository = graph(
      [
        ['targets', 'A'],
        ['targets', 'B'],
        ['B', 'C'],
      ],
      ['A', 'C'],
    );
    const set = trustedTargets(repository);
    for (let run = 0; run < 1000; run += 1)
      assert.equal(continueLookUp(repository, set, 'app/p.img').found?.role, 'A');
  });

  it('DEL-03, spec row 70: cycles end, each role visited once', () => {
    assert.deepEqual(
      found(
        graph([
          ['targets', 'A'],
          ['A', 'B'],
          ['B', 'A'],
        ]),
      ),
      [undefined, 'targets A B'],
    );
    assert.deepEqual(
      found(
        graph([
          ['targets', 'A'],
          ['A', 'A'],
        ]),
      ),
      [undefined, 'targets A'],
    );
    const ring = Array.from({ length: 30 }, (_, index): Edge => [`r${index}`, `r${(index + 1) % 30}`]);
    const [target, visited] = found(graph([['targets', 'r0'], ...ring]));
    assert.equal(target, undefined);
    assert.equal(visited?.split(' ').length, 31);
  });

  it('spec row 70: more roles than the limit is an error of its own, not "not found"', () => {
    const chain = Array.from(
      { length: 5 },
      (_, index): Edge => [index === 0 ? 'targets' : `r${index - 1}`, `r${index}`],
    );
    const few = (maxVisitedRoles: number) => ({ policy: { limits: { ...defaultLimits, maxVisitedRoles } } });
    const repository = graph(chain, ['r4']);
    assert.equal(lookUp(repository, 'app/p.img', few(6)).found?.role, 'r4');
    refuses(() => lookUp(repository, 'app/p.img', few(5)), 'delegation-limit', 'app/p.img', '5 roles');
    const wide = graph(Array.from({ length: 70 }, (_, index): Edge => ['targets', `r${index}`]));
    refuses(() => lookUp(wide, 'app/p.img'), 'delegation-limit', '64');
  });

  it('spec row 35, DEL-18: only within the paths of every role above', () => {
    const edges: readonly Edge[] = [
      ['targets', 'A', { paths: ['app/*'] }],
      ['A', 'B', { paths: ['*/*'] }],
    ];
    assert.deepEqual(found(graph(edges, ['B'])), ['B', 'targets A B']);
    assert.deepEqual(found(graph(edges, ['A', 'B'], 'os/root.img'), 'os/root.img'), [undefined, 'targets']);
  });

  it('DEL-11: roles named like members of objects are roles like any other', () => {
    for (const name of ['constructor', '__proto__', 'toString'])
      assert.deepEqual(
        found(
          graph(
            [
              ['targets', name],
              ['targets', 'after'],
            ],
            ['after'],
          ),
        ),
        ['after', `targets ${name} after`],
      );
    assert.deepEqual(found(graph([['targets', '__proto__']], ['__proto__'])), [
      '__proto__',
      'targets __proto__',
    ]);
  });

  it('DEL-12, spec row 74: a role that the snapshot does not list ends the search, before any request', () => {
    const repository = graph(
      [
        ['targets', 'A'],
        ['targets', 'B'],
      ],
      ['B'],
    );
    delete repository.snapshot.meta['A.json'];
    repository.publishSnapshot();
    refuses(() => lookUp(repository, 'app/p.img'), 'role-not-in-snapshot', 'role "A"', 'snapshot 2');
  });

  it('spec row 75: a path that nobody lists is not found, also one named like a member of objects', () => {
    for (const path of ['absent', 'constructor', '__proto__', 'toString'])
      assert.deepEqual(found(fixtureRepository(), path), [undefined, 'targets']);
  });

  it('spec row 34: hash prefixes and succinct bins lead to the same target', () => {
    const repository = new RepositorySimulator();
    const prefixes = (digits: string): string[] => [...digits];
    repository.delegate('targets', 'low', { pathHashPrefixes: prefixes('01234567') });
    repository.delegate('targets', 'high', { pathHashPrefixes: prefixes('89abcdef') });
    for (const role of ['low', 'high']) repository.addTarget('file.txt', imageBytes(role, 9), role);
    repository.writeAll();
    assert.deepEqual(found(repository, 'file.txt'), ['high', 'targets high']);
    for (const bits of [1, 4, 8, 9]) {
      const bins = new RepositorySimulator();
      for (const bin of bins.delegateSuccinct('targets', bits, 'bin'))
        bins.addTarget('file.txt', imageBytes(bin, 9), bin);
      bins.writeAll();
      const { found: target, visited } = lookUp(bins, 'file.txt');
      assert.equal(visited.length, 2);
      assert.equal(target?.role, visited[1]);
    }
  });

  it('does not ask again for what is trusted already', () => {
    const repository = graph(
      [
        ['targets', 'A'],
        ['A', 'B'],
      ],
      ['B'],
    );
    const first = lookUp(repository, 'app/p.img');
    const again = searchTarget(first.set, parseTargetPath('app/p.img')).next();
    assert.ok(again.done);
    assert.equal(again.value.found?.role, 'B');
    assert.ok(isTrusted(first.set, { role: 'B', delegator: 'A' }));
    assert.ok(!isTrusted(first.set, { role: 'B', delegator: 'targets' }));
    assert.ok(!isTrusted(first.set, { role: 'Z', delegator: 'targets' }));
  });

  it('a caller that does not load the role is a defect', () => {
    const set = trustedTargets(graph([['targets', 'A']]));
    const search = searchTarget(set, parseTargetPath('app/p.img'));
    assert.deepEqual(search.next().value, { role: 'A', delegator: 'targets' });
    refuses(() => search.next(set), 'internal', 'A');
  });
});

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

  it('spec row 71: is verified for each of them', () => {
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

  it('spec row 67: root and targets keys do not sign them', () => {
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

  it('DEL-13, TUF-21, spec rows 68, 69: hash, length, version and expiry as for the top-level role', () => {
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
