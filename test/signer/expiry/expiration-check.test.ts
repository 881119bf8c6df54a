import assert from 'node:assert/strict';
import { checkMetrics } from '../../../src/signer/expiry/check-metrics.ts';
import {
  checkExpirations,
  placesOfWorkspace,
  readPlaces,
  type WatchedPlace,
} from '../../../src/signer/expiry/expiration-check.ts';
import { formatExposition } from '../../../src/signer/expiry/exposition.ts';
import { noThresholds, usualValidity } from '../../../src/signer/expiry/thresholds.ts';
import { readerOf } from '../../../src/signer/publication/repository-reader.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { noFloors } from '../../../src/trust/floors.ts';
import { parseExposition } from '../../support/exposition-parser.ts';
import { fixtureRepository } from '../../support/fixture-repository.ts';
import type { RepositorySimulator } from '../../support/repository-simulator.ts';
import { expiry } from '../../support/simulated-documents.ts';
import {
  addVersion,
  day,
  hour,
  open,
  planAndPublish,
  start,
  workspaceDisk,
} from '../../support/workspace.ts';

function placeOf(repository: RepositorySimulator): WatchedPlace {
  const read = readerOf(repository.metadata);
  return {
    name: 'metadata',
    folders: { metadata: 'metadata', targets: 'targets' },
    read: (name, limit) => read(name.slice('metadata/'.length), limit),
    anchor: repository.written('root', 1),
    floors: noFloors,
  };
}

/** Roles that end 90, 30, 7 and 1 days after the start, and one that has ended. */
function ending(): RepositorySimulator {
  const repository = fixtureRepository();
  repository.delegate('targets', 'extras', { paths: ['extra-*'] }).expires = expiry(30);
  repository.delegate('extras', 'more', { paths: ['extra-more-*'] }).expires = expiry(-1);
  repository.root.expires = expiry(90);
  repository.targets.expires = expiry(90);
  repository.snapshot.expires = expiry(7);
  repository.timestamp.expires = expiry(1);
  repository.publishRoot();
  repository.publish('more', 'extras', 'targets');
  return repository;
}

const options = { validity: usualValidity, ...noThresholds };

describe('signer/expiry/expiration-check', () => {
  it('a role that lives longer than the policy allows is a warning, where a policy is known', async () => {
    const repository = ending();
    repository.timestamp.expires = expiry(8);
    repository.publish('targets');
    const found = await readPlaces([placeOf(repository)]);
    const { now } = repository;
    const longAt = (at: number, signedBefore?: number) =>
      checkExpirations(found, { ...options, at, ...(signedBefore && { signedBefore }) })
        .roles.filter(({ tooLong }) => tooLong)
        .map(({ role, level }) => [role, level]);
    assert.deepEqual(longAt(now, now), [['timestamp', 'warning']]);
    assert.deepEqual(longAt(now), []);
    assert.deepEqual(
      longAt(now + 5 * day, now),
      [['timestamp', 'critical']],
      'also asked about another time',
    );
    assert.deepEqual(longAt(now, now + day), [], 'the length of what is signed then');
  });

  it('PUB-24: names every role, delegated ones too, with its level; the worst decides', async () => {
    const repository = ending();
    const found = await readPlaces([placeOf(repository)]);
    const check = checkExpirations(found, { ...options, at: repository.now });
    assert.deepEqual(
      check.roles.map(({ role, remaining, level }) => [role, remaining / day, level]),
      [
        ['root', 90, 'ok'],
        ['timestamp', 1, 'critical'],
        ['snapshot', 7, 'ok'],
        ['targets', 90, 'ok'],
        ['extras', 30, 'critical'],
        ['more', -1, 'critical'],
      ],
    );
    assert.equal(check.level, 'critical');
    const levels = (at: number) =>
      checkExpirations(found, { ...options, at })
        .roles.map(({ level }) => level[0])
        .join('');
    assert.equal(levels(repository.now - 6 * day), 'oooowc', 'six days before');
    assert.equal(levels(repository.now + 31 * day), 'wccwcc', 'a month later');
    assert.equal(levels(repository.now + 61 * day), 'cccccc', 'two months later');
  });

  it('PUB-24: is critical from the very moment of expiry on, whatever thresholds say', async () => {
    const repository = ending();
    const found = await readPlaces([placeOf(repository)]);
    const none = { warn: { all: 0, roles: new Map() }, critical: { all: 0, roles: new Map() } };
    const at = repository.now + day;
    const timestamp = (time: number) =>
      checkExpirations(found, { validity: usualValidity, ...none, at: time }).roles[1]?.level;
    assert.deepEqual([timestamp(at - 1), timestamp(at)], ['ok', 'critical']);
  });

  it('keeps thresholds of single roles before those of all, and refuses what contradicts or is mistyped', async () => {
    const repository = ending();
    const found = await readPlaces([placeOf(repository)]);
    const check = (warn: Record<string, number>, critical: Record<string, number>, all?: number) =>
      checkExpirations(found, {
        validity: usualValidity,
        at: repository.now,
        warn: { ...(all !== undefined && { all }), roles: new Map(Object.entries(warn)) },
        critical: { roles: new Map(Object.entries(critical)) },
      }).roles;
    const extras = check({ extras: 29 * day }, {}, 100 * day).find(({ role }) => role === 'extras');
    assert.deepEqual([extras?.warn, extras?.critical, extras?.level], [29 * day, 29 * day, 'ok']);
    const pulled = check({}, { timestamp: 7 * day }).find(({ role }) => role === 'timestamp');
    assert.deepEqual([pulled?.warn, pulled?.critical], [7 * day, 7 * day]);
    assert.throws(() => check({ extras: day }, { extras: 2 * day }), { code: 'usage' });
    assert.throws(() => check({ timestmap: day }, {}), { code: 'usage', message: /"timestmap".*timestamp/ });
  });

  it('SGN-24: a repository that is missing, bent or older is critical, and hides no other', async () => {
    const repository = ending();
    repository.tamper = (name, bytes) => (name.endsWith('more.json') ? Buffer.from('{}') : bytes);
    const good = placeOf(ending());
    const found = await readPlaces([placeOf(repository), { ...good, name: 'good' }]);
    const check = checkExpirations(found, { ...options, at: repository.now - 10 * day });
    assert.deepEqual(
      check.faults.map(({ repository: name, error }) => [name, error.code]),
      [['metadata', 'length-mismatch']],
    );
    assert.deepEqual([check.level, check.roles.length], ['critical', 6]);
    const floors = { ...noFloors, timestamp: 99 };
    const codes = await readPlaces([
      { ...good, floors },
      { ...good, floors, read: async () => undefined },
    ]);
    assert.deepEqual(
      codes.map(({ fault }) => fault?.code),
      ['rollback', 'rollback'],
    );
    const caller = { ...good, anchor: new Uint8Array(), read: () => Promise.reject(new Error('a defect')) };
    const [broken] = await readPlaces([{ ...good, anchor: new Uint8Array() }]);
    assert.equal(broken?.fault?.code, 'json-invalid');
    await assert.rejects(readPlaces([{ ...caller, anchor: good.anchor }]), /a defect/);
  });

  it('reads hash bins that the snapshot lists, and a role that two delegate to', async () => {
    const repository = fixtureRepository();
    repository.delegateSuccinct('targets', 2, 'bin');
    repository.publish('bin-0', 'bin-1', 'bin-2', 'bin-3', 'targets');
    const [bins] = await readPlaces([placeOf(repository)]);
    assert.deepEqual(
      bins?.roles
        .map(({ role }) => role)
        .slice(4)
        .toSorted(),
      ['bin-0', 'bin-1', 'bin-2', 'bin-3'],
    );
    const shared = fixtureRepository();
    shared.delegate('targets', 'one', { paths: ['a*'] });
    shared.delegate('targets', 'two', { paths: ['b*'] });
    shared.delegate('one', 'both', { paths: ['*'] });
    shared.delegate('two', 'both', { paths: ['*'], keys: shared.signersOf('both') });
    shared.publish('both', 'one', 'two', 'targets');
    const [found] = await readPlaces([placeOf(shared)]);
    assert.deepEqual(
      found?.roles.slice(3).map(({ role }) => role),
      ['targets', 'one', 'two', 'both'],
    );
    const half = fixtureRepository();
    half.delegate('targets', 'one', { paths: ['a*'] });
    half.delegate('targets', 'two', { paths: ['b*'] });
    half.delegate('one', 'both', { paths: ['*'] });
    const signers = [...half.signersOf('both')];
    half.delegate('two', 'both', { paths: ['*'], keys: half.signersOf('two') });
    half.signers.set('both', signers);
    half.publish('both', 'one', 'two', 'targets');
    const [unsigned] = await readPlaces([placeOf(half)]);
    assert.equal(unsigned?.fault?.code, 'threshold-not-met', 'signed for one of the two who delegate to it');
  });

  it('a workspace is quiet as long as its jobs run, and speaks when they stop', async () => {
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk(), store);
    const look = async (at: number) => {
      const found = await readPlaces(await placesOfWorkspace(workspace));
      return checkExpirations(found, { at, validity: workspace.expiration, ...noThresholds });
    };
    const before = await look(start);
    assert.deepEqual([before.level, before.unpublished], ['ok', ['metadata']]);
    await addVersion(workspace, '1.0.0');
    await planAndPublish(workspace, start);
    const levelAt = async (age: number) => (await look(start + age)).level;
    assert.equal(await levelAt(0), 'ok');
    assert.equal(await levelAt(13 * hour), 'ok', 'one renewal late');
    assert.equal(await levelAt(1.5 * day), 'ok');
    assert.equal(await levelAt(1.5 * day + 1000), 'warning');
    assert.equal(await levelAt(3 * day + 1000), 'critical');
  });

  it('as metrics: of the format, escaped, one sample for each role', async () => {
    const repository = ending();
    const name = 'https://example.com/"a"\\b\n';
    const found = await readPlaces([
      { ...placeOf(repository), name },
      { ...placeOf(repository), name: 'gone', floors: { ...noFloors, timestamp: 99 } },
    ]);
    const metrics = parseExposition(
      formatExposition(checkMetrics(checkExpirations(found, { ...options, at: repository.now }))),
    );
    const sampleOf = (metric: string, role: string) =>
      metrics.get(metric)?.samples.find(({ labels }) => labels.role === role && labels.repository === name)
        ?.value;
    assert.equal(sampleOf('tidegate_role_remaining_seconds', 'more'), -86_400);
    assert.equal(sampleOf('tidegate_role_remaining_seconds', 'timestamp'), 86_400);
    assert.equal(sampleOf('tidegate_role_expires_timestamp_seconds', 'extras'), Date.UTC(2030, 0, 31) / 1000);
    assert.equal(sampleOf('tidegate_role_warning_seconds', 'timestamp'), 5.5 * 86_400);
    assert.equal(sampleOf('tidegate_role_level', 'snapshot'), 0);
    assert.equal(sampleOf('tidegate_role_too_long', 'snapshot'), 0);
    assert.equal(metrics.get('tidegate_role_level')?.samples.length, 6);
    assert.deepEqual(metrics.get('tidegate_repository_fault')?.samples, [
      { labels: { repository: 'gone', code: 'rollback' }, value: 1 },
    ]);
    assert.deepEqual(metrics.get('tidegate_check_level')?.samples, [{ labels: {}, value: 2 }]);
  });
});
