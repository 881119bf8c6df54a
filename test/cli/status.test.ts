import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordOverrides } from '../../src/signer/workspace/overrides.ts';
import { weaknessText } from '../../src/signer/workspace/role-strength.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';

interface StatusJson {
  readonly at: string;
  readonly repositories: readonly {
    readonly roles: readonly { readonly role: string; readonly state: string }[];
  }[];
  readonly requests: readonly {
    readonly path: string;
    readonly complete: boolean;
    readonly sides: readonly { readonly by: string; readonly have: number; readonly need: number }[];
  }[];
  readonly overrides: readonly { readonly name: string; readonly reason: string; readonly time: string }[];
  readonly next: readonly string[];
}

describe('tidegate status', () => {
  let session: CommandLine;

  beforeEach(async () => {
    session = commandLine();
    session.environment.TIDEGATE_WORKSPACE = 'acme';
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'an image');
    for (const line of ['init acme --insecure-development-keys', 'release add disk-1.0.0.img', 'publish']) {
      assert.equal((await session.type(line)).status, 0, line);
    }
  });

  afterEach(() => session.end());

  const asked = async (more = ''): Promise<StatusJson> =>
    (await session.type(`status --json${more}`)).json() as StatusJson;

  it('counts the signatures of a new root against the old threshold and the new one', async () => {
    const request = 'requests/root-2.request.json';
    const sidesOf = async () =>
      (await asked()).requests.map(({ sides }) =>
        sides.map(({ by, have, need }) => `${have} of ${need} by ${by}`),
      );
    assert.equal((await session.type('root propose')).status, 0);
    assert.deepEqual(await sidesOf(), [["0 of 2 by root 1's keys", "0 of 2 by root 2's keys"]]);
    const sign = async (name: string): Promise<void> => {
      const argv = ['sign', `acme/${request}`, '--key', `file:acme/keys/${name}.key.json`, '--yes'];
      argv.push('--root', 'acme/roots/1.root.json');
      const { status, beside } = await session.type(argv);
      assert.equal(status, 0, beside);
    };
    await sign('root-3');
    assert.deepEqual(await sidesOf(), [["1 of 2 by root 1's keys", "1 of 2 by root 2's keys"]]);
    const waiting = await session.type('status');
    assert.match(waiting.out, /1 of 2 {2}by root 1's keys {2}signed: root-3; missing: root-1, root-2\n/);
    assert.match(waiting.out, /\nnext: tidegate sign requests\/root-2\.request\.json\n$/);
    assert.ok(waiting.out.split('\n').every((line) => line.length <= 80));
    await sign('root-1');
    const { requests, next } = await asked();
    assert.deepEqual([requests[0]?.complete, next], [true, ['tidegate publish']]);
    const published = await session.type('publish');
    assert.equal(published.status, 0, published.beside);
    const after = await asked();
    assert.deepEqual([after.requests, after.next], [[], []]);
    assert.match((await session.type('status')).out, /^ {2}root +2 /m);
  });

  it('asks about a time to come: what is due then, and who has to do it', async () => {
    const later = await session.type('status --at +310d');
    assert.equal(later.status, 82);
    assert.match(later.out, /^at 2030-11-07T00:00:00Z, if nothing is done until then:\n/);
    const { at, repositories, next } = await asked(' --at 2030-11-07');
    assert.equal(at, '2030-11-07T00:00:00Z');
    assert.deepEqual(
      repositories[0]?.roles.map(({ role, state }) => [role, state]),
      [
        ['root', 'due'],
        ['timestamp', 'expired'],
        ['snapshot', 'expired'],
        ['targets', 'expired'],
      ],
    );
    assert.deepEqual(next, ['tidegate refresh', 'tidegate root propose']);
    assert.equal((await session.type('status --at soon')).status, 64);
  });

  it('mentions what is weaker than the policies, who accepted it and why, for as long as it is so', async () => {
    const workspace = join(session.directory, 'acme');
    const toml = join(workspace, 'tidegate.toml');
    const strong = readFileSync(toml, 'utf8');
    writeFileSync(toml, strong.replace('threshold = 2', 'threshold = 1'));
    assert.match((await session.type('status')).beside, /threshold/);
    const what = weaknessText({
      name: 'root-threshold',
      place: '[roles.root] threshold',
      found: '1',
      expected: '',
    });
    const line = { name: 'root-threshold', what, who: 'alice', time: session.now, reason: 'one "person"' };
    await recordOverrides(nodeFileSystem, workspace, [line]);
    const weak = await session.type('status');
    assert.match(
      weak.out,
      /^accepted root-threshold: .*1.* \(alice, 2030-01-01: one "person"\)$/m,
      weak.beside,
    );
    const { overrides } = await asked();
    assert.deepEqual(
      overrides.map(({ name, reason, time }) => [name, reason, time]),
      [['root-threshold', 'one "person"', '2030-01-01T00:00:00Z']],
    );
    writeFileSync(toml, strong);
    assert.doesNotMatch((await session.type('status')).out, /accepted/);
  });

  it('ends with 0, with 1 when something is due, and with the status of what is wrong', async () => {
    const statusOf = async (line: string): Promise<number> =>
      (await session.type(`status ${line}`.trim())).status;
    assert.equal(await statusOf(''), 0);
    assert.equal(await statusOf('--at +12h'), 1);
    assert.equal(await statusOf('--at +7d'), 82);
    assert.equal(await statusOf('-w elsewhere'), 78);
  });
});
