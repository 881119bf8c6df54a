import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { isTidegateError } from '../../src/errors.ts';
import { checkFile } from '../../src/trust/file-check.ts';
import { topLevelTargets, updateTargets } from '../../src/trust/targets-role.ts';
import { updateRoot, updateSnapshot, updateTimestamp } from '../../src/trust/trusted-set.ts';
import { fixtureRepository, imageBytes } from '../support/fixture-repository.ts';
import { refuses, trustedRoots, trustedSnapshot, trustedTimestamp } from '../support/trusting.ts';

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}

describe('PAR-38: single bits', () => {
  it('every bit of a signed timestamp: refused, or the same meaning', () => {
    const repository = fixtureRepository();
    const bytes = repository.written('timestamp');
    const set = trustedRoots(repository);
    const right = updateTimestamp(set, bytes).timestamp?.document;
    let same = 0;
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      try {
        const { timestamp } = updateTimestamp(set, flipped(bytes, bit));
        assert.deepEqual(timestamp?.document, right);
        same += 1;
      } catch (error) {
        assert.ok(isTidegateError(error) && error.class !== 'internal', `bit ${bit}: ${error}`);
      }
    }
    // The case of letters in the signature and in its key id's neighbours; nothing in the signed part.
    assert.ok(same > 0 && same < 128, `${same} flips without effect`);
  });

  it('every bit of a 2 KB target', () => {
    const bytes = imageBytes('target', 2048);
    const meta = { length: 2048, hashes: { sha256: createHash('sha256').update(bytes).digest('hex') } };
    checkFile(bytes, meta, 'x.img');
    for (let bit = 0; bit < 2048 * 8; bit += 1) {
      let refusal: unknown;
      try {
        checkFile(flipped(bytes, bit), meta, 'x.img');
      } catch (error) {
        refusal = error;
      }
      assert.ok(isTidegateError(refusal, 'hash-mismatch'), `bit ${bit}`);
    }
    refuses(() => checkFile(bytes.subarray(1), meta, 'x.img'), 'length-mismatch', '2047');
    checkFile(bytes, { length: undefined, hashes: undefined }, 'x.img');
  });

  it('any bits of any other role', () => {
    const repository = fixtureRepository({ stateHashes: false });
    repository.root.version = 3;
    repository.write('root');
    const roots = trustedRoots(repository);
    const [timestamp, snapshot] = [trustedTimestamp(repository), trustedSnapshot(repository)];
    const second = { ...roots, root: trustedRoots(fixtureRepository()).root };
    const roles: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
      root: (bytes) => updateRoot(second, bytes).root.document.json,
      snapshot: (bytes) => updateSnapshot(timestamp, bytes).snapshot?.document.json,
      targets: (bytes) =>
        updateTargets(snapshot, bytes, topLevelTargets).targets.get('targets')?.document.json,
    };
    for (const [role, accept] of Object.entries(roles)) {
      const bytes = repository.written(role);
      const right = accept(bytes);
      assert.ok(right);
      fc.assert(
        fc.property(fc.array(fc.nat(bytes.length * 8 - 1), { minLength: 1, maxLength: 3 }), (bits) => {
          let read: unknown;
          try {
            read = accept(bits.reduce(flipped, bytes));
          } catch (error) {
            assert.ok(isTidegateError(error) && error.class !== 'internal', `${error}`);
            return;
          }
          assert.deepEqual(read, right);
        }),
        { numRuns: 400 },
      );
    }
  });
});
