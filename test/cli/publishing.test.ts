import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine } from '../support/command-line.ts';

function snapshotOf(directory: string): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const path = join(directory, name);
    hash.update(`${name}\n`);
    if (statSync(path).isFile()) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

describe('tidegate: from images to a published repository', () => {
  let session: CommandLine;

  beforeEach(async () => {
    session = commandLine();
    session.environment.TIDEGATE_WORKSPACE = 'acme';
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'the first image');
    assert.equal((await session.type('init acme --insecure-development-keys')).status, 0);
  });

  afterEach(() => session.end());

  it('takes the commands of the manual, one after another', async () => {
    const added = await session.type('release add disk-1.0.0.img --version 1.0.0');
    assert.match(added.out, /release demo x86_64 1\.0\.0, waves default/);
    assert.match((await session.type('release list')).out, /disk-1\.0\.0\.img/);
    const plan = await session.type('plan');
    assert.match(plan.out, /targets\s+new, version 1/);
    assert.match(
      plan.out,
      /2030-01-01T01:00:00Z\s+to 2030-01-01T04:00:00Z\s+seeds above 0, up to 1 % of hosts/,
    );
    const published = await session.type('publish');
    assert.equal(published.status, 0, published.beside);
    assert.match(published.out, /published metadata: targets 1, snapshot 1, timestamp 1/);
    assert.match((await session.type('plan')).out, /^nothing to publish/);
  });

  it('says what a publication that is stopped in the middle leaves, and goes on', async () => {
    await session.type('release add disk-1.0.0.img --version 1.0.0');
    const stop = new AbortController();
    session.signal = stop.signal;
    let looks = 0;
    Object.defineProperty(session, 'now', {
      get: () => {
        looks += 1;
        if (looks === 3) stop.abort();
        return Date.UTC(2030, 0, 1);
      },
    });
    const stopped = await session.type('publish');
    assert.equal(stopped.status, 130, stopped.beside);
    assert.match(stopped.beside, /Hosts see each repository as it was.* To go on: tidegate publish/);
    session.signal = new AbortController().signal;
    assert.match((await session.type('publish')).out, /published metadata: targets 1/);
  });

  it('plans without writing, and says the same as data', async () => {
    await session.type('release add disk-1.0.0.img --version 1.0.0');
    const before = snapshotOf(session.directory);
    const first = (await session.type('plan --json')).json() as {
      plan: string;
      changes: { release?: { waves: Record<string, string> } }[];
      signatures: { role: string; expires: string }[];
      uploads: unknown[];
    };
    const release = first.changes.find((change) => change.release)?.release;
    assert.equal(release?.waves['0'], '2030-01-01T01:00:00Z');
    assert.equal(first.signatures.at(-1)?.expires, '2030-01-08T00:00:00Z');
    const second = (await session.type('publish --dry-run --json')).json() as {
      plan: string;
      published: boolean;
    };
    assert.match(first.plan, /^[0-9a-f]{64}$/);
    assert.equal(first.uploads.length, 2);
    assert.deepEqual([second.plan, second.published], [first.plan, false]);
    assert.equal(snapshotOf(session.directory), before);
  });

  it('says with --dry-run what init, release add and refresh would do, and refuses what they would', async () => {
    const add = 'release add disk-1.0.0.img --dry-run';
    const before = snapshotOf(session.directory);
    assert.match((await session.type(add)).out, /release demo x86_64 1\.0\.0[\s\S]*nothing was written/);
    assert.equal((await session.type(`${add} --version v1`)).status, 64);
    const elsewhere = await session.type(`${add} --waves ../../tidegate`);
    assert.match(
      elsewhere.beside,
      /\[config-invalid\] wave policy "\.\.\/\.\.\/tidegate": expected the name of/,
    );
    assert.equal((await session.type('init acme --dry-run')).status, 87);
    assert.equal((await session.type('init other --dry-run --variant targets/x86_64')).status, 78);
    assert.match((await session.type('init other --dry-run')).out, /would make a workspace "other"/);
    assert.equal(snapshotOf(session.directory), before);
    await session.type('publish');
    session.now += 8 * 86_400_000;
    const published = snapshotOf(session.directory);
    assert.match((await session.type('refresh --dry-run')).out, /metadata: would sign: snapshot, timestamp;/);
    assert.equal(snapshotOf(session.directory), published);
    assert.match((await session.type('refresh')).out, /refreshed: snapshot 2, timestamp 2/);
  });

  it('PUB-06: refuses other bytes under a published name, and changes nothing', async () => {
    await session.type('release add disk-1.0.0.img --version 1.0.0');
    await session.type('publish');
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'other bytes');
    const before = snapshotOf(session.directory);
    const again = await session.type('release add disk-1.0.0.img --version 1.0.1');
    assert.equal(again.status, 87);
    assert.match(again.beside, /error \[name-taken\] target disk-1\.0\.0\.img/);
    assert.equal(snapshotOf(session.directory), before);
  });

  it('shows where everything stands, and what to type next, day by day', async () => {
    assert.match((await session.type('status')).out, /not published yet[\s\S]*next: tidegate plan/);
    await session.type('release add disk-1.0.0.img --version 1.0.0');
    await session.type('publish');
    const fresh = await session.type('status');
    assert.match(fresh.out, /^metadata: 1 release published$/m);
    assert.match(fresh.out, /timestamp\s+1\s+2030-01-08 00:00\s+7 d\s+good\s+1 of 1: timestamp$/m);
    assert.match(fresh.out, /root .* 2 of 2: root-1, root-2$/m);
    assert.match(fresh.out, /next: nothing to do/);
    session.now += 86_400_000;
    assert.ok(fresh.out.split('\n').every((line) => line.length <= 80));
    assert.deepEqual([fresh.status, (await session.type('status --at +1d')).status], [0, 1]);
    const due = await session.type('status');
    assert.match(due.out, /next: tidegate refresh/);
    assert.equal(due.status, 1);
    assert.match((await session.type('refresh')).out, /refreshed: timestamp 2/);
    assert.match((await session.type('refresh')).out, /nothing is due/);
    session.now += 8 * 86_400_000;
    const expired = await session.type('status --json');
    assert.equal(expired.status, 82);
    const { repositories, next } = expired.json() as {
      repositories: [{ roles: { role: string; state: string; expires: string }[] }];
      next: string[];
    };
    assert.deepEqual(next, ['tidegate refresh']);
    const [{ roles }] = repositories;
    const timestamp = roles.find(({ role }) => role === 'timestamp');
    assert.deepEqual([timestamp?.state, timestamp?.expires], ['expired', '2030-01-09T00:00:00Z']);
    assert.match((await session.type('refresh')).out, /refreshed: .*timestamp 3/);
    assert.equal((await session.type('status')).status, 0);
  });

  it('PUB-01: finishes what died after the timestamp, though there is nothing left to publish', async () => {
    await session.type('release add disk-1.0.0.img --version 1.0.0');
    await session.type('publish');
    const state = join(session.directory, 'acme', 'state', 'metadata');
    const journal = join(state, 'journal.json');
    const floors = readFileSync(join(state, 'seen.json'), 'utf8');
    writeFileSync(journal, readFileSync(journal, 'utf8').replace('"done": true', '"done": false'));
    rmSync(join(state, 'seen.json'));
    assert.match((await session.type('status')).out, /next: tidegate publish/);
    await session.type('publish --dry-run');
    assert.match((await session.type('status')).out, /next: tidegate publish/, 'nothing was written');
    const again = await session.type('publish --json');
    assert.deepEqual([again.status, (again.json() as { published: boolean }).published], [0, false]);
    assert.match((await session.type('status')).out, /next: nothing to do/);
    assert.equal(readFileSync(join(state, 'seen.json'), 'utf8'), floors);
  });

  it('takes a release back that is not published yet', async () => {
    await session.type('release add disk-1.0.0.img --version 1.0.0');
    assert.match((await session.type('release drop demo x86_64 1.0.0 --dry-run')).out, /nothing was written/);
    assert.match((await session.type('release list')).out, /1\.0\.0/);
    assert.equal((await session.type('release drop demo x86_64 9.0.0 --dry-run')).status > 0, true);
    assert.equal((await session.type('release drop demo x86_64 1.0.0')).status, 0);
    assert.match((await session.type('release list')).out, /no release waits/);
    const absent = await session.type('release drop demo x86_64 1.0.0');
    assert.match(absent.beside, /error \[release-invalid\]/);
  });

  it('names the way on when somebody else has published the same version meanwhile', async () => {
    const drafts = join(session.directory, 'acme', 'drafts');
    const image = join(session.directory, 'disk-1.0.0.img');
    const bytes = readFileSync(image);
    await session.type('release add disk-1.0.0.img --version 1.0.0');
    cpSync(drafts, join(session.directory, 'saved'), { recursive: true });
    await session.type('release drop demo x86_64 1.0.0');
    writeFileSync(image, 'the image of somebody else');
    await session.type('release add disk-1.0.0.img --version 1.0.0');
    assert.equal((await session.type('publish')).status, 0);
    cpSync(join(session.directory, 'saved'), drafts, { recursive: true });
    writeFileSync(image, bytes);
    for (const command of ['plan', 'publish']) {
      const { status, beside } = await session.type(command);
      assert.equal(status, 64);
      assert.match(beside, /\[release-invalid\].*published it meanwhile.*release drop demo x86_64 1\.0\.0/);
    }
    assert.equal((await session.type('release drop demo x86_64 1.0.0')).status, 0);
    assert.match((await session.type('publish')).out, /nothing to publish/);
  });

  it('says before it asks for a passphrase that a key is not at hand', async () => {
    await session.type('release add disk-1.0.0.img --version 1.0.0');
    const keys = join(session.directory, 'acme', 'keys');
    rmSync(join(keys, 'targets.key.json'));
    const refused = await session.type('publish');
    assert.equal(refused.status, 80);
    assert.match(
      refused.beside,
      /error \[signatures-missing\] targets: 1 of targets must sign, and none is at hand/,
    );
    assert.equal(existsSync(join(session.directory, 'acme', 'repository')), false);
  });
});

describe('tidegate: what users mistype', () => {
  let session: CommandLine;

  beforeEach(() => {
    session = commandLine();
  });

  afterEach(() => session.end());

  const cases: readonly (readonly [string, number, RegExp])[] = [
    ['', 64, /a command is missing/],
    ['publsh', 64, /unknown command 'publsh' \(Did you mean publish\?\)/],
    ['init', 64, /missing required argument 'directory'/],
    ['init x --template triple', 64, /Allowed choices are single, bottlerocket/],
    ['init x --variant demo --insecure-development-keys', 64, /expected a variant and an architecture/],
    ['init x', 64, /a passphrase is needed and there is no terminal/],
    ['plan', 78, /error \[workspace-invalid\] .*tidegate\.toml does not exist.*tidegate init/],
    ['serve . --port 70000', 64, /expected a number from 0 to 65535/],
    ['init x --dry-run --name ../y', 78, /tidegate\.toml: name: found "\.\.\/y"/],
    ['release add a b', 64, /two images of kind image/],
    ['release add a --start-time tomorrow', 64, /--start-time tomorrow: expected a time such as/],
  ];
  for (const [line, status, message] of cases) {
    it(`"tidegate ${line}" ends with ${status} and says why`, async () => {
      const typed = await session.type(line === '' ? [] : line);
      assert.match(typed.beside, message);
      assert.equal(typed.status, status);
      assert.deepEqual(readdirSync(session.directory), []);
    });
  }

  it('answers --help and --version with success', async () => {
    assert.equal((await session.type('--version')).status, 0);
    assert.equal((await session.type('release add --help')).status, 0);
  });
});
