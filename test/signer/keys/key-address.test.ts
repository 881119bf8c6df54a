import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isTidegateError } from '../../../src/errors.ts';
import { fileUri, keySourceSchemes, parseKeyAddress } from '../../../src/signer/keys/key-address.ts';
import { parseKeyUri } from '../../../src/signer/keys/key-source.ts';

const arn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const modulePath = '/usr/lib/softhsm/libsofthsm2.so';

describe('signer/keys/key-address', () => {
  it('reads every form that is documented', () => {
    for (const [text, address] of [
      ['keys/a.key.json', { scheme: 'file', path: 'keys/a.key.json' }],
      ['./odd:name', { scheme: 'file', path: './odd:name' }],
      ['/a', { scheme: 'file', path: '/a' }],
      ['file:keys/a b.key.json', { scheme: 'file', path: 'keys/a b.key.json' }],
      ['file:///etc/a', { scheme: 'file', path: '///etc/a' }],
      ['pkcs12:release.p12', { scheme: 'pkcs12', path: 'release.p12' }],
      ['fd:3', { scheme: 'fd', descriptor: 3 }],
      ['awskms:alias/a/b', { scheme: 'awskms', keyId: 'alias/a/b' }],
      [
        'awskms:mrk-1234?region=eu-west-1&profile=release%20team',
        { scheme: 'awskms', keyId: 'mrk-1234', region: 'eu-west-1', profile: 'release team' },
      ],
      [`awskms:${arn}`, { scheme: 'awskms', keyId: arn, region: 'eu-central-1' }],
      [
        'awskms:alias/a?endpoint=http%3A%2F%2F127.0.0.1%3A4566',
        { scheme: 'awskms', keyId: 'alias/a', endpoint: 'http://127.0.0.1:4566' },
      ],
      [
        'awsssm:/tidegate/timestamp-1?region=eu-west-1',
        { scheme: 'awsssm', parameter: '/tidegate/timestamp-1', region: 'eu-west-1' },
      ],
      [
        `pkcs11:token=release%20keys;object=root-1?module-path=${modulePath}`,
        { scheme: 'pkcs11', modulePath, token: 'release keys', object: 'root-1' },
      ],
      [
        `pkcs11:slot-id=7;id=%01%FF;type=private?module-path=${modulePath}&pin-source=file:/run/pin`,
        { scheme: 'pkcs11', modulePath, slotId: 7, id: Buffer.from([1, 255]), pinSource: '/run/pin' },
      ],
    ] as const) {
      const found = parseKeyAddress(text);
      assert.deepEqual({ ...found }, { ...address }, text);
    }
  });

  it('has a source for every scheme, and keeps the text for people', () => {
    const texts = ['a', 'pkcs12:a', 'awskms:a', 'awsssm:a', `pkcs11:object=a?module-path=/m`, 'fd:3'];
    assert.deepEqual(
      texts.map((text) => parseKeyUri(text).scheme),
      keySourceSchemes,
    );
    for (const text of texts) assert.equal(parseKeyUri(text).uri, text);
  });

  it('refuses what is wrong, naming it and the form that is expected', () => {
    for (const [text, reason] of [
      ['', /found nothing, expected file:PATH \| pkcs12:PATH/],
      ['gcpkms:projects/a', /unknown scheme gcpkms: expected .*written \.\/gcpkms/],
      ['aws-kms://profile/key', /unknown scheme aws-kms/],
      ['a\nb', /control characters/],
      ['x'.repeat(5000), /far too much text/],
      ['file:', /found no path/],
      ['file://host/a', /a host, and files are local/],
      ['fd:0', /no number from 3 on/],
      ['fd:x', /"x"/],
      ['fd:99999', /no number/],
      ['awskms:', /neither key id nor alias nor ARN/],
      ['awskms:a key', /neither key id/],
      ['awskms:a?zone=x', /unknown part zone, expected region, profile, endpoint/],
      ['awskms:a?region=eu-west-1&region=eu-west-2', /region is given twice/],
      ['awskms:a?region', /unknown part|no value/],
      ['awskms:a?region=', /no value/],
      ['awskms:a?region=%zz', /no value, or a damaged one/],
      ['awskms:a?profile=%00', /bytes that are no text/],
      ['awskms:a?profile=%ff', /bytes that are no text/],
      ['awskms:a?region=Frankfurt', /is none, such as/],
      [`awskms:${arn}?region=eu-west-1`, /not that of the ARN/],
      ['awskms:a?endpoint=nothing', /is no URL/],
      ['awskms:a?endpoint=http://example.com', /neither https nor http on this machine/],
      ['awskms:a?endpoint=https://example.com/?x=1', /neither query nor fragment|unknown part/],
      ['awsssm:', /no name of a parameter/],
      ['awsssm:/a//b', /no name of a parameter/],
      ['pkcs11:token=a;object=b', /no module-path/],
      [`pkcs11:token=a?module-path=/m`, /neither object nor id/],
      [`pkcs11:object=a;type=cert?module-path=/m`, /type other than private/],
      [`pkcs11:object=a;slot-id=x?module-path=/m`, /slot-id is no number/],
      [`pkcs11:object=a;colour=red?module-path=/m`, /unknown part colour/],
      [`pkcs11:object=a?module-path=/m&pin-source=|cat`, /not run/],
      [`pkcs11:object=a?module-path=/m&pin-source=file://host/a`, /no local file/],
    ] as const) {
      assert.throws(
        () => parseKeyAddress(text),
        { code: 'key-uri-invalid', message: reason },
        text.slice(0, 80),
      );
    }
  });

  it('SGN-04: refuses a secret in an address, and does not repeat it', () => {
    for (const text of [
      'pkcs11:object=a?module-path=/m&pin-value=hunter2',
      'pkcs11:object=a;pin-value=hunter2?module-path=/m',
      'pkcs11:object=a?pin-value=hunter2',
      'pkcs11:object=a?module-path=/m&PIN-VALUE=hunter2',
      'awskms:a?endpoint=https://user:hunter2@example.com',
    ]) {
      assert.throws(
        () => parseKeyAddress(text),
        (error: unknown) => {
          assert.ok(isTidegateError(error, 'key-uri-invalid'), text);
          assert.doesNotMatch(JSON.stringify(error), /hunter2/);
          return true;
        },
      );
    }
  });

  it('gives any path back, and throws nothing but its own code', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme-ascii', maxLength: 80 }), (path) => {
        if (!/^\/\/(?!\/)/.test(path))
          assert.deepEqual(parseKeyAddress(fileUri(path)), { scheme: 'file', path });
        for (const scheme of ['', ...keySourceSchemes.map((name) => `${name}:`)]) {
          try {
            parseKeyAddress(`${scheme}${path}`);
          } catch (error) {
            assert.ok(isTidegateError(error, 'key-uri-invalid'));
          }
        }
      }),
    );
  });
});
