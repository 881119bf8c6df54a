/** The rules that no measured repository touches, and the page that lists all of them. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ProfileFinding, profileRules, sentenceOf } from '../../../src/signer/audit/profile/finding.ts';
import { coversIn } from '../../../src/signer/audit/profile/path-dialect.ts';
import { lintFiles, type Profile } from '../../../src/signer/audit/profile.ts';
import { hasOddSalt } from '../../../src/signer/keys/pss-salt.ts';
import { RepositorySimulator } from '../../support/repository-simulator.ts';
import { expiry } from '../../support/simulated-documents.ts';
import { writtenJson } from '../../support/written-json.ts';

/** What is found in one file that holds `signed`. */
function lintSigned(
  signed: object,
  profile: Profile = 'strict',
  signatures: unknown = [],
): readonly ProfileFinding[] {
  const bytes = new TextEncoder().encode(writtenJson({ signatures, signed }));
  return lintFiles([{ name: 'file.json', role: 'targets', bytes }], { profile, now: 0 });
}

const head = { spec_version: '1.0.0', version: 1, expires: '2030-01-01T00:00:00Z' };
const rulesOf = (findings: readonly ProfileFinding[]): readonly string[] => findings.map(({ rule }) => rule);

describe('the rules of the portable profile', () => {
  it('are those that the manual lists, with the same words', () => {
    const page = readFileSync(new URL('../../../docs/portable-profile.md', import.meta.url), 'utf8');
    const listed = Array.from(page.matchAll(/^\| `([a-z-]+)` \| (.+?) \| .+ \|$/gm), ([, rule, asks]) => [
      rule,
      asks,
    ]);
    assert.deepEqual(
      listed,
      Object.entries(profileRules).map(([rule, asks]) => [rule, asks]),
    );
  });

  it('say nothing of a plain repository, however strict', () => {
    const repository = new RepositorySimulator();
    const files = [...repository.files].map(([name, bytes]) => ({
      name,
      role: name.split('.').at(-2) ?? '',
      bytes,
    }));
    assert.deepEqual(lintFiles(files, { profile: 'strict', now: repository.now }).map(sentenceOf), []);
  });

  it('name a file that is no strict JSON, and go on with the others', () => {
    const files = [
      { name: 'a.json', role: 'a', bytes: Buffer.from('{"a":1,"a":2}') },
      { name: 'b.json', role: 'b', bytes: Buffer.from('{"signatures":[],"signed":{"_type":"snapshot"}}') },
    ];
    const found = lintFiles(files, { profile: 'strict' });
    assert.equal(found[0]?.rule, 'strict-json');
    assert.deepEqual(new Set(found.map(({ file }) => file)), new Set(['a.json', 'b.json']));
  });

  it('take any shape without failing', () => {
    for (const value of [null, [], {}, '', 0, true]) {
      for (const type of ['root', 'timestamp', 'snapshot', 'targets']) {
        const members = { roles: value, keys: value, meta: value, targets: value, delegations: value };
        assert.ok(lintSigned({ ...head, ...members, _type: type }, 'strict', value).length >= 0);
        const inner = {
          roles: { root: value },
          keys: { k: value },
          meta: { 'a.json': value },
          targets: { t: value },
        };
        const delegations = { keys: { k: value }, roles: [value], succinct_roles: value };
        assert.ok(lintSigned({ ...head, ...inner, delegations, _type: type }, 'strict', [value]).length >= 0);
      }
    }
  });

  it('see what all clients read today and a careful writer avoids, when strict alone', () => {
    const root = { ...head, _type: 'root', consistent_snapshot: false, keys: {}, roles: {} };
    const cases = [
      [{ ...head, _type: 'targets', targets: {}, spec_version: '1.0.34' }, 'specification-version'],
      [{ ...head, _type: 'targets', targets: {}, 'x-\u00e9': 1 }, 'ascii-members'],
      [{ ...root, roles: { root: {}, timestamp: {}, snapshot: {}, targets: {} } }, 'consistent-snapshot'],
      [{ ...head, _type: 'snapshot', meta: { 'targets.json': { version: 1 } } }, 'listing-complete'],
    ] as const;
    for (const [signed, rule] of cases) {
      assert.deepEqual(rulesOf(lintSigned(signed)), [rule]);
      assert.deepEqual(lintSigned(signed, 'portable'), []);
    }
  });

  it('name root roles that are missing, large files, many targets, odd entries of a timestamp', () => {
    const root = { ...head, _type: 'root', consistent_snapshot: true, keys: {}, roles: { root: {} } };
    assert.match(
      sentenceOf(lintSigned(root)[0] as ProfileFinding),
      /without timestamp, snapshot, targets: tuf-js refuses/,
    );
    const large = {
      ...head,
      _type: 'timestamp',
      meta: { 'snapshot.json': { version: 1, length: 1, hashes: { sha256: 'ab' } }, 'x.json': {} },
      pad: 'x'.repeat(17_000),
    };
    assert.deepEqual(rulesOf(lintSigned(large)).toSorted(), ['file-size', 'timestamp-entries']);
    const sha256 = 'ab'.repeat(32);
    const targets = Object.fromEntries(
      Array.from({ length: 1001 }, (_, index) => [`t${index}`, { length: 1, hashes: { sha256 } }]),
    );
    assert.deepEqual(rulesOf(lintSigned({ ...head, _type: 'targets', targets })), ['target-count']);
  });

  it('name versions and integers that some client cannot hold', () => {
    const found = lintSigned({ ...head, _type: 'targets', targets: {}, version: 0 });
    assert.deepEqual(rulesOf(found), ['version-range']);
    const bytes = Buffer.from(
      '{"signatures":[],"signed":{"_type":"targets","spec_version":"1.0.0","expires":"2030-01-01T00:00:00Z","version":18446744073709551616,"targets":{}}}',
    );
    const [version, range] = lintFiles([{ name: 'f', role: 'targets', bytes }], { profile: 'portable' });
    assert.deepEqual([version?.rule, range?.rule], ['version-range', 'integer-range']);
  });

  it('judge times as each client prints them', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['2030-01-01T00:00:00.5Z', 'python-tuf tough'],
      ['2030-01-01T00:00:00.123456Z', 'python-tuf'],
      ['2030-01-01T00:00:00.123456789Z', 'python-tuf'],
      ['2030-01-01T00:00:00.120Z', 'python-tuf go-tuf'],
      ['2030-01-01T00:00:00.123000Z', 'python-tuf go-tuf tough'],
      ['2030-02-30T00:00:00Z', 'tuf-js python-tuf go-tuf tough'],
      ['soon', 'tuf-js python-tuf go-tuf tough'],
    ];
    for (const [expires, who] of cases) {
      const [found] = lintSigned({ ...head, _type: 'targets', targets: {}, expires });
      assert.equal(Object.keys(found?.peers ?? {}).join(' '), who, expires);
    }
  });

  it('say nothing of expiry when no time is given, and of a top-level role to every client', () => {
    const bytes = Buffer.from(
      writtenJson({
        signatures: [],
        signed: { ...head, _type: 'targets', targets: {}, expires: expiry(-1) },
      }),
    );
    const file = { name: 'targets.json', role: 'targets', bytes };
    assert.deepEqual(lintFiles([file], { profile: 'portable' }), []);
    assert.deepEqual(
      Object.keys(lintFiles([file], { profile: 'portable', now: Date.UTC(2030, 0, 1) })[0]?.peers ?? {})
        .length,
      4,
    );
  });

  it('judge kinds and encodings of keys, used or only listed', () => {
    const key = (keytype: string, scheme: string, text: string) => ({
      keytype,
      scheme,
      keyval: { public: text },
    });
    const pem = '-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n';
    const cases: readonly (readonly [object, string])[] = [
      [key('rsa', 'rsassa-pss-sha512', pem), 'go-tuf tough'],
      [key('rsa', 'rsa-pkcs1v15-sha256', pem), 'tuf-js go-tuf tough'],
      [key('ed25519', 'ed25519', 'short'), 'tuf-js python-tuf go-tuf tough'],
      [key('rsa', 'rsassa-pss-sha256', 'text'), 'tuf-js python-tuf go-tuf tough'],
      [key('sigstore-oidc', 'Fulcio', ''), 'python-tuf go-tuf tough'],
    ];
    for (const [json, who] of cases) {
      const roles = { root: { keyids: ['k'] }, timestamp: {}, snapshot: {}, targets: {} };
      const found = lintSigned({
        ...head,
        _type: 'root',
        consistent_snapshot: true,
        keys: { k: json },
        roles,
      });
      const named = found.filter(({ rule }) => rule === 'key-kind' || rule === 'key-encoding');
      assert.equal(Object.keys(named[0]?.peers ?? {}).join(' '), who, JSON.stringify(json));
    }
  });

  it('stop at 1,000 of one file: a hostile one could have a million', () => {
    const targets = Object.fromEntries(
      Array.from({ length: 3000 }, (_, index) => [`t ${index}`, { length: 1, hashes: {} }]),
    );
    assert.equal(lintSigned({ ...head, _type: 'targets', targets }).length, 1000);
  });

  it('judge names of targets and of roles', () => {
    const entry = { length: 1, hashes: { sha256: 'ab'.repeat(32) } };
    for (const name of ['../x', '/x', 'a\\b', ''])
      assert.equal(
        Object.keys(lintSigned({ ...head, _type: 'targets', targets: { [name]: entry } })[0]?.peers ?? {})
          .length,
        4,
        name,
      );
    for (const [name, count] of [
      ['Upper', 0],
      ['targets', 4],
      ['a b', 4],
    ] as const) {
      const role = { name, keyids: [], threshold: 1, terminating: false, paths: ['x'] };
      const [found] = lintSigned({
        ...head,
        _type: 'targets',
        targets: {},
        delegations: { keys: {}, roles: [role] },
      });
      assert.deepEqual([found?.rule, Object.keys(found?.peers ?? {}).length], ['role-name', count], name);
    }
  });

  it('read patterns in the dialects of others', () => {
    const within = { crossesSlash: false };
    const cases: readonly (readonly [string, string, boolean])[] = [
      ['*.img', 'a.img', true],
      ['*.img', 'd/a.img', false],
      ['d/?.img', 'd/a.img', true],
      ['[a-c]*', 'b1', true],
      ['[a-c]*', 'd1', false],
      ['[!a-c]x', 'dx', true],
      ['[^a]x', 'ax', false],
      ['[a', '[a', true],
      ['a-[-x]', 'a--', true],
      ['*a*b', 'xaybxab', true],
      ['*a*b', 'xayc', false],
      ['[!a]', '/', false],
    ];
    for (const [pattern, path, expected] of cases)
      assert.equal(coversIn(within, pattern, path), expected, `${pattern} ${path}`);
    assert.ok(
      coversIn({ crossesSlash: true }, '*.img', 'd/a.img') && coversIn({ crossesSlash: true }, 'd?a', 'd/a'),
    );
  });

  it('PAR-08: patterns of an attacker cost no more than their length times the length of the path', () => {
    const started = performance.now();
    assert.equal(coversIn({ crossesSlash: true }, '*a'.repeat(500), `${'a'.repeat(1000)}b`), false);
    assert.ok(performance.now() - started < 1000);
  });

  it('find the salt out only where key and signature are good', () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    for (const text of ['', 'no pem', pem])
      assert.equal(hasOddSalt(text, new Uint8Array(3), new Uint8Array(256)), false);
  });
});
