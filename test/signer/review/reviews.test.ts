import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { formatSigningRequest, parseSigningRequest } from '../../../src/signer/ceremony/request-format.ts';
import type { SigningRequest } from '../../../src/signer/ceremony/signing-request.ts';
import { reviewOf } from '../../../src/signer/review/request-review.ts';
import { reviewLines } from '../../../src/signer/review/review-words.ts';
import { keyOf, plannedAt } from '../../support/ceremony.ts';
import * as scenes from '../../support/review-scenes.ts';

/** The signer has the public keys of Alice and Bob, and root 1. */
const confirmed = new Map(['alice', 'bob'].map((name) => [keyOf(name).id, name]));

const reviews: readonly (readonly [string, () => Promise<SigningRequest>, string])[] = [
  ['first-root', scenes.firstRoot, 'says loudly that nobody vouches for a first root'],
  ['key-rotation', scenes.keyRotation, 'a key comes and a key goes'],
  ['lowered-threshold', scenes.loweredThreshold, 'a threshold is lowered and the expiry is beyond policy'],
  ['shrunk-root', scenes.shrunkRoot, 'root shrinks to two keys, one of them online'],
  [
    'changed-targets',
    scenes.changedTargets,
    'three images, a manifest with waves, and a target under its old name',
  ],
  ['changed-delegations', scenes.changedDelegations, 'delegations come, change and go'],
  ['delegated-role', scenes.delegatedRole, 'a delegated role'],
];

describe('reviews', () => {
  for (const [name, scene, title] of reviews) {
    it(`SGN-12: ${name}: ${title}`, async () => {
      const request = parseSigningRequest(formatSigningRequest(await scene()), `${name}.request.json`);
      const trustedRoot = request.rootVersion;
      const lines = reviewLines(reviewOf(request, { now: plannedAt, confirmed, trustedRoot }));
      const expected = await readFile(new URL(`reviews/${name}.txt`, import.meta.url), 'utf8');
      assert.equal(`${lines.join('\n')}\n`, expected);
    });
  }
});
