import assert from 'node:assert/strict';
import type { JsonObject, JsonValue } from '../../../src/metadata/json.ts';
import { jsonOf, type Plain, withMembers } from '../../../src/metadata/json-writer.ts';
import { formatSigningRequest } from '../../../src/signer/ceremony/request-format.ts';
import { checkSignatures } from '../../../src/signer/ceremony/request-signatures.ts';
import { differenceOf } from '../../../src/signer/review/difference.ts';
import { manifestLines } from '../../../src/signer/review/manifest-words.ts';
import { reviewOf } from '../../../src/signer/review/request-review.ts';
import { differenceData, plain, reviewData } from '../../../src/signer/review/review-data.ts';
import { reviewLines } from '../../../src/signer/review/review-words.ts';
import { listed, shown } from '../../../src/signer/review/shown.ts';
import { differenceLines } from '../../../src/signer/review/words.ts';
import {
  board,
  delegationsJson,
  keyOf,
  plannedAt,
  requestFor,
  rootJson,
  signed,
  targetsJson,
} from '../../support/ceremony.ts';
import * as scenes from '../../support/review-scenes.ts';

function linesOf(before: JsonObject | undefined, after: JsonObject): readonly string[] {
  return differenceLines(differenceOf(before, after));
}

const object = (value: Plain): JsonObject => jsonOf(value) as JsonObject;

describe('a difference in words', () => {
  it('SGN-12: unknown members are shown wherever they stand', () => {
    const role = { keyids: [], threshold: 1 };
    const before = object({
      _type: 'root',
      version: 1,
      expires: 'e',
      keys: {},
      roles: { root: { ...role, 'x-a': 1 }, odd: role },
      'x-b': [1],
    });
    const after = object({
      _type: 'root',
      version: 2,
      expires: 'e',
      keys: {},
      roles: { root: { ...role, 'x-c': true } },
      'x-b': { deep: [null, 'text', { a: 'b' }] },
    });
    assert.deepEqual(linesOf(before, after), [
      'version 1 → 2',
      'expires e',
      'roles:',
      '  ~ root: 1 of 0',
      '      keys none',
      '      + x-c: true',
      '      - x-a: 1',
      '  - odd: 1 of 0',
      '      keys none',
      '~ x-b: [1] → {"deep": [null, "text", {"a": "b"}]}',
    ]);
  });

  it('other bytes under the id of a key: both are shown, with words of their own', () => {
    const before = rootJson(1, board);
    const { id } = keyOf('alice');
    const keys = new Map([...(before.get('keys') as JsonObject), [id, keyOf('mallory').json]]);
    const lines = linesOf(before, withMembers(rootJson(2, board), { keys }));
    const at = lines.findIndex((line) => line.includes('OTHER BYTES'));
    assert.match(
      lines[at] ?? '',
      new RegExp(`~ key ${id.slice(0, 12)}, nobody says whose: OTHER BYTES under the id ${id}`),
    );
    assert.equal(lines[at + 2], `      before: key ${id}`);
    assert.equal(lines[at + 5], `      after:  key ${keyOf('mallory').id}; under the id ${id}`);
    const data = differenceData(differenceOf(before, withMembers(rootJson(2, board), { keys }))) as {
      keys: { state: string; before: { hash: string } }[];
    };
    assert.equal(data.keys.find(({ state }) => state === 'changed')?.before.hash, id);
  });

  it('a delegation by hash prefixes, and hash bins', () => {
    const role = { name: 'a', keyids: [], threshold: 1, terminating: true };
    const before = targetsJson(1, {
      delegations: { keys: {}, roles: [{ ...role, path_hash_prefixes: ['0'] }] },
    });
    const after = targetsJson(2, {
      delegations: { keys: {}, roles: [{ ...role, path_hash_prefixes: ['0', '1f'] }, 'odd', {}] },
    });
    assert.deepEqual(linesOf(before, after).slice(2), [
      'delegations, in the order in which they are asked:',
      '  ~ 1. a: 1 of 0',
      '      keys none',
      '      path hash prefixes 0 → 0, 1f',
      '      the search ends behind it',
      '  + 2. : nothing of 0',
      '      keys none',
      '      the search goes on behind it',
    ]);
    const bins = targetsJson(1, { delegations: { keys: {}, succinct_roles: { bit_length: 2 } } });
    assert.equal(linesOf(targetsJson(0), bins).at(-1), '  + succinct_roles: {"bit_length": 2}');
    const keyless = targetsJson(1, { delegations: { keys: {}, roles: [{ name: 'a' }] } });
    assert.ok(linesOf(keyless, targetsJson(2)).includes('  - a: nothing'));
  });

  it('every member of a target: length, all hashes, custom and others', () => {
    const before = targetsJson(1, {
      targets: {
        a: { length: 1, hashes: { sha256: '0', sha512: '1' }, custom: { note: 1 }, 'x-old': 1 },
        b: { length: 1 },
      },
    });
    const after = targetsJson(2, {
      targets: { a: { length: 1, hashes: { sha256: '0' }, 'x-new': 1 }, b: { length: 1 } },
    });
    assert.deepEqual(linesOf(before, after).slice(2), [
      'targets: 0 added, 1 changed, 0 removed, 1 stay',
      '  ~ a',
      '      bytes 1',
      '      sha256 0',
      '      sha512 1 → nothing',
      '      custom {"note": 1} → nothing',
      '      + x-new: 1',
      '      - x-old: 1',
    ]);
  });

  it('the same document has no difference but says so', () => {
    const document = rootJson(1, board);
    const difference = differenceOf(document, document);
    assert.equal(difference.differs, false);
    assert.equal(differenceOf(object({ _type: 'a' }), object({})).type, '');
    assert.deepEqual(
      differenceLines(difference, { now: plannedAt + 400 * 24 * 3_600_000 })[1],
      'expires 2027-11-24T12:00:00Z (35 days ago)',
    );
  });

  it('text from outside is whole, and cannot move a cursor or forge a line', () => {
    const long = 'x'.repeat(500);
    assert.equal(shown(long), long);
    assert.equal(shown('a\nALARM\u202e\u001b[2J'), 'a\\nALARM\\u202e\\u001b[2J');
    assert.equal(shown([1n, '\u0007', true] as readonly JsonValue[]), '[1, "\\u0007", true]');
    assert.equal(listed([]), 'none');
    assert.deepEqual(
      plain(
        new Map<string, unknown>([
          ['a', 2n ** 60n],
          ['b', [undefined]],
        ]),
      ),
      { a: String(2n ** 60n), b: [null] },
    );
  });

  it('a name that looks like a confirmation stays a claim', async () => {
    const request = await scenes.firstRoot();
    const owners = new Map([[keyOf('alice').id, 'alice (as your own keys say)']]);
    const lines = reviewLines(reviewOf({ ...request, owners }, { now: plannedAt }));
    assert.ok(lines.includes('    + "alice (as your own keys say)" (only the request says so)'));
  });

  it('a manifest: what stays is counted, what goes is named', () => {
    const { manifestAfter: after, manifestBefore: before } = scenes;
    assert.deepEqual(manifestLines(after, after), ['manifest: 2 releases, 2 as before']);
    const lines = manifestLines(
      { ...after, unknown: new Map([['x', 1]]) },
      { ...before, migrations: after.migrations },
    );
    assert.deepEqual(lines, [
      'manifest: 1 release, 0 as before',
      '  ~ release demo x86_64 1.0.0',
      '      ~ highest version for its fleet: 1.1.0 → 1.0.0',
      '  - release demo x86_64 1.1.0',
      '  - x: 1',
    ]);
    const [first] = before.updates;
    assert.ok(first);
    const marked = { ...before, updates: [{ ...first, unknown: new Map([['x-note', 'odd']]) }] };
    assert.deepEqual(manifestLines(undefined, marked).slice(0, 1), [
      'manifest: 1 release, 0 as before, the version before is not at hand',
    ]);
    assert.ok(manifestLines(before, marked).includes('      + x-note: odd'));
  });

  it('a manifest: groups, a pause with the plan that waits in it, and withdrawals', () => {
    const { manifestBefore: before } = scenes;
    const at = Date.parse('2030-01-02T00:00:00Z');
    const [first] = before.updates;
    assert.ok(first);
    const groups = [{ labels: ['canary'], opens: at }];
    const pause = { at, waves: new Map([[0, at]]), lastWaveEnds: at, groups };
    const { variant, arch } = first;
    const withdrawn = [{ variant, arch, version: '9.0.0', at, reason: 'bad' }];
    const steered = { ...before, updates: [{ ...first, groups, pause }], withdrawn };
    const lines = manifestLines(before, steered);
    const time = '2030-01-02T00:00:00Z';
    for (const line of [
      `      ${time}  at once  hosts labelled canary`,
      `      paused since ${time}; when it is resumed, by so much later:`,
      `        ${time}  at once  hosts labelled canary`,
      `        ${time}  to ${time}  seeds above 0, up to 100 % of hosts`,
      `  + withdrawn for ever: ${variant} ${arch} 9.0.0: ${time}, bad`,
    ])
      assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
    assert.ok(manifestLines(steered, before).some((line) => line.startsWith('  - withdrawn for ever')));
  });

  it('a delegated role by hash prefixes says what it may sign for', async () => {
    const root = await signed(rootJson(1, board), ['alice', 'bob']);
    const delegations = {
      keys: {},
      roles: [
        { name: 'bins', keyids: ['odd'], threshold: 1, terminating: true, path_hash_prefixes: ['0', '1'] },
      ],
    };
    const delegators = [
      { role: 'targets', bytes: await signed(targetsJson(1, { delegations }), ['targets-1']) },
    ];
    const request = requestFor({ role: 'bins', document: targetsJson(1), roots: [root], delegators });
    const lines = reviewLines(reviewOf(request, { now: plannedAt }));
    assert.ok(lines.includes('  the role may sign for path hash prefixes 0, 1; the search ends behind it'));
    assert.deepEqual(checkSignatures(request, [{ keyId: 'odd', hex: '00' }]).dropped, [
      { keyId: 'odd', why: 'invalid' },
    ]);
    const data = reviewData(reviewOf(request, { now: plannedAt })) as {
      trusted_root: unknown;
      signers: { missing: unknown[] }[];
    };
    assert.equal(data.trusted_root, null);
    assert.deepEqual(data.signers[0]?.missing, [{ keyid: 'odd', owner: null }]);
  });

  it('the summary of a large change is cut, a review is not', async () => {
    const root = await signed(rootJson(1, board), ['alice', 'bob']);
    const targets = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`${index}.img`, scenes.targetJson(new Uint8Array(index))]),
    );
    const request = requestFor({ role: 'targets', document: targetsJson(1, { targets }), roots: [root] });
    const { summary } = JSON.parse(new TextDecoder().decode(formatSigningRequest(request))) as {
      summary: string[];
    };
    assert.equal(summary.length, 201);
    assert.match(summary.at(-1) ?? '', /^and \d+ more lines$/);
    assert.ok(reviewLines(reviewOf(request, { now: plannedAt })).length > 300);
  });

  it('a signed delegation of the same name by another delegations object is told apart', () => {
    const [one, other] = ['dave', 'erin'].map((key) =>
      targetsJson(1, {
        delegations: delegationsJson([{ name: 'a', keys: [key], threshold: 1, paths: ['a'] }]),
      }),
    );
    assert.ok(one && other);
    assert.ok(linesOf(one, other).some((line) => line.startsWith('      + ')));
  });
});
