/** Findings that no fixture shows: odd keys, roles, names and hashes, in documents that are read without signatures. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { parseEnvelope } from '../../../src/metadata/envelope.ts';
import { documentLimits } from '../../../src/metadata/limits.ts';
import { parseRoot } from '../../../src/metadata/root.ts';
import { parseTargets } from '../../../src/metadata/targets.ts';
import { adoptedKeys } from '../../../src/signer/adopt/adopted-keys.ts';
import { rootFindings } from '../../../src/signer/adopt/root-findings.ts';
import { targetFindings } from '../../../src/signer/adopt/target-findings.ts';

const head = { spec_version: '1.0.0', version: 1, expires: '2040-01-01T00:00:00Z' };

function envelopeOf(signed: object) {
  return parseEnvelope(Buffer.from(JSON.stringify({ signatures: [], signed })), documentLimits, 'test');
}

function rootWith(keys: Readonly<Record<string, object>>, more: object = {}) {
  const role = { keyids: Object.keys(keys), threshold: 1 };
  const roles = { root: role, targets: role, snapshot: role, timestamp: role };
  const signed = { _type: 'root', ...head, consistent_snapshot: true, keys, roles, ...more };
  return parseRoot(envelopeOf(signed), documentLimits);
}

const keyOf = (keytype: string, scheme: string, value: string) => ({
  keytype,
  scheme,
  keyval: { public: value },
});
const pemOf = (key: ReturnType<typeof generateKeyPairSync>['publicKey']): string =>
  key.export({ format: 'pem', type: 'spki' }).toString();

describe('signer/adopt rare findings', () => {
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const { x = '', y = '' } = p256.export({ format: 'jwk' });
  const point = `04${Buffer.from(x, 'base64url').toString('hex')}${Buffer.from(y, 'base64url').toString('hex')}`;
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  const ed25519 = generateKeyPairSync('ed25519').publicKey;

  const keys: readonly (readonly [string, object, RegExp])[] = [
    [
      'a point in hexadecimal',
      keyOf('ecdsa', 'ecdsa-sha2-nistp256', point),
      /python-tuf and go-tuf read PEM/,
    ],
    ['ed25519 in PEM', keyOf('ed25519', 'ed25519', pemOf(ed25519)), /read hexadecimal alone/],
    ['P-384', keyOf('ecdsa', 'ecdsa-sha2-nistp384', pemOf(p384)), /tough cannot read the root at all/],
    ['RSA with SHA-512', keyOf('rsa', 'rsassa-pss-sha512', pemOf(rsa)), /know rsassa-pss-sha256 alone/],
    ['a kind that nobody here knows', keyOf('sigstore-oidc', 'Fulcio', 'a'), /counts for no threshold/],
    [
      'an RSA scheme that is not used any more',
      keyOf('rsa', 'rsa-pkcs1v15-sha256', pemOf(rsa)),
      /counts for no threshold/,
    ],
  ];

  for (const [what, key, reason] of keys) {
    it(`names who stumbles over ${what}`, () => {
      const root = rootWith({ label: key });
      const found = rootFindings([root], adoptedKeys(root, []), []).filter((finding) =>
        reason.test(finding.reason),
      );
      assert.deepEqual(
        found.map(({ level, step }) => `${level} ${step}`),
        ['should root'],
      );
    });
  }

  it('a role in root that is none of the four goes with the next root', () => {
    const key = keyOf('ed25519', 'ed25519', '11'.repeat(32));
    const role = { keyids: ['a'], threshold: 1 };
    const roles = { root: role, targets: role, snapshot: role, timestamp: role, mirrors: role };
    const root = rootWith({ a: key }, { roles });
    const found = rootFindings([root], adoptedKeys(root, []), []).filter(({ found: text }) =>
      /mirrors/.test(text),
    );
    assert.deepEqual(
      found.map(({ level, reason }) => [level, /tough and python-tuf/.test(reason)]),
      [['should', true]],
    );
  });

  it('a root that does not speak of consistent snapshots must change, as one that denies them', () => {
    const key = keyOf('ed25519', 'ed25519', '11'.repeat(32));
    const texts = [{ consistent_snapshot: undefined }, { consistent_snapshot: false }].map((more) => {
      const root = rootWith({ a: key }, more);
      return rootFindings([root], [], []).find(({ found }) => /consistent/.test(found))?.found;
    });
    assert.deepEqual(texts, ['consistent_snapshot is absent', 'consistent_snapshot is false']);
  });

  it('gives two keys that would have one name two names, and one that has none a name', () => {
    const named = (owner: string, byte: string) => ({
      ...keyOf('ed25519', 'ed25519', byte.repeat(32)),
      'x-tuf-on-ci-keyowner': owner,
    });
    const root = rootWith({
      a: named('@Ann', '11'),
      b: named('@ann', '22'),
      c: named('☃', '33'),
      d: named('ann!', '44'),
    });
    const names = adoptedKeys(root, []).map(({ name }) => name);
    assert.deepEqual(names, ['ann', 'ann-2', 'root-3', 'ann-3']);
  });

  it('names that clients encode differently, and targets without sha256, are said', () => {
    const sha256 = 'ab'.repeat(32);
    const entry = (hashes: object) => ({ length: 1, hashes });
    const targets = {
      'a b.img': entry({ sha256 }),
      'c.img': entry({ sha512: sha256.repeat(2) }),
      'd.img': entry({ sha256 }),
    };
    const document = parseTargets(envelopeOf({ _type: 'targets', ...head, targets }), documentLimits);
    const found = targetFindings(new Map([['targets', document]]), undefined);
    const texts = found.filter(({ level }) => level === 'should').map(({ found: text }) => text);
    assert.deepEqual(texts, [
      'no list of releases',
      'names that clients encode differently: a b.img',
      'targets without sha256: c.img',
    ]);
  });
});
