import assert from 'node:assert/strict';
import { mergeRequests } from '../../../src/signer/ceremony/merge-requests.ts';
import { formatSigningRequest, parseSigningRequest } from '../../../src/signer/ceremony/request-format.ts';
import { progressOf, progressText, signedFile } from '../../../src/signer/ceremony/request-signatures.ts';
import { signRequest } from '../../../src/signer/ceremony/sign-request.ts';
import { checkTrustedRoot } from '../../../src/signer/ceremony/trusted-root.ts';
import { board, keyOf, ownersOf, requestFor, rootJson, signed } from '../../support/ceremony.ts';

const owners = ownersOf(['alice', 'bob', 'carol', 'dave']);

async function secondRoot() {
  const first = await signed(rootJson(1, board), ['alice', 'bob']);
  const document = rootJson(2, { root: { keys: ['bob', 'carol', 'dave'], threshold: 2 } });
  return { first, request: requestFor({ role: 'root', document, roots: [first], owners }) };
}

describe('signing request', () => {
  it('a first root is requested, signed on three machines, merged and made a file', async () => {
    const request = requestFor({ role: 'root', document: rootJson(1, board), owners });
    const bytes = formatSigningRequest(request);
    const copies = await Promise.all(
      ['alice', 'carol'].map(async (name) =>
        formatSigningRequest(await signRequest(parseSigningRequest(bytes, name), keyOf(name))),
      ),
    );
    const { request: merged, dropped } = mergeRequests(
      copies.map((copy, index) => parseSigningRequest(copy, `${index}`)),
    );
    assert.deepEqual(dropped, []);
    assert.equal(progressText(progressOf(merged)), '2 of 2 by its own keys');
    assert.deepEqual(
      signedFile(merged),
      await signed(
        rootJson(1, board),
        ['alice', 'carol'].sort((a, b) => (keyOf(a).id < keyOf(b).id ? -1 : 1)),
      ),
    );
  });

  it('SGN-18: says which side lacks how many', async () => {
    const { request } = await secondRoot();
    const byNew = await signRequest(await signRequest(request, keyOf('carol')), keyOf('dave'));
    assert.equal(progressText(progressOf(byNew)), "1 of 2 by root 1's keys, 2 of 2 by root 2's keys");
    assert.throws(() => signedFile(byNew), {
      code: 'signatures-missing',
      message: /1 more by root 1's keys \(alice, bob\)/,
    });
    const byOld = await signRequest(await signRequest(request, keyOf('alice')), keyOf('carol'));
    assert.throws(() => signedFile(byOld), {
      code: 'signatures-missing',
      message: /1 more by root 2's keys \(bob, dave\)/,
    });
    signedFile(await signRequest(byNew, keyOf('bob')));
  });

  it('a trusted root of its own is accepted and checked', async () => {
    const { first, request } = await secondRoot();
    assert.equal(checkTrustedRoot(request, first), 1);
  });
});
