/** Templates for systemd type commands that exist, with options that they take. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const folder = join(import.meta.dirname, '..', '..', 'repo-templates', 'systemd');
const units = readdirSync(folder).toSorted();

describe('templates for systemd', () => {
  let session: CommandLine;

  before(() => {
    session = commandLine();
  });

  after(() => session.end());

  for (const unit of units.filter((name) => name.endsWith('.service'))) {
    it(`${unit} types what the command takes, and hands no secret over`, async () => {
      const text = readFileSync(join(folder, unit), 'utf8');
      const words = /^ExecStart=\/usr\/bin\/tidegate (.*)$/m.exec(text)?.[1]?.split(' ') ?? [];
      const [command = ''] = words;
      const help = await session.type([command, '--help']);
      assert.equal(help.status, 0, help.beside);
      for (const option of words.filter((word) => word.startsWith('--'))) {
        assert.ok(help.out.includes(`  ${option} `), `${command} takes ${option}`);
      }
      assert.doesNotMatch(text, /passphrase=[^/]/i, 'a path alone');
    });
  }

  it('every timer has its service', () => {
    const timers = units.filter((name) => name.endsWith('.timer'));
    assert.ok(timers.length > 0);
    for (const timer of timers) assert.ok(units.includes(timer.replace(/timer$/, 'service')), timer);
  });
});
