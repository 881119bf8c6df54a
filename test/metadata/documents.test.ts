import assert from 'node:assert/strict';
import type { ErrorCode } from '../../src/errors.ts';
import { topLevelRoles } from '../../src/metadata/role-name.ts';
import { changed, documentOf, readers, readRoot, readSnapshot, readTimestamp } from '../support/reading.ts';
import { refuses } from '../support/trusting.ts';
import { Raw } from '../support/written-json.ts';

const nothing = undefined;

/** Reads each role's document with one member changed. */
function refusesInEach(
  member: string,
  value: unknown,
  code: ErrorCode,
  ...mentions: readonly string[]
): void {
  for (const role of topLevelRoles)
    refuses(() => readers[role](changed(documentOf(role), [member], value)), code, 'x.json', ...mentions);
}

describe('metadata: documents of all roles', () => {
  it('reads the documents of the fixture', () => {
    assert.equal(readRoot(documentOf('root')).version, 2);
    assert.equal(readRoot(documentOf('root')).roles.root.threshold, 2);
    assert.equal(readRoot(documentOf('root')).consistentSnapshot, true);
    assert.equal(readTimestamp(documentOf('timestamp')).snapshot.version, 5);
    assert.equal(readSnapshot(documentOf('snapshot')).meta.get('targets.json')?.version, 5);
  });

  it('SPEC-18, PAR-15: versions are integers from 1', () => {
    for (const value of [0, -5, '3', true, null, [], {}, 2 ** 53, nothing])
      refusesInEach('version', value, 'document-invalid', 'signed.version');
    for (const text of ['1.5', '1e400', '3.0', '03']) refusesInEach('version', new Raw(text), 'json-invalid');
    for (const role of topLevelRoles)
      readers[role](changed(documentOf(role), ['version'], Number.MAX_SAFE_INTEGER));
  });

  it('PAR-15: so are those of each meta entry', () => {
    for (const value of [0, -5, '3', true, null, 2 ** 53, nothing]) {
      const path = ['meta', 'snapshot.json', 'version'];
      refuses(
        () => readTimestamp(changed(documentOf('timestamp'), path, value)),
        'document-invalid',
        'signed.meta.snapshot.json.version',
      );
      const other = ['meta', 'targets.json', 'version'];
      refuses(
        () => readSnapshot(changed(documentOf('snapshot'), other, value)),
        'document-invalid',
        'signed.meta.targets.json.version',
      );
    }
  });

  it('SPEC-14: an expiry that is not a time is invalid', () => {
    for (const value of ['not-a-date', '2030-02-30T00:00:00Z', '2030-01-01', 1_893_456_000, null, nothing])
      refusesInEach('expires', value, 'document-invalid', 'signed.expires', 'a time such as');
  });

  it('SPEC-15, TUF-46: the major version of the specification must be 1', () => {
    for (const value of ['2.0.0', '0.9', '10.0.0'])
      refusesInEach('spec_version', value, 'spec-version-unsupported', value);
    for (const value of ['1.0', '1.0.0', '1.0.34', '1.0.99', '1.1.0', '1.20.300'])
      for (const role of topLevelRoles) readers[role](changed(documentOf(role), ['spec_version'], value));
  });

  it('PAR-31: loose forms of the specification version are refused', () => {
    for (const value of [
      '1..0',
      '1',
      ' 1.0',
      '01.0.0',
      '1.0.0.0',
      '1e0.0',
      '1.0.0-rc1',
      '1.0.0\n',
      '',
      1,
      null,
      nothing,
    ])
      refusesInEach('spec_version', value, 'document-invalid', 'signed.spec_version');
  });

  it('TUF-38: a document of another role is a type error, whatever its members', () => {
    for (const role of topLevelRoles) {
      for (const other of topLevelRoles) {
        if (role !== other)
          refuses(() => readers[role](documentOf(other)), 'type-mismatch', `expected a ${role}`, other);
      }
    }
    for (const value of ['Root', 'ROOT', '', null, 1, {}, nothing])
      refusesInEach('_type', value, 'type-mismatch');
  });

  it('the repository name is text, when there is one', () => {
    for (const role of topLevelRoles) {
      const named = changed(documentOf(role), ['x-tidegate-repository'], 'fleet');
      assert.equal((readers[role](named) as { repository?: string }).repository, 'fleet');
    }
    for (const value of [1, null, {}])
      refusesInEach('x-tidegate-repository', value, 'document-invalid', 'x-tidegate-repository');
  });

  describe('root', () => {
    const root = documentOf('root');
    const broken = (path: readonly string[], value: unknown) => () => readRoot(changed(root, path, value));

    it('SPEC-16, SPEC-17, TUF-37: absent consistent_snapshot means false, anything but a boolean is refused', () => {
      assert.equal(readRoot(changed(root, ['consistent_snapshot'], nothing)).consistentSnapshot, false);
      for (const value of ['true', 1, null, []])
        refuses(broken(['consistent_snapshot'], value), 'document-invalid', 'consistent_snapshot');
    });

    it('SPEC-19: each of the four roles must be there', () => {
      for (const role of topLevelRoles)
        for (const value of [nothing, null, [], 'x'])
          refuses(broken(['roles', role], value), 'document-invalid', `signed.roles.${role}`);
      for (const value of [nothing, null, []])
        refuses(broken(['roles'], value), 'document-invalid', 'signed.roles');
    });

    it('SPEC-20: a mirrors role beside them is passed over', () => {
      const mirrors = { keyids: [], threshold: 0 };
      assert.deepEqual(
        Object.keys(readRoot(changed(root, ['roles', 'mirrors'], mirrors)).roles).sort(),
        [...topLevelRoles].sort(),
      );
    });

    it('SPEC-21, PAR-04: thresholds are integers from 1', () => {
      for (const role of topLevelRoles) {
        for (const value of [0, -1, null, '1', 2 ** 53, true, nothing])
          refuses(
            broken(['roles', role, 'threshold'], value),
            'document-invalid',
            `signed.roles.${role}.threshold`,
          );
        refuses(broken(['roles', role, 'threshold'], new Raw('1.5')), 'json-invalid');
      }
    });

    it('SPEC-22, PAR-05: a threshold above the number of keys can be read; nothing can meet it', () => {
      assert.equal(readRoot(changed(root, ['roles', 'targets', 'threshold'], 6)).roles.targets.threshold, 6);
    });

    it('SPEC-23: a key id twice in a role is refused; one without its key is only useless', () => {
      refuses(
        broken(['roles', 'timestamp', 'keyids'], ['a', 'b', 'a']),
        'document-invalid',
        'repetition',
        '"a"',
      );
      assert.deepEqual(
        readRoot(changed(root, ['roles', 'timestamp', 'keyids'], ['a'])).roles.timestamp.keyIds,
        ['a'],
      );
      for (const value of [nothing, null, {}, [1], [null]])
        refuses(
          broken(['roles', 'timestamp', 'keyids'], value),
          'document-invalid',
          'signed.roles.timestamp.keyids',
        );
    });

    it('PAR-34: 5,000 key ids in a role and 5,000 keys are too many', () => {
      const ids = Array.from({ length: 5000 }, (_, index) => `${index}`);
      refuses(broken(['roles', 'root', 'keyids'], ids), 'count-limit', '5000 key ids');
      const key = { keytype: 'x', scheme: 'x', keyval: {} };
      refuses(broken(['keys'], Object.fromEntries(ids.map((id) => [id, key]))), 'count-limit', '5000 keys');
    });

    it('keys of unknown kinds are read, keys of the wrong shape are not', () => {
      const oidc = { keytype: 'sigstore-oidc', scheme: 'Fulcio', keyval: { identity: 'a', issuer: 'b' } };
      assert.equal(readRoot(changed(root, ['keys', 'k'], oidc)).keys.get('k')?.publicValue, undefined);
      const number = { ...oidc, keyval: { public: 1 } };
      assert.equal(readRoot(changed(root, ['keys', 'k'], number)).keys.get('k')?.publicValue, undefined);
      for (const value of [
        null,
        [],
        'k',
        {},
        { ...oidc, keytype: 1 },
        { ...oidc, scheme: nothing },
        { ...oidc, keyval: 'x' },
      ])
        refuses(broken(['keys', 'k'], value), 'document-invalid', 'signed.keys.k');
      for (const value of [nothing, null, []])
        refuses(broken(['keys'], value), 'document-invalid', 'signed.keys');
    });
  });

  describe('timestamp and snapshot', () => {
    const timestamp = documentOf('timestamp');
    const snapshot = documentOf('snapshot');

    it('PAR-32: the entry that each exists for must be there', () => {
      refuses(
        () => readTimestamp(changed(timestamp, ['meta', 'snapshot.json'], nothing)),
        'document-invalid',
        'signed.meta.snapshot.json',
      );
      refuses(
        () => readSnapshot(changed(snapshot, ['meta', 'targets.json'], nothing)),
        'document-invalid',
        'signed.meta.targets.json',
      );
      for (const value of [nothing, null, []]) {
        refuses(() => readTimestamp(changed(timestamp, ['meta'], value)), 'document-invalid', 'signed.meta');
        refuses(() => readSnapshot(changed(snapshot, ['meta'], value)), 'document-invalid', 'signed.meta');
      }
    });

    it('PAR-33, SPEC-37: other entries of a timestamp are passed over; a snapshot lists .json names only', () => {
      const extra = readTimestamp(changed(timestamp, ['meta', '../../etc/passwd'], 'anything'));
      assert.equal(extra.snapshot.version, 5);
      const odd = readSnapshot(changed(snapshot, ['meta', '../x/y.json'], { version: 3 }));
      assert.equal(odd.meta.get('../x/y.json')?.version, 3);
      for (const name of ['targets', 'a.JSON', 'a.json.gz', ''])
        refuses(
          () => readSnapshot(changed(snapshot, ['meta', name], { version: 1 })),
          'document-invalid',
          '.json',
        );
    });

    it('TUF-42: lengths and hashes may be absent', () => {
      const bare = readTimestamp(changed(timestamp, ['meta', 'snapshot.json'], { version: 5 })).snapshot;
      assert.deepEqual(bare, { version: 5, length: undefined, hashes: undefined });
    });

    it('when there, they are lengths and usable hashes', () => {
      for (const value of [-1, '10', null, true, 2 ** 53])
        refuses(
          () => readTimestamp(changed(timestamp, ['meta', 'snapshot.json', 'length'], value)),
          'document-invalid',
          'length',
        );
      for (const value of [{}, null, [], 'x', { md5: 'ab' }, { sha256: 'ab' }, { sha256: 1 }])
        refuses(
          () => readSnapshot(changed(snapshot, ['meta', 'targets.json', 'hashes'], value)),
          'document-invalid',
          'hashes',
        );
    });
  });
});
