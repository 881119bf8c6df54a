import assert from 'node:assert/strict';
import { isUsable } from '../../src/metadata/crypto.ts';
import { isJsonObject, type JsonObject } from '../../src/metadata/json.ts';
import { jsonOf } from '../../src/metadata/json-writer.ts';
import { hasHashedId, keyIdOf, publicKeysOf, verificationKey } from '../../src/metadata/keys.ts';
import { changed, documentOf, readRoot } from '../support/reading.ts';
import { type KeyJson, signingKey } from '../support/signing-keys.ts';

const json = (key: KeyJson): JsonObject => {
  const value = jsonOf(key as never);
  assert.ok(isJsonObject(value));
  return value;
};

/** The fixture's root with other keys, and these key ids for the timestamp. */
const rootWith = (keys: { readonly [id: string]: unknown }) =>
  readRoot(
    changed(changed(documentOf('root'), ['keys'], keys), ['roles', 'timestamp', 'keyids'], Object.keys(keys)),
  );

describe('metadata/keys', () => {
  it('SPEC-8: the id is the SHA-256 of the canonical key object, extra members included', () => {
    const key = signingKey('one');
    assert.equal(keyIdOf(json(key.json)), key.id);
    assert.notEqual(keyIdOf(json({ ...key.json, 'x-owner': '@ada' })), key.id);
    // Made with sha256sum on the command line.
    const known = json({ keytype: 'ed25519', scheme: 'ed25519', keyval: { public: '00'.repeat(32) } });
    assert.equal(keyIdOf(known), '7f7373360bc914a5d4a7bd87711615178beb6cf52494fcc49082ec65ba62908c');
  });

  it('SPEC-9: tells ids that are hashes from labels', () => {
    const { id, json: key } = signingKey('one');
    const root = rootWith({ [id]: key, [id.toUpperCase()]: key, label: key });
    assert.deepEqual(Array.from(root.keys.values(), hasHashedId), [true, false, false]);
  });

  it('loads a key once, and says of a key without a public value that it has none', () => {
    const { id, json: key } = signingKey('one');
    const root = rootWith({
      [id]: key,
      oidc: { keytype: 'sigstore\u001boidc', scheme: 'Fulcio', keyval: {} },
    });
    const [usable, unusable] = [...root.keys.values()];
    assert.ok(usable && unusable);
    assert.equal(verificationKey(usable), verificationKey(usable));
    const none = verificationKey(unusable);
    assert.ok(!isUsable(none));
    assert.equal(none.unusable, 'key type "sigstore\\u001boidc" has no public value');
  });

  it('the public keys of a role are distinct, usable and present', () => {
    const one = signingKey('one');
    const pem = signingKey('one', 'ed25519 pem');
    const two = signingKey('two');
    const root = rootWith({ a: one.json, b: pem.json, c: two.json, d: { ...one.json, scheme: 'foo' } });
    const { keyIds, threshold } = root.roles.timestamp;
    assert.equal(publicKeysOf({ keyIds: [...keyIds, 'missing'], threshold }, root.keys).size, 2);
  });
});
