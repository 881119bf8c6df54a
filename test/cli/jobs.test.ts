/** Rotating, revoking and recovering as people type it. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hashesBelow } from '../support/client-scene.ts';
import { type CommandLine, commandLine, type Typed } from '../support/command-line.ts';

const hour = 3_600_000;
const day = 24 * hour;

describe('tidegate rotate, revoke, recover', () => {
  let session: CommandLine;

  beforeEach(async () => {
    session = commandLine();
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'an image');
    await good('init acme --insecure-development-keys');
    session.environment.TIDEGATE_WORKSPACE = join(session.directory, 'acme');
    await good('release add disk-1.0.0.img --version 1.0.0 --waves none');
    await good('publish');
  });
  afterEach(() => session.end());

  async function good(line: string): Promise<Typed> {
    const result = await session.type(line);
    assert.equal(result.status, 0, `${line}: ${result.beside}${result.out}`);
    return result;
  }

  async function signAll(keys: readonly string[]): Promise<void> {
    const folder = join(session.directory, 'acme', 'requests');
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.request.json'))) {
      const own = keys.map((key) => `--key acme/keys/${key}.key.json`).join(' ');
      await good(`sign acme/requests/${name} ${own} --root acme/roots/1.root.json --yes`);
    }
  }

  it('rotates the timestamp key over three days of typing', async () => {
    const first = await good('rotate timestamp --new-key --insecure-development-keys');
    assert.match(
      first.out,
      /still to sign: root-1, root-2, root-3\. Each types: tidegate sign requests\/root-2\.request\.json --key KEY/,
    );
    assert.match(first.out, /next: tidegate rotate timestamp, once that is signed/);
    await signAll(['root-1', 'root-2']);
    const second = await good('rotate timestamp');
    assert.match(second.out, /published metadata: root 2/);
    assert.match(second.out, /next: tidegate rotate timestamp, at 2030-01-01T01:00:00Z or later/);
    session.now += hour / 2;
    assert.match(
      (await good('rotate --status')).out,
      /Sign with the new keys.* — not before 2030-01-01T01:00:00Z/,
    );
    session.now += hour / 2;
    await good('rotate timestamp');
    // Until the old key is through, nobody is told to propose the next root.
    const status = await session.type('status --json');
    assert.deepEqual((status.json() as { next: string[] }).next, []);
    session.now += 15 * day;
    assert.match((await session.type('status')).out, /tidegate rotate timestamp/);
    const asked = await good('rotate timestamp --json');
    assert.equal((asked.json() as { stage: string }).stage, 'withdraw');
    await signAll(['root-1', 'root-2']);
    assert.match((await good('rotate timestamp')).out, /rotate-timestamp is done/);
    const record = readFileSync(join(session.directory, 'acme/requests/rotate-timestamp.md'), 'utf8');
    assert.match(record, /Done\. Nothing is left to do\./);
    assert.deepEqual((await good('rotate --status --json')).json(), []);
    assert.match((await good('root show')).out, /timestamp +1 of timestamp-2/);
    await good('refresh --force');
  });

  for (const line of ['rotate timestamp --drill', 'revoke targets --compromised --drill', 'recover --drill'])
    it(`${line} writes nothing, and says how it went`, async () => {
      const before = hashesBelow(session.directory);
      const { out } = await good(line);
      assert.match(
        out,
        /nothing real was signed, written or published[\s\S]*it took .*; every host did as it should/,
      );
      const data = (await good(`${line} --json`)).json() as { good: boolean; clients: unknown[] };
      assert.ok(data.good && data.clients.length >= 3);
      assert.deepEqual(hashesBelow(session.directory), before);
    });

  for (const line of [
    'rotate timestamp --new-key',
    'revoke timestamp --compromised --new-key',
    'recover --new-key --stolen snapshot',
  ])
    it(`${line} --dry-run writes nothing`, async () => {
      const before = hashesBelow(session.directory);
      assert.match((await good(`${line} --dry-run`)).out, /would begin .*; nothing was written/);
      assert.deepEqual(hashesBelow(session.directory), before);
    });

  it('revokes a stolen root key, and says what it could have done', async () => {
    await good('key new dave --directory acme/keys --insecure-development-keys');
    const asked = await good('revoke root-3 --compromised --key dave');
    assert.match(
      asked.out,
      /root \(2 of 3\): a thief could have: one key of 2 that are needed: nothing by itself/,
    );
    await signAll(['root-1', 'root-2']);
    const done = await good('revoke root-3 --compromised');
    assert.match(done.out, /ok +root 1, fresh +root 2, targets 1/);
    assert.match((await good('root show')).out, /root +2 of .*dave/);
  });

  it('SGN-34: a thief publishes with a copy of the workspace; its owner recovers', async () => {
    const toml = join(session.directory, 'acme', 'tidegate.toml');
    const store = join(session.directory, 'acme', 'repository');
    writeFileSync(
      toml,
      readFileSync(toml, 'utf8').replace('location = "repository"', `location = "${store}"`),
    );
    cpSync(join(session.directory, 'acme'), join(session.directory, 'thief'), { recursive: true });
    writeFileSync(join(session.directory, 'disk-9.9.9.img'), 'backdoor');
    session.now += hour;
    await good('release add disk-9.9.9.img --version 9.9.9 --waves none -w thief');
    await good('publish -w thief');
    const listed = () => session.type('verify acme/repository --root acme/roots/1.root.json --json');
    assert.match((await listed()).out, /"releases": 2/);
    const shown = await good('recover --new-key --dry-run');
    assert.match(
      shown.out,
      /targets: targets → targets-2[\s\S]*goes on from targets 1, snapshot 1, timestamp 1/,
    );
    assert.match(shown.out, /keeps 2 targets: disk-1\.0\.0\.img, manifest\.json/);
    await good('recover --new-key --insecure-development-keys');
    await signAll(['root-1', 'root-2']);
    const done = await good('recover');
    assert.match(done.out, /published metadata: root 2, targets 3, snapshot 3, timestamp 2/);
    assert.match(done.out, /ok +root 1, poisoned under root 1 +root 2, targets 3/);
    const { out } = await good('plan');
    assert.doesNotMatch(out, /9\.9\.9/);
    assert.notEqual((await session.type('refresh --force -w thief')).status, 0);
    session.now += hour;
    await good('refresh --force');
  });

  it('refuses what says nothing, or two things', async () => {
    for (const [line, message] of [
      ['rotate', /which role\?/],
      ['rotate timestamp', /which key takes the place of timestamp\? Expected --new-key/],
      ['rotate root --new-key', /root has the keys root-1, root-2, root-3; say which one goes: --old NAME/],
      ['rotate nobody --new-key', /has no role nobody/],
      ['revoke timestamp --new-key', /replaced without a gap by: tidegate rotate ROLE --old timestamp/],
      ['revoke nobody --compromised', /nobody is no key of any role/],
      ['rotate timestamp --drill --dry-run', /expected one of --drill, --dry-run and --abandon/],
      ['rotate timestamp --key Timestamp=x', /--key Timestamp=x: expected NAME/],
      ['rotate timestamp --key timestamp', /timestamp signs timestamp already; expected a new key/],
    ] as const) {
      const result = await session.type(line);
      assert.notEqual(result.status, 0, line);
      assert.match(result.beside, message, line);
    }
    assert.ok(!existsSync(join(session.directory, 'acme/jobs')));
  });

  it('gives a job up', async () => {
    await good('rotate timestamp --new-key --insecure-development-keys');
    assert.match((await good('rotate timestamp --abandon')).out, /rotate-timestamp is forgotten/);
    assert.match((await good('rotate --status')).out, /no job is under way/);
  });
});
