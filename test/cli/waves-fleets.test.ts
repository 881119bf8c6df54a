/** One command steers a release in many repositories: all of those that are meant, or none. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const fleets = ['aws-ecs x86_64', 'aws-ecs aarch64', 'aws-k8s x86_64', 'metal x86_64'];

interface Shown {
  readonly releases: readonly { variant: string; arch: string; version: string; paused: boolean }[];
  readonly withdrawn: readonly { variant: string; version: string }[];
  readonly waiting: readonly string[];
}

describe('tidegate waves for several fleets', () => {
  let made: CommandLine;
  let session: CommandLine;

  const run = async (line: string): Promise<string> => {
    const { status, out, beside } = await session.type(line);
    assert.equal(status, 0, `${line}: ${beside}`);
    return out;
  };
  const shown = async (): Promise<Shown> => (await session.type('waves show --json')).json() as Shown;
  const waiting = () => readdirSync(join(session.directory, 'os', 'drafts', 'steering')).length;
  const paused = async () =>
    (await shown()).releases.filter((one) => one.paused).map(({ variant, arch }) => `${variant} ${arch}`);

  /** 1.0.0 everywhere, 1.1.0 everywhere but for metal. */
  before(async () => {
    made = commandLine();
    session = made;
    session.environment.TIDEGATE_WORKSPACE = 'os';
    const variants = fleets.map((fleet) => `--variant ${fleet.replace(' ', '/')}`).join(' ');
    await run(`init os --insecure-development-keys --template bottlerocket ${variants}`);
    for (const version of ['1.0.0', '1.1.0']) {
      const files = ['boot', 'root', 'hash'].map((kind) => {
        writeFileSync(join(session.directory, `${kind}-${version}`), `${kind} ${version}`);
        return `${kind}=${kind}-${version}`;
      });
      for (const fleet of version === '1.0.0' ? fleets : fleets.slice(0, 3)) {
        const [variant, arch] = fleet.split(' ');
        await run(`release add ${files.join(' ')} --version ${version} --variant ${variant} --arch ${arch}`);
      }
    }
    await run('publish');
    session.now += 36 * 3_600_000;
    await run('refresh');
  });

  after(() => made.end());

  beforeEach(() => {
    session = commandLine(made.now);
    session.environment.TIDEGATE_WORKSPACE = 'os';
    cpSync(made.directory, session.directory, { recursive: true });
  });

  afterEach(() => session.end());

  it('pauses and resumes a version wherever it is, leaves out where there is nothing to do, and says so', async () => {
    const dry = await session.type('waves pause * * 1.1.0 --dry-run');
    for (const fleet of fleets.slice(0, 3))
      assert.match(dry.out, new RegExp(`pause of release ${fleet} 1\\.1\\.0`));
    assert.equal(dry.out.match(/since 2030-01-02T12/g)?.length, 1, 'what is the same is said once');
    assert.match(dry.beside, /left out: release metal x86_64 1\.1\.0: it is not published/);
    assert.deepEqual((await shown()).waiting, []);
    await run('waves pause aws-k8s x86_64 1.1.0 --publish');
    const rest = (await session.type('waves pause * * 1.1.0 --json')).json() as {
      changes: { change: { variant: string; arch: string } }[];
      passedOver: { name: string; why: string }[];
    };
    assert.deepEqual(
      rest.changes.map(({ change }) => `${change.variant} ${change.arch}`),
      fleets.slice(0, 2),
    );
    assert.deepEqual(
      rest.passedOver.map(({ name, why }) => [
        name,
        why.replace(/^it is not published.*/, 'it is not published'),
      ]),
      [
        ['release aws-k8s x86_64 1.1.0', 'it is so already: paused'],
        ['release metal x86_64 1.1.0', 'it is not published'],
      ],
    );
    assert.equal(waiting(), 2);
    await run('publish');
    assert.deepEqual(await paused(), fleets.slice(0, 3));
    await run('waves resume aws-* x86_64 1.1.0 --publish');
    assert.deepEqual(await paused(), ['aws-ecs aarch64']);
  });

  it('takes all of what a list names, or nothing', async () => {
    const lacking = await session.type('waves withdraw aws-ecs,metal x86_64 1.1.0');
    assert.match(
      lacking.beside,
      /\[release-invalid\] nothing was changed, since 1 of 2 .*metal.*not published/,
    );
    // No waves: it can only be withdrawn.
    await run('waves set aws-k8s x86_64 1.1.0 --policy none --publish');
    const open = await session.type('waves pause * * 1.1.0');
    assert.match(
      open.beside,
      /nothing was changed, since 1 of 3 cannot be: .*aws-k8s x86_64 1\.1\.0: found no waves/,
    );
    assert.deepEqual((await shown()).waiting, []);
    const mistyped = await session.type('waves pause aws-esc,metal * 1.1.0');
    assert.match(mistyped.beside, /\[not-found\].*"aws-esc" fits no fleet of tidegate\.toml/);
    const nowhere = await session.type('waves pause * * 9.9.9');
    assert.match(
      nowhere.beside,
      /nothing was changed, since 4 of 4 cannot be: release aws-ecs x86_64 9\.9\.9, .*release metal x86_64 9\.9\.9: it is not published/,
    );
    await run('waves withdraw aws-ecs,aws-k8s x86_64,aarch64 1.1.0 --reason bad --publish');
    assert.deepEqual(
      (await shown()).withdrawn.map(({ variant }) => variant),
      ['aws-ecs', 'aws-ecs', 'aws-k8s'],
    );
  });

  it('takes changes of several fleets back, accelerates them and sets their highest version', async () => {
    await run('waves accelerate * * 1.1.0 --factor 2');
    assert.equal(waiting(), 3);
    assert.equal((await run('waves drop * * 1.1.0 --dry-run')).match(/would be taken back/g)?.length, 3);
    assert.equal(
      (await run('waves drop aws-* * 1.1.0')).match(/^taken back: accelerate of release/gm)?.length,
      3,
    );
    assert.match((await session.type('waves drop * * 1.1.0')).beside, /no change waits/);
    const highest = await session.type('waves max-version * * 1.0.0');
    assert.equal(highest.out.match(/highest version of .*: 1\.1\.0 → 1\.0\.0/g)?.length, 3);
    assert.match(highest.beside, /left out: highest version of metal x86_64: it is so already/);
    await run('publish');
    assert.match((await session.type('waves drop * *')).beside, /no change waits/);
  });

  it('is answered for by one override for all, and each is on record', async () => {
    const path = join(session.directory, 'os', 'tidegate.toml');
    await run('waves max-version * * 1.0.0 --publish');
    const toml = readFileSync(path, 'utf8').replace(/^\[waves\]/m, '[waves]\nminimum_bake = "3 days"');
    writeFileSync(path, toml);
    const refused = await session.type('waves max-version aws-* * 1.1.0 --publish');
    assert.match(
      refused.beside,
      /\[policy-violated\] release aws-ecs x86_64 1\.1\.0: found 0 minutes before wave 2/,
    );
    await run('waves drop aws-* *');
    const answered = '--publish --override wave-bake --reason urgent';
    await run(`waves max-version aws-* * 1.1.0 ${answered}`);
    const lines = readFileSync(join(session.directory, 'os', 'overrides.jsonl'), 'utf8')
      .trim()
      .split('\n');
    assert.equal(lines.length, 3);
    await run('waves pause * * 1.1.0 --everyone --publish');
    session.now += 3_600_000;
    assert.match((await session.type('waves resume * * 1.1.0 --publish')).beside, /\[policy-violated\]/);
    await run(`waves resume * * 1.1.0 ${answered}`);
  });
});
