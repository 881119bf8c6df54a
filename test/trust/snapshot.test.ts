import assert from 'node:assert/strict';
import { defaultLimits } from '../../src/trust/limits.ts';
import { snapshotLimit, updateSnapshot } from '../../src/trust/trusted-set.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import { signingKey } from '../support/signing-keys.ts';
import { START, timeText } from '../support/simulated-documents.ts';
import {
  expiryMoments,
  floorsOf,
  garbage,
  padded,
  refuses,
  trustedRoots,
  trustedSnapshot,
  trustedTimestamp,
} from '../support/trusting.ts';

describe('trust: snapshot', () => {
  it('SPEC-63, TUF-01: by a stranger, unsigned, or by another role', () => {
    const repository = fixtureRepository({ stateHashes: false });
    const set = trustedTimestamp(repository);
    for (const signers of [
      [signingKey('stranger')],
      [],
      repository.signersOf('timestamp'),
      repository.signersOf('targets'),
    ])
      refuses(
        () => updateSnapshot(set, repository.write('snapshot', signers)),
        'threshold-not-met',
        '5.snapshot.json',
        '0 of 1',
        "root 2's snapshot keys",
      );
  });

  it('SPEC-62, SPEC-64, TUF-20: of another moment; length and hash before anything is parsed', () => {
    const repository = fixtureRepository();
    const set = trustedTimestamp(repository);
    const right = repository.written('snapshot');
    refuses(() => updateSnapshot(set, garbage), 'length-mismatch', '5.snapshot.json', `${right.length}`);
    refuses(
      () => updateSnapshot(set, padded(garbage, right.length)),
      'hash-mismatch',
      '5.snapshot.json',
      'sha256',
    );
    const bare = fixtureRepository({ stateHashes: false });
    bare.snapshot.version = 6;
    refuses(
      () => updateSnapshot(trustedTimestamp(bare), bare.write('snapshot')),
      'version-mismatch',
      'version 6, expected is 5',
    );
    refuses(() => updateSnapshot(trustedTimestamp(bare), garbage), 'json-invalid');
  });

  it('PAR-17: every hash that is stated must match', () => {
    const repository = fixtureRepository();
    const meta = repository.timestamp.meta['snapshot.json'];
    assert.ok(meta?.hashes);
    meta.hashes.sha512 = '0'.repeat(128);
    repository.write('timestamp');
    refuses(() => trustedSnapshot(repository), 'hash-mismatch', 'sha512');
  });

  it('SPEC-65, TUF-17, TUF-18: nothing that it listed may fall or vanish, delegated roles too', () => {
    for (const role of ['targets', 'delegated']) {
      const repository = fixtureRepository({ stateHashes: false });
      repository.delegate('targets', 'delegated');
      repository.role('delegated').version = 5;
      repository.writeAll();
      const floors = floorsOf(repository);
      const entry = `${role}.json`;
      repository.snapshot.meta[entry] = { version: 4 };
      repository.publishSnapshot();
      refuses(() => trustedSnapshot(repository, { floors }), 'rollback', '6.snapshot.json', entry, '4 < 5');
      delete repository.snapshot.meta[entry];
      repository.snapshot.meta['targets.json'] ??= { version: 1 };
      repository.publishSnapshot();
      refuses(() => trustedSnapshot(repository, { floors }), 'rollback', entry);
      repository.snapshot.meta['targets.json'] = { version: 5 };
      repository.snapshot.meta['delegated.json'] = { version: 6 };
      repository.publishSnapshot();
      assert.equal(trustedSnapshot(repository, { floors }).floors.meta.get('delegated.json'), 6);
    }
  });

  it('a delegated role that vanishes is named with the version seen', () => {
    const repository = fixtureRepository();
    repository.delegate('targets', 'delegated');
    repository.writeAll();
    const floors = floorsOf(repository);
    delete repository.snapshot.meta['delegated.json'];
    repository.publishSnapshot();
    refuses(
      () => trustedSnapshot(repository, { floors }),
      'rollback',
      'delegated.json is gone; version 1 was seen',
    );
  });

  it('SPEC-66, TUF-14, TUF-15: expired from the moment that it names', () => {
    const repository = fixtureRepository();
    for (const [late, fails] of expiryMoments) {
      repository.snapshot.expires = timeText(START + late);
      repository.writeAll();
      if (fails) refuses(() => trustedSnapshot(repository), 'expired', '5.snapshot.json', 'version 5');
      else assert.ok(trustedSnapshot(repository));
    }
  });

  it('SPEC-61, TUF-25: the limit is the stated length, or the own one, and never absurd', () => {
    const repository = fixtureRepository();
    const set = trustedTimestamp(repository);
    const right = repository.written('snapshot');
    assert.equal(snapshotLimit(set), right.length);
    refuses(() => updateSnapshot(set, padded(right, right.length + 1)), 'length-limit', '5.snapshot.json');
    const bare = trustedTimestamp(fixtureRepository({ stateHashes: false }));
    assert.equal(snapshotLimit(bare), defaultLimits.maxSnapshotLength);
    repository.timestamp.meta['snapshot.json'] = { version: 5, length: defaultLimits.maxStatedLength + 1 };
    repository.write('timestamp');
    refuses(() => snapshotLimit(trustedTimestamp(repository)), 'length-limit', 'without a hash', '67108865');
    const { maxStatedLength } = defaultLimits;
    for (const [over, allowed] of [
      [0, true],
      [1, false],
    ] as const) {
      const length = maxStatedLength + over;
      repository.timestamp.meta['snapshot.json'] = { version: 5, length, hashes: { sha256: 'a'.repeat(64) } };
      repository.write('timestamp');
      const limit = (): number => snapshotLimit(trustedTimestamp(repository));
      if (allowed) assert.equal(limit(), maxStatedLength);
      else refuses(limit, 'length-limit', `${length} bytes is stated, at most ${maxStatedLength}`);
    }
  });

  it('is not asked for before a timestamp', () => {
    refuses(() => updateSnapshot(trustedRoots(fixtureRepository()), garbage), 'internal');
  });
});
