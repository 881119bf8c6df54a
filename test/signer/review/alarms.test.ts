import assert from 'node:assert/strict';
import type { JsonObject } from '../../../src/metadata/json.ts';
import { jsonOf, type Plain, withMembers } from '../../../src/metadata/json-writer.ts';
import { type AlarmKind, alarmKinds } from '../../../src/signer/review/alarm.ts';
import { alarmsOf } from '../../../src/signer/review/alarms.ts';
import { differenceOf } from '../../../src/signer/review/difference.ts';
import { ownerAlarms, ownerNames } from '../../../src/signer/review/owner-names.ts';
import { reviewOf } from '../../../src/signer/review/request-review.ts';
import { board, delegationsJson, keyOf, plannedAt, rootJson, targetsJson } from '../../support/ceremony.ts';
import * as scenes from '../../support/review-scenes.ts';

const day = 24 * 3_600_000;
const policy = { now: plannedAt, longestValidity: 400 * day };
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

interface Case {
  readonly kind: AlarmKind;
  readonly before?: JsonObject;
  readonly after: JsonObject;
  readonly sentence: RegExp;
}

function withKey(root: JsonObject, id: string, json: Plain): JsonObject {
  return withMembers(root, { keys: new Map([...(root.get('keys') as JsonObject), [id, jsonOf(json)]]) });
}

/** Alice's key once more, in PEM: another id, the same key. */
const twin = keyOf('alice', 'ed25519 pem');
const five = { keys: ['alice', 'bob', 'carol', 'dave', 'erin'], threshold: 3 };
const good = rootJson(1, board);
const next = rootJson(2, board);
const roleOf = (ids: readonly string[], threshold: Plain, more: { [name: string]: Plain } = {}): Plain => ({
  keyids: ids,
  threshold,
  ...more,
});
const withRole = (root: JsonObject, role: string, value: Plain): JsonObject =>
  withMembers(root, { roles: new Map([...(root.get('roles') as JsonObject), [role, jsonOf(value)]]) });
const one = (name: string, more: object = {}) => ({
  name,
  keys: ['dave'],
  threshold: 1,
  paths: [`${name}-*`],
  ...more,
});
const delegating = (version: number, ...roles: readonly ReturnType<typeof one>[]): JsonObject =>
  targetsJson(version, { delegations: delegationsJson(roles) });
const listing = (version: number, meta: Plain): JsonObject =>
  withMembers(targetsJson(version), { _type: 'snapshot', targets: undefined, meta });

const cases: readonly Case[] = [
  { kind: 'version-jump', before: good, after: rootJson(4, board), sentence: /from 1 to 4, expected 2/ },
  {
    kind: 'repository-renamed',
    before: good,
    after: rootJson(2, { ...board, repository: 'acme/other' }),
    sentence: /from acme\/os to acme\/other/,
  },
  {
    kind: 'repository-renamed',
    before: good,
    after: withMembers(next, { 'x-tidegate-repository': undefined }),
    sentence: /from acme\/os to nothing/,
  },
  {
    kind: 'consistent-snapshot-off',
    before: good,
    after: withMembers(next, { consistent_snapshot: false }),
    sentence: /turned off/,
  },
  {
    kind: 'expiry-past',
    after: rootJson(1, { ...board, expires: '2026-11-24T12:00:00Z' }),
    sentence: /expired at/,
  },
  {
    kind: 'expiry-soon',
    after: rootJson(1, { ...board, expires: '2026-11-30T12:00:00Z' }),
    sentence: /less than a week/,
  },
  {
    kind: 'expiry-late',
    after: rootJson(1, { ...board, expires: '2029-11-30T12:00:00Z' }),
    sentence: /the longest for this role is 400 days/,
  },
  {
    kind: 'expiry-earlier',
    before: good,
    after: rootJson(2, { ...board, expires: '2027-06-01T12:00:00Z' }),
    sentence: /before the version that it replaces \(2027-11-24/,
  },
  {
    kind: 'key-bytes-changed',
    before: good,
    after: withKey(next, keyOf('alice').id, keyOf('mallory').json),
    sentence: /keeps its id and gets other bytes/,
  },
  {
    kind: 'key-id-not-hash',
    after: withKey(good, keyOf('alice').id, keyOf('mallory').json),
    sentence: new RegExp(`not the hash of the key, which is ${keyOf('mallory').id}`),
  },
  {
    kind: 'key-unusable',
    after: withKey(good, 'odd', { keytype: 'odd', scheme: 'odd', keyval: {} }),
    sentence: /key odd cannot sign: key type "odd" has no public value/,
  },
  { kind: 'key-unusable', after: withKey(good, 'odd', {}), sentence: /cannot sign/ },
  {
    kind: 'key-missing',
    after: withRole(good, 'targets', roleOf(['nobody'], 1)),
    sentence: /targets: there is no key under the id nobody/,
  },
  {
    kind: 'key-twice',
    after: withRole(withKey(good, twin.id, twin.json), 'targets', roleOf([keyOf('alice').id, twin.id], 1)),
    sentence: /are one key, and count once/,
  },
  {
    kind: 'key-shared',
    after: rootJson(1, { ...board, snapshot: { keys: ['alice', 'snapshot-1'], threshold: 1 } }),
    sentence: /signs root, and snapshot too/,
  },
  {
    kind: 'threshold-lowered',
    before: rootJson(1, { root: five }),
    after: rootJson(2, { root: { ...five, threshold: 2 } }),
    sentence: /root: the threshold is lowered from 3 to 2/,
  },
  {
    kind: 'threshold-one',
    after: rootJson(1, { root: { keys: ['alice', 'bob'], threshold: 1 } }),
    sentence: /a single key/,
  },
  {
    kind: 'threshold-unreachable',
    after: rootJson(1, { ...board, targets: { keys: ['dave'], threshold: 2 } }),
    sentence: /targets: 2 signatures are wanted and 1 keys can sign/,
  },
  {
    kind: 'no-spare-key',
    after: rootJson(1, { root: { keys: ['alice', 'bob'], threshold: 2 } }),
    sentence: /all 2 keys must sign/,
  },
  {
    kind: 'fewer-keys',
    before: rootJson(1, { root: five }),
    after: rootJson(2, board),
    sentence: /root: 3 keys instead of 5/,
  },
  {
    kind: 'delegation-order',
    before: delegating(1, one('a'), one('b')),
    after: delegating(2, one('b'), one('a')),
    sentence: /asked in another order/,
  },
  {
    kind: 'delegation-order',
    before: delegating(1, one('a')),
    after: delegating(2, one('b'), one('a')),
    sentence: /the new role b is asked before/,
  },
  {
    kind: 'delegation-wide',
    after: delegating(1, one('a', { paths: ['mani*'] })),
    sentence: /a may sign for mani\*/,
  },
  {
    kind: 'delegation-wide',
    after: targetsJson(1, {
      delegations: {
        keys: {},
        succinct_roles: { keyids: [], threshold: 1, bit_length: 2, name_prefix: 'bin' },
      },
    }),
    sentence: /hash bins/,
  },
  {
    kind: 'delegation-terminating',
    before: delegating(1, one('a', { terminating: true })),
    after: delegating(2, one('a')),
    sentence: /the search no longer ends behind it/,
  },
  { kind: 'look-alike', after: delegating(1, one('а')), sentence: /the role а .*U\+0430/ },
  {
    kind: 'look-alike',
    after: delegating(1, one('a', { paths: ['ä*'] })),
    sentence: /the path ä\* .*U\+00E4/,
  },
  {
    kind: 'look-alike',
    after: targetsJson(1, { targets: { 'о.img': {} } }),
    sentence: /the target о\.img .*U\+043E/,
  },
  {
    kind: 'target-changed',
    before: targetsJson(1, { targets: { 'a.img': scenes.targetJson(text('a')) } }),
    after: targetsJson(2, { targets: { 'a.img': scenes.targetJson(text('b')) } }),
    sentence: /a\.img keeps its name and gets other bytes/,
  },
  {
    kind: 'entry-older',
    before: listing(1, { 'targets.json': { version: 4 } }),
    after: listing(2, { 'targets.json': { version: 3 } }),
    sentence: /goes back from version 4 to 3/,
  },
  {
    kind: 'entry-older',
    before: listing(1, { 'targets.json': { version: 4 } }),
    after: listing(2, {}),
    sentence: /targets\.json is not listed any more/,
  },
];

/** Kinds that only a whole request has; below, and in the tests of requests. */
const ofRequests: readonly AlarmKind[] = [
  'first-root',
  'root-not-compared',
  'no-previous',
  'previous-unverified',
  'delegator-unsigned',
  'owner-contradicted',
  'target-not-delegated',
  'manifest-unseen',
  'image-not-listed',
];

describe('alarms', () => {
  for (const { kind, before, after, sentence } of cases) {
    it(`SGN-12: ${kind}: ${sentence.source}`, () => {
      const alarms = alarmsOf(differenceOf(before, after), policy).filter((alarm) => alarm.kind === kind);
      assert.ok(
        alarms.some((alarm) => sentence.test(alarm.sentence)),
        JSON.stringify(alarms),
      );
    });
  }

  it('every kind has a case here or in the tests of requests', () => {
    const tested = [...cases.map(({ kind }) => kind), ...ofRequests];
    assert.deepEqual(
      alarmKinds.filter((kind) => !tested.includes(kind)),
      [],
    );
  });

  it('nothing is alarming where nothing is', () => {
    const quiet: readonly (readonly [JsonObject | undefined, JsonObject])[] = [
      [undefined, good],
      [good, rootJson(2, { root: { keys: ['alice', 'bob', 'carol', 'dave'], threshold: 2 } })],
      [targetsJson(1), targetsJson(2, { targets: { 'a.img': scenes.targetJson(text('a')) } })],
      [
        targetsJson(1, { targets: { 'a.img': scenes.targetJson(text('a')) } }),
        targetsJson(2, { targets: { 'a.img': scenes.targetJson(text('a'), { note: 'new' }) } }),
      ],
      [
        targetsJson(1, { targets: { 'manifest.json': scenes.targetJson(text('a')) } }),
        targetsJson(2, { targets: { 'manifest.json': scenes.targetJson(text('b')) } }),
      ],
      [targetsJson(1, { targets: { 'ä.img': {} } }), targetsJson(2)],
      [delegating(1, one('a')), delegating(2, one('a'), one('b'))],
      [delegating(1, one('a'), one('b')), delegating(2, one('b'))],
      [
        listing(1, { 'targets.json': { version: 4 } }),
        listing(2, { 'targets.json': { version: 5 }, 'a.json': { version: 1 } }),
      ],
      [undefined, withMembers(targetsJson(1), { expires: 'never', version: 'one' })],
      [undefined, withMembers(targetsJson(1), { expires: undefined })],
    ];
    for (const [before, after] of quiet) assert.deepEqual(alarmsOf(differenceOf(before, after), policy), []);
  });

  it('names that contradict the keys that a signer has', () => {
    const [alice, bob, mallory] = [keyOf('alice'), keyOf('bob'), keyOf('mallory')];
    const keys = new Map(
      [alice, bob, mallory].map(({ id, json }) => [id, { id, json, type: '', scheme: '', publicValue: '' }]),
    );
    const confirmed = new Map([[alice.id, 'alice']]);
    const alarms = (claimed: readonly (readonly [string, string])[]): readonly string[] =>
      ownerAlarms(new Map(claimed), confirmed, [keys]).map(({ sentence }) => sentence);
    assert.deepEqual(
      alarms([
        [alice.id, 'alice'],
        [bob.id, 'bob'],
        ['unknown', 'alice'],
      ]),
      [],
    );
    assert.match(alarms([[alice.id, 'bob']])[0] ?? '', /by your own keys it is that of alice/);
    assert.match(
      alarms([[mallory.id, 'alice']])[0] ?? '',
      /the key that you have under this name is another one/,
    );
    assert.match(
      alarms([
        [bob.id, 'eve'],
        [mallory.id, 'eve'],
      ])[0] ?? '',
      /and another key by the same name/,
    );
    assert.match(alarms([[mallory.id, 'аlice']])[0] ?? '', /the name аlice has characters/);
  });

  it('an id that other bytes stand under does not borrow a name', () => {
    const names = ownerNames(new Map([[keyOf('bob').id, 'bob']]), new Map([[keyOf('alice').id, 'alice']]));
    const forged = withKey(
      withKey(good, keyOf('alice').id, keyOf('mallory').json),
      'label',
      keyOf('alice').json,
    );
    const owners = new Map(differenceOf(undefined, forged, names).keys.map(({ key }) => [key.id, key.owner]));
    assert.equal(owners.get(keyOf('alice').id), undefined);
    assert.deepEqual(owners.get('label'), { name: 'alice', confirmed: true });
    assert.deepEqual(owners.get(keyOf('bob').id), { name: 'bob', confirmed: false });
  });

  it('an image that the manifest names and nobody lists', async () => {
    const request = await scenes.changedTargets();
    const targets = new Map(request.document.get('targets') as JsonObject);
    targets.delete('root-1.1.0.img');
    const kinds = (document: JsonObject, attachments = request.attachments) =>
      reviewOf({ ...request, document, attachments }, { now: plannedAt, trustedRoot: 1 })
        .alarms.map(({ kind }) => kind)
        .filter((kind) => kind !== 'target-changed');
    assert.deepEqual(kinds(withMembers(request.document, { targets })), ['image-not-listed']);
    const elsewhere = withMembers(request.document, { targets, delegations: delegationsJson([one('a')]) });
    assert.deepEqual(kinds(elsewhere), []);
    assert.deepEqual(kinds(request.document, new Map()), ['manifest-unseen']);
    const without = new Map([...targets].filter(([name]) => name !== 'manifest.json'));
    assert.deepEqual(kinds(withMembers(request.document, { targets: without }), new Map()), []);
  });

  it('a request may ask for a shorter validity than policies have, never for a longer one', async () => {
    const request = await scenes.firstRoot();
    const kinds = (longestValidity: number) =>
      reviewOf({ ...request, longestValidity }, { now: plannedAt }).alarms.map(({ kind }) => kind);
    assert.deepEqual(kinds(3650 * day), ['first-root']);
    assert.deepEqual(kinds(365 * day), ['first-root']);
    assert.deepEqual(kinds(90 * day), ['first-root', 'expiry-late']);
    const late = reviewOf({ ...request, longestValidity: 3650 * day }, { now: plannedAt - 30 * day });
    assert.deepEqual(
      late.alarms.map(({ kind }) => kind),
      ['first-root', 'expiry-late'],
    );
  });
});
