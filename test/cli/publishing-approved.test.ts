/** Publishing what was approved, by policy, to regions, and finishing what was begun, as it is typed. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine } from '../support/command-line.ts';

describe('tidegate publish: what was approved', () => {
  let session: CommandLine;

  beforeEach(async () => {
    session = commandLine();
    session.environment.TIDEGATE_WORKSPACE = 'acme';
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'the first image');
    assert.equal((await session.type('init acme --insecure-development-keys')).status, 0);
    assert.equal((await session.type('release add disk-1.0.0.img --version 1.0.0')).status, 0);
  });

  afterEach(() => session.end());

  it('plan --output, publish --plan: the id is the same, and another draft is refused', async () => {
    const plan = await session.type('plan --output plan.json');
    assert.match(
      plan.out,
      /plan\.json was written, and nothing else\. Next: tidegate publish --plan plan\.json/,
    );
    const id = /plan ([0-9a-f]{64})/.exec(plan.out)?.[1];
    assert.equal(JSON.parse(readFileSync(join(session.directory, 'plan.json'), 'utf8')).plan, id);
    writeFileSync(join(session.directory, 'disk-1.1.0.img'), 'the second image');
    await session.type('release add disk-1.1.0.img --version 1.1.0');
    const refused = await session.type('publish --plan plan.json');
    assert.equal(refused.status, 78);
    assert.match(refused.beside, /is not what would be published now/);
    await session.type('release drop demo x86_64 1.1.0');
    const published = await session.type('publish --plan plan.json --verify readback --json');
    assert.equal(published.status, 0, published.beside);
    assert.equal((published.json() as { plan: string }).plan, id);
    const again = await session.type('publish --plan plan.json');
    assert.match(again.out, /nothing to publish/);
    assert.equal(again.status, 0);
  });

  it('release status says where a version is, and ends with 1 until it is everywhere', async () => {
    const waiting = await session.type('release status');
    assert.equal(waiting.status, 1);
    assert.match(waiting.out, /1\.0\.0: in 0 of 1\n\s+demo x86_64\s+waiting/);
    await session.type('publish');
    const published = await session.type('release status 1.0.0 --json');
    assert.equal(published.status, 0);
    assert.deepEqual(published.json(), [
      {
        version: '1.0.0',
        fleets: [
          {
            repository: 'metadata',
            variant: 'demo',
            arch: 'x86_64',
            standing: 'published',
            first_wave: '2030-01-01T01:00:00Z',
          },
        ],
      },
    ]);
    assert.match((await session.type('release status')).out, /every release is in every repository/);
    assert.match((await session.type('publish --resume')).out, /metadata: nothing was begun/);
  });

  it('release status does not say that everything is everywhere when it could see nothing', async () => {
    await session.type('publish');
    writeFileSync(join(session.directory, 'acme', 'repository', 'metadata', 'timestamp.json'), '{}');
    const unread = await session.type('release status');
    assert.doesNotMatch(unread.out, /every release/);
    assert.match(unread.beside, /timestamp/);
    assert.notEqual(unread.status, 0);
    assert.match((await session.type('release status 1.0.0')).out, /in 0 of 1\n\s+demo x86_64\s+unknown/);
  });

  it('a policy refuses by name, and is overridden on record', async () => {
    appendFileSync(join(session.directory, 'acme', 'tidegate.toml'), '\n[policy]\nlargest_release = 10\n');
    assert.match(
      (await session.type('plan')).out,
      /refused \(release-size\): release demo x86_64 1\.0\.0: 15 bytes/,
    );
    const refused = await session.type('publish');
    assert.equal(refused.status, 77);
    assert.match(refused.beside, /\[policy-violated\].*--override release-size --reason TEXT/s);
    const published = await session.type(['publish', '--override', 'release-size', '--reason', 'as agreed']);
    assert.equal(published.status, 0, published.beside);
    const record = readFileSync(join(session.directory, 'acme', 'overrides.jsonl'), 'utf8');
    assert.match(record, /"name":"release-size"/);
  });

  it('regions follow, and status says which is behind', async () => {
    const file = join(session.directory, 'acme', 'tidegate.toml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('[store]\n', '[store]\nregions = ["east", "west"]\n'));
    const published = await session.type('publish');
    assert.equal(published.status, 0, published.beside);
    assert.match(published.beside, /metadata: .*east follows, timestamp 1/);
    assert.deepEqual(
      readFileSync(join(session.directory, 'acme', 'east', 'metadata', 'timestamp.json')),
      readFileSync(join(session.directory, 'acme', 'repository', 'metadata', 'timestamp.json')),
    );
    const status = (await session.type('status --json')).json() as {
      repositories: { regions: { standing: string; version: number }[] }[];
    };
    assert.deepEqual(
      status.repositories[0]?.regions.map(({ standing, version }) => [standing, version]),
      [
        ['current', 1],
        ['current', 1],
      ],
    );
    writeFileSync(file, readFileSync(file, 'utf8').replace('"west"]', '"west", "north"]'));
    assert.match(
      (await session.type('status')).out,
      /north still shows nothing[\s\S]*next: tidegate refresh/,
    );
    assert.match((await session.type('refresh')).beside, /north follows, timestamp 1/);
  });

  const mistyped: readonly (readonly [string, RegExp])[] = [
    ['publish --rebase', /--rebase goes with --plan FILE/],
    ['publish --resume --plan x', /--resume goes with/],
    ['publish --resume --dry-run', /no --dry-run: it publishes what is signed already.*release status/],
    ['publish --verify twice', /Allowed choices are checksum, readback/],
    ['publish --reason x', /--reason needs --override/],
  ];
  for (const [line, message] of mistyped) {
    it(`"tidegate ${line}" says what is wrong`, async () => {
      const typed = await session.type(line);
      assert.equal(typed.status, 64);
      assert.match(typed.beside, message);
    });
  }
});
