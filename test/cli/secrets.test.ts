/** Real processes: what everybody on the machine can read of a command while it holds a secret. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { copyKeyFixture, keyFixture } from '../support/key-fixtures.ts';

const launcher = join(import.meta.dirname, '..', '..', 'src', 'cli', 'launch.ts');
const secret = 'Hunter2-and-more-words';
/** Every way to make a Node.js program talkative. */
const talkative = {
  DEBUG: '*',
  NODE_DEBUG: '*',
  NODE_DEBUG_NATIVE: 'crypto',
  LOG_LEVEL: 'trace',
  VERBOSE: '1',
};

describe('tidegate: secrets of a running command', function () {
  this.slow(4000);
  let session: CommandLine;

  beforeEach(() => {
    session = commandLine(Date.now());
    writeFileSync(join(session.directory, 'passphrase'), `${secret}\n`, { mode: 0o600 });
  });

  afterEach(() => session.end());

  /** A command that waits at descriptor 3 for its passphrase. */
  function start(argv: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [launcher, ...argv], {
      cwd: session.directory,
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    });
    const passphrase = child.stdio[3] as Writable;
    const ended = Promise.all([
      text(child.stdout ?? assert.fail()),
      text(child.stderr ?? assert.fail()),
      once(child, 'exit'),
    ]);
    return { child, passphrase, ended };
  }

  it('SGN-04: ps, /proc/PID/cmdline and /proc/PID/environ hold none while it waits and while it works', async function () {
    if (!existsSync('/proc/self/cmdline')) this.skip();
    const { child, passphrase, ended } = start(['key', 'new', 'alice', '--passphrase-fd', '3']);
    passphrase.on('error', () => undefined);
    // Half of it: the command has begun to hold a secret, and goes on waiting.
    await new Promise((resolve) => passphrase.write(secret.slice(0, 10), resolve));
    const seen: string[] = [];
    const look = (): void => {
      const { pid } = child;
      for (const file of ['cmdline', 'environ', 'comm'])
        if (existsSync(`/proc/${pid}/${file}`)) seen.push(readFileSync(`/proc/${pid}/${file}`, 'latin1'));
      if (existsSync('/bin/ps'))
        seen.push(execFileSync('ps', ['axww', 'o', 'pid,args', 'e'], { encoding: 'latin1' }));
    };
    look();
    passphrase.end(`${secret.slice(10)}\n`);
    look();
    const [out, beside, [status]] = await ended;
    assert.equal(status, 0, beside);
    assert.ok(seen.length >= 4);
    assert.match(seen.join('\n'), /passphrase-fd/, 'the look saw the command itself');
    for (const found of [...seen, out, beside]) {
      assert.ok(!found.includes('Hunter2'));
      assert.ok(!found.includes(secret.slice(10)));
    }
  });

  it('SGN-07: says none with every log switched on: wrong passphrase, broken key, weak key', async () => {
    const made = await session.type('key new alice --passphrase-file passphrase');
    assert.equal(made.status, 0, made.beside);
    const key = JSON.parse(readFileSync(join(session.directory, 'alice.key.json'), 'utf8')) as {
      secret: string;
    };
    const pem = keyFixture('ec-pkcs8.pem').toString();
    copyKeyFixture('ec-encrypted-2048.pem', join(session.directory, 'weak.pem'));
    writeFileSync(join(session.directory, 'broken.pem'), pem.slice(0, 150), { mode: 0o600 });
    for (const [argv, code] of [
      [['key', 'rewrap', 'alice'], 'passphrase-wrong'],
      [['key', 'import', 'weak.pem', '--json'], 'passphrase-wrong'],
      [['key', 'import', 'broken.pem', '--json'], 'key-file-invalid'],
    ] as const) {
      const { passphrase, ended } = start([...argv, '--passphrase-fd', '3'], talkative);
      passphrase.on('error', () => undefined);
      passphrase.end('Hunter3-is-the-wrong-one\n');
      const [out, beside] = await ended;
      assert.match(beside, new RegExp(code));
      for (const hidden of ['Hunter3', key.secret.slice(0, 32), pem.slice(60, 92)])
        assert.ok(!(out + beside).includes(hidden), `${argv.join(' ')}: ${hidden}`);
    }
  });
});
