import assert from 'node:assert/strict';
import { isTidegateError } from '../../src/errors.ts';
import { topLevelRoles } from '../../src/metadata/role-name.ts';
import { parseTargetPath } from '../../src/metadata/target-path.ts';
import { type TargetsDocument, targetOf } from '../../src/metadata/targets.ts';
import { copyOf, documentOf, readers } from '../support/reading.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';

const replacements: readonly unknown[] = [
  ...[null, true, false, 0, 1, -1, 2 ** 31 + 5, 2 ** 53],
  ...['', 'x', '1', '\u0000', '../x', 'root', '2030-01-01T00:00:00Z', 'f'.repeat(64), '__proto__'],
  ...[[], [[]], [null], ['x', 'x'], {}, { a: null }, { '': {} }, { keyids: [], threshold: 1 }],
];

/** Every document with one node replaced, members removed too. */
function* mutantsOf(value: unknown): Generator<unknown> {
  yield* replacements;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries())
      for (const mutant of mutantsOf(item)) yield value.with(index, mutant);
    yield [...value, ...value];
  } else if (value !== null && typeof value === 'object') {
    for (const [name, member] of Object.entries(value)) {
      const { [name]: _gone, ...rest } = value as Record<string, unknown>;
      yield rest;
      yield { ...rest, [`${name}x`]: member };
      for (const mutant of mutantsOf(member)) yield { ...rest, [name]: mutant };
    }
  }
}

describe('metadata: JSON of the wrong shape', () => {
  it('PAR-29: each of more than 5,000 mutants is read, or refused by one of our errors that names its place', () => {
    let mutants = 0;
    const documents = [
      ...topLevelRoles.map((role) => [role, documentOf(role)] as const),
      ['targets', delegating()] as const,
    ];
    for (const [role, document] of documents) {
      for (const mutant of mutantsOf(document)) {
        mutants += 1;
        try {
          const read = readers[role](mutant);
          if (role === 'targets') readEveryTarget(read as TargetsDocument);
        } catch (error) {
          assert.ok(isTidegateError(error), `${error}: ${JSON.stringify(mutant).slice(0, 300)}`);
          assert.notEqual(error.class, 'internal');
          assert.match(error.message, /x\.json|role name/);
        }
      }
    }
    assert.ok(mutants > 5000, `${mutants} mutants`);
  });
});

/** Targets with delegations of both forms, and every optional member. */
function delegating(): readonly Record<string, unknown>[] {
  const repository = new RepositorySimulator();
  repository.addTarget('a/b.img', Uint8Array.of(1, 2, 3), 'targets', {
    version: '1.0.0',
    list: [1, { deep: null }],
  });
  repository.delegate('targets', 'patterns', { paths: ['a/*', 'b?'], terminating: true });
  repository.delegate('targets', 'prefixes', { pathHashPrefixes: ['0', 'abc'] });
  const { targets } = repository;
  const { keys } = targets.delegations ?? { keys: {} };
  const bins = { keyids: Object.keys(keys), threshold: 1, bit_length: 4, name_prefix: 'bin' };
  return [copyOf(targets), copyOf({ ...targets, delegations: { keys, succinct_roles: bins } })];
}

function readEveryTarget(document: TargetsDocument): void {
  for (const path of document.targets.keys()) assert.ok(targetOf(document, parseTargetPath(path)));
}
