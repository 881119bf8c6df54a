import assert from 'node:assert/strict';
import { defaultLimits } from '../../src/trust/limits.ts';
import { restoreTimestamp, updateTimestamp } from '../../src/trust/trusted-set.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import { signingKey } from '../support/signing-keys.ts';
import { expiry, START, timeText } from '../support/simulated-documents.ts';
import {
  expiryMoments,
  floorsOf,
  padded,
  refuses,
  trustedRoots,
  trustedTargets,
  trustedTimestamp,
} from '../support/trusting.ts';

describe('trust: timestamp', () => {
  it('SPEC-55, TUF-01: by a stranger, unsigned, or by another role', () => {
    const repository = fixtureRepository();
    const set = trustedTimestamp(repository);
    repository.timestamp.version = 6;
    for (const signers of [
      [signingKey('stranger')],
      [],
      repository.signersOf('snapshot'),
      repository.signersOf('root'),
    ])
      refuses(
        () => updateTimestamp(set, repository.write('timestamp', signers)),
        'threshold-not-met',
        'timestamp.json',
        '0 of 1',
        "root 2's timestamp keys",
      );
  });

  it('SPEC-56, TUF-09: a lower version is a rollback', () => {
    const repository = fixtureRepository();
    const floors = floorsOf(repository);
    repository.timestamp.version = 4;
    repository.write('timestamp');
    refuses(() => trustedTimestamp(repository, { floors }), 'rollback', 'timestamp.json', '4 < 5');
  });

  it('SPEC-57: one of the same version is discarded without an error, and the trusted one stays', () => {
    const repository = fixtureRepository();
    const set = trustedTimestamp(repository);
    repository.timestamp.meta['snapshot.json'] = { version: 99 };
    const next = updateTimestamp(set, repository.write('timestamp'));
    assert.equal(next.timestamp, set.timestamp);
    assert.equal(next.timestamp?.document.snapshot.version, 5);
  });

  it('SPEC-58, TUF-11: the snapshot that it lists may not fall', () => {
    const repository = fixtureRepository();
    const floors = floorsOf(repository);
    repository.timestamp.version = 6;
    repository.timestamp.meta['snapshot.json'] = { version: 4 };
    repository.write('timestamp');
    refuses(() => trustedTimestamp(repository, { floors }), 'rollback', 'snapshot', '4 < 5');
  });

  it('TUF-11: also when the snapshot that an accepted timestamp listed was withheld', () => {
    const repository = fixtureRepository();
    const listing = (version: number, snapshot: number): Uint8Array => {
      repository.timestamp.version = version;
      repository.timestamp.meta['snapshot.json'] = { version: snapshot };
      return repository.write('timestamp');
    };
    const set = updateTimestamp(trustedTimestamp(repository), listing(6, 9));
    refuses(() => updateTimestamp(set, listing(7, 8)), 'rollback', 'snapshot', '8 < 9');
    const roots = trustedRoots(repository, { floors: set.floors });
    refuses(() => updateTimestamp(roots, listing(7, 8)), 'rollback', 'snapshot', '8 < 9');
    assert.ok(updateTimestamp(roots, listing(7, 9)));
  });

  it('SPEC-51, SPEC-59, TUF-14, TUF-15: expired from the moment that it names', () => {
    const repository = fixtureRepository();
    for (const [late, fails] of expiryMoments) {
      repository.timestamp.expires = timeText(START + late);
      repository.write('timestamp');
      if (fails) refuses(() => trustedTimestamp(repository), 'expired', 'timestamp.json', 'version 5');
      else assert.ok(trustedTimestamp(repository));
    }
  });

  it('a stored one may have expired; it still shows what is older, and is not enough to go on', () => {
    const repository = fixtureRepository();
    const stored = repository.sign(
      { ...repository.timestamp, expires: expiry(-1) },
      repository.signersOf('timestamp'),
    );
    const set = restoreTimestamp(trustedRoots(repository), stored);
    assert.equal(set.floors.timestamp, 5);
    refuses(() => updateTimestamp(set, stored), 'expired');
    refuses(() => updateTimestamp(set, repository.written('timestamp')), 'expired');
    repository.timestamp.version = 4;
    refuses(() => updateTimestamp(set, repository.write('timestamp')), 'rollback', '4 < 5');
    repository.timestamp.version = 6;
    assert.equal(updateTimestamp(set, repository.write('timestamp')).timestamp?.document.version, 6);
  });

  it('TUF-25: one byte over the limit', () => {
    const repository = fixtureRepository();
    const set = trustedRoots(repository);
    const { maxTimestampLength } = defaultLimits;
    assert.ok(updateTimestamp(set, padded(repository.written('timestamp'), maxTimestampLength)));
    refuses(
      () => updateTimestamp(set, padded(repository.written('timestamp'), maxTimestampLength + 1)),
      'length-limit',
      'timestamp.json',
      '16385',
    );
  });

  it('TUF-38: a snapshot in its place, rightly signed, is of the wrong type', () => {
    const repository = fixtureRepository();
    const bytes = repository.sign(repository.snapshot, repository.signersOf('timestamp'));
    refuses(() => updateTimestamp(trustedRoots(repository), bytes), 'type-mismatch', 'expected a timestamp');
  });

  it('TUF-39: bytes are kept as they came', () => {
    const repository = fixtureRepository();
    const loose = Buffer.from(
      `\n${JSON.stringify(JSON.parse(Buffer.from(repository.written('timestamp')).toString()), undefined, 5)}\n\n`,
    );
    assert.equal(updateTimestamp(trustedRoots(repository), loose).timestamp?.bytes, loose);
  });

  it('a newer one puts snapshot and targets out of the set', () => {
    const repository = fixtureRepository();
    const set = trustedTargets(repository);
    repository.publishTimestamp();
    const next = updateTimestamp(set, repository.written('timestamp'));
    assert.deepEqual([next.snapshot, next.targets.size, next.floors.snapshot], [undefined, 0, 5]);
  });
});
