import assert from 'node:assert/strict';
import { isTidegateError } from '../../src/errors.ts';
import { defaultLimits } from '../../src/trust/limits.ts';
import { topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import { type TrustedSet, updateRoot, updateSnapshot, updateTimestamp } from '../../src/trust/trusted-set.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { signingKey, signingKeys } from '../support/signing-keys.ts';
import {
  cpuMilliseconds,
  refuses,
  trustedRoots,
  trustedSnapshot,
  trustedTargets,
  trustedTimestamp,
} from '../support/trusting.ts';
import { record } from '../support/written-json.ts';

/** Twice what an idle machine may take: this one is shared. */
const REFUSED_WITHIN = 500;

const sha256 = 'a'.repeat(64);

/** Repeats a piece until the document has about `length` bytes, or `most` pieces. */
function filled(
  head: string,
  piece: (index: number) => string,
  tail: string,
  length: number,
  most = Number.POSITIVE_INFINITY,
): Uint8Array {
  const pieces: string[] = [];
  for (let size = head.length + tail.length, index = 0; index < most; index += 1) {
    const next = piece(index);
    size += Buffer.byteLength(next) + 1;
    if (size > length) break;
    pieces.push(next);
  }
  return new TextEncoder().encode(`${head}${pieces.join(',')}${tail}`);
}

describe('cost of what nobody has signed', function () {
  // Time that another process took from this one's caches can count as ours.
  this.retries(2);
  const key = JSON.stringify(signingKey('x').json);
  const shapes: Readonly<
    Record<string, readonly [head: string, piece: (index: number) => string, tail: string]>
  > = {
    'a root of keys': [
      '{"signatures":[],"signed":{"_type":"root","keys":{',
      (index) => `"${index}":${key}`,
      '}}}',
    ],
    'RSA keys that cannot be decoded': [
      '{"signatures":[],"signed":{"keys":{',
      (index) =>
        `"${index}":{"keytype":"rsa","scheme":"rsassa-pss-sha256","keyval":{"public":"-----BEGIN PUBLIC KEY-----${'\\n'.repeat(90)}"}}`,
      '}}}',
    ],
    'a snapshot of entries': [
      '{"signatures":[],"signed":{"_type":"snapshot","meta":{',
      (index) => `"r${index}.json":{"version":1}`,
      '}}}',
    ],
    targets: [
      '{"signatures":[],"signed":{"_type":"targets","targets":{',
      (index) => `"t${index}":{"length":1,"hashes":{"sha256":"${sha256}"}}`,
      '}}}',
    ],
    'empty objects': ['{"signatures":[],"signed":{"a":[', () => '{}', ']}}'],
    'small objects': ['{"signatures":[],"signed":{"a":[', () => '{"":0}', ']}}'],
    'nested lists': ['{"signatures":[],"signed":{"a":[', () => `${'['.repeat(50)}${']'.repeat(50)}`, ']}}'],
    'unsorted astral names': [
      '{"signatures":[],"signed":{',
      (index) => `"\u{1F600}${(9e7 - index).toString(36)}":1`,
      '}}',
    ],
    signatures: [
      '{"signed":{},"signatures":[',
      (index) => `{"keyid":"${index}","sig":"${'ab'.repeat(64)}"}`,
      ']}',
    ],
    'shuffled astral names': [
      '{"signatures":[],"signed":{',
      (index) => `"\u{1F600}${((index * 7919) % 1_000_003).toString(36)}":1`,
      '}}',
    ],
    'one name after the other': ['{"signatures":[],"signed":{', (index) => `"${index.toString(36)}":0`, '}}'],
    'unsorted pairs': ['{"signatures":[],"signed":{"a":[', () => '{"b":0,"a":0}', ']}}'],
    backslashes: ['{"signatures":[],"signed":{"a":[', () => `"${'\\\\'.repeat(4000)}"`, ']}}'],
    'escaped quotes': ['{"signatures":[],"signed":{"a":[', () => `"${'\\"'.repeat(4000)}"`, ']}}'],
    escapes: ['{"signatures":[],"signed":{"a":[', () => `"${'\\u00e9\\\\'.repeat(50)}"`, ']}}'],
  };

  const repository = fixtureRepository({ stateHashes: false });
  const roots = trustedRoots(repository);
  const [timestamp, snapshot] = [trustedTimestamp(repository), trustedSnapshot(repository)];
  const { maxRootLength, maxTimestampLength, maxSnapshotLength, maxTargetsLength, maxUnhashedValues } =
    defaultLimits;
  const places: readonly (readonly [string, number, (bytes: Uint8Array) => TrustedSet])[] = [
    ['root', maxRootLength, (bytes) => updateRoot(roots, bytes)],
    ['timestamp', maxTimestampLength, (bytes) => updateTimestamp(roots, bytes)],
    ['snapshot without a hash', maxSnapshotLength, (bytes) => updateSnapshot(timestamp, bytes)],
    [
      'targets file without a hash',
      maxTargetsLength,
      (bytes) => updateTargets(snapshot, bytes, topLevelTargets),
    ],
  ];
  for (const [role, limit, update] of places) {
    for (const [name, [head, piece, tail]] of Object.entries(shapes)) {
      it(`${name}, as a ${role} of as much as the limits allow, refused within ${REFUSED_WITHIN} ms of CPU`, () => {
        const values = piece(1).match(/[{[]|(?<=:|^)[0-9"]/g)?.length ?? 1;
        const most = Math.floor((maxUnhashedValues - 10) / values);
        const bytes = filled(head, piece, tail, limit, most);
        assert.ok(
          bytes.length > limit * 0.99 - 8192 || filled(head, piece, tail, limit).length > bytes.length,
        );
        assert.throws(() => update(bytes), isTidegateError);
        assert.ok(cpuMilliseconds(() => update(bytes)) < REFUSED_WITHIN);
      });
    }
  }

  it('a length that a parent states without a hash allows nobody to send more than the role may have', () => {
    for (const [role, limit] of [
      ['snapshot', maxSnapshotLength],
      ['targets', maxTargetsLength],
    ] as const) {
      const stating = fixtureRepository({ stateHashes: false });
      const length = limit + 1;
      stating.snapshot.meta['targets.json'] = { version: 5, ...(role === 'targets' && { length }) };
      stating.write('snapshot');
      stating.timestamp.meta['snapshot.json'] = { version: 5, ...(role === 'snapshot' && { length }) };
      stating.write('timestamp');
      const many = new Uint8Array(length).fill(0x5b);
      const update =
        role === 'snapshot'
          ? () => updateSnapshot(trustedTimestamp(stating), many)
          : () => updateTargets(trustedSnapshot(stating), many, topLevelTargets);
      refuses(update, 'length-limit', role, 'without a hash', `${limit}`);
    }
  });

  it('a file may have more values than that beside a hash', () => {
    const few = { policy: { limits: { ...defaultLimits, maxUnhashedValues: 5 } } };
    assert.ok(trustedTargets(fixtureRepository(), few));
    const bare = fixtureRepository({ stateHashes: false });
    refuses(() => trustedSnapshot(bare, few), 'count-limit', '5.snapshot.json', '5 values');
  });

  it('a snapshot and a targets file whose hash a parent states cost one hash', () => {
    const stated = fixtureRepository();
    const long = new Uint8Array(stated.written('snapshot').length).fill(0x5b);
    const set = trustedTimestamp(stated);
    assert.ok(cpuMilliseconds(() => updateSnapshot(set, long)) < 250);
  });
});

describe('cost of what is signed', () => {
  function listing(count: number, keys: number): RepositorySimulator {
    const repository = new RepositorySimulator();
    repository.setKeys('targets', signingKeys('many', keys), keys);
    const targets = record<{ length: number; hashes: Record<string, string> }>();
    for (let index = 0; index < count; index += 1)
      targets[`image-${index}.img`] = { length: index, hashes: { sha256 } };
    repository.targets.targets = targets;
    repository.publishRoot();
    repository.writeAll();
    return repository;
  }

  it('PAR-35: 5,000 targets under 20 keys: canonical bytes are made once, not once for each key', () => {
    const repository = listing(5000, 20);
    const set = trustedSnapshot(repository);
    const bytes = repository.written('targets');
    updateTargets(set, bytes, topLevelTargets);
    assert.ok(cpuMilliseconds(() => updateTargets(set, bytes, topLevelTargets)) < 500);
  });

  it('grows in proportion to the number of targets', () => {
    const time = (count: number): number => {
      const repository = listing(count, 1);
      const set = trustedSnapshot(repository);
      const bytes = repository.written('targets');
      return Math.min(
        ...[1, 2, 3].map(() => cpuMilliseconds(() => updateTargets(set, bytes, topLevelTargets))),
      );
    };
    const small = Math.max(time(1000), 2);
    assert.ok(time(10_000) < small * 10 * 4, 'ten times the targets cost more than forty times as much');
  });
});
