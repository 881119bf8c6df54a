/**
 * A key of the real AWS KMS, for who has one: TIDEGATE_LIVE_KMS is its address, and credentials are where the AWS SDK
 * looks. Every other test talks to an endpoint on this machine.
 */
import assert from 'node:assert/strict';
import { parseKeyUri } from '../../src/signer/keys/key-source.ts';
import { signatureOf } from '../../src/signer/keys/signing-key.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';

const uri = process.env.TIDEGATE_LIVE_KMS;

describe('a key of the real AWS KMS', () => {
  before(function () {
    if (uri !== undefined) return;
    process.stderr.write('  a key of the real AWS KMS: skipped, TIDEGATE_LIVE_KMS names none\n');
    this.skip();
  });

  it('SGN-28: signs documents of 2 bytes, of 4,097 and of 1 MB', async () => {
    const context = { fileSystem: nodeFileSystem, directory: '/', unlock: async () => undefined };
    const key = await parseKeyUri(uri ?? '').open(context);
    for (const length of [2, 4097, 1_000_000])
      assert.match(await signatureOf(key, Buffer.alloc(length, 'x'), `${length} bytes`), /^[0-9a-f]+$/);
  });
});
