import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { WrittenSignature } from '../../../src/metadata/envelope.ts';
import { mergeRequests } from '../../../src/signer/ceremony/merge-requests.ts';
import { formatSigningRequest, parseSigningRequest } from '../../../src/signer/ceremony/request-format.ts';
import {
  isComplete,
  progressOf,
  progressText,
  signedFile,
} from '../../../src/signer/ceremony/request-signatures.ts';
import type { SigningRequest } from '../../../src/signer/ceremony/signing-request.ts';
import { noFloors } from '../../../src/trust/floors.ts';
import { defaultLimits } from '../../../src/trust/limits.ts';
import { trustRoot, updateRoot } from '../../../src/trust/trusted-set.ts';
import { keyOf, ownersOf, plannedAt, requestFor, rootJson, signed } from '../../support/ceremony.ts';

const oldBoard = ['alice', 'bob', 'carol', 'dave', 'erin'];
/** Dave and Erin are in both. */
const newBoard = ['dave', 'erin', 'frank', 'grace', 'heidi'];
const strangers = ['mallory', 'oscar'];
const everyone = [...new Set([...oldBoard, ...newBoard, ...strangers])];

const policy = {
  now: plannedAt,
  limits: defaultLimits,
  requireConsistentSnapshot: true,
  allowDelegations: true,
  requireHashedKeyIds: true,
};

describe('merging requests', () => {
  let first: Uint8Array;
  let request: SigningRequest;
  let signatures: ReadonlyMap<string, WrittenSignature>;

  before(async () => {
    const board = (keys: readonly string[]) => ({ root: { keys, threshold: 3 } });
    first = await signed(rootJson(1, board(oldBoard)), ['alice', 'bob', 'carol']);
    request = requestFor({
      role: 'root',
      document: rootJson(2, board(newBoard)),
      roots: [first],
      owners: ownersOf(everyone),
    });
    signatures = new Map(
      await Promise.all(everyone.map(async (name) => [name, await signatureBy(name)] as const)),
    );
  });

  async function signatureBy(name: string): Promise<WrittenSignature> {
    const key = keyOf(name);
    return { keyId: key.id, hex: Buffer.from(await key.sign(request.payload)).toString('hex') };
  }

  function withSignatures(names: readonly string[], bad: readonly string[] = []): SigningRequest {
    const good = names.map((name) => signatures.get(name)).filter((entry) => entry !== undefined);
    const wrong = bad.map((name) => ({ keyId: keyOf(name).id, hex: 'ab'.repeat(64) }));
    return { ...request, signatures: [...good, ...wrong] };
  }

  it('SGN-32: any order, copies, duplicates and strangers: whole exactly when both thresholds are met', () => {
    const copy = fc.record({
      names: fc.array(fc.constantFrom(...everyone), { maxLength: 6 }),
      bad: fc.array(fc.constantFrom(...everyone), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(fc.array(copy, { minLength: 1, maxLength: 5 }), (copies) => {
        const { request: merged, dropped } = mergeRequests(
          copies.map(({ names, bad }) => withSignatures(names, bad)),
        );
        const signers = new Set(copies.flatMap(({ names }) => names));
        const count = (board: readonly string[]): number => board.filter((name) => signers.has(name)).length;
        const [byOld, byNew] = [count(oldBoard), count(newBoard)];
        assert.deepEqual(
          progressOf(merged).map(({ have, need }) => [have, need]),
          [
            [byOld, 3],
            [byNew, 3],
          ],
        );
        const unwanted = copies
          .flatMap(({ names, bad }) => [...names, ...bad])
          .filter((name) => strangers.includes(name));
        assert.equal(dropped.filter(({ why }) => why === 'stranger').length, unwanted.length);
        assert.equal(
          merged.signatures.length,
          new Set([...signers].filter((name) => !strangers.includes(name))).size,
        );
        assert.equal(isComplete(progressOf(merged)), byOld >= 3 && byNew >= 3);
        if (byOld >= 3 && byNew >= 3)
          assert.equal(
            updateRoot(trustRoot(first, policy, noFloors), signedFile(merged)).root.document.version,
            2,
          );
        else assert.throws(() => signedFile(merged), { code: 'signatures-missing' });
      }),
      { numRuns: 60 },
    );
  });

  it('SGN-32: the order of files and of signatures makes no difference to the bytes', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(everyone), fc.nat({ max: 12 }), (names, cut) => {
        const halves = [withSignatures(names.slice(0, cut)), withSignatures(names.slice(cut))];
        const one = formatSigningRequest(mergeRequests(halves).request);
        const other = formatSigningRequest(
          mergeRequests([withSignatures(names.toSorted()), ...halves].reverse()).request,
        );
        assert.deepEqual(one, other);
      }),
      { numRuns: 20 },
    );
  });

  it('names what it leaves out, and which file it was in', () => {
    const copies = [
      withSignatures(['alice', 'alice', 'mallory']),
      withSignatures(['bob'], ['carol', 'dave']),
    ];
    const { request: merged, dropped } = mergeRequests(copies);
    assert.deepEqual(
      dropped.map(({ keyId, why }) => [keyId, why]),
      [
        [keyOf('alice').id, 'duplicate'],
        [keyOf('mallory').id, 'stranger'],
        [keyOf('carol').id, 'invalid'],
        [keyOf('dave').id, 'invalid'],
      ],
    );
    assert.equal(progressText(progressOf(merged)), "2 of 3 by root 1's keys, 0 of 3 by root 2's keys");
  });

  it('a right signature wins over a wrong one of the same key, wherever it stands', () => {
    for (const copies of [
      [withSignatures([], ['alice']), withSignatures(['alice'])],
      [withSignatures(['alice'], ['alice'])],
    ]) {
      const { request: merged, dropped } = mergeRequests(copies);
      assert.deepEqual(merged.signatures, [signatures.get('alice')]);
      assert.deepEqual(
        dropped.map(({ why }) => why),
        ['invalid'],
      );
    }
  });

  it('other bytes, another role and other keys are no copies', () => {
    const board = { root: { keys: newBoard, threshold: 3 } };
    const later = requestFor({
      role: 'root',
      document: rootJson(2, { ...board, expires: '2028-01-01T00:00:00Z' }),
      roots: [first],
    });
    assert.throws(() => mergeRequests([request, later]), {
      code: 'request-invalid',
      message: /its payload has the digest/,
    });
    const own = requestFor({ role: 'root', document: rootJson(1, board), roots: [] });
    assert.throws(() => mergeRequests([request, own]), { code: 'request-invalid' });
    const targets = { ...request, role: 'targets' };
    assert.throws(() => mergeRequests([request, targets]), {
      code: 'request-invalid',
      message: /it is for targets 2/,
    });
    const [, newSide] = request.sides;
    assert.ok(newSide);
    assert.throws(() => mergeRequests([request, { ...request, sides: [newSide] }]), {
      code: 'request-invalid',
      message: /other keys/,
    });
    assert.throws(() => mergeRequests([]), { code: 'usage' });
  });

  it('two right signatures of one key by a random scheme are one, the same in any order', async () => {
    const board = { root: { keys: ['alice', 'bob'], threshold: 1 } };
    const document = rootJson(1, board);
    const plain = requestFor({ role: 'root', document });
    const side = plain.sides[0];
    assert.ok(side);
    const key = keyOf('random', 'ecdsa-sha2-nistp256');
    const keys = new Map([
      [
        key.id,
        {
          id: key.id,
          type: 'ecdsa-sha2-nistp256',
          scheme: 'ecdsa-sha2-nistp256',
          publicValue: publicValueOf(key.json),
          json: key.json,
        },
      ],
    ]);
    const random = {
      ...plain,
      sides: [{ by: 'its own keys', role: { keyIds: [key.id], threshold: 1 }, keys }],
    };
    const sign = async () => ({
      keyId: key.id,
      hex: Buffer.from(await key.sign(plain.payload))
        .toString('hex')
        .toUpperCase(),
    });
    const [one, other] = [await sign(), await sign()];
    const merged = (list: readonly WrittenSignature[]) =>
      mergeRequests([{ ...random, signatures: list }]).request.signatures;
    assert.notEqual(one.hex, other.hex);
    assert.deepEqual(merged([one, other]), merged([other, one]));
    assert.equal(merged([one, other]).length, 1);
    assert.equal(merged([one])[0]?.hex, one.hex.toLowerCase());
  });

  it('what comes out can be read again', () => {
    const bytes = formatSigningRequest(withSignatures(['alice']));
    assert.deepEqual(formatSigningRequest(parseSigningRequest(bytes, 'again')), bytes);
  });
});

function publicValueOf(json: ReadonlyMap<string, unknown>): string {
  const keyval = json.get('keyval');
  return keyval instanceof Map ? String(keyval.get('public')) : '';
}
