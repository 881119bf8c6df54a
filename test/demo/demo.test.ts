import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';

const start = join(import.meta.dirname, '..', '..', 'scripts', 'start.js');

interface Data {
  readonly ok: boolean;
  readonly hosts: readonly { readonly status: string; readonly version: string; readonly reason: string }[];
  readonly attacks: readonly { readonly name: string; readonly code: string; readonly unchanged: boolean }[];
  readonly checks: readonly { readonly name: string; readonly passed: boolean }[];
}

/** The demo as a child process, with small images of two forms. */
describe('demo: npm run demo', function () {
  this.timeout(60_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'demo-run-'));
    mkdirSync(join(folder, 'images'));
    writeFileSync(join(folder, 'images', 'system-1.img'), 'the first system '.repeat(1000));
    // Many pieces on the wire, so that decompression begins before the hash is known.
    writeFileSync(join(folder, 'images', 'system-2.img.zst'), zstdCompressSync(randomBytes(1_000_000)));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function begin(...options: readonly string[]): ChildProcess {
    const common = ['--images', join(folder, 'images'), '--directory', join(folder, 'demo')];
    return spawn(process.execPath, [start, 'demo', ...common, ...options]);
  }

  async function end(
    child: ChildProcess,
  ): Promise<{ status: number | null; stdout: string; stderr: string }> {
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [status] = (await once(child, 'close')) as [number | null];
    return { status, stdout, stderr };
  }

  it('updates a fleet in waves, refuses attacks by name, falls back, and says so as data', async () => {
    const { status, stdout, stderr } = await end(begin('--json', '--hosts', '5'));
    assert.equal(stderr, '');
    const data = JSON.parse(stdout) as Data;
    assert.deepEqual(
      data.checks.filter(({ passed }) => !passed),
      [],
    );
    assert.equal(status, 0);
    assert.ok(data.ok);
    assert.deepEqual(
      data.hosts.map(({ status, version, reason }) => [status, version, reason]),
      [
        ['updated', '1.1.0', 'current'],
        ['reverted', '1.0.0', 'failed'],
        ['updated', '1.1.0', 'current'],
        ['locked', '1.0.0', 'locked'],
        ['updated', '1.1.0', 'current'],
      ],
    );
    assert.deepEqual(
      data.attacks.map(({ name, code, unchanged }) => [name, code, unchanged]),
      [
        ['altered image', 'hash-mismatch', true],
        ['swapped image', 'hash-mismatch', true],
        ['shortened image', 'length-mismatch', true],
        ['endless image', 'length-mismatch', true],
        ['rolled-back timestamp', 'rollback', true],
        ['frozen repository', 'expired', true],
        ["a stranger's signature", 'threshold-not-met', true],
        ['endless metadata', 'length-limit', true],
        ['captive portal', 'not-metadata', true],
        ['redirection', 'redirect-refused', true],
      ],
    );
    assert.deepEqual(readdirSync(join(folder, 'demo')), ['.tidegate-demo', 'hosts', 'images', 'workspace']);
  });

  it('leaves nothing behind when it is stopped', async () => {
    const child = begin('--hosts', '60');
    const ended = end(child);
    child.stdout?.on('data', (text: string) => {
      if (text.includes('A fleet of')) child.kill('SIGINT');
    });
    const { status, stderr } = await ended;
    assert.equal(status, 130, stderr);
    assert.match(stderr, /cancelled/);
    assert.ok(!existsSync(join(folder, 'demo')));
  });

  it('goes on when nobody reads its output', async () => {
    const child = begin('--hosts', '5');
    child.stdout?.destroy();
    const { status, stderr } = await end(child);
    assert.equal(stderr, '');
    assert.equal(status, 0);
  });

  it('empties nothing when there are no images to begin with', async () => {
    const before = readdirSync(join(folder, 'demo'));
    const { status, stderr } = await end(begin('--images', join(folder, 'none')));
    assert.equal(status, 64);
    assert.match(stderr, /usage.*found no folder of that name/);
    assert.deepEqual(readdirSync(join(folder, 'demo')), before);
  });

  it('names the tools that are missing for images of Debian, and their packages', async () => {
    const options = ['--images', 'debian', '--directory', join(folder, 'debian')];
    const child = spawn(process.execPath, [start, 'demo', ...options], { env: { PATH: '' } });
    const { status, stderr } = await end(child);
    assert.equal(status, 78);
    assert.match(stderr, /found no mmdebstrap.*apt-get install mmdebstrap/);
  });

  it('touches no folder that is not its own', async () => {
    const mine = join(folder, 'mine');
    mkdirSync(mine);
    writeFileSync(join(mine, 'letter.txt'), 'mine');
    const { status, stderr } = await end(begin('--directory', mine));
    assert.equal(status, 87);
    assert.match(stderr, /workspace-exists/);
    assert.deepEqual(readdirSync(mine), ['letter.txt']);
    assert.equal(
      (await end(begin('--directory', folder))).status,
      64,
      'it would empty the folder of the images',
    );
    assert.equal(readdirSync(join(folder, 'images')).length, 2);
  });
});
