/** `tidegate adopt` as it is typed. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { today } from '../support/adoption.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const shelf = join(import.meta.dirname, '..', 'fixtures', 'adopt');

describe('cli: adopt', () => {
  let session: CommandLine;

  beforeEach(() => {
    session = commandLine(today);
    for (const name of ['tuftool', 'pubsys', 'plain']) {
      cpSync(join(shelf, name), join(session.directory, name), { recursive: true });
    }
  });
  afterEach(() => session.end());

  const typed = 'adopt tuftool w --root tuftool/metadata/1.root.json --store public --name example/os';

  it('--dry-run shows the plan in its three parts, and writes nothing', async () => {
    const { status, out } = await session.type(`${typed} --dry-run`);
    assert.equal(status, 0);
    assert.match(
      out,
      /repository "example\/os" \(single\): roots 1 to 2, 2 target files, 29 bytes, all verified/,
    );
    assert.match(out, /must change:[\s\S]*should change:[\s\S]*stays:[\s\S]*nothing was written/);
    assert.equal(existsSync(join(session.directory, 'w')), false);
  });

  it('makes the workspace, and says what comes next', async () => {
    const { status, out } = await session.type(typed);
    assert.equal(status, 0);
    assert.match(out, /next: tidegate plan, then tidegate publish/);
    assert.deepEqual(readdirSync(join(session.directory, 'w', 'roots')).sort(), [
      '1.root.json',
      '2.root.json',
    ]);
    const plan = await session.type('plan -w w');
    assert.match(plan.out, /targets +version 4 → 5/);
    assert.match(plan.out, /timestamp +version 9 → 10/);
  });

  it('of roots that were never published the audit of the workspace asks for none', async () => {
    rmSync(join(session.directory, 'tuftool/metadata/1.root.json'));
    const late = typed.replace('1.root.json', '2.root.json');
    assert.equal((await session.type(late)).status, 0);
    const { status, out } = await session.type('verify -w w --at 2026-01-02');
    assert.match(out, /roots 2, each leads to the last/);
    assert.equal(status, 0, out);
    const stranger = await session.type('verify w/public --root tuftool/metadata/2.root.json');
    assert.match(stranger.out, /1\.root\.json is missing/, 'a stranger is told');
    rmSync(join(session.directory, 'w/public/metadata/2.root.json'));
    assert.match((await session.type('verify -w w')).out, /2\.root\.json is missing/);
  });

  it('says that a new root comes first where one must', async () => {
    const { out } = await session.type('adopt plain w --root plain/metadata/1.root.json --store public');
    assert.match(out, /next: tidegate root propose/);
    const propose = await session.type('root propose -w w --dry-run');
    assert.equal(propose.status, 0, propose.beside);
  });

  it('--json gives versions, keys and findings', async () => {
    const result = await session.type(`${typed} --json`);
    const json = result.json() as {
      readonly roots: readonly number[];
      readonly keys: readonly { readonly name: string }[];
      readonly findings: readonly { readonly level: string; readonly step: string }[];
    };
    assert.deepEqual(json.roots, [1, 2]);
    assert.deepEqual(
      json.keys.map(({ name }) => name),
      ['root-1', 'root-2', 'targets', 'snapshot', 'timestamp'],
    );
    assert.deepEqual(json.findings[0]?.level, 'must');
  });

  it('takes variants, and addresses of keys that the plan named', async () => {
    const line =
      'adopt pubsys w --root pubsys/aws-dev/x86_64/1.root.json --store public --variant aws-dev/x86_64';
    const { status, out } = await session.type(`${line} --key root=awskms:alias/publication --dry-run`);
    assert.equal(status, 0);
    assert.match(out, /\(bottlerocket\): root 1, 4 target files/);
  });

  it('refuses what it cannot take, with the code of each', async () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      [`${typed} --key nobody=fd:3`, /\[usage\].*nobody/],
      [`${typed} --key root-1`, /\[usage\] --key: expected/],
      [`${typed} --variant demo`, /\[usage\] --variant demo/],
      ['adopt tuftool w --root nowhere.json --store public', /\[not-found\].*nowhere\.json/],
      ['adopt nowhere w --root tuftool/metadata/1.root.json --store public', /\[not-found\]/],
      ['adopt tuftool w --root plain/metadata/1.root.json --store public', /\[identity-mismatch\]/],
      ['adopt tuftool pubsys --root tuftool/metadata/1.root.json --store public', /\[workspace-exists\]/],
      ['adopt tuftool w --root tuftool/metadata/1.root.json --store gopher://a', /\[store-unsupported\]/],
      ['adopt tuftool w --store public', /--root/],
    ];
    for (const [line, message] of cases) {
      const { status, beside } = await session.type(line);
      assert.notEqual(status, 0, line);
      assert.match(beside, message);
      assert.equal(existsSync(join(session.directory, 'w')), false, line);
    }
  });
});
