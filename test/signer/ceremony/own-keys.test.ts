import assert from 'node:assert/strict';
import { digestOf } from '../../../src/metadata/crypto.ts';
import { formatJson } from '../../../src/metadata/json-writer.ts';
import { agreesWithDigest } from '../../../src/signer/ceremony/digest-agreement.ts';
import { readOwnKeys } from '../../../src/signer/ceremony/own-keys.ts';
import { fingerprintWords } from '../../../src/signer/keys/fingerprint.ts';
import { writeDurably } from '../../../src/storage/durable-file.ts';
import { keyOf } from '../../support/ceremony.ts';
import { MemoryFileSystem } from '../../support/memory-file-system.ts';

async function folderWith(files: Readonly<Record<string, string>>): Promise<MemoryFileSystem> {
  const disk = new MemoryFileSystem();
  await disk.makeFolder('/own', 0o755);
  for (const [name, text] of Object.entries(files))
    await writeDurably(disk, `/own/${name}`, new TextEncoder().encode(text));
  return disk;
}

const alice = formatJson(keyOf('alice').json);

describe('public keys of the others', () => {
  it('are known by the names of their files and the hashes of their keys', async () => {
    const disk = await folderWith({
      'bob.pub': formatJson(keyOf('bob').json),
      'alice.pub': alice,
      'notes.txt': 'x',
    });
    assert.deepEqual(
      [...(await readOwnKeys(disk, '/own'))],
      [
        [keyOf('alice').id, 'alice'],
        [keyOf('bob').id, 'bob'],
      ],
    );
  });

  it('one key under two names, no key at all, a file that is none, and no folder are refused', async () => {
    const twice = await folderWith({ 'alice.pub': alice, 'boss.pub': alice });
    await assert.rejects(readOwnKeys(twice, '/own'), {
      code: 'usage',
      message: /alice\.pub and boss\.pub are the same key/,
    });
    await assert.rejects(readOwnKeys(await folderWith({}), '/own'), {
      code: 'usage',
      message: /holds no public key/,
    });
    await assert.rejects(readOwnKeys(await folderWith({ 'x.pub': 'x' }), '/own'), {
      code: 'key-file-invalid',
    });
    await assert.rejects(readOwnKeys(await folderWith({}), '/other'), { code: 'disk-error' });
  });
});

describe('a digest that was read aloud', () => {
  const sha256 = digestOf('sha256', 'payload');
  const words = fingerprintWords(sha256).split('-');

  it('agrees by its first words or digits, however they are parted', () => {
    const agreeing = [
      words.join('-'),
      words.slice(0, 4).join(' '),
      ` ${words.slice(0, 5).join('  ')} `.toUpperCase(),
      sha256,
      sha256.slice(0, 16),
      `${sha256.slice(0, 8)} ${sha256.slice(8, 20)}`,
    ];
    for (const text of agreeing) assert.equal(agreesWithDigest(text, sha256), true, text);
  });

  it('does not agree when it is too short, another one, or longer than the words', () => {
    const wrong = [
      '',
      words[0] ?? '',
      words.slice(0, 3).join(' '),
      sha256.slice(0, 15),
      `${words.slice(0, 3).join(' ')} babab`,
      `${words.join(' ')} babab`,
      `x${sha256}`,
      'y',
      'yes',
    ];
    for (const text of wrong) assert.equal(agreesWithDigest(text, sha256), false, text);
  });
});
