import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isTidegateError } from '../../../src/errors.ts';
import { digestOf } from '../../../src/metadata/crypto.ts';
import type { JsonObject } from '../../../src/metadata/json.ts';
import { withMembers } from '../../../src/metadata/json-writer.ts';
import { formatSigningRequest, parseSigningRequest } from '../../../src/signer/ceremony/request-format.ts';
import { signRequest } from '../../../src/signer/ceremony/sign-request.ts';
import { maxRequestLength, type SigningRequest } from '../../../src/signer/ceremony/signing-request.ts';
import { checkTrustedRoot } from '../../../src/signer/ceremony/trusted-root.ts';
import { type Review, reviewOf } from '../../../src/signer/review/request-review.ts';
import { reviewLines } from '../../../src/signer/review/review-words.ts';
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
import {
  changedDelegations,
  changedTargets,
  delegatedRole,
  keyRotation,
} from '../../support/review-scenes.ts';

type Json = Record<string, unknown>;

function jsonOf(request: SigningRequest): Json {
  return JSON.parse(new TextDecoder().decode(formatSigningRequest(request)));
}

function parse(json: Json): SigningRequest {
  return parseSigningRequest(new TextEncoder().encode(JSON.stringify(json)), 'request');
}

function review(request: SigningRequest): Review {
  return reviewOf(request, { now: plannedAt });
}

function kindsOf(request: SigningRequest): readonly string[] {
  return review(request).alarms.map(({ kind }) => kind);
}

function refused(json: Json, message: RegExp): void {
  assert.throws(() => parse(json), { code: 'request-invalid', message });
}

/** Members that the writer of a file can choose freely: shown as claims, decided by never. */
const claims = ['summary', 'owners', 'longest_validity', 'planned_at', 'base'];

describe('a request that is not as it was made', () => {
  let scenes: readonly SigningRequest[];
  let targets: SigningRequest;

  before(async () => {
    targets = await changedTargets();
    scenes = [await keyRotation(), targets, await delegatedRole()];
  });

  it('a missing member is refused, or changes nothing but what is shown, with an alarm', () => {
    const allowed: Record<string, string | undefined> = {
      previous: 'no-previous',
      attachments: 'manifest-unseen',
      ...Object.fromEntries(
        ['summary', 'longest_validity', 'base', 'previous_attachments'].map((name) => [name, undefined]),
      ),
    };
    for (const scene of scenes) {
      const whole = jsonOf(scene);
      for (const member of Object.keys(whole)) {
        const { [member]: _gone, ...rest } = whole;
        if (!(member in allowed)) refused(rest, /request/);
        else {
          const request = parse(rest);
          assert.equal(request.sha256, scene.sha256);
          assert.deepEqual(request.sides, scene.sides);
          const kind = allowed[member];
          if (kind !== undefined) assert.ok(kindsOf(request).includes(kind), member);
        }
      }
    }
  });

  it('every member, mutated in any place: refused, or the same payload under the same keys', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 2),
        fc.nat(),
        fc.nat(),
        fc.constantFrom('x', '0', '"', ' ', 'é'),
        (which, member, at, put) => {
          const scene = scenes[which] ?? targets;
          const whole = jsonOf(scene);
          const name = Object.keys(whole)[member % Object.keys(whole).length] ?? '';
          const text = JSON.stringify(whole[name]);
          const place = at % text.length;
          const mutated = text.slice(0, place) + put + text.slice(place + 1);
          const file = JSON.stringify(whole).replace(`"${name}":${text}`, () => `"${name}":${mutated}`);
          let request: SigningRequest;
          try {
            request = parseSigningRequest(new TextEncoder().encode(file), 'request');
          } catch (error) {
            assert.ok(
              isTidegateError(error, 'request-invalid', 'count-limit', 'length-limit'),
              String(error),
            );
            return;
          }
          assert.equal(request.sha256, scene.sha256);
          // A delegator that was altered is one that nobody has signed.
          if (request.unsigned.length > 0) {
            assert.ok(kindsOf(request).includes('delegator-unsigned'));
            return;
          }
          assert.deepEqual(
            request.sides.map(({ role, keys }) => [role, [...keys.keys()]]),
            scene.sides.map(({ role, keys }) => [role, [...keys.keys()]]),
          );
          const shows = (one: SigningRequest): unknown => {
            const { difference, manifest } = review({ ...one, owners: new Map() });
            return { difference, manifest };
          };
          if (!claims.includes(name) && name !== 'signatures' && !request.previousUnverified)
            assert.deepEqual(shows(request), shows(scene));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('every member, swapped with that of another request: refused, or the same payload', () => {
    for (const scene of scenes) {
      for (const other of scenes) {
        if (other === scene) continue;
        const foreign = jsonOf(other);
        for (const member of new Set([...Object.keys(jsonOf(scene)), ...Object.keys(foreign)])) {
          const swapped = { ...jsonOf(scene), [member]: foreign[member] };
          try {
            assert.equal(parse(swapped).sha256, scene.sha256, member);
            assert.ok(!['payload', 'sha256', 'role', 'delegators'].includes(member), member);
          } catch (error) {
            assert.ok(isTidegateError(error, 'request-invalid'), `${member}: ${error}`);
          }
        }
      }
    }
  });

  it('the summary is never read: another one is shown nowhere', () => {
    const request = parse({ ...jsonOf(targets), summary: ['targets 7: nothing of note'] });
    assert.ok(!reviewLines(review(request)).join('\n').includes('nothing of note'));
    assert.deepEqual(formatSigningRequest(request), formatSigningRequest(targets));
  });

  it('a payload that is not the canonical form of what it says is refused', () => {
    const whole = jsonOf(targets);
    const payload = String(whole.payload);
    const withDigest = (text: string): Json => ({
      ...whole,
      payload: text,
      sha256: digestOf('sha256', text),
    });
    refused(withDigest(`${payload} `), /canonical/);
    refused(
      withDigest(payload.replace('{"_type":"targets",', '{').replace(/}$/, ',"_type":"targets"}')),
      /canonical/,
    );
    refused(withDigest(payload.replace('"version":7', '"version":7,"version":8')), /appears twice/);
    refused(
      withDigest(payload.replace('"x-note":"for review"', '"x-note":"cafe\u0301"')),
      /normalisation form C/,
    );
    refused(withDigest('[]'), /no JSON object/);
    refused({ ...whole, payload: payload.replace('7', '8') }, /digest of the payload/);
    refused({ ...whole, format: 'other' }, /format/);
    refused({ ...whole, version: 2 }, /version/);
    refused({ ...whole, planned_at: 2 ** 53 - 1 }, /year/);
    refused({ ...whole, extra: 1 }, /unknown members/);
  });

  it('a request longer than the limit is refused before it is read', () => {
    assert.throws(() => parseSigningRequest(new Uint8Array(maxRequestLength + 1), 'large'), {
      code: 'length-limit',
    });
  });

  it('SGN-22: a root made from another base', async () => {
    const [one, two] = [rootJson(1, board), rootJson(2, board)];
    const first = await signed(one, ['alice', 'bob']);
    const second = await signed(two, ['alice', 'bob']);
    const request = requestFor({
      role: 'root',
      document: rootJson(2, { root: { ...board.root, threshold: 3 } }),
      roots: [first],
    });
    assert.throws(() => checkTrustedRoot(request, second), {
      code: 'base-moved',
      message: /you trust root 2/,
    });
    assert.throws(() => requestFor({ role: 'root', document: rootJson(3, board), roots: [first] }), {
      code: 'request-invalid',
      message: /version 3, expected is 2/,
    });
    const later = requestFor({ role: 'root', document: rootJson(3, board), roots: [first, second] });
    assert.equal(checkTrustedRoot(later, first), 1);
    assert.equal(checkTrustedRoot(later, second), 2);
    const short = requestFor({ role: 'root', document: rootJson(3, board), roots: [second] });
    assert.equal(checkTrustedRoot(short, first), 1);
    const third = await signed(rootJson(3, board), ['alice', 'bob']);
    const gap = requestFor({ role: 'root', document: rootJson(4, board), roots: [third] });
    assert.throws(() => checkTrustedRoot(gap, first), {
      code: 'request-invalid',
      message: /give a later --root/,
    });
  });

  it("the attacker's own chain is told apart by a root of one's own, and by nothing else", async () => {
    const own = await signed(rootJson(1, board), ['alice', 'bob']);
    const false1 = await signed(rootJson(1, { root: { keys: ['mallory'], threshold: 1 } }), ['mallory']);
    const false2 = await signed(rootJson(2, { root: { keys: ['mallory'], threshold: 1 } }), ['mallory']);
    const request = requestFor({ role: 'root', document: rootJson(2, board), roots: [false1] });
    assert.throws(() => checkTrustedRoot(request, own), {
      code: 'request-invalid',
      message: /is not the root 1 that you trust/,
    });
    const next = requestFor({ role: 'root', document: rootJson(3, board), roots: [false2] });
    assert.throws(() => checkTrustedRoot(next, own), { code: 'request-invalid', message: /do not follow/ });
    const first = requestFor({ role: 'root', document: rootJson(1, board) });
    assert.throws(() => checkTrustedRoot(first, own), {
      code: 'request-invalid',
      message: /you trust root 1 already/,
    });
    assert.ok(
      reviewLines(review(request)).some((line) => line.includes('NOT compared with a root of your own')),
    );
  });

  it('roots that do not follow one another, or are signed by too few', async () => {
    const first = await signed(rootJson(1, board), ['alice', 'bob']);
    const unsigned = await signed(rootJson(2, board), ['alice']);
    const document = rootJson(3, board);
    assert.throws(() => requestFor({ role: 'root', document, roots: [first, unsigned] }), {
      code: 'request-invalid',
      message: /1 of 2 valid signatures/,
    });
    const many = Array.from({ length: 1025 }, () => first);
    assert.throws(() => requestFor({ role: 'root', document, roots: many }), {
      code: 'request-invalid',
      message: /1025 roots/,
    });
    assert.throws(
      () =>
        requestFor({
          role: 'root',
          document: rootJson(2, { ...board, repository: 'other' }),
          roots: [first],
        }),
      {
        code: 'request-invalid',
      },
    );
    assert.throws(
      () =>
        requestFor({
          role: 'targets',
          document: withMembers(targetsJson(1), { 'x-tidegate-repository': 'other' }),
          repository: 'other',
          roots: [first],
        }),
      { code: 'request-invalid', message: /belongs to repository "other", expected is "acme\/os"/ },
    );
    assert.throws(() => requestFor({ role: 'root', document: rootJson(1, board), repository: 'other' }), {
      code: 'request-invalid',
    });
    assert.throws(() => requestFor({ role: 'root', document: rootJson(1, board), repository: '' }), {
      code: 'request-invalid',
      message: /names no repository/,
    });
  });

  it('a version before that nobody signed counts as unseen: all is shown as new, with an alarm', async () => {
    const root = await signed(rootJson(1, board), ['alice', 'bob']);
    const previous = await signed(targetsJson(6), ['mallory']);
    const request = requestFor({ role: 'targets', document: targetsJson(7), roots: [root], previous });
    assert.equal(request.before, undefined);
    assert.deepEqual(kindsOf(request), ['root-not-compared', 'previous-unverified']);
    assert.throws(() => requestFor({ role: 'targets', document: targetsJson(6), roots: [root], previous }), {
      code: 'request-invalid',
      message: /does not follow version 6/,
    });
  });

  it('the version before may be signed by the keys of an earlier root', async () => {
    const first = await signed(rootJson(1, board), ['alice', 'bob']);
    const second = await signed(rootJson(2, { ...board, targets: { keys: ['targets-2'], threshold: 1 } }), [
      'alice',
      'bob',
    ]);
    const previous = await signed(targetsJson(6), ['targets-1']);
    const request = requestFor({
      role: 'targets',
      document: targetsJson(7),
      roots: [first, second],
      previous,
    });
    assert.equal(request.before?.get('version'), 6);
    assert.deepEqual(
      request.sides.map(({ by }) => by),
      ["root 2's targets keys"],
    );
  });

  it('what belongs to other roles is refused', async () => {
    const root = await signed(rootJson(1, board), ['alice', 'bob']);
    const delegating = { role: 'targets', bytes: await signed(targetsJson(7), ['targets-1']) };
    const wanted = { document: targetsJson(1), roots: [root] };
    const cases: readonly (readonly [Parameters<typeof requestFor>[0], RegExp])[] = [
      [{ role: 'targets', document: targetsJson(1) }, /root that names the keys/],
      [{ ...wanted, role: 'targets', delegators: [delegating] }, /no delegators/],
      [{ ...wanted, role: 'firmware' }, /no delegator is given/],
      [{ ...wanted, role: 'firmware', delegators: [delegating] }, /not delegated/],
      [{ ...wanted, role: 'firmware', delegators: [{ ...delegating, role: 'other' }] }, /expected targets/],
      [
        { role: 'root', document: rootJson(2, board), roots: [root], delegators: [delegating] },
        /nothing else/,
      ],
      [{ role: 'root', document: targetsJson(2), roots: [root] }, /expected a root document/],
      [{ role: 'snapshot', document: targetsJson(2), roots: [root] }, /expected a snapshot document/],
      [{ role: 'timestamp', document: targetsJson(2), roots: [root] }, /expected a timestamp document/],
    ];
    for (const [bad, message] of cases)
      assert.throws(() => requestFor(bad), { code: 'request-invalid', message });
  });

  it('attachments are the bytes that the payload lists, or refused', () => {
    const whole = jsonOf(targets);
    const attached = (text: string): Json => ({ ...whole, attachments: { 'manifest.json': text } });
    refused(attached('{}'), /attached manifest\.json/);
    refused({ ...whole, attachments: { 'other.txt': 'x' } }, /does not list it/);
    refused({ ...whole, attachments: { '../x': 'x' } }, /target path/);
    refused({ ...whole, previous_attachments: { 'manifest.json': 'x' } }, /attached manifest\.json/);
  });

  it('a delegator that is not signed yet is named', async () => {
    const root = await signed(rootJson(1, board), ['alice', 'bob']);
    const delegations = delegationsJson([
      { name: 'firmware', keys: ['dave'], threshold: 1, paths: ['fw-*'] },
    ]);
    const bytes = await signed(targetsJson(7, { delegations }), []);
    const document = targetsJson(1, {
      targets: { 'other.bin': { length: 1, hashes: { sha256: digestOf('sha256', '') } } },
    });
    const request = requestFor({
      role: 'firmware',
      document,
      roots: [root],
      delegators: [{ role: 'targets', bytes }],
    });
    assert.deepEqual(kindsOf(request), ['root-not-compared', 'delegator-unsigned', 'target-not-delegated']);
  });

  it('a key that no side wants signs nothing; one that did signs no second time', async () => {
    const request = await keyRotation();
    await assert.rejects(signRequest(request, keyOf('mallory')), {
      code: 'key-unusable',
      message: /none of those/,
    });
    const again = await signRequest(request, keyOf('bob'));
    assert.deepEqual(
      again.signatures.map(({ keyId }) => keyId),
      [keyOf('bob').id],
    );
  });

  it('SGN-30: a signature that is not one, or by other bytes under the same id, never gets in', async () => {
    const request = requestFor({ role: 'root', document: rootJson(1, board) });
    const broken = { ...keyOf('alice'), sign: async () => new Uint8Array(64) };
    await assert.rejects(signRequest(request, broken), { code: 'key-unusable', message: /does not verify/ });
    const raw = keyOf('p256', 'ecdsa-sha2-nistp256');
    const rawForm = { ...raw, id: keyOf('alice').id, sign: async () => new Uint8Array(64).fill(1) };
    await assert.rejects(signRequest(request, rawForm), { code: 'key-unusable' });
    // The right signature of another key that says it is Alice's.
    await assert.rejects(signRequest(request, { ...raw, id: keyOf('alice').id }), {
      code: 'key-unusable',
      message: /the key that the role lists under this id/,
    });
    const abort = AbortSignal.abort(new Error('stop'));
    await assert.rejects(signRequest(request, keyOf('alice'), { signal: abort }), /stop/);
  });

  it('a document with PEM keys, whose canonical form has raw newlines, comes back exactly', async () => {
    const rsa = keyOf('pem', 'ecdsa-sha2-nistp256').json;
    const plain = rootJson(1, board);
    const keys = new Map([
      ...(plain.get('keys') as JsonObject),
      [keyOf('pem', 'ecdsa-sha2-nistp256').id, rsa],
    ]);
    const request = requestFor({ role: 'root', document: withMembers(plain, { keys }) });
    assert.ok(request.payload.includes(0x0a));
    const back = parseSigningRequest(formatSigningRequest(request), 'back');
    assert.deepEqual(back.payload, request.payload);
    const escapedNewline = new TextDecoder().decode(request.payload).replaceAll('\n', '\\n');
    const whole = { ...jsonOf(request), payload: escapedNewline, sha256: digestOf('sha256', escapedNewline) };
    refused(whole, /canonical/);
  });

  it('delegations are read through several levels', async () => {
    await changedDelegations();
    const root = await signed(rootJson(1, board), ['alice', 'bob']);
    const level = (name: string, key: string) => ({
      delegations: delegationsJson([{ name, keys: [key], threshold: 1, paths: ['*'] }]),
    });
    const delegators = [
      { role: 'targets', bytes: await signed(targetsJson(7, level('vendor', 'dave')), ['targets-1']) },
      { role: 'vendor', bytes: await signed(targetsJson(3, level('firmware', 'erin')), ['dave']) },
    ];
    const request = requestFor({ role: 'firmware', document: targetsJson(1), roots: [root], delegators });
    assert.deepEqual(
      request.sides.map(({ by }) => by),
      ['the keys that vendor 3 delegates firmware to'],
    );
    assert.deepEqual(parseSigningRequest(formatSigningRequest(request), 'back').sides, request.sides);
  });

  it('SGN-21: a root that expired three months ago is followed by the next one all the same', async () => {
    const first = await signed(rootJson(1, { ...board, expires: '2026-08-24T12:00:00Z' }), ['alice', 'bob']);
    const request = requestFor({ role: 'root', document: rootJson(2, board), roots: [first] });
    assert.equal(checkTrustedRoot(request, first), 1);
    const reviewed = review(await signRequest(request, keyOf('alice')));
    assert.deepEqual(
      reviewed.alarms.map(({ kind }) => kind),
      ['root-not-compared'],
    );
    assert.ok(
      reviewLines(reviewed).some((line) =>
        line.includes('hosts refuse updates until the next one is published'),
      ),
    );
  });
});
