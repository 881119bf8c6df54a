import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine, type Typed } from '../support/command-line.ts';

describe('tidegate delegate, tidegate target', () => {
  let session: CommandLine;

  beforeEach(async () => {
    session = commandLine();
    await good('init acme --insecure-development-keys');
    session.environment.TIDEGATE_WORKSPACE = join(session.directory, 'acme');
    await good('key new dora --insecure-development-keys');
    writeFileSync(join(session.directory, 'fw-7.bin'), 'firmware');
    writeFileSync(join(session.directory, 'meta.json'), '{"board": "a", "revision": 3}');
  });

  afterEach(() => session.end());

  async function good(line: string): Promise<Typed> {
    const result = await session.type(line);
    assert.equal(result.status, 0, `${line}: ${result.beside}`);
    return result;
  }

  const toml = (): string => readFileSync(join(session.directory, 'acme/tidegate.toml'), 'utf8');

  it('delegates in one command, shows the search order, and publishes what the role lists', async () => {
    const before = toml();
    const dry = await good('delegate add firmware --keys dora --paths fw-* --dry-run');
    assert.match(
      dry.out,
      /hosts that look for fw-1\.0\.0 ask, in this order:\n +1 +targets\n +2 +firmware +delegated by targets/,
    );
    assert.equal(toml(), before);
    await good('delegate add firmware --keys dora --paths fw-*');
    assert.ok(toml().startsWith(before.trimEnd()));
    await good('delegate add last --keys dora --paths * --terminating --before firmware');
    const shown = await good('delegate show --target fw-7.bin');
    assert.match(shown.out, /1 +targets\n +2 +last +delegated by targets +terminating/);
    assert.doesNotMatch(shown.out.slice(shown.out.indexOf('in this order')), /firmware/);
    await good('delegate remove last');
    const added = await good('target add fw-7.bin --role firmware --custom @meta.json');
    assert.match(added.out, /target fw-7\.bin in role firmware/);
    const waiting = await session.type('status');
    assert.match(waiting.out, /waiting: fw-7\.bin, delegation to firmware added/);
    assert.match(waiting.out, /\nnext: tidegate plan\n/);
    const plan = await good('plan');
    assert.match(plan.out, /delegation to firmware added/);
    assert.match(plan.out, /fw-7\.bin \(role firmware\)/);
    await good('publish');
    await good('verify acme/repository --root acme/roots/1.root.json --profile bottlerocket --all');
    const listed = (await good('target list --json')).json() as readonly {
      target: string;
      custom?: unknown;
    }[];
    assert.deepEqual(listed.find(({ target }) => target === 'fw-7.bin')?.custom, { board: 'a', revision: 3 });
    assert.match((await good('delegate show firmware --target fw-7.bin')).out, /lists it: the search ends/);
    assert.match((await good('target remove fw-7.bin --dry-run')).out, /nothing was written/);
    await good('target remove fw-7.bin');
    assert.match((await good('plan')).out, /fw-7\.bin goes \(role firmware\)/);
    await good('publish');
    assert.doesNotMatch((await good('target list')).out, /fw-7/);
  });

  it('refuses a key that has another name already, and leaves the workspace as it was', async () => {
    const before = toml();
    const text = readFileSync(join(session.directory, 'acme/keys/dora.pub'));
    for (const name of ['zoe', 'yves']) writeFileSync(join(session.directory, `${name}.pub`), text);
    const twin = await session.type('delegate add firmware --keys zoe.pub --paths fw-*');
    assert.match(twin.beside, /error \[name-taken\] zoe\.pub is the key dora/);
    await good('key new erin --directory . --insecure-development-keys');
    writeFileSync(join(session.directory, 'eva.pub'), readFileSync(join(session.directory, 'erin.pub')));
    const twins = await session.type('delegate add firmware --keys erin.pub,eva.pub --paths fw-*');
    assert.match(twins.beside, /error \[name-taken\] eva\.pub is the key erin/);
    assert.equal(toml(), before);
    await good('status --at +1d');
  });

  it('takes the images of a release into a role', async () => {
    await good('delegate add images --keys dora --paths disk-*');
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'an image');
    await good('release add disk-1.0.0.img --version 1.0.0 --role images --waves none');
    await good('publish');
    const listed = (await good('target list --json')).json() as readonly { target: string; role: string }[];
    assert.equal(listed.find(({ target }) => target === 'disk-1.0.0.img')?.role, 'images');
  });

  it('refuses what no client would read alike, before anything is written', async () => {
    const cases: readonly (readonly [string, string, RegExp])[] = [
      ['target add fw-7.bin --custom @bad.json', '{"a": 1.5}', /json-invalid|document-invalid/],
      ['target add fw-7.bin --custom @bad.json', '{"a": 9007199254740993}', /document-invalid/],
      ['target add fw-7.bin --custom @bad.json', '{}', /at least one member/],
      ['target add fw-7.bin --custom @bad.json', '"text"', /should be an object/],
      ['target add fw-7.bin --custom @bad.json', '{"a": "e\u0301"}', /normalisation form C/],
      ['target add fw-7.bin --custom @bad.json', '{"é": 1}', /ASCII/],
      ['target add fw-7.bin --custom {}', '', /expected @FILE/],
      ['target add fw-7.bin --custom @none.json', '', /cannot be read/],
      ['target add fw-7.bin --name ../x', '', /target-path-invalid/],
      ['target add fw-7.bin --name a%2fb', '', /target-path-invalid/],
      ['target add fw-7.bin --name .', '', /target-path-invalid/],
      ['target add fw-7.bin --name -x', '', /target-path-invalid|unknown option/],
      ['target add fw-7.bin --name manifest.json', '', /name-taken/],
      ['target add fw-7.bin --role nobody', '', /is not delegated/],
      ['target remove nothing', '', /target-not-found/],
      ['delegate add ../x --keys dora --paths a', '', /role-name-invalid/],
      ['delegate add x --keys dora --paths a/b', '', /paths/],
      ['delegate add x --keys nobody --paths a', '', /nobody\.pub is missing/],
      ['delegate add x --keys dora --paths a --threshold 2', '', /threshold: found 2/],
      ['delegate add x --keys root-1 --paths a', '', /a key of root/],
      ['delegate remove x', '', /no role x/],
      ['delegate show x', '', /no role x/],
    ];
    const before = toml();
    for (const [line, json, message] of cases) {
      writeFileSync(join(session.directory, 'bad.json'), json);
      const refused = await session.type(line);
      assert.notEqual(refused.status, 0, line);
      assert.match(refused.beside, message, line);
    }
    assert.equal(toml(), before);
    assert.ok(!existsSync(join(session.directory, 'acme/drafts')));
  });
});
