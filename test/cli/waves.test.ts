import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { choose } from '../../src/waves/choose.ts';
import { parseManifest } from '../../src/waves/manifest.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { startPlainServer } from '../support/plain-server.ts';

const hour = 3_600_000;
const release = 'demo x86_64 1.1.0';

interface Shown {
  readonly releases: readonly {
    version: string;
    openShare: number;
    paused: boolean;
    openToAll: string | null;
  }[];
  readonly withdrawn: readonly { version: string; reason?: string }[];
  readonly waiting: readonly string[];
}

describe('tidegate waves', () => {
  let session: CommandLine;

  const run = async (line: string): Promise<string> => {
    const { status, out, beside } = await session.type(line);
    assert.equal(status, 0, `${line}: ${beside}`);
    return out;
  };
  const shown = async (line = 'waves show --json'): Promise<Shown> =>
    (await session.type(line)).json() as Shown;

  /** The list of releases as the last publication left it. */
  const manifest = () => {
    const folder = join(session.directory, 'acme', 'repository', 'targets');
    const versions = readdirSync(join(session.directory, 'acme', 'repository', 'metadata'))
      .filter((name) => /^\d+\.targets\.json$/.test(name))
      .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
    const text = readFileSync(
      join(session.directory, 'acme', 'repository', 'metadata', versions.at(-1) ?? ''),
      'utf8',
    );
    const { sha256 } = JSON.parse(text).signed.targets['manifest.json'].hashes;
    return parseManifest(readFileSync(join(folder, `${sha256}.manifest.json`)));
  };
  const offered = (seed: number, labels: readonly string[] = []): string | undefined =>
    choose(manifest(), { variant: 'demo', arch: 'x86_64', version: '0.9.0', seed, labels }, session.now)
      .release?.version;

  /** Made once, and copied for every test. */
  let made: CommandLine;

  before(async () => {
    made = commandLine();
    session = made;
    session.environment.TIDEGATE_WORKSPACE = 'acme';
    for (const version of ['1.0.0', '1.1.0'])
      writeFileSync(join(session.directory, `disk-${version}.img`), `image ${version}`);
    await run('init acme --insecure-development-keys');
    await run('release add disk-1.0.0.img --version 1.0.0 --waves none');
    await run('release add disk-1.1.0.img --version 1.1.0');
    await run('publish');
    session.now += 36 * hour;
    await run('refresh');
  });

  after(() => made.end());

  beforeEach(() => {
    session = commandLine(made.now);
    session.environment.TIDEGATE_WORKSPACE = 'acme';
    cpSync(made.directory, session.directory, { recursive: true });
  });

  afterEach(() => session.end());

  it('shows how far each release is, and when a host has its turn', async () => {
    const text = await run('waves show');
    assert.match(text, /release demo x86_64 1\.0\.0: open to all hosts/);
    assert.match(text, /release demo x86_64 1\.1\.0: open to 10\.0 % of hosts, to all at 2030-01-0[78]T/);
    assert.match(
      await run('waves show demo x86_64 1.1.0 --at +7d'),
      /^release demo x86_64 1\.1\.0: open to all hosts/,
    );
    assert.match(await run('waves show other'), /no such release/);
    assert.match(
      await run('waves when --seed 2000'),
      /1\.0\.0 +open at all times\n.*1\.1\.0 +opens at 2030-01-07T/,
    );
    assert.match(await run('waves when demo x86_64 1.1.0 --seed 3'), /open since 2030-01-01T/);
    const byId = (await session.type('waves when --host-id abc --labels canary --json')).json() as {
      seed: number;
    };
    assert.ok(byId.seed >= 0 && byId.seed < 2048);
    for (const more of ['', ' --seed 9999', ' --seed 3 --labels Canary', ' --seed 3 --labels canary,'])
      assert.equal((await session.type(`waves when${more}`)).status, 64, more);
  });

  it('shows a repository by folder or address, from a root that is given, without a workspace', async () => {
    await run(`waves pause ${release}`);
    delete session.environment.TIDEGATE_WORKSPACE;
    const trusted = '--root acme/roots/1.root.json';
    const text = await run(`waves show --from acme/repository ${trusted}`);
    assert.match(text, /release demo x86_64 1\.1\.0: open to 10\.0 % of hosts/);
    assert.doesNotMatch(text, /waits for publication/);
    const server = await startPlainServer(new DirectoryStore(join(session.directory, 'acme', 'repository')));
    try {
      const from = `--from ${server.origin} ${trusted}`;
      assert.match(await run(`waves when demo x86_64 1.1.0 --seed 3 ${from}`), /open since 2030-01-01T/);
      assert.match(await run(`waves show other ${from}`), /no such release/);
      assert.match((await session.type('waves show --from acme/repository')).beside, /goes with --root/);
      assert.match((await session.type(`waves show ${trusted}`)).beside, /--root goes with --from/);
      session.now += 400 * 24 * hour;
      assert.match((await session.type(`waves show ${from}`)).beside, /expired/);
    } finally {
      await server.close();
    }
  });

  it('tells the second from which a host of that seed takes it, not the one before', async () => {
    for (const seed of [0, 1, 20, 21, 300, 2047, 2048]) {
      const line = `waves when demo x86_64 1.1.0 --seed ${seed} --json`;
      const found = (await session.type(line)).json() as { releases: { opensAt: string }[] };
      const opens = Date.parse(found.releases[0]?.opensAt ?? '');
      const at = (now: number) =>
        choose(manifest(), { variant: 'demo', arch: 'x86_64', version: '0.9.0', seed }, now).release?.version;
      assert.deepEqual([at(opens - 1000), at(opens)], ['1.0.0', '1.1.0'], `${seed}`);
    }
  });

  it('pauses: the plan says what was and will be, hosts obey, and it goes on where it stopped', async () => {
    assert.deepEqual([offered(150), offered(300)], ['1.1.0', '1.0.0']);
    assert.match(await run(`waves pause ${release} --dry-run`), /nothing was written/);
    assert.deepEqual((await shown()).waiting, []);
    assert.match(await run(`waves pause ${release}`), /10\.0 % of hosts are open and stay so/);
    assert.match(await run('status'), /pause release demo x86_64 1\.1\.0/);
    const plan = await run('plan');
    assert.match(
      plan,
      /pause of release demo x86_64 1\.1\.0\n +now:\n[\s\S]*then:\n +paused +since 2030-01-02T12:00:00Z/,
    );
    const data = (await session.type('plan --json')).json() as {
      changes: { kind: string; after?: { pausedAt: string } }[];
    };
    assert.equal(
      data.changes.find(({ kind }) => kind === 'steering')?.after?.pausedAt,
      '2030-01-02T12:00:00Z',
    );
    await run('publish');
    const paused = await shown();
    assert.deepEqual(
      [paused.releases[1]?.paused, paused.releases[1]?.openToAll, paused.waiting],
      [true, null, []],
    );
    assert.match(await run('waves when demo x86_64 1.1.0 --seed 300'), /waits: the release is paused/);
    session.now += 24 * hour;
    assert.deepEqual([offered(150), offered(300)], ['1.1.0', '1.0.0']);
    const again = await session.type(`waves pause ${release}`);
    assert.match(again.beside, /\[release-invalid\].*it is so already: paused/);
    await run(`waves resume ${release} --publish`);
    assert.deepEqual([offered(150), offered(300)], ['1.1.0', '1.0.0']);
    session.now += 12 * hour;
    assert.deepEqual([offered(300), offered(400)], ['1.1.0', '1.0.0']);
    assert.match(await run('waves show demo x86_64 1.1.0'), /open to 15\.0 % of hosts/);
  });

  it('closes a pause under way for everyone, who are open again when it is resumed', async () => {
    await run(`waves pause ${release} --publish`);
    session.now += hour;
    assert.deepEqual([offered(150), offered(300)], ['1.1.0', '1.0.0']);
    await run(`waves pause ${release} --everyone --publish`);
    assert.deepEqual([offered(150), offered(300)], ['1.0.0', '1.0.0']);
    assert.match(await run('waves show'), /1\.1\.0: open to 0\.0 % of hosts\n +paused +since 2030-01-02T12:/);
    const again = await session.type(`waves pause ${release} --everyone`);
    assert.match(again.beside, /\[release-invalid\].*it is so already: paused/);
    await run(`waves resume ${release} --publish`);
    assert.deepEqual([offered(150), offered(300)], ['1.1.0', '1.0.0']);
  });

  it('goes to keys that lie elsewhere as a request, and counts from when that was made', async () => {
    await run(`waves pause ${release}`);
    await run('targets propose');
    const folder = join(session.directory, 'acme', 'requests');
    const [request = ''] = readdirSync(folder);
    assert.match(
      await run(`review acme/requests/${request}`),
      /paused since 2030-01-02T12:00:00Z; when it is resumed/,
    );
    const keys = readdirSync(join(session.directory, 'acme', 'keys'));
    const key = keys.find((name) => /^targets.*\.key\.json$/.test(name)) ?? '';
    const how = `--root acme/roots/1.root.json --key acme/keys/${key} --yes`;
    await run(`sign acme/requests/${request} ${how}`);
    session.now += 3 * hour;
    await run('publish');
    assert.match(await run('waves show demo x86_64 1.1.0'), /paused +since 2030-01-02T12:00:00Z/);
    assert.deepEqual((await shown()).waiting, []);
  });

  it('accelerates and sets other waves, and refuses a change made for waves that are gone', async () => {
    assert.equal((await session.type(`waves accelerate ${release}`)).status, 64);
    assert.equal((await session.type(`waves accelerate ${release} --factor 0.5`)).status, 64);
    assert.match(await run(`waves accelerate ${release} --factor 2.5`), /then:/);
    assert.match(await run('waves drop demo x86_64 1.1.0 --dry-run'), /would be taken back: accelerate/);
    assert.match(await run('waves drop demo x86_64 1.1.0'), /^taken back: accelerate/);
    assert.equal((await session.type('waves drop demo x86_64')).status, 64);
    const later = await session.type(`waves set ${release} --policy none --start-time +3d`);
    assert.deepEqual([later.status, (await shown()).waiting], [64, []], 'it would open at once');
    assert.match(
      (
        await session.type(
          'release add disk-1.0.0.img --version 1.5.0 --waves none --start-time 2031-01-01T00:00:00Z',
        )
      ).beside,
      /\[release-invalid\].*without waves is open as soon as it is published/,
    );
    const mistyped = await session.type(`waves accelerate ${release} --policy acelerated`);
    assert.equal(mistyped.status, 78);
    assert.match(mistyped.beside, /acelerated\.toml does not exist, expected one of accelerated, default/);
    await run(`waves accelerate ${release} --policy accelerated --publish`);
    assert.equal((await shown()).releases[1]?.openShare.toFixed(2), '0.10');
    assert.match((await shown()).releases[1]?.openToAll ?? '', /^2030-01-03/);
    // A change from another copy of the workspace comes between.
    const closing = await run(`waves set ${release} --policy slow --start-time +1d`);
    assert.match(closing, /warning: 10\.[0-9] % of hosts are open and will close/);
    const folder = join(session.directory, 'acme', 'drafts', 'steering');
    const [file = ''] = readdirSync(folder);
    const draft = readFileSync(join(folder, file));
    await run('publish');
    assert.deepEqual([offered(5), readdirSync(folder)], ['1.0.0', []]);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, file), draft);
    assert.match((await session.type('plan')).beside, /changed by another publication since/);
    writeFileSync(join(folder, file), '{}');
    assert.match(
      (await session.type('plan')).beside,
      /\[workspace-invalid\].*the format is missing or wrong/,
    );
  });

  it('withdraws for good, calls hosts back, and takes it again only when readmitted', async () => {
    const nowhere = await session.type(`waves withdraw ${release} --call-back 0.5.0`);
    assert.match(nowhere.beside, /call back to 0\.5\.0: found 1\.0\.0, expected a release to go down to/);
    await run(`waves withdraw ${release} --reason bad --call-back`);
    assert.match(
      await run('plan'),
      /withdrawal of release demo x86_64 1\.1\.0: bad\n.*never offered again; hosts that run it are called back to 1\.0\.0\n/,
    );
    await run('publish');
    assert.deepEqual(
      (await shown()).withdrawn.map(({ version, reason }) => [version, reason]),
      [['1.1.0', 'bad']],
    );
    assert.match(await run('waves show'), /withdrawn demo x86_64 1\.1\.0 at 2030-01-02T12:00:00Z: bad/);
    const host = { variant: 'demo', arch: 'x86_64', version: '1.1.0', seed: 5 };
    const choice = choose(manifest(), host, session.now);
    assert.deepEqual(
      [choice.kind === 'update' && choice.downgrade, choice.release?.version],
      [true, '1.0.0'],
    );
    const added = await session.type('release add disk-1.1.0.img --version 1.1.0');
    assert.match(added.beside, /\[release-invalid\].*withdrawn at 2030-01-02T12:00:00Z \(bad\)/);
    assert.match((await session.type(`waves withdraw ${release}`)).beside, /withdrawn already/);
    const latest = await session.type(`latest ${release}`);
    assert.match(latest.beside, /\[not-found\] no release of demo x86_64 1\.1\.0 .*: it was withdrawn/);
    assert.match(
      (await session.type('waves pause demo x86_64 9.9.9')).beside,
      /not published; those that are: 1\.0\.0\n/,
    );
    assert.match((await session.type('waves resume demo x86_64 1.0.0')).beside, /so already: under way/);
    assert.match((await session.type('waves barrier demo x86_64 1.0.0 --off')).beside, /already: no barrier/);
    assert.match(
      (await session.type('waves pause demo arm 1.0.0')).beside,
      /demo arm is not in tidegate\.toml; expected one of demo x86_64\n/,
    );
    assert.match(
      (await session.type('waves withdraw demo x86_64 1.0.0 --call-back 0.5.0')).beside,
      /no release is left/,
    );
    await run('release add disk-1.1.0.img --version 1.1.0 --readmit --waves none');
    await run('publish');
    assert.deepEqual([offered(5), (await shown()).withdrawn], ['1.1.0', []]);
  });

  it('withdraws with a reason and publishes in one step', async () => {
    await run(`waves withdraw ${release} --reason bad --publish`);
    const { withdrawn, waiting } = await shown();
    assert.deepEqual(
      [withdrawn.map(({ version, reason }) => [version, reason]), waiting],
      [[['1.1.0', 'bad']], []],
    );
  });

  it('makes a release a barrier that hosts below do not pass, and refuses to withdraw it under others', async () => {
    for (const version of ['1.2.0', '1.3.0'])
      writeFileSync(join(session.directory, `disk-${version}.img`), `image ${version}`);
    await run('release add disk-1.2.0.img --version 1.2.0 --waves none --barrier');
    await run('release add disk-1.3.0.img --version 1.3.0 --waves none');
    await run('publish');
    assert.equal(offered(5), '1.2.0');
    assert.match(await run('waves show demo x86_64 1.2.0'), /a barrier: hosts below it must run it before/);
    assert.match(await run('latest demo x86_64'), /^demo x86_64 1\.3\.0/);
    const gone = await session.type('waves withdraw demo x86_64 1.2.0');
    assert.match(gone.beside, /\[release-invalid\].*a barrier below 1\.3\.0/);
    const again = await session.type('waves barrier demo x86_64 1.2.0');
    assert.match(again.beside, /it is so already: a barrier/);
    assert.match(await run('waves barrier demo x86_64 1.2.0 --off'), /no barrier any more/);
    assert.match(await run('plan'), /barrier: release demo x86_64 1\.2\.0\n +no barrier any more/);
    await run('publish');
    assert.equal(offered(5), '1.3.0');
    await run('waves barrier demo x86_64 1.1.0 --publish');
    assert.equal(offered(5), '1.1.0');
    await run('host new low --running 1.0.0 --seed 5 --slot-size 1048576');
    const config = '--config low/agent.toml';
    assert.match(await run(`host check ${config}`), /1\.1\.0 is to be taken/);
    writeFileSync(join(session.directory, 'low', 'agent.toml'), 'version_lock = "1.3.0"\n', { flag: 'a' });
    assert.match(await run(`host check ${config}`), /1\.1\.0 is a barrier, and must run before the locked/);
  });

  it('says that a change waits where somebody wants things as they are published', async () => {
    await run(`waves pause ${release}`);
    assert.match(
      (await session.type(`waves resume ${release}`)).beside,
      /it is so already: under way; a change of it waits \(pause\): tidegate waves drop/,
    );
  });

  it('says what to do with a change whose release somebody else has withdrawn', async () => {
    await run(`waves pause ${release}`);
    const folder = join(session.directory, 'acme', 'drafts', 'steering');
    const [file = ''] = readdirSync(folder);
    const draft = readFileSync(join(folder, file));
    await run(`waves withdraw ${release} --publish`);
    writeFileSync(join(folder, file), draft);
    assert.match(
      (await session.type('plan')).beside,
      /it was withdrawn since this change \(pause\) was made\. .*: tidegate waves drop demo x86_64 1\.1\.0/,
    );
    await run('waves drop demo x86_64 1.1.0');
    assert.match(await run('plan'), /nothing to publish/);
  });

  it('sets the highest version, and keeps images that hosts may want', async () => {
    await run('waves max-version demo x86_64 1.0.0');
    assert.match(await run('plan'), /highest version of demo x86_64: 1\.1\.0 → 1\.0\.0/);
    await run('publish');
    assert.equal(offered(5), '1.0.0');
    assert.match(
      (await session.type('waves max-version demo x86_64 0.9.0')).beside,
      /found no release up to 0\.9\.0, expected one to go down to; 1\.0\.0, 1\.1\.0 are above it/,
    );
    assert.match(
      (await session.type('waves max-version demo x86_64 1.0.0')).beside,
      /highest version 1\.0\.0/,
    );
    const removed = await session.type('target remove disk-1.0.0.img');
    assert.match(removed.beside, /is an image of release demo x86_64 1\.0\.0/);
  });

  it('MAN-08: takes migrations from a file, refuses a missing link and programs that are no targets', async () => {
    const write = (...hops: string[]): void =>
      writeFileSync(
        join(session.directory, 'Release.toml'),
        `version = "1.1.0"\n[migrations]\n${hops.join('\n')}\n`,
      );
    write('"(1.0.0, 1.0.5)" = []', '"(1.0.6, 1.1.0)" = []');
    assert.match(
      (await session.type('release migrations Release.toml')).beside,
      /\[migration-missing\].*1\.0\.5/,
    );
    write('"(1.1.0, 1.0.0)" = []');
    assert.match((await session.type('release migrations Release.toml')).beside, /does not lead upwards/);
    write('"1.0.0" = []');
    assert.equal((await session.type('release migrations Release.toml')).status, 78);
    write('"(1.0.0, 1.1.0)" = ["disk-1.1.0.img.mig"]');
    await run('release migrations Release.toml');
    assert.match((await session.type('plan')).beside, /found no target "disk-1\.1\.0\.img\.mig"/);
    writeFileSync(join(session.directory, 'disk-1.1.0.img.mig'), 'program');
    await run('target add disk-1.1.0.img.mig');
    assert.match(
      await run('plan'),
      /migrations of metadata: 1 hop\n +1\.0\.0 to 1\.1\.0: disk-1\.1\.0\.img\.mig/,
    );
    await run('publish');
    assert.equal(manifest().migrations.length, 1);
    assert.match(
      (await session.type('target remove disk-1.1.0.img.mig')).beside,
      /is a program of migration/,
    );
    writeFileSync(join(session.directory, 'disk-1.2.0.img'), 'image 1.2.0');
    await run('release add disk-1.2.0.img --version 1.2.0');
    assert.match((await session.type('plan')).beside, /\[migration-missing\]/);
    assert.equal((await session.type('release migrations gone.toml')).status, 69);
  });

  it('lets labelled hosts go first, and asks for the bake time between waves', async () => {
    const policies = join(session.directory, 'acme', 'policies', 'waves');
    const wave =
      '[[waves]]\nstart_after = "1 day"\nfleet_percentage = 50\n[[waves]]\nstart_after = "2 days"\nfleet_percentage = 100\n';
    writeFileSync(
      join(policies, 'canary.toml'),
      `[[groups]]\nlabels = ["canary"]\nstart_after = "0 minutes"\n${wave}`,
    );
    writeFileSync(join(session.directory, 'disk-1.2.0.img'), 'image 1.2.0');
    await run('release add disk-1.2.0.img --version 1.2.0 --waves canary');
    assert.match(await run('plan'), /2030-01-02T12:00:00Z +at once +hosts labelled canary/);
    await run('publish');
    assert.deepEqual([offered(2000, ['canary']), offered(1, [])], ['1.2.0', '1.1.0']);
    assert.match(
      await run('waves when demo x86_64 1.2.0 --seed 2000 --labels canary'),
      /labelled canary\n.*open since/,
    );
    const set = 'waves set demo x86_64 1.2.0 --dry-run --policy';
    assert.match(
      await run(`${set} default`),
      /warning: hosts labelled canary are open and will close; those/,
    );
    assert.doesNotMatch(await run(`${set} canary`), /warning/);
    assert.doesNotMatch(await run(`${set} none`), /warning/);
    const file = join(session.directory, 'acme', 'tidegate.toml');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace('[waves]\n', '[waves]\nminimum_bake = "12 hours"\n'),
    );
    const fast = await run('waves accelerate demo x86_64 1.2.0 --factor 4');
    assert.match(
      fast,
      /refused \(wave-bake\): release demo x86_64 1\.2\.0: 360 minutes before wave 1; expected at least 720/,
    );
    assert.match(fast, /next: tidegate plan, tidegate publish --override wave-bake --reason TEXT\n$/);
    assert.equal((await session.type('publish')).status, 77);
    const line = 'waves accelerate demo x86_64 1.2.0 --factor 4 --override wave-bake';
    assert.equal(
      (await session.type(`${line} --reason leak`)).status,
      64,
      'an override of nothing that is done',
    );
    assert.match((await session.type(`${line} --publish`)).beside, /--override needs --reason/);
    await run(`${line} --reason leak --publish`);
    const record = readFileSync(join(session.directory, 'acme', 'overrides.jsonl'), 'utf8');
    assert.match(record, /"name":"wave-bake","reason":"leak".*360 minutes before wave 1/);
    assert.doesNotMatch(
      await run('waves accelerate demo x86_64 1.2.0 --factor 1.001 --dry-run'),
      /--override/,
    );
  });
});
