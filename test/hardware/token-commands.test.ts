/**
 * A repository whose timestamp is signed by a real token, published by real processes, and read by our own host's
 * verifier. See pkcs11.test.ts for what must be set.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { formatJson } from '../../src/metadata/json-writer.ts';
import { parseKeyUri } from '../../src/signer/keys/key-source.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const {
  TIDEGATE_TOKEN_MODULE: module,
  TIDEGATE_TOKEN: label = '',
  TIDEGATE_TOKEN_PIN_FILE: pinFile = '',
} = process.env;

const launcher = join(import.meta.dirname, '..', '..', 'src', 'cli', 'launch.ts');

describe('tidegate with keys on a real token', () => {
  let session: CommandLine;

  before(function () {
    if (module === undefined) this.skip();
  });

  beforeEach(() => {
    session = commandLine(Date.now());
    writeFileSync(join(session.directory, 'disk.img'), 'an image');
    copyFileSync(pinFile, join(session.directory, 'pin'));
  });

  afterEach(() => session.end());

  function uri(object: string, pin = 'pin'): string {
    return `pkcs11:token=${encodeURIComponent(label)};object=${object}?module-path=${module}&pin-source=${join(session.directory, pin)}`;
  }

  async function typed(
    ...argv: readonly string[]
  ): Promise<{ readonly status: unknown; readonly words: string }> {
    const child = spawn(process.execPath, [launcher, ...argv], {
      cwd: session.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, beside, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit'),
    ]);
    return { status, words: out + beside };
  }

  async function writePublicKey(object: string, file: string): Promise<void> {
    const context = { fileSystem: nodeFileSystem, directory: '/', unlock: async () => undefined };
    const { json } = await parseKeyUri(uri(object)).open(context);
    writeFileSync(join(session.directory, file), formatJson(json));
  }

  /** A workspace with a key of the token for its timestamp. */
  async function make(object: string): Promise<void> {
    await writePublicKey(object, 'token.pub');
    const made = await session.type('init acme --insecure-development-keys --timestamp-keys token.pub');
    assert.equal(made.status, 0, made.beside);
    appendFileSync(join(session.directory, 'acme', 'tidegate.toml'), `\n[keys]\ntoken = "${uri(object)}"\n`);
    await session.type('release add disk.img --version 1.0.0 -w acme');
  }

  for (const object of ['elliptic', 'rsa', 'edwards'])
    it(`publishes with the key ${object}, and a host believes it`, async () => {
      await make(object);
      const published = await typed('publish', '-w', 'acme');
      assert.equal(published.status, 0, published.words);
      const verified = await typed('verify', 'acme/repository', '--root', 'acme/roots/1.root.json');
      assert.equal(verified.status, 0, verified.words);
    });

  it('signs the first root by a request, with two keys of the token, and a host believes it', async () => {
    await writePublicKey('elliptic', 'alice.pub');
    await writePublicKey('edwards', 'bob.pub');
    const made = await session.type(
      'init acme --insecure-development-keys --root-keys alice.pub,bob.pub --root-threshold 2',
    );
    assert.equal(made.status, 0, made.beside);
    await session.type('release add disk.img --version 1.0.0 -w acme');
    const request = join('acme', 'requests', 'root-1.request.json');
    const signed = await typed('sign', request, '--yes', '--key', uri('elliptic'), '--key', uri('edwards'));
    assert.equal(signed.status, 0, signed.words);
    const published = await typed('publish', '-w', 'acme');
    assert.equal(published.status, 0, published.words);
    const verified = await typed('verify', 'acme/repository', '--root', 'acme/roots/1.root.json');
    assert.equal(verified.status, 0, verified.words);
  });

  it('SGN-08: a wrong PIN ends the command with a code and publishes nothing', async () => {
    await make('elliptic');
    writeFileSync(join(session.directory, 'pin'), '1111111\n', { mode: 0o600 });
    const { status, words } = await typed('publish', '-w', 'acme');
    assert.equal(status, 88);
    assert.match(words, /error \[passphrase-wrong\] token \(pkcs11 object "elliptic".*the PIN is wrong/);
    assert.ok(!words.includes('1111111'));
    assert.ok(!existsSync(join(session.directory, 'acme', 'repository', 'metadata', 'timestamp.json')));
  });
});
