import assert from 'node:assert/strict';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { defaultLimits } from '../../src/trust/limits.ts';
import { searchTarget } from '../../src/trust/lookup.ts';
import { isTrusted } from '../../src/trust/targets-role.ts';
import { type Edge, graph } from '../support/delegation-graph.ts';
import { fixtureRepository, imageBytes } from '../support/fixture-repository.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { continueLookUp, lookUp, refuses, trustedTargets } from '../support/trusting.ts';

const found = (repository: RepositorySimulator, path = 'app/p.img') => {
  const { found: target, visited } = lookUp(repository, path);
  return [target?.role, visited.join(' ')];
};

describe('trust/lookup', () => {
  it('SPEC-72: pre-order, depth first, in order of appearance; the first that lists the path wins', () => {
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

  it('SPEC-36: in that order also for names that look like numbers', () => {
    const edges: readonly Edge[] = [
      ['targets', '20'],
      ['targets', '3'],
      ['targets', 'b'],
    ];
    assert.deepEqual(found(graph(edges, ['20', '3', 'b'])), ['20', 'targets 20']);
    assert.deepEqual(found(graph(edges)), [undefined, 'targets 20 3 b']);
  });

  it('DEL-01, SPEC-73: behind a terminating role that covers the path nobody else is asked', () => {
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

  it('DEL-03, SPEC-70: cycles end, each role visited once', () => {
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

  it('SPEC-70: more roles than the limit is an error of its own, not "not found"', () => {
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

  it('SPEC-35, DEL-18: only within the paths of every role above', () => {
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

  it('DEL-12, SPEC-74: a role that the snapshot does not list ends the search, before any request', () => {
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

  it('SPEC-75: a path that nobody lists is not found, also one named like a member of objects', () => {
    for (const path of ['absent', 'constructor', '__proto__', 'toString'])
      assert.deepEqual(found(fixtureRepository(), path), [undefined, 'targets']);
  });

  it('SPEC-34: hash prefixes and succinct bins lead to the same target', () => {
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
