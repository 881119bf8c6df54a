import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { checkFormat, formatName, formatOf } from '../../../src/signer/keys/key-format.ts';
import { keyFixture, keyFixturePath } from '../../support/key-fixtures.ts';

describe('signer/keys/key-format', () => {
  it('tells every fixture by its content', () => {
    const folder = dirname(keyFixturePath('ec.p12'));
    const names = readdirSync(folder).filter((name) => /\.(?:p12|pem|der|openssh|pub)$/.test(name));
    assert.ok(names.length > 40);
    for (const name of names) {
      const format = formatOf(keyFixture(name));
      assert.notEqual(format, 'unknown', name);
      assert.notEqual(format, 'der', name);
      if (name.endsWith('.p12')) assert.equal(format, 'pkcs12', name);
      if (/-(?:pkcs8|pkcs1|sec1)\./.test(name)) {
        const [, kind, encoding] = /-(pkcs8|pkcs1|sec1)\.(pem|der)$/.exec(name) ?? [];
        assert.equal(format, `${kind}-${encoding}`, name);
      }
    }
  });

  it('takes any bytes', () => {
    const beginnings = ['', '30', '3082', '3080', '30820100020100', '7b22', '2d2d2d2d2d424547494e20'];
    fc.assert(
      fc.property(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 200 }), (beginning, rest) => {
        const bytes = Buffer.concat([Buffer.from(beginning, 'hex'), rest]);
        assert.ok(formatName(formatOf(bytes)).length > 0);
      }),
    );
  });

  it('names what was found and what is expected, and the next command', () => {
    const refused = (name: string, expected: Parameters<typeof checkFormat>[1], message: RegExp) =>
      assert.throws(() => checkFormat(keyFixture(name), expected, 'a'), {
        code: 'key-file-invalid',
        message,
      });
    refused(
      'ec-pkcs8.pem',
      ['key-file'],
      /^a: found PKCS#8 in PEM, expected a key file.*Type: tidegate key import$/,
    );
    refused('ec.p12', ['key-file'], /found PKCS#12, expected.*Write pkcs12:FILE/);
    refused(
      'ec-public.pem',
      ['public-file'],
      /expected a public key file \(\.pub\)\. It becomes one by: tidegate key import/,
    );
    refused('ec-certificate.pem', ['public-pem', 'pkcs12'], /expected a public key in PEM, or PKCS#12$/);
    refused(
      'ec-public.pem',
      ['pkcs8-pem', 'pkcs8-der', 'sec1-pem', 'pkcs12'],
      /expected one of: PKCS#8, SEC1 \(EC\), PKCS#12; in PEM or DER\. The private half is in another file/,
    );
    assert.equal(checkFormat(keyFixture('ec.p12'), ['seed', 'pkcs12'], 'a'), 'pkcs12');
  });
});
