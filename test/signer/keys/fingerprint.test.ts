import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fingerprintWords } from '../../../src/signer/keys/fingerprint.ts';

const rest = '0'.repeat(56);

describe('signer/keys/fingerprint', () => {
  it('gives the words of the published examples of proquints', () => {
    // IPv4 addresses of the paper: 127.0.0.1, 63.84.220.193, 140.98.193.141, 147.67.119.2, 198.81.129.136
    for (const [hex, words] of [
      ['7f000001', 'lusab-babad'],
      ['3f54dcc1', 'gutih-tugad'],
      ['8c62c18d', 'mudof-sakat'],
      ['93437702', 'natag-lisaf'],
      ['c6518188', 'sinid-makam'],
    ] as const)
      assert.equal(fingerprintWords(hex + rest), `${words}-babab-babab-babab-babab-babab-babab`);
  });

  it('stays what it is for a key id', () => {
    const id = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
    assert.equal(fingerprintWords(id), 'vavub-sidaf-nogus-dubih-norur-zigam-nojoz-rohoh');
  });

  it('says every bit of the first 128', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), fc.nat(127), (bytes, bit) => {
        const id = Buffer.from(bytes).toString('hex');
        const other = Buffer.from(bytes);
        other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
        assert.notEqual(fingerprintWords(id), fingerprintWords(other.toString('hex')));
        assert.match(
          fingerprintWords(id),
          /^(?:[b-z][aiou][b-z][aiou][b-z]-){7}[b-z][aiou][b-z][aiou][b-z]$/,
        );
      }),
    );
  });

  it('refuses what is no key id', () => {
    for (const text of ['', 'ab', rest, `${rest}ABCDEF01`])
      assert.throws(() => fingerprintWords(text), { code: 'internal' });
  });
});
