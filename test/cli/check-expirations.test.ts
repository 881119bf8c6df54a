import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { parseExposition } from '../support/exposition-parser.ts';
import { fixtureRepository } from '../support/fixture-repository.ts';
import { startPlainServer } from '../support/plain-server.ts';
import { expiry } from '../support/simulated-documents.ts';

interface CheckJson {
  readonly level: string;
  readonly roles: readonly {
    readonly role: string;
    readonly level: string;
    readonly remaining_seconds: number;
  }[];
  readonly faults: readonly { readonly code: string }[];
}

describe('tidegate check-expirations', () => {
  let session: CommandLine;

  beforeEach(() => {
    session = commandLine();
  });

  afterEach(() => session.end());

  it('PUB-24: of a workspace: ends with 0, 1 or 2, as monitoring plugins do, also for a time to come', async () => {
    session.environment.TIDEGATE_WORKSPACE = 'acme';
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'an image');
    for (const line of ['init acme --insecure-development-keys', 'release add disk-1.0.0.img', 'publish']) {
      assert.equal((await session.type(line)).status, 0, line);
    }
    const good = await session.type('check-expirations');
    assert.deepEqual([good.status, good.beside], [0, '']);
    assert.match(good.out, /^OK: 4 roles, first timestamp 7 d left\nmetadata\n {2}1\.root\.json +ok /);
    assert.ok(good.out.split('\n').every((line) => line.length <= 80));
    const statusAt = async (line: string) => (await session.type(`check-expirations ${line}`)).status;
    assert.equal(await statusAt('--at +2d'), 1);
    assert.equal(await statusAt('--at +3.5d'), 2);
    assert.equal(await statusAt('--at 2030-01-08T00:00:00Z'), 2);
    assert.equal(await statusAt('--at 2029-12-31'), 0);
    assert.equal(await statusAt('--warn 8d'), 1);
    assert.equal(await statusAt('--warn root=400d --critical timestamp=1d'), 1);
    assert.equal(await statusAt('--critical timestamp=8d,root=30d'), 2);
    session.now -= 86_400_000;
    const ahead = await session.type('check-expirations');
    assert.equal(ahead.status, 1);
    assert.match(ahead.out, /^WARNING: 4 roles, .*; root lives longer than the policy allows\n/);
    assert.match(ahead.out, /timestamp\.json +warning .* 8 d left, too long/);
    session.now += 9 * 86_400_000;
    assert.match((await session.type('check-expirations')).out, /^CRITICAL: .*timestamp expired 1 d ago/);
    rmSync(join(session.directory, 'acme', 'repository'), { recursive: true, force: true });
    const gone = (await session.type('check-expirations --json')).json() as CheckJson;
    assert.deepEqual([gone.level, gone.faults[0]?.code], ['critical', 'rollback']);
  });

  it('refuses times, thresholds and roots that are none, and keeps apart what could not be checked', async () => {
    const beside = async (line: string) => (await session.type(`check-expirations ${line}`)).beside;
    assert.match(await beside('--at 14d'), /\[usage\].*2030-01-31T09:30:00Z or 2030-01-31, or \+/);
    assert.match(await beside('--warn timestamp=soon'), /expected \[ROLE=\]DURATION/);
    assert.match(await beside('--warn =5d'), /expected \[ROLE=\]DURATION/);
    assert.match(await beside('https://localhost:1/'), /expected --root FILE/);
    assert.match(
      await beside('https://localhost:1/ --root none.json'),
      /--root: .*none\.json cannot be read/,
    );
    assert.match(await beside('--root none.json'), /goes with a location/);
    assert.equal((await session.type('check-expirations')).status, 78);
  });

  it('PUB-24: as a stranger: a folder or an address, delegated roles included', async () => {
    const repository = fixtureRepository();
    repository.delegate('targets', 'extras', { paths: ['extra-*'] }).expires = expiry(20);
    repository.publish('extras', 'targets');
    const files = join(session.directory, 'site', 'metadata');
    mkdirSync(files, { recursive: true });
    repository.dump(files);
    writeFileSync(join(session.directory, 'root.json'), repository.written('root', 1));
    const check = async (line: string) => await session.type(`check-expirations ${line} --root root.json`);
    for (const place of ['site', 'site/metadata']) {
      const typed = await check(`${place} --json`);
      const found = typed.json() as CheckJson;
      assert.deepEqual(
        found.roles.map(({ role, level }) => [role, level]),
        [
          ['root', 'ok'],
          ['timestamp', 'ok'],
          ['snapshot', 'ok'],
          ['targets', 'ok'],
          ['extras', 'critical'],
        ],
      );
      assert.equal(typed.status, 2);
    }
    const metrics = await check('site --format prometheus');
    const samples = parseExposition(metrics.out).get('tidegate_role_remaining_seconds')?.samples;
    assert.equal(samples?.at(-1)?.value, 20 * 86_400);
    assert.equal((await check('site --critical extras=1d --warn extras=2d')).status, 0);
    const server = await startPlainServer(new DirectoryStore(join(session.directory, 'site')));
    try {
      assert.equal((await check(`${server.origin} --critical extras=1d --warn extras=2d`)).status, 0);
    } finally {
      await server.close();
    }
    const away = await check(`${server.origin} --json`);
    assert.deepEqual([away.status, (away.json() as CheckJson).faults[0]?.code], [2, 'network-unreachable']);
    const gone = await check('gone --format prometheus');
    assert.equal(gone.status, 2, 'a mount that is gone is an alarm, not a silence');
    const fault = parseExposition(gone.out).get('tidegate_repository_fault')?.samples[0];
    assert.deepEqual(fault?.labels, { repository: join(session.directory, 'gone'), code: 'not-found' });
  });
});
