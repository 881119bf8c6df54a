/** The daemon as a process: it is told to stop, and stops well. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, statSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { parseExposition } from '../support/exposition-parser.ts';

const launcher = join(import.meta.dirname, '..', '..', 'src', 'cli', 'launch.ts');

interface LoggedEvent {
  readonly event: string;
  readonly repository?: string;
  readonly roles?: readonly string[];
  readonly code?: string;
}

describe('tidegate refresh --daemon', () => {
  let session: CommandLine;
  let child: ChildProcess | undefined;

  beforeEach(async () => {
    // What was published yesterday is due today.
    session = commandLine(Date.now() - 86_400_000);
    writeFileSync(join(session.directory, 'disk.img'), 'an image');
    for (const line of [
      'init acme --insecure-development-keys',
      'release add disk.img --version 1.0.0 -w acme',
      'publish -w acme',
    ]) {
      assert.equal((await session.type(line)).status, 0);
    }
  });

  afterEach(() => {
    child?.kill('SIGKILL');
    session.end();
  });

  function begin(...more: readonly string[]): ChildProcess {
    const argv = [launcher, 'refresh', '--daemon', '-w', 'acme', ...more];
    child = spawn(process.execPath, argv, { cwd: session.directory, stdio: 'pipe' });
    return child;
  }

  /** Ends when a file of the session's folder has got its name. */
  function appeared(name: string): Promise<void> {
    return new Promise((resolve) => {
      const watcher = watch(session.directory, () => {
        if (!existsSync(join(session.directory, name))) return;
        watcher.close();
        resolve();
      });
    });
  }

  it('renews at once what is due, keeps metrics for others to read, and ends with 0 when it is told to stop', async () => {
    const kept = appeared('acme.prom');
    const daemon = begin('--json', '--textfile', 'acme.prom');
    const events: LoggedEvent[] = [];
    for await (const line of createInterface({ input: daemon.stdout ?? assert.fail() })) {
      events.push(JSON.parse(line) as LoggedEvent);
      const { event } = events.at(-1) ?? {};
      if (event === 'refreshed') {
        const file = join(session.directory, 'acme.prom');
        await kept;
        const read = parseExposition(readFileSync(file, 'utf8'));
        assert.equal(read.get('tidegate_check_level')?.samples[0]?.value, 0);
        assert.equal(statSync(file).mode & 0o777, 0o644);
        daemon.kill('SIGTERM');
      }
    }
    const [status] = daemon.exitCode === null ? await once(daemon, 'exit') : [daemon.exitCode];
    assert.deepEqual(
      events.map(({ event, roles }) => [event, roles]),
      [
        ['started', undefined],
        ['refreshed', ['timestamp 2']],
        ['stopped', undefined],
      ],
    );
    assert.equal(status, 0);
  });

  it('SGN-26: tells a program of an alarm, by its input alone, and of one that it cannot start', async () => {
    rmSync(join(session.directory, 'acme', 'repository', 'metadata', 'timestamp.json'));
    const script = join(session.directory, 'tell');
    writeFileSync(script, '#!/bin/sh\n[ $# = 0 ] && cat > told.part && mv told.part told\n', { mode: 0o755 });
    const told = appeared('told');
    const daemon = begin('--on-alarm', './tell');
    await told;
    daemon.kill('SIGTERM');
    const [status] = await once(daemon, 'exit');
    const event = JSON.parse(readFileSync(join(session.directory, 'told'), 'utf8')) as LoggedEvent;
    assert.deepEqual(
      [status, event.event, event.repository, event.code],
      [0, 'alarm', 'metadata', 'rollback'],
    );
    const other = begin('--on-alarm', './nothing');
    for await (const line of createInterface({ input: other.stderr ?? assert.fail() })) {
      if (line.startsWith('warning: ./nothing: ')) other.kill('SIGTERM');
    }
    assert.equal(other.exitCode ?? (await once(other, 'exit'))[0], 0);
  });

  it('refuses what does not go together, and a workspace that is none', async () => {
    const beside = async (line: string) => (await session.type(`refresh -w acme ${line}`)).beside;
    assert.match(await beside('--daemon --force'), /\[usage\] --daemon goes with neither/);
    assert.match(await beside('--textfile x'), /\[usage\] --textfile and --on-alarm go with --daemon/);
    assert.match(await beside('--on-alarm x'), /\[usage\] --textfile and --on-alarm go with --daemon/);
    assert.match(await beside('--renew-after 60%'), /\[usage\].*1% to 50%/);
    assert.equal((await session.type('refresh --daemon -w elsewhere')).status, 78);
    assert.equal((await session.type('refresh -w acme --renew-after 50%')).out, 'metadata: nothing is due\n');
  });
});
