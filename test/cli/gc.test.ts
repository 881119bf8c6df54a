/** `tidegate gc` and `tidegate doctor`, as typed, over a folder. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const day = 86_400_000;

describe('tidegate gc and doctor', () => {
  let session: CommandLine;

  beforeEach(async () => {
    session = commandLine();
    const typed = async (line: string) => {
      const { status, beside } = await session.type(line);
      assert.equal(status, 0, `${line}: ${beside}`);
    };
    await typed('init w --insecure-development-keys --name example/os --store public');
    session.environment.TIDEGATE_WORKSPACE = join(session.directory, 'w');
    writeFileSync(join(session.directory, 'old.bin'), 'listed once');
    await typed('target add old.bin');
    await typed('publish');
    await typed('target remove old.bin');
    session.now += day;
    await typed('publish');
  });
  afterEach(() => session.end());

  it('says what it would do, marks, waits a day, removes', async () => {
    assert.match((await session.type('gc')).out, /nothing refers to 0 files/);
    session.now += 40 * day;
    const dry = await session.type('gc');
    assert.match(
      dry.out,
      /\.old\.bin \(11 B\)[\s\S]*would be marked[\s\S]*nothing was written; with --delete it is/,
    );
    // A clock at which the timestamp has expired may be ahead.
    assert.equal((await session.type('gc --delete')).status, 82);
    await session.type('refresh');
    assert.match((await session.type('gc --delete')).out, /removed: 0 files[\s\S]*marked: [1-9]/);
    session.now += day;
    const data = (await session.type('gc --delete --json')).json() as {
      stores: { removed: { name: string }[] }[];
      acted: boolean;
    };
    assert.equal(data.acted, true);
    const removed = data.stores[0]?.removed ?? [];
    assert.ok(removed.some(({ name }) => name.endsWith('.old.bin')));
    for (const { name } of removed)
      assert.equal(existsSync(join(session.directory, 'w', 'public', name)), false);
    assert.match((await session.type('verify --at 2030-01-02')).out, /0 errors/);
  });

  it('refuses a grace that is too short, and reads keep.txt', async () => {
    session.now += 40 * day;
    assert.equal((await session.type('gc --grace 1d')).status, 64);
    writeFileSync(join(session.directory, 'w', 'keep.txt'), '# for the auditors\ntargets/*\n');
    assert.doesNotMatch((await session.type('gc')).out, /old\.bin/);
  });

  it('goes by the times of files where there is no journal, and keeps one snapshot more', async () => {
    session.now += 40 * day;
    rmSync(join(session.directory, 'w', 'public', '.publish'), { recursive: true });
    assert.doesNotMatch(
      (await session.type('gc')).out,
      /old\.bin/,
      'the snapshot before the present one lists it',
    );
    writeFileSync(join(session.directory, 'new.bin'), 'another');
    assert.equal((await session.type('target add new.bin')).status, 0);
    assert.equal((await session.type('publish')).status, 0);
    rmSync(join(session.directory, 'w', 'public', '.publish'), { recursive: true });
    assert.match((await session.type('gc')).out, /old\.bin/);
    session.now = Date.now() + day;
    assert.equal((await session.type('gc')).status > 0, true, 'a clock that went back is refused');
  });

  it('PUB-18: doctor ends with 0, 1 or 2', async () => {
    const well = await session.type('doctor');
    assert.equal(well.status, 0, well.out);
    assert.match(well.out, /ok +roots +metadata at .*any root from 1 to 1/);
    assert.equal((await session.type('doctor --at +30d')).status, 2);
    session.now += 40 * day;
    rmSync(join(session.directory, 'w', 'public', 'metadata', '1.root.json'));
    const { status, out } = await session.type('doctor --json');
    assert.equal(status, 2);
    const { findings } = JSON.parse(out) as { findings: { check: string; level: string; advice?: string }[] };
    const roots = findings.find(({ check }) => check === 'roots');
    assert.equal(roots?.level, 'fail');
    assert.match(roots?.advice ?? '', /put them back/);
  });

  it('doctor looks at an address without a workspace, and says with which root trust began', async () => {
    const stranger = commandLine(session.now);
    try {
      const folder = join(session.directory, 'w', 'public');
      const first = await stranger.type(['doctor', folder]);
      assert.equal(first.status, 0, first.out + first.beside);
      assert.match(first.out, /trusted on first use: root 1[\s\S]*not whose it is/);
      const root = join(folder, 'metadata', '1.root.json');
      const given = await stranger.type(['doctor', folder, '--root', root, '--at', '+8d', '--json']);
      assert.equal(given.status, 2);
      const { findings } = given.json() as { findings: { check: string; level: string; found: string }[] };
      assert.ok(findings.some(({ check, found }) => check === 'roots' && /which was given/.test(found)));
      assert.ok(findings.some(({ check, level }) => check === 'later' && level === 'fail'));
      assert.equal((await stranger.type('doctor')).status, 78);
      assert.equal((await stranger.type('doctor --root x')).status, 64);
      assert.equal((await stranger.type(['doctor', folder, '--probe'])).status, 64);
      assert.equal((await stranger.type(['doctor', stranger.directory])).status, 69);
    } finally {
      stranger.end();
    }
  });
});
