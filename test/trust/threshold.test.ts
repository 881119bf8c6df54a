import assert from 'node:assert/strict';
import { parseEnvelope } from '../../src/metadata/envelope.ts';
import { countSignatures, requireThreshold } from '../../src/trust/threshold.ts';
import { changed, documentOf, readRoot } from '../support/reading.ts';
import { type KeyJson, type SigningKey, signingKey, signingKeys } from '../support/signing-keys.ts';
import { limits, refuses } from '../support/trusting.ts';
import { writtenCanonically, writtenJson } from '../support/written-json.ts';

const signed = { _type: 'x', note: 'what is signed' };
const canonical = writtenCanonically(signed);

interface Entry {
  readonly keyid: string;
  readonly sig: string;
}

const by = (key: SigningKey, id = key.id): Entry => ({ keyid: id, sig: key.sign(canonical) });

function envelope(signatures: readonly Entry[]) {
  return parseEnvelope(
    new TextEncoder().encode(writtenJson({ signatures, signed })),
    limits,
    'timestamp.json',
  );
}

/** A role of these keys by id. */
function role(keys: { readonly [id: string]: KeyJson }, threshold: number, keyids = Object.keys(keys)) {
  const root = readRoot(
    changed(changed(documentOf('root'), ['keys'], keys), ['roles', 'timestamp'], { keyids, threshold }),
  );
  return { roleKeys: root.roles.timestamp, keys: root.keys };
}

function count(signatures: readonly Entry[], { roleKeys, keys }: ReturnType<typeof role>): number {
  return countSignatures(envelope(signatures), roleKeys, keys).signedBy.length;
}

const table = (...keys: readonly SigningKey[]): Record<string, KeyJson> =>
  Object.fromEntries(keys.map(({ id, json }) => [id, json]));

describe('trust/threshold', () => {
  const [one, two, three] = signingKeys('threshold', 3) as [SigningKey, SigningKey, SigningKey];
  const stranger = signingKey('stranger');

  it('counts right signatures of the role', () => {
    const both = role(table(one, two), 2);
    assert.equal(count([by(one), by(two)], both), 2);
    assert.equal(count([by(one)], both), 1);
    assert.equal(count([], both), 0);
    assert.deepEqual(countSignatures(envelope([by(two)]), both.roleKeys, both.keys), {
      signedBy: [two.id],
      threshold: 2,
      without: new Map([[one.id, 'no signature']]),
    });
  });

  it('SPEC-47: a key under two ids, or in two spellings, is one key', () => {
    const pem = signingKey('threshold-1', 'ed25519 pem');
    const spelled = role({ [one.id]: one.json, [pem.id]: pem.json, label: one.json }, 2);
    assert.equal(count([by(one), by(pem), by(one, 'label')], spelled), 1);
    const upper: KeyJson = { ...one.json, keyval: { public: one.json.keyval.public.toUpperCase() } };
    assert.equal(count([by(one), by(one, 'upper')], role({ [one.id]: one.json, upper }, 2)), 1);
    for (const [kinds, name] of [
      [['ecdsa p256', 'ecdsa p256 hex', 'ecdsa-sha2-nistp256'], 'P-256'],
      [['rsa sha256', 'rsa sha384', 'rsa sha512'], 'RSA'],
    ] as const) {
      const keys = kinds.map((kind) => signingKey('reader', kind));
      assert.equal(
        count(
          keys.map((key) => by(key)),
          role(table(...keys), 3),
        ),
        1,
        name,
      );
    }
    refuses(
      () => requireThreshold(envelope([by(one), by(pem)]), spelled.roleKeys, spelled.keys, 'its keys'),
      'threshold-not-met',
      '1 of 2 valid signatures by its keys',
      'the same public key as another key id',
    );
  });

  it('PAR-13: a broken signature and one by an unknown key do no harm beside enough right ones', () => {
    const broken = { keyid: three.id, sig: by(one).sig };
    const { roleKeys, keys } = role(table(one, two, three), 2);
    const entries = [broken, by(stranger), by(one), { keyid: 'empty', sig: '' }, by(two)];
    assert.equal(requireThreshold(envelope(entries), roleKeys, keys, 'its keys').signedBy.length, 2);
  });

  it('a key that is listed in the document but not in the role does not count', () => {
    assert.equal(count([by(one), by(two)], role(table(one, two), 2, [one.id])), 1);
  });

  it('PAR-07: keys that cannot be used contribute nothing, and the error lists why', () => {
    const foo: KeyJson = { ...two.json, scheme: 'foo' };
    const bad = role({ [one.id]: one.json, foo, gone: one.json }, 3, [one.id, 'foo', 'missing', 'text']);
    const entries = [by(one), by(two, 'foo'), by(three, 'missing'), { keyid: 'text', sig: 'q83vEjQ=' }];
    const { without } = countSignatures(envelope(entries), bad.roleKeys, bad.keys);
    assert.deepEqual(
      without,
      new Map([
        ['foo', 'unknown scheme "foo"'],
        ['missing', 'no such key'],
        ['text', 'a signature that is not hexadecimal'],
      ]),
    );
    refuses(
      () => requireThreshold(envelope(entries), bad.roleKeys, bad.keys, 'its keys'),
      'threshold-not-met',
      'foo: unknown scheme "foo"',
      'missing: no such key',
    );
    const enough = role({ foo, [one.id]: one.json }, 1);
    assert.equal(count(entries, enough), 1);
  });

  it('PAR-05: a threshold above the number of keys is called that', () => {
    const keys = signingKeys('five', 5);
    const six = role(table(...keys), 6);
    refuses(
      () =>
        requireThreshold(
          envelope(keys.map((key) => by(key))),
          six.roleKeys,
          six.keys,
          "root 2's timestamp keys",
        ),
      'threshold-not-met',
      '5 of 6',
      'the role has only 5 keys',
    );
  });

  it('a signature over other bytes is a wrong one', () => {
    const sig = one.sign(new TextEncoder().encode('{}'));
    const { roleKeys, keys } = role(table(one), 1);
    assert.equal(
      countSignatures(envelope([{ keyid: one.id, sig }]), roleKeys, keys).without.get(one.id),
      'a wrong signature',
    );
  });
});
