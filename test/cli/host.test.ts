import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const image = Buffer.alloc(300_000, 'an image of an operating system ');

describe('tidegate host: a rollout on one machine, as a user types it', () => {
  let session: CommandLine;
  const host = async (line: string) => await session.type(`host ${line}`);

  beforeEach(async () => {
    session = commandLine();
    session.environment.TIDEGATE_WORKSPACE = 'acme';
    session.environment.TIDEGATE_AGENT_CONFIG = 'box/agent.toml';
    writeFileSync(join(session.directory, 'disk-1.0.0.img.zst'), zstdCompressSync(image));
    await session.type('init acme --insecure-development-keys');
    await session.type('release add disk-1.0.0.img.zst --version 1.0.0');
    await session.type('publish');
    assert.equal((await host('new box --seed 1000 --slot-size 1048576')).status, 0);
  });

  afterEach(() => session.end());

  it('waits for its wave, installs, boots and confirms', async () => {
    assert.match((await host('check')).out, /no update yet: demo x86_64 1\.0\.0 opens at 2030-01-0/);
    session.now += 5.5 * 86_400_000;
    assert.match((await host('check')).out, /demo x86_64 1\.0\.0 is to be taken\. Next: prepare/);
    assert.match((await host('prepare')).out, /state\s+Staged/);
    assert.match((await host('activate')).out, /next\s+reboot/);
    const boot = await host('boot');
    assert.equal(boot.out, `${join(session.directory, 'box', 'slots', 'slot-b')}\n`);
    assert.deepEqual(readFileSync(join(boot.out.trim(), 'image.img')), image);
    assert.match((await host('confirm')).out, /running\s+1\.0\.0 in slot b, confirmed/);
    assert.match((await host('check')).out, /no update: nothing newer/);
  });

  it('falls back when the new system never confirms, and does not take that release again', async () => {
    session.now += 5.5 * 86_400_000;
    await host('check');
    await host('prepare');
    await host('activate');
    assert.match((await host('boot')).out, /slot-b\n$/);
    assert.match((await host('boot')).out, /slot-a\n$/);
    assert.match((await host('check')).out, /no update: demo x86_64 1\.0\.0 has failed on this host/);
    assert.match((await host('status')).out, /given up\s+1\.0\.0: it did not boot/);
  });

  it('takes a folder from the folder in which it is typed', async () => {
    assert.equal((await host('new other --url acme/repository')).status, 0);
    const config = readFileSync(join(session.directory, 'other', 'agent.toml'), 'utf8');
    assert.match(config, /metadata_base_url = "\.\.\/acme\/repository\/metadata"/);
  });

  it('refuses to make a host where one is, and a fleet that does not exist', async () => {
    const again = await host('new box');
    assert.equal(again.status, 64);
    assert.match((await host('new other --url 127.0.0.1:8080')).beside, /\[usage\] --url: .*http:\/\//);
    assert.match(
      (await host('new other --url s3://fleet/os')).beside,
      /\[usage\] hosts read no bucket .*--url https/,
    );
    const settings = join(session.directory, 'acme', 'tidegate.toml');
    writeFileSync(
      settings,
      readFileSync(settings, 'utf8').replace(/^location = .*/m, 'location = "s3://fleet/os"'),
    );
    assert.match(
      (await host('new other')).beside,
      /\[usage\] hosts read no bucket .*s3:\/\/fleet.*--url https/,
    );
    assert.equal((await host('new other --url https://updates.example.com/os')).status, 0);
    assert.match(
      (await host('new third --url https://example.com --variant router')).beside,
      /expected one of demo x86_64/,
    );
    assert.match(
      (await host('check --config nowhere.toml')).beside,
      /error \[config-invalid\] .*nowhere\.toml does not exist/,
    );
  });
});
