/** A role that needs two signatures, and a job that has one of the two keys. */
import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const day = 86_400_000;

describe('tidegate refresh: a threshold of two', () => {
  let session: CommandLine;

  beforeEach(() => {
    session = commandLine();
  });

  afterEach(() => session.end());

  async function good(line: string) {
    const typed = await session.type(line);
    assert.equal(typed.status, 0, `${line}\n${typed.out}${typed.beside}`);
    return typed;
  }

  it('leaves a role to people when one of its two keys is at hand, and signs it with both', async () => {
    const keys = join(session.directory, 'w', 'keys');
    for (const name of ['ann', 'ben']) await good(`key new ${name} --insecure-development-keys`);
    await good('init w --snapshot-keys ann.pub,ben.pub --snapshot-threshold 2 --insecure-development-keys');
    for (const name of ['ann', 'ben'])
      renameSync(join(session.directory, `${name}.key.json`), join(keys, `${name}.key.json`));
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'an image');
    await good('release add disk-1.0.0.img --version 1.0.0 --waves none -w w');
    await good('publish -w w');

    renameSync(join(keys, 'ben.key.json'), join(session.directory, 'ben.key.json'));
    session.now += 6.9 * day;
    const refreshed = async () => {
      const [result] = (await good('refresh -w w --json')).json() as {
        readonly roles: readonly string[];
        readonly waiting: readonly string[];
      }[];
      return [result?.roles, result?.waiting];
    };
    assert.deepEqual(await refreshed(), [['timestamp'], []]);
    session.now += 0.2 * day;
    assert.deepEqual(await refreshed(), [[], ['snapshot']]);
    session.now += 0.5 * day;
    assert.deepEqual(await refreshed(), [['timestamp'], ['snapshot']]);
    renameSync(join(session.directory, 'ben.key.json'), join(keys, 'ben.key.json'));
    assert.deepEqual(await refreshed(), [['snapshot', 'timestamp'], []]);
  });
});
