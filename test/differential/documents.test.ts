import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { TopLevel } from '../support/simulated-documents.ts';
import { Raw } from '../support/written-json.ts';
import { type Example, exceptions } from './exceptions.ts';
import { sampling } from './sampling.ts';
import { changedAt, documentOf, order, ours, signedAs, theirs, type Verdict } from './verdicts.ts';

const replacements: readonly unknown[] = [
  ...[undefined, null, true, 0, 1, -1, 2 ** 53, new Raw('1.5'), new Raw('1.0'), new Raw('1e3')],
  ...['', 'x', '1', '\u0001', '../x', 'root', '2030-06-01', 'f'.repeat(64), 'F'.repeat(64), '__proto__'],
  ...[[], [[]], [null], ['x', 'x'], {}, { a: null }, { '': {} }],
];

/** Every node of a document by its path. */
function* pathsOf(value: unknown, path: readonly string[] = []): Generator<string> {
  if (path.length > 0) yield path.join('/');
  if (value === null || typeof value !== 'object') return;
  for (const [name, member] of Object.entries(value))
    if (!name.includes('/')) yield* pathsOf(member, [...path, name]);
}

const nodes = order.flatMap((role) => Array.from(pathsOf(documentOf(role)), (path) => ({ role, path })));

function fileOf(example: Example): { readonly where: string; readonly file: Uint8Array } {
  const { role } = example;
  if ('path' in example)
    return { where: example.path, file: signedAs(role, changedAt(role, example.path, example.value)) };
  const text = Buffer.from(signedAs(role, documentOf(role))).toString('latin1');
  return { where: 'text', file: Buffer.from(example.text(text), 'latin1') };
}

function isListed(where: string, our: Verdict, their: Verdict): boolean {
  return exceptions.some(
    (entry) => entry.where.test(where) && entry.ours.test(our.why) && entry.theirs.test(their.why),
  );
}

/** The same role refused, or a listed exception. */
function compare(role: TopLevel, where: string, file: Uint8Array): void {
  const [our, their] = [ours(role, file), theirs(role, file)];
  if (our.refused === their.refused || isListed(where, our, their)) return;
  assert.fail(
    `${role} ${where}: ours ${JSON.stringify(our)}, theirs ${JSON.stringify(their)}\n${Buffer.from(file)}`,
  );
}

describe('differential: one document, ours and tuf-js', () => {
  it('both accept what nobody has changed', () => {
    for (const role of order) {
      const file = signedAs(role, documentOf(role));
      assert.deepEqual([ours(role, file).refused, theirs(role, file).refused], ['none', 'none']);
    }
  });

  for (const entry of exceptions) {
    it(`${entry.side}: ${entry.reason}`, () => {
      const { role } = entry.example;
      const { where, file } = fileOf(entry.example);
      const [our, their] = [ours(role, file), theirs(role, file)];
      const position = (verdict: Verdict): number => [...order, 'none'].indexOf(verdict.refused);
      if (entry.side === 'wider') assert.ok(position(our) > position(their), JSON.stringify([our, their]));
      else assert.ok(position(our) < position(their), JSON.stringify([our, their]));
      assert.ok(isListed(where.replace('*', 'abc'), our, their), JSON.stringify([our, their]));
    });
  }

  it('a member replaced, rightly signed: the same verdict, or a listed exception', () => {
    fc.assert(
      fc.property(fc.nat(nodes.length - 1), fc.nat(replacements.length - 1), (node, replacement) => {
        const { role, path } = nodes[node] ?? { role: 'root', path: 'version' };
        compare(role, path, signedAs(role, changedAt(role, path, replacements[replacement])));
      }),
      sampling(200),
    );
  });

  it('bytes flipped, dropped, doubled or put in: the same verdict, or a listed exception', () => {
    const files = order.map((role) => [role, signedAs(role, documentOf(role))] as const);
    const spot = fc.record({
      file: fc.nat(files.length - 1),
      at: fc.nat(100_000),
      what: fc.constantFrom('flip', 'drop', 'double', 'put'),
      byte: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(spot, ({ file, at, what, byte }) => {
        const [role, bytes] = files[file] ?? ['root', new Uint8Array()];
        compare(role, 'text', bent(bytes, at % bytes.length, what, byte));
      }),
      sampling(120),
    );
  });
});

function bent(bytes: Uint8Array, at: number, what: string, byte: number): Uint8Array {
  const [before, here, after] = [bytes.subarray(0, at), bytes[at] ?? 0, bytes.subarray(at + 1)];
  const middle = { flip: [here ^ byte], drop: [], double: [here, here], put: [byte, here] }[what] ?? [];
  return Buffer.concat([before, Uint8Array.from(middle), after]);
}
