/** One private key under every spelling in which tools list its public half. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import type { JsonObject } from '../../../src/metadata/json.ts';
import { isJsonObject } from '../../../src/metadata/json.ts';
import { jsonOf, type Plain } from '../../../src/metadata/json-writer.ts';
import { keyIdOf } from '../../../src/metadata/keys.ts';
import { asListed, ownKeyId } from '../../../src/signer/keys/listed-key.ts';
import { signatureOf, signingKeyOf } from '../../../src/signer/keys/signing-key.ts';
import { privateKeyOf } from '../../support/adoption.ts';

function objectOf(value: Plain): JsonObject {
  const json = jsonOf(value);
  if (!isJsonObject(json)) throw new Error('no object');
  return json;
}

const message = Buffer.from('what is signed');

describe('signer/keys/listed-key', () => {
  const ed25519 = signingKeyOf(privateKeyOf('alice'), 'alice');
  const p256 = signingKeyOf(privateKeyOf('alice', 'p256'), 'alice');
  const point = createPublicKey(privateKeyOf('alice', 'p256')).export({ format: 'jwk' });
  const hex = (part: string | undefined) => Buffer.from(part ?? '', 'base64url').toString('hex');
  const pem = createPublicKey(privateKeyOf('alice', 'p256'))
    .export({ format: 'pem', type: 'spki' })
    .toString();
  const scheme = 'ecdsa-sha2-nistp256';

  const spellings: readonly (readonly [string, Plain])[] = [
    [
      'with its owner',
      { keytype: scheme, keyval: { public: pem }, scheme, 'x-tuf-on-ci-keyowner': '@alice' },
    ],
    ['PEM without its last newline', { keytype: scheme, keyval: { public: pem.trim() }, scheme }],
    ['key type ecdsa', { keytype: 'ecdsa', keyval: { public: pem }, scheme }],
    [
      'a point in hexadecimal',
      { keytype: 'ecdsa', keyval: { public: `04${hex(point.x)}${hex(point.y)}` }, scheme },
    ],
  ];

  for (const [what, spelling] of spellings) {
    it(`signs as listed: ${what}`, async () => {
      const json = objectOf(spelling);
      const id = keyIdOf(json);
      assert.notEqual(id, p256.id);
      const listed = asListed(p256, { id, json });
      assert.equal(listed?.id, id);
      assert.equal(listed?.json, json);
      assert.match(listed === undefined ? '' : await signatureOf(listed, message, 'test'), /^30/);
      assert.equal(ownKeyId(json), p256.id);
    });
  }

  it('signs under a label', () => {
    assert.equal(asListed(ed25519, { id: 'release-owner', json: ed25519.json })?.id, 'release-owner');
    assert.equal(ownKeyId(ed25519.json), ed25519.id);
  });

  it('another key, and one that nobody can read, is not it', () => {
    const bob = signingKeyOf(privateKeyOf('bob'), 'bob');
    assert.equal(asListed(ed25519, bob), undefined);
    const unknown = objectOf({ keytype: 'sigstore-oidc', keyval: { identity: 'a' }, scheme: 'Fulcio' });
    assert.equal(asListed(ed25519, { id: 'x', json: unknown }), undefined);
    assert.equal(ownKeyId(unknown), undefined);
  });
});
