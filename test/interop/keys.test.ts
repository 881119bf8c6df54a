/**
 * Keys on their way to tuftool and from it: what `key export --for tuftool` writes, tuftool signs with, and every client
 * reads the outcome; what tuftool makes, `key import` takes over and signs with. Run by .ci/interop.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { keyTypes } from '../../src/signer/keys/signing-key.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { peers, readBy, wanted } from './peers.ts';
import { record, recorded } from './results.ts';

const run = promisify(execFile);
const far = '2040-01-01T00:00:00Z';
const roles = ['root', 'targets', 'snapshot', 'timestamp'];

const programs = [
  ['tuftool', process.env.TIDEGATE_TUFTOOL],
  ['tuftool-old', process.env.TIDEGATE_TUFTOOL_OLD],
].filter((entry): entry is [string, string] => entry[1] !== undefined);

describe('interop: keys to tuftool and from it', function () {
  this.timeout(300_000);
  if (!wanted || programs.length === 0) {
    it('is what .ci/interop runs, where tuftool is');
    return;
  }
  let session: CommandLine;
  beforeEach(() => {
    session = commandLine(Date.now());
  });
  afterEach(() => session.end());

  async function type(line: string): Promise<void> {
    const { status, beside } = await session.type(line);
    assert.equal(status, 0, `tidegate ${line}: ${beside}`);
  }

  const path = (name: string): string => join(session.directory, name);

  /** A root as tuftool starts it, where each role takes one key. */
  async function startRoot(tuftool: string, root: string): Promise<void> {
    await run(tuftool, ['root', 'init', root]);
    await run(tuftool, ['root', 'expire', root, far]);
    for (const role of roles) await run(tuftool, ['root', 'set-threshold', root, role, '1']);
  }

  /** Signs everything with the keys in these files, and publishes one target. */
  async function create(tuftool: string, root: string, keys: readonly string[]): Promise<void> {
    mkdirSync(path('input'));
    writeFileSync(path('input/image.img'), 'the image\n');
    const numbers = ['targets', 'snapshot', 'timestamp'].flatMap((role) => [
      `--${role}-version`,
      '1',
      `--${role}-expires`,
      far,
    ]);
    const flags = keys.flatMap((key) => ['--key', key]);
    const places = ['--root', root, '--add-targets', path('input'), '--outdir', path('made')];
    await run(tuftool, ['create', ...places, ...flags, ...numbers]);
    // tuftool leaves links to its input; a bucket would hold files.
    await run('cp', ['-rL', path('made'), path('published')]);
  }

  /** The same target, published by us. */
  async function release(): Promise<void> {
    writeFileSync(path('image.img'), 'the image\n');
    await type('release add image.img -w acme --version 1.0.0 --waves none');
    await type('publish -w acme');
    cpSync(path('acme/repository'), path('published'), { recursive: true });
  }

  async function assertEveryoneReads(): Promise<void> {
    const published = { folder: path('published'), metadata: 'metadata', targetsFolder: 'targets' };
    for (const peer of peers) {
      const { contents } = await readBy(peer, published, path('root.json'), ['image.img']);
      assert.deepEqual(contents, ['the image\n'], peer.name);
    }
  }

  for (const [name, tuftool] of programs) {
    for (const keyType of keyTypes) {
      it(`${name} signs a repository with exported keys of type ${keyType}, and everyone reads it`, async () => {
        await recorded({ part: 'keys', row: `signs with exported ${keyType}`, peer: name }, async () => {
          const root = path('root.json');
          await startRoot(tuftool, root);
          for (const role of roles) {
            await type(`key new ${role} --type ${keyType} --insecure-development-keys`);
            await type(`key export ${role} --for tuftool --unencrypted -o ${role}.exported`);
            await run(tuftool, ['root', 'add-key', root, '--key', path(`${role}.exported`), '--role', role]);
          }
          await run(tuftool, ['root', 'sign', root, '--key', path('root.exported')]);
          await create(
            tuftool,
            root,
            roles.slice(1).map((role) => path(`${role}.exported`)),
          );
          await assertEveryoneReads();
        });
      });

      it(`${name} signs our root with an exported key of type ${keyType}, and everyone takes it`, async () => {
        const place = { part: 'keys', row: `signs our root with exported ${keyType}`, peer: name } as const;
        await type(`init acme --key-type ${keyType} --insecure-development-keys`);
        await type('key export root-3 -w acme --for tuftool --unencrypted -o three');
        const ours = JSON.parse(readFileSync(path('acme/roots/1.root.json'), 'utf8'));
        const root = path('root.json');
        writeFileSync(root, JSON.stringify({ ...ours, signatures: [] }));
        const signing = run(tuftool, ['root', 'sign', root, '--key', path('three'), '--ignore-threshold']);
        if (keyType === 'ecdsa-p256') {
          await assert.rejects(signing, /Unable to match any of the provided keys/);
          return record({
            ...place,
            verdict: 'no: it makes a key of type `ecdsa` from it, which is another',
          });
        }
        await recorded(place, async () => {
          await signing;
          const { signatures, signed } = JSON.parse(readFileSync(root, 'utf8'));
          assert.deepEqual(signed, ours.signed);
          assert.equal(signatures.length, 1);
          // Beside one signature of ours, its own makes two of three.
          const [one] = ours.signatures.filter(
            ({ keyid }: { keyid: string }) => keyid !== signatures[0].keyid,
          );
          writeFileSync(root, JSON.stringify({ signatures: [one, ...signatures], signed }));
          await release();
          await assertEveryoneReads();
        });
      });
    }

    it(`a key that ${name} made signs for us, and everyone reads it`, async () => {
      await recorded({ part: 'keys', row: 'makes RSA keys that we import', peer: name }, async () => {
        await startRoot(tuftool, path('scratch.json'));
        await run(tuftool, [
          'root',
          'gen-rsa-key',
          path('scratch.json'),
          path('made.pem'),
          '--role',
          'targets',
        ]);
        // It lets others read its private keys; we take no such file.
        const imported = 'key import made.pem --name made --insecure-development-keys';
        assert.match((await session.type(imported)).beside, /key-file-permissions/);
        chmodSync(path('made.pem'), 0o600);
        await type(imported);
        await type('init acme --targets-keys made.pub --targets-threshold 1 --insecure-development-keys');
        cpSync(path('made.key.json'), path('acme/keys/made.key.json'));
        await release();
        cpSync(path('acme/roots/1.root.json'), path('root.json'));
        await assertEveryoneReads();
      });
    });
  }
});
