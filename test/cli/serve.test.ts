/** `tidegate serve` as a process: what it says, and how it ends. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const launcher = join(import.meta.dirname, '..', '..', 'src', 'cli', 'launch.ts');

describe('tidegate serve', () => {
  let session: CommandLine;
  let server: ChildProcess | undefined;

  beforeEach(async () => {
    session = commandLine(Date.now());
    await session.type('init acme --insecure-development-keys');
    await session.type('publish -w acme');
  });

  afterEach(() => {
    server?.kill('SIGKILL');
    session.end();
  });

  function start(...options: readonly string[]): { next: (stream: 'stdout' | 'stderr') => Promise<string> } {
    const argv = [launcher, 'serve', 'acme/repository', '--port', '0', ...options];
    const child = spawn(process.execPath, argv, {
      cwd: session.directory,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    server = child;
    const lines = (stream: Readable) => createInterface({ input: stream })[Symbol.asyncIterator]();
    const streams = { stdout: lines(child.stdout), stderr: lines(child.stderr) };
    return { next: async (stream) => String((await streams[stream].next()).value) };
  }

  it('says with --json where it listens and what was asked, a line each', async () => {
    const { next } = start('--json');
    const { url } = JSON.parse(await next('stdout')) as { url: string };
    assert.equal((await fetch(`${url}/metadata/timestamp.json`)).status, 200);
    const { path, status } = JSON.parse(await next('stdout')) as { path: string; status: number };
    assert.deepEqual([path, status], ['/metadata/timestamp.json', 200]);
  });

  it('says it to people as well, and ends with success when it is told to stop', async () => {
    const { next } = start();
    const url = /http:\S+/.exec(await next('stdout'))?.[0];
    assert.equal((await fetch(`${url}/health`)).status, 200);
    assert.match(await next('stderr'), /"path":"\/health","status":200/);
    const ended = once(server ?? assert.fail(), 'exit');
    server?.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });
});
