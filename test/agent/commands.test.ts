/** `tidegate-agent` as a host's timer types it: real files, a real repository, real verification. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { runAgentCommand } from '../../src/agent/main.ts';
import type { AgentStatus } from '../../src/agent/status.ts';
import { createTerminal } from '../../src/terminal.ts';
import { fixtureRepository, imageBytes } from '../support/fixture-repository.ts';
import type { RepositorySimulator } from '../support/repository-simulator.ts';
import { powerOn } from '../support/slots.ts';

const config = `
root = "root.json"
metadata_base_url = "repository"
targets_base_url = ["repository/targets"]
state_directory = "state"
slots_directory = "slots"
slot_size = 65536
variant = "demo"
arch = "x86_64"
seed = 5
second_verifier = "on"
`;

interface Result {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Typed {
  readonly isTTY?: boolean;
  readonly option?: readonly string[];
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

describe('tidegate-agent', () => {
  let folder = '';
  let repository: RepositorySimulator;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-agent-'));
    repository = fixtureRepository();
    repository.dump(join(folder, 'repository'));
    writeFileSync(join(folder, 'root.json'), repository.written('root', 1));
    writeFileSync(join(folder, 'agent.toml'), config);
    writeFileSync(join(folder, 'old.img'), imageBytes('old', 5_000));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function type(line: string, typed: Typed = {}): Promise<Result> {
    const argv = line.split(' ');
    const { isTTY = false, option = ['--config', 'agent.toml'], environment = {} } = typed;
    let [stdout, stderr] = ['', ''];
    const stream = (add: (text: string) => void) => ({ isTTY, write: add });
    const status = await runAgentCommand([...argv, ...option], {
      terminal: createTerminal({
        json: argv.includes('--json'),
        stdout: stream((text) => {
          stdout += text;
        }),
        stderr: stream((text) => {
          stderr += text;
        }),
        clock: () => 0,
      }),
      now: () => repository.now,
      signal: new AbortController().signal,
      directory: folder,
      environment,
    });
    return { status, stdout, stderr };
  }

  async function fine(line: string): Promise<string> {
    const { status, stdout, stderr } = await type(line);
    assert.deepEqual([status, stderr], [0, ''], line);
    return stdout;
  }

  const machine = () => ({ directory: join(folder, 'slots') });

  it('leads a host from its first disk to a confirmed update', async () => {
    assert.match(await fine('init --release 1.0.0 --image image=old.img'), /slot a runs demo x86_64 1\.0\.0/);
    assert.match(await fine('check'), /^demo x86_64 1\.2\.0 is to be taken\. Next: prepare\n$/);
    assert.match(await fine('prepare'), /state {6}Staged\n[\s\S]*next {7}activate\n$/);
    assert.deepEqual(
      new Uint8Array(readFileSync(join(folder, 'slots/slot-b/root.img'))),
      imageBytes('root-1.2.0.img', 9000),
    );
    assert.match(await fine('activate'), /next boot {2}slot b\nnext {7}reboot \(or deactivate\)\n$/);
    assert.equal((await powerOn(machine())).slot, 'b');
    assert.match(
      await fine('status'),
      /1\.2\.0 in slot b, not confirmed[\s\S]*next {7}confirm, or revert\n$/,
    );
    assert.match(await fine('confirm'), /1\.2\.0 in slot b, confirmed/);
    assert.match(await fine('check'), /no update: nothing newer/);
    assert.match(await fine('revert'), /given up {3}1\.2\.0: it was reverted/);
    assert.match(await fine('deactivate'), /next boot {2}slot b/);
  });

  it('prints one JSON document with --json, errors too', async () => {
    await fine('init --release 1.0.0 --json');
    const status = JSON.parse(await fine('check --json')) as AgentStatus;
    assert.deepEqual([status.update_state, status.chosen_update?.version], ['Available', '1.2.0']);
    const { status: exit, stdout, stderr } = await type('activate --json');
    const { error } = JSON.parse(stderr) as { error: { code: string; details: unknown } };
    assert.deepEqual([exit, stdout, error.code], [89, '', 'state-not-allowed']);
  });

  it('says why there is no update, and until when', async () => {
    await fine('init --release 1.0.0');
    const day = 86_400_000;
    const waves = { '0': new Date(repository.now + day).toISOString().replace('.000', '') };
    const images = { boot: 'boot-1.2.0.img', root: 'root-1.2.0.img', hash: 'hash-1.2.0.img' };
    const update = { variant: 'demo', arch: 'x86_64', version: '1.2.0', max_version: '1.2.0', waves, images };
    const manifest = JSON.stringify({ updates: [update], migrations: {} });
    repository.addTarget('manifest.json', new TextEncoder().encode(manifest));
    repository.publish();
    repository.dump(join(folder, 'repository'));
    assert.match(await fine('check'), /^no update yet: demo x86_64 1\.2\.0 opens at 20.*, in 1 d/);
    const status = JSON.parse(await fine('status --json')) as AgentStatus;
    assert.equal(status.no_update?.reason, 'wave');
    assert.ok(Date.parse(status.changes_at ?? '') > repository.now);
  });

  it('SLT-16: says that an activation was taken back, since its release is withdrawn', async () => {
    await fine('init --release 1.0.0 --image image=old.img');
    await fine('check');
    await fine('prepare');
    await fine('activate');
    const id = { variant: 'demo', arch: 'x86_64', version: '1.2.0' };
    const withdrawn = [{ ...id, at: '2020-01-01T00:00:00Z', reason: 'does not boot' }];
    const manifest = JSON.stringify({ updates: [], migrations: {}, tidegate: { withdrawn } });
    repository.addTarget('manifest.json', new TextEncoder().encode(manifest));
    repository.publish();
    repository.dump(join(folder, 'repository'));
    assert.match(
      await fine('check'),
      /^the activation of 1\.2\.0 was taken back: it is not offered any more\nno update/,
    );
    assert.doesNotMatch(await fine('check'), /taken back/);
    assert.match(await fine('status'), /state {6}Staged\n[\s\S]*next boot {2}slot a\nnext {7}check\n$/);
    assert.equal((await powerOn(machine())).slot, 'a');
  });

  it('SLT-01: an altered image is refused, told, and the old system boots', async () => {
    await fine('init --release 1.0.0 --image image=old.img');
    await fine('check');
    const [name] = [...repository.targetFiles.keys()].filter((file) => file.includes('root-1.2.0'));
    assert.ok(name !== undefined);
    writeFileSync(join(folder, 'repository/targets', name), imageBytes('altered', 9000));
    const { status, stderr } = await type('prepare');
    assert.equal(status, 84);
    assert.match(stderr, /^error \[hash-mismatch\]/);
    assert.match(await fine('status'), /failure .* prepare: .*\[hash-mismatch\]\nnext {7}prepare/);
    assert.equal((await powerOn(machine())).slot, 'a');
  });

  it('shows progress on a terminal only', async () => {
    await fine('init --release 1.0.0');
    await fine('check');
    const { stderr } = await type('prepare', { isTTY: true });
    assert.match(stderr, /receiving {2}\d+ % {2}[^\n]*\r/);
  });

  const slips: readonly (readonly [string, string, RegExp])[] = [
    ['', 'slot_szie = 4096', /slot_szie: found an unknown entry/],
    ['seed = 5', 'seed = 4096', /seed: found 4096/],
    ['seed = 5', '', /seed: found nothing, expected an integer/],
    ['seed = 5', 'seed = 5\nhost_id = "x"', /found both seed and host_id/],
    ['slot_size = 65536', 'slot_size = "64k"', /slot_size: found "64k", expected an integer/],
    ['variant = "demo"', 'variant = ""', /variant: found "", expected a text/],
    ['targets_base_url = ["repository/targets"]', 'targets_base_url = []', /targets_base_url: .* empty list/],
    ['metadata_base_url = "repository"', 'metadata_base_url = [1]', /metadata_base_url: found 1/],
    ['second_verifier = "on"', 'second_verifier = "no"', /second_verifier: found "no", expected one of auto/],
    ['seed = 5', 'seed = 5\nignore_waves = "yes"', /ignore_waves: found "yes", expected true or false/],
    ['seed = 5', 'seed = 5\nversion_lock = "newest"', /agent\.toml: version_lock: .* found "newest"/],
    [
      'seed = 5',
      'seed = 5\nlabels = ["canary", "Rack 7"]',
      /agent\.toml: labels: found "Rack 7", expected a label/,
    ],
    ['seed = 5', 'seed = 5\nlabels = [1]', /labels: found 1, expected a list of texts/],
    ['seed = 5', `seed = 5\nlabels = [${'"a",'.repeat(65)}]`, /labels: found 65, expected at most 64/],
    ['slot_size = 65536', 'slot_size = 5000', /agent\.toml: slot_size: found 5000, .* multiple of 4096/],
    ['"root.json"', '"missing.json"', /agent\.toml: root: .*missing\.json does not exist/],
    ['["repository/targets"]', '"http://u:secret@h/"', /agent\.toml: targets_base_url: (?!.*secret)/],
    [
      '["repository/targets"]',
      '"ftp://u:secret@h/"',
      /agent\.toml: targets_base_url: found ftp:(?!.*secret)/,
    ],
    ['seed = 5', 'seed = [', /agent\.toml/],
  ];
  for (const [from, to, message] of slips) {
    it(`a slip in the configuration is named: ${to || `no ${from}`}`.replaceAll('\n', '; '), async () => {
      writeFileSync(join(folder, 'agent.toml'), from === '' ? `${config}${to}` : config.replace(from, to));
      const { status, stderr } = await type('status');
      assert.equal(status, 78, stderr);
      assert.match(stderr, message);
    });
  }

  it('takes a host id for the seed', async () => {
    writeFileSync(join(folder, 'agent.toml'), config.replace('seed = 5', 'host_id = "host-17"'));
    await fine('init --release 1.0.0');
    assert.match(await fine('check'), /1\.2\.0 is to be taken/);
  });

  it('names a slip on the command line, with status 64', async () => {
    for (const line of ['chekc', 'init', 'init --release 1.0.0 --slot c', 'init --release 1.0.0 --image x']) {
      const { status, stderr } = await type(line);
      assert.deepEqual([status, /^error \[usage\]/m.test(stderr)], [64, true], `${line}: ${stderr}`);
    }
  });

  it('finds its configuration by the option, else by the environment, else in its usual place', async () => {
    await fine('init --release 1.0.0');
    const environment = { TIDEGATE_AGENT_CONFIG: 'agent.toml' };
    assert.equal((await type('status', { option: [], environment })).status, 0);
    for (const TIDEGATE_AGENT_CONFIG of [undefined, '']) {
      const { status, stderr } = await type('status', { option: [], environment: { TIDEGATE_AGENT_CONFIG } });
      assert.equal(status, 78);
      assert.match(stderr, /\/etc\/tidegate\/agent\.toml does not exist/);
    }
  });

  it('says before `init` that there are no slots, whatever is asked', async () => {
    for (const command of ['check', 'prepare', 'activate', 'confirm', 'revert', 'status', 'boot']) {
      const { status, stderr } = await type(command);
      assert.equal(status, 89, command);
      assert.match(stderr, /slots holds no slots: .* `tidegate-agent init`/, command);
    }
  });

  it('starts as a program', async () => {
    const launcher = join(import.meta.dirname, '../../src/agent/launch.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [launcher, '--help']);
    for (const command of [
      'check',
      'prepare',
      'activate',
      'deactivate',
      'confirm',
      'revert',
      'status',
      'init',
    ])
      assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
  });
});
