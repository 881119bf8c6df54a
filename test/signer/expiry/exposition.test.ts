import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatExposition } from '../../../src/signer/expiry/exposition.ts';
import { parseExposition } from '../../support/exposition-parser.ts';

describe('signer/expiry/exposition', () => {
  it('writes what a strict reader reads, whatever stands in labels and help', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('a', '"', '\\', '\n', '{', '}', ',', '=', ' ', 'é', '𐍈'),
    });
    const label = fc.uniqueArray(nasty, { maxLength: 4 });
    fc.assert(
      fc.property(label, nasty, fc.integer(), (values, help, value) => {
        const samples = values.map((repository) => ({ labels: { repository, role: 'timestamp' }, value }));
        const parsed = parseExposition(
          formatExposition([{ name: 'tidegate_a', help, type: 'gauge', samples }]),
        );
        assert.deepEqual([...parsed.values()], values.length === 0 ? [] : [{ help, type: 'gauge', samples }]);
      }),
    );
  });

  it('replaces halves of characters, which no UTF-8 has', () => {
    const samples = [{ labels: { repository: '\ud800' }, value: 1 }];
    const text = formatExposition([{ name: 'a', help: '', type: 'gauge', samples }]);
    assert.match(text, /^a\{repository="\ufffd"\} 1$/m);
  });

  it('is read by a parser that refuses what Prometheus refuses', () => {
    for (const text of ['a 1', 'a 1\n', '# HELP a x\na 1\n', '# HELP a x\n# TYPE a gauge\na{b="\\x"} 1\n']) {
      assert.throws(() => parseExposition(text), Error, text);
    }
  });
});
