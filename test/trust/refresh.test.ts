import assert from 'node:assert/strict';
import type { Floors } from '../../src/trust/floors.ts';
import { defaultLimits } from '../../src/trust/limits.ts';
import { targetsLimit, topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import {
  restoreTimestamp,
  snapshotLimit,
  updateSnapshot,
  updateTimestamp,
} from '../../src/trust/trusted-set.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import type { RepositorySimulator } from '../support/repository-simulator.ts';
import { keyKinds, signingKey } from '../support/signing-keys.ts';
import { expiry, START, timeText } from '../support/simulated-documents.ts';
import {
  refuses,
  strictPolicy,
  trustedRoots,
  trustedSnapshot,
  trustedTargets,
  trustedTimestamp,
} from '../support/trusting.ts';

const garbage = new TextEncoder().encode('not JSON at all');

/** What a client remembers after a good refresh of the fixture. */
const floorsOf = (repository: RepositorySimulator): Floors => trustedTargets(repository).floors;

const padded = (bytes: Uint8Array, length: number): Uint8Array => {
  const larger = new Uint8Array(length).fill(0x20);
  larger.set(bytes);
  return larger;
};

describe('trust: timestamp', () => {
  it('spec row 55, TUF-01: by a stranger, unsigned, or by another role', () => {
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

  it('spec row 56, TUF-09: a lower version is a rollback', () => {
    const repository = fixtureRepository();
    const floors = floorsOf(repository);
    repository.timestamp.version = 4;
    repository.write('timestamp');
    refuses(() => trustedTimestamp(repository, { floors }), 'rollback', 'timestamp.json', '4 < 5');
  });

  it('spec row 57: one of the same version is discarded without an error, and the trusted one stays', () => {
    const repository = fixtureRepository();
    const set = trustedTimestamp(repository);
    repository.timestamp.meta['snapshot.json'] = { version: 99 };
    const next = updateTimestamp(set, repository.write('timestamp'));
    assert.equal(next.timestamp, set.timestamp);
    assert.equal(next.timestamp?.document.snapshot.version, 5);
  });

  it('spec row 58, TUF-11: the snapshot that it lists may not fall', () => {
    const repository = fixtureRepository();
    const floors = floorsOf(repository);
    repository.timestamp.version = 6;
    repository.timestamp.meta['snapshot.json'] = { version: 4 };
    repository.write('timestamp');
    refuses(() => trustedTimestamp(repository, { floors }), 'rollback', 'snapshot', '4 < 5');
  });

  it('spec rows 51, 59, TUF-14, TUF-15: expired from the moment that it names', () => {
    const repository = fixtureRepository();
    for (const [late, fails] of [
      [0, true],
      [-1000, true],
      [1000, false],
    ] as const) {
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

describe('trust: snapshot', () => {
  it('spec row 63, TUF-01: by a stranger, unsigned, or by another role', () => {
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

  it('spec rows 62, 64, TUF-20: of another moment; length and hash before anything is parsed', () => {
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

  it('spec row 65, TUF-17, TUF-18: nothing that it listed may fall or vanish, delegated roles too', () => {
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

  it('spec row 66, TUF-14, TUF-15: expired from the moment that it names', () => {
    const repository = fixtureRepository();
    for (const [late, fails] of [
      [0, true],
      [-1000, true],
      [1000, false],
    ] as const) {
      repository.snapshot.expires = timeText(START + late);
      repository.writeAll();
      if (fails) refuses(() => trustedSnapshot(repository), 'expired', '5.snapshot.json', 'version 5');
      else assert.ok(trustedSnapshot(repository));
    }
  });

  it('spec row 61, TUF-25: the limit is the stated length, or the own one, and never absurd', () => {
    const repository = fixtureRepository();
    const set = trustedTimestamp(repository);
    const right = repository.written('snapshot');
    assert.equal(snapshotLimit(set), right.length);
    refuses(() => updateSnapshot(set, padded(right, right.length + 1)), 'length-limit', '5.snapshot.json');
    const bare = trustedTimestamp(fixtureRepository({ stateHashes: false }));
    assert.equal(snapshotLimit(bare), defaultLimits.maxSnapshotLength);
    repository.timestamp.meta['snapshot.json'] = { version: 5, length: defaultLimits.maxStatedLength + 1 };
    repository.write('timestamp');
    refuses(() => snapshotLimit(trustedTimestamp(repository)), 'length-limit', 'snapshot', '67108865');
  });

  it('is not asked for before a timestamp', () => {
    refuses(() => updateSnapshot(trustedRoots(fixtureRepository()), garbage), 'internal');
  });
});

describe('trust: targets', () => {
  it('spec row 67, TUF-01: by a stranger, unsigned, or by another role', () => {
    const repository = fixtureRepository({ stateHashes: false });
    const set = trustedSnapshot(repository);
    for (const signers of [
      [signingKey('stranger')],
      [],
      repository.signersOf('snapshot'),
      repository.signersOf('root'),
    ])
      refuses(
        () => updateTargets(set, repository.write('targets', signers), topLevelTargets),
        'threshold-not-met',
        '5.targets.json',
        '0 of 1',
        "root 2's targets keys",
      );
  });

  it('TUF-21: of another moment; length and hash before anything is parsed', () => {
    const repository = fixtureRepository();
    const set = trustedSnapshot(repository);
    const right = repository.written('targets');
    refuses(() => updateTargets(set, garbage, topLevelTargets), 'length-mismatch', '5.targets.json');
    refuses(
      () => updateTargets(set, padded(garbage, right.length), topLevelTargets),
      'hash-mismatch',
      '5.targets.json',
    );
    const bare = fixtureRepository({ stateHashes: false });
    const bareSet = trustedSnapshot(bare);
    bare.targets.version = 4;
    refuses(
      () => updateTargets(bareSet, bare.write('targets'), topLevelTargets),
      'version-mismatch',
      'version 4, expected is 5',
    );
  });

  it('TUF-14, TUF-15: expired from the moment that it names', () => {
    const repository = fixtureRepository();
    for (const [late, fails] of [
      [0, true],
      [-1000, true],
      [1000, false],
    ] as const) {
      repository.targets.expires = timeText(START + late);
      repository.writeAll();
      if (fails) refuses(() => trustedTargets(repository), 'expired', '5.targets.json', 'version 5');
      else assert.ok(trustedTargets(repository));
    }
  });

  it('spec row 26, TUF-25: the limit is the stated length, or the own one', () => {
    const repository = fixtureRepository();
    const set = trustedSnapshot(repository);
    const right = repository.written('targets');
    assert.equal(targetsLimit(set, 'targets'), right.length);
    refuses(
      () => updateTargets(set, padded(right, right.length + 1), topLevelTargets),
      'length-limit',
      '5.targets.json',
    );
    const bare = trustedSnapshot(fixtureRepository({ stateHashes: false }));
    assert.equal(targetsLimit(bare, 'targets'), defaultLimits.maxTargetsLength);
    refuses(() => updateTargets(bare, padded(right, 5_242_881), topLevelTargets), 'length-limit');
  });

  it('DEL-23: delegations only where they are allowed; a list of none delegates nothing', () => {
    const repository = fixtureRepository();
    repository.targets.delegations = { keys: {}, roles: [] };
    repository.writeAll();
    const policy = { allowDelegations: false };
    assert.ok(trustedTargets(repository, { policy }));
    repository.delegate('targets', 'delegated');
    repository.writeAll();
    refuses(() => trustedTargets(repository, { policy }), 'delegations-not-allowed', '5.targets.json');
    repository.delegateSuccinct('targets', 1, 'bin');
    repository.writeAll();
    refuses(() => trustedTargets(repository, { policy }), 'delegations-not-allowed');
    assert.ok(trustedTargets(repository));
  });

  it('spec row 9: key ids of delegations too are hashes in strict mode', () => {
    const repository = fixtureRepository();
    repository.delegate('targets', 'delegated');
    const { delegations } = repository.targets;
    assert.ok(delegations);
    delegations.keys.label = signingKey('labelled').json;
    repository.writeAll();
    refuses(() => trustedTargets(repository), 'document-invalid', '5.targets.json', 'label');
    assert.ok(trustedTargets(repository, { policy: { requireHashedKeyIds: false } }));
  });

  it('is not asked for before a snapshot', () => {
    refuses(() => updateTargets(trustedTimestamp(fixtureRepository()), garbage, topLevelTargets), 'internal');
  });
});

describe('trust: all roles', () => {
  it('TUF-42: lengths and hashes may be absent', () => {
    assert.ok(trustedTargets(fixtureRepository({ stateHashes: false })));
  });

  it('the repository that root names is the one that every role names', () => {
    const repository = fixtureRepository();
    const documents = [repository.timestamp, repository.snapshot, repository.targets];
    repository.root['x-tidegate-repository'] = 'fleet';
    repository.publishRoot();
    refuses(() => trustedTimestamp(repository), 'identity-mismatch', 'timestamp.json', 'no repository');
    for (const document of documents) document['x-tidegate-repository'] = 'fleet';
    repository.writeAll();
    assert.ok(trustedTargets(repository));
    for (const document of documents) {
      document['x-tidegate-repository'] = 'other\n';
      repository.writeAll();
      refuses(
        () => trustedTargets(repository),
        'identity-mismatch',
        document._type,
        'repository "other\\n"',
        'expected is "fleet"',
      );
      document['x-tidegate-repository'] = 'fleet';
    }
  });

  it('spec row 1, TUF-43: unknown members everywhere are signed like the rest', () => {
    const repository = fixtureRepository();
    repository.delegate('targets', 'delegated');
    const key = signingKey('extra');
    for (const document of [
      repository.root,
      repository.timestamp,
      repository.snapshot,
      repository.targets,
    ] as { [member: string]: unknown }[])
      document['x-more'] = { deep: [1, { deeper: 'value' }] };
    repository.root.roles.root['x-more'] = 1;
    repository.root.keys[key.id] = key.json;
    repository.targets.delegations = {
      ...repository.targets.delegations,
      keys: repository.targets.delegations?.keys ?? {},
      'x-more': 1,
    };
    for (const role of repository.targets.delegations.roles ?? []) role['x-more'] = true;
    for (const target of Object.values(repository.targets.targets)) target['x-more'] = 'value';
    repository.publishRoot();
    repository.writeAll();
    const entry = repository.timestamp.meta['snapshot.json'];
    assert.ok(entry);
    entry['x-more'] = 'value';
    repository.write('timestamp');
    const set = trustedTargets(repository);
    assert.ok(set.root.document.json.has('x-more'));
    const altered = Buffer.from(
      Buffer.from(repository.written('timestamp')).toString().replaceAll('"value"', '"other"'),
    );
    refuses(() => updateTimestamp(trustedRoots(repository), altered), 'threshold-not-met');
  });

  it('PAR-01: one signature given 2 or 9 times is refused in every role', () => {
    const repository = fixtureRepository({ stateHashes: false });
    const set = trustedSnapshot(repository);
    for (const times of [2, 9]) {
      const repeated = (role: string): Uint8Array =>
        repository.sign(
          repository.document(role),
          Array.from({ length: times }, () => repository.signersOf(role)[0] ?? signingKey('none')),
        );
      refuses(() => updateTimestamp(set, repeated('timestamp')), 'duplicate-signature', 'timestamp.json');
      refuses(() => updateSnapshot(set, repeated('snapshot')), 'duplicate-signature', '5.snapshot.json');
      refuses(
        () => updateTargets(set, repeated('targets'), topLevelTargets),
        'duplicate-signature',
        '5.targets.json',
      );
    }
  });

  it('spec row 11: works with keys of every kind', () => {
    const repository = fixtureRepository();
    for (const kind of keyKinds) {
      for (const role of ['root', 'timestamp', 'snapshot', 'targets'] as const)
        repository.setKeys(role, [signingKey('reader', kind)]);
      repository.publishRoot();
      repository.writeAll();
      assert.ok(trustedTargets(repository), kind);
    }
  });

  it('spec row 10: one key id may name two keys in two places, each for its own', () => {
    const policy = { ...strictPolicy, requireHashedKeyIds: false };
    const repository = fixtureRepository({ stateHashes: false });
    const [ours] = repository.signersOf('targets');
    const other = signingKey('other');
    assert.ok(ours);
    repository.delegate('targets', 'delegated', { keys: [{ ...other, id: ours.id }] });
    repository.writeAll();
    const set = trustedTargets(repository, { policy });
    const reference = { role: 'delegated', delegator: 'targets' };
    assert.ok(updateTargets(set, repository.written('delegated'), reference));
    const confused = repository.sign(repository.role('delegated'), [ours]);
    refuses(
      () => updateTargets(set, confused, reference),
      'threshold-not-met',
      'that targets delegates delegated to',
    );
  });
});
