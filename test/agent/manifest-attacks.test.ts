/** Signed lists of releases that a host must not follow, on real files: what runs, and what lies in the slots, stays. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAgentCommand } from '../../src/agent/main.ts';
import type { AgentStatus } from '../../src/agent/status.ts';
import { createTerminal } from '../../src/terminal.ts';
import { fixtureImages, fixtureRepository } from '../support/fixture-repository.ts';
import type { RepositorySimulator } from '../support/repository-simulator.ts';
import { powerOn } from '../support/slots.ts';

const config = `
root = "root.json"
metadata_base_url = "repository"
targets_base_url = "repository/targets"
state_directory = "state"
slots_directory = "slots"
slot_size = 65536
variant = "demo"
arch = "x86_64"
seed = 5
second_verifier = "off"
`;
const listed = { variant: 'demo', arch: 'x86_64', version: '1.2.0', max_version: '1.2.0', waves: {} };

describe('tidegate-agent and a list of releases that is signed and wrong', () => {
  let folder = '';
  let repository: RepositorySimulator;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-agent-'));
    repository = fixtureRepository();
    repository.dump(join(folder, 'repository'));
    writeFileSync(join(folder, 'root.json'), repository.written('root', 1));
    writeFileSync(join(folder, 'agent.toml'), config);
    await fine('init --release 1.0.0');
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function type(line: string): Promise<{ status: number; out: string; beside: string }> {
    const argv = line.split(' ');
    const [out, beside]: [string[], string[]] = [[], []];
    const status = await runAgentCommand([...argv, '--config', 'agent.toml'], {
      terminal: createTerminal({
        json: argv.includes('--json'),
        stdout: { write: (text) => out.push(text) },
        stderr: { write: (text) => beside.push(text) },
        clock: () => 0,
      }),
      now: () => repository.now,
      signal: new AbortController().signal,
      directory: folder,
      environment: {},
    });
    return { status, out: out.join(''), beside: beside.join('') };
  }

  async function fine(line: string): Promise<string> {
    const { status, out, beside } = await type(line);
    assert.deepEqual([status, beside], [0, ''], line);
    return out;
  }

  const status = async (): Promise<AgentStatus> => JSON.parse(await fine('status --json')) as AgentStatus;

  /** Everything in the slots, their flags too. */
  function slots(): string {
    const hash = createHash('sha256');
    const names = readdirSync(join(folder, 'slots'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    for (const name of names.sort()) hash.update(name).update(readFileSync(name));
    return hash.digest('hex');
  }

  function publishList(document: unknown): void {
    repository.addTarget('manifest.json', new TextEncoder().encode(JSON.stringify(document)));
    repository.publish();
    repository.dump(join(folder, 'repository'));
  }

  /** A host that has 1.2.0 staged. */
  async function stage(): Promise<void> {
    await fine('check');
    await fine('prepare');
    assert.equal((await status()).update_state, 'Staged');
  }

  it('MAN-02: images that are no targets, or of another folder, are refused at the check; the slots stay', async () => {
    await stage();
    const before = slots();
    for (const root of [
      'gone.img',
      'other/root-1.2.0.img',
      '../root-1.2.0.img',
      '/root-1.2.0.img',
      'root-1.2.0.IMG',
    ]) {
      const images = { ...fixtureImages, root };
      publishList({
        updates: [{ ...listed, version: '1.3.0', max_version: '1.3.0', images }],
        migrations: {},
      });
      const { status: exit, beside } = await type('check');
      assert.notEqual(exit, 0, root);
      assert.match(beside, /\[(manifest-image-missing|manifest-invalid|target-path-invalid)\]/, root);
      assert.equal((await status()).last_failure?.command, 'refresh');
    }
    assert.equal(slots(), before);
    assert.equal((await powerOn({ directory: join(folder, 'slots') })).slot, 'a');
  });

  it('MAN-02: an image that went after the check is refused before the slot is cleared', async () => {
    await stage();
    const before = slots();
    await fine('check');
    const { targets } = repository.targets as unknown as { targets: Record<string, unknown> };
    delete targets[fixtureImages.hash];
    repository.publish();
    repository.dump(join(folder, 'repository'));
    const { status: exit, beside } = await type('prepare');
    assert.notEqual(exit, 0);
    assert.match(beside, /hash-1\.2\.0\.img/);
    assert.equal(slots(), before);
    assert.equal((await status()).staging_partition?.image.version, '1.2.0');
  });

  it('MAN-01: a list that is malformed or too large is told by its member, and nothing is chosen', async () => {
    await fine('check');
    assert.equal((await status()).chosen_update?.version, '1.2.0');
    const images = fixtureImages;
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [{ updates: {}, migrations: {} }, /\[manifest-invalid\] manifest\.json: updates: /],
      [{ updates: [{ ...listed, images, version: 2 }], migrations: {} }, /updates\[0\]\.version/],
      [{ updates: [{ ...listed, images, waves: { 0: 'soon' } }], migrations: {} }, /updates\[0\]\.waves/],
      [{ updates: [{ ...listed, images, tidegate: { paused: 1 } }], migrations: {} }, /tidegate\.paused/],
      [{ updates: [], migrations: {}, tidegate: { withdrawn: 'x' } }, /tidegate\.withdrawn/],
      [{ updates: [], migrations: {}, padding: 'x'.repeat(17 * 1024 * 1024) }, /\[length-limit\]/],
    ];
    for (const [document, message] of wrong) {
      publishList(document);
      const { status: exit, beside } = await type('check');
      assert.notEqual(exit, 0);
      assert.match(beside, message);
      assert.equal((await status()).chosen_update, null);
      assert.equal((await type('prepare')).status, 89, 'nothing is chosen');
    }
  });

  it('MAN-05: above the highest version it is shown as going down, and a lower one is taken', async () => {
    rmSync(join(folder, 'slots'), { recursive: true });
    await fine('init --release 1.5.0');
    assert.match(await fine('check'), /^demo x86_64 1\.2\.0 is to be taken, a lower version\. Next: prepare/);
    await stage();
  });

  it('MAN-06: a list for others alone, whatever the case of their names, and two that match', async () => {
    const images = fixtureImages;
    const others = [{ variant: 'Demo' }, { arch: 'X86_64' }, { arch: 'aarch64' }].map((other) => ({
      ...listed,
      images,
      ...other,
    }));
    publishList({ updates: others, migrations: {} });
    assert.match(await fine('check'), /nothing is listed for this variant and architecture/);
    const own = { ...listed, images };
    publishList({ updates: [...others, own, { ...own, version: '1.2.0+b' }], migrations: {} });
    assert.match((await type('check')).beside, /\[manifest-invalid\].*updates\[4\]/);
  });

  for (const lock of ['v1.2', '1.2.3.4', '', 'Latest'])
    it(`MAN-07: a host does not start with the version lock ${JSON.stringify(lock)}`, async () => {
      writeFileSync(join(folder, 'agent.toml'), `${config}version_lock = "${lock}"\n`);
      const { status: exit, beside } = await type('check');
      assert.equal(exit, 78);
      assert.match(beside, /\[config-invalid\].*version_lock/);
    });
});
