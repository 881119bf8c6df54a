/**
 * Repositories made by tuftool and python-tuf on the spot, adopted, changed and read again by the tools that made them,
 * from every root that they ever trusted. Run by .ci/interop-parts/adopt, which says where the tools are; a plain run of
 * the tests passes over it.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { type Fixture, putPrivateKey, readWithTufJs } from '../support/adoption.ts';
import { type CommandLine, commandLine } from '../support/command-line.ts';
import { startPlainServer } from '../support/plain-server.ts';

const run = promisify(execFile);
const { TIDEGATE_TUFTOOL, TIDEGATE_TUFTOOL_OLD, TIDEGATE_PYTHON_TUF } = process.env;
const makers = join(import.meta.dirname, '..', 'fixtures', 'adopt');

interface Reading {
  /** The folder that is published. */
  readonly store: string;
  /** Its folder of metadata. */
  readonly metadata: string;
  /** The file of the root that the client trusts. */
  readonly root: string;
  readonly names: readonly string[];
}

interface Read {
  readonly root: number | undefined;
  readonly contents: readonly string[];
}

type Reader = (reading: Reading) => Promise<Read>;

const tuftool =
  (program: string): Reader =>
  async ({ store, metadata, root, names }) => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-tuftool-'));
    const output = join(folder, 'output');
    const urls = [
      '-m',
      `file://${join(store, metadata)}`,
      '-t',
      `file://${join(store, 'targets')}`,
      '-r',
      root,
    ];
    try {
      await run(program, ['download', ...urls, ...names.flatMap((name) => ['-n', name]), output]);
      return { root: undefined, contents: names.map((name) => readFileSync(join(output, name), 'utf8')) };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

const pythonTuf: Reader = async ({ store, metadata, root, names }) => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-python-tuf-'));
  const server = await startPlainServer(new DirectoryStore(store));
  const script = join(import.meta.dirname, 'read-with-python-tuf.py');
  const urls = [`${server.origin}/${metadata}`, `${server.origin}/targets`];
  try {
    const { stdout } = await run(TIDEGATE_PYTHON_TUF ?? 'python3', [script, ...urls, root, folder, ...names]);
    const [version, ...contents] = stdout.trim().split('\n');
    return { root: Number(version), contents: contents.map((line): string => JSON.parse(line)) };
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
};

const tufJs: Reader = async ({ store, metadata, root, names }) =>
  await readWithTufJs(store, { root: readFileSync(root), metadata, names });

const image = 'image of 1.1.0\n';

describe('interop: adopt', function () {
  this.timeout(120_000);
  let theirs: string;
  let session: CommandLine;
  const readers = new Map<string, Reader>([['tuf-js', tufJs]]);

  before(async function () {
    if (TIDEGATE_TUFTOOL === undefined || TIDEGATE_PYTHON_TUF === undefined) return this.skip();
    readers.set('tuftool', tuftool(TIDEGATE_TUFTOOL));
    readers.set('python-tuf', pythonTuf);
    if (TIDEGATE_TUFTOOL_OLD !== undefined) readers.set('tuftool-old', tuftool(TIDEGATE_TUFTOOL_OLD));
    theirs = mkdtempSync(join(tmpdir(), 'tidegate-theirs-'));
    const environment = { ...process.env, TUFTOOL: TIDEGATE_TUFTOOL };
    await run(join(makers, 'make-tuftool.sh'), [theirs], { env: environment });
    await run(TIDEGATE_PYTHON_TUF, [join(makers, 'make-python-tuf.py'), theirs]);
  });
  after(() => {
    if (theirs !== undefined) rmSync(theirs, { recursive: true, force: true });
  });
  beforeEach(() => {
    session = commandLine(Date.now());
  });
  afterEach(() => session.end());

  async function type(line: string): Promise<void> {
    const { status, beside } = await session.type(line);
    assert.equal(status, 0, `tidegate ${line}: ${beside}`);
  }

  interface Scene {
    readonly store: string;
    readonly metadata: string;
    /** Roots of the old repository, the oldest first. */
    readonly roots: readonly string[];
    readonly names: readonly string[];
    readonly contents: readonly string[];
  }

  /** Copies what a tool made, adopts it, and puts the keys of the online roles in place. */
  async function adopted(
    fixture: Fixture,
    keys: readonly string[],
    options = '--store public',
  ): Promise<Scene> {
    const source = join(session.directory, 'theirs');
    cpSync(join(theirs, fixture), source, { recursive: true });
    const metadata = fixture === 'pubsys' ? 'aws-dev/x86_64' : 'metadata';
    const versions = readdirSync(join(source, metadata))
      .filter((name) => name.endsWith('.root.json'))
      .sort();
    const roots = versions.map((name) => join(session.directory, name));
    for (const name of versions) cpSync(join(source, metadata, name), join(session.directory, name));
    await type(`adopt theirs w --name example/${fixture} --root 1.root.json ${options}`);
    for (const key of keys) {
      const [name = '', seed = name, kind = 'ed25519'] = key.split(':');
      putPrivateKey(join(session.directory, 'w'), name, seed, kind === 'p256' ? 'p256' : 'ed25519');
    }
    const store = options.includes('public') ? join(session.directory, 'w', 'public') : source;
    return { store, metadata, roots, names: [], contents: [] };
  }

  async function addRelease(): Promise<void> {
    writeFileSync(join(session.directory, 'os-1.1.0.img'), image);
    await type('release add -w w os-1.1.0.img --version 1.1.0');
    await type('publish -w w');
  }

  async function assertRead(
    scene: Scene,
    names: readonly string[],
    contents: readonly string[],
    by: readonly string[],
  ) {
    for (const root of scene.roots) {
      for (const client of by) {
        const reader = readers.get(client);
        if (reader === undefined) continue;
        const read = await reader({ ...scene, root, names });
        assert.deepEqual(read.contents, contents, `${client} from ${root}`);
      }
    }
  }

  const all = ['tuftool', 'tuftool-old', 'python-tuf', 'tuf-js'];
  const online = ['targets', 'snapshot', 'timestamp'];

  it('of tuftool: copied, published, changed, and read by every tool from both roots', async () => {
    const scene = await adopted('tuftool', online);
    await type('publish -w w');
    await assertRead(scene, ['os-1.0.0.img', 'readme.txt'], ['image of 1.0.0\n', 'read me first\n'], all);
    await addRelease();
    await assertRead(scene, ['os-1.0.0.img', 'os-1.1.0.img'], ['image of 1.0.0\n', image], all);
  });

  it('of tuftool: in place', async () => {
    const scene = await adopted('tuftool', online, '--store ../theirs');
    await addRelease();
    await assertRead(scene, ['readme.txt', 'os-1.1.0.img'], ['read me first\n', image], all);
  });

  it('of tuftool: with a new root that names the repository', async () => {
    const scene = await adopted('tuftool', [...online, 'root-1', 'root-2']);
    await type('publish -w w');
    await nextRoot('root-3.request.json');
    await addRelease();
    await assertRead(scene, ['os-1.0.0.img', 'os-1.1.0.img'], ['image of 1.0.0\n', image], all);
    const { root } = await tufJs({ ...scene, root: scene.roots[0] ?? '', names: [] });
    assert.equal(root, 3);
  });

  it('of python-tuf: with delegations, read from each of three roots', async () => {
    const scene = await adopted('chain', online);
    await addRelease();
    const names = ['os-1.0.0.img', 'docs/readme.txt', 'app-one.img', 'app-inner-1.img', 'os-1.1.0.img'];
    const contents = ['image of 1.0.0\n', 'read me first\n', 'app one\n', 'inner app\n', image];
    await assertRead(scene, names, contents, ['python-tuf', 'tuf-js']);
    await assertRead(
      scene,
      ['os-1.0.0.img', 'docs/readme.txt', 'os-1.1.0.img'],
      [contents[0] ?? '', contents[1] ?? '', image],
      all,
    );
  });

  it('of python-tuf: a new root, for which every delegated role is signed anew', async () => {
    const delegated = ['apps', 'apps-inner', 'bin-low:bins'];
    const scene = await adopted('chain', [
      ...online,
      ...delegated,
      'root-1:root-2',
      'root-2:root-3',
      'root-3:root-4',
    ]);
    await nextRoot('root-4.request.json');
    await addRelease();
    const { root } = await tufJs({ ...scene, root: scene.roots[0] ?? '', names: [] });
    assert.equal(root, 4);
    const names = ['os-1.0.0.img', 'app-one.img', 'app-inner-1.img', 'os-1.1.0.img'];
    await assertRead(
      scene,
      names,
      ['image of 1.0.0\n', 'app one\n', 'inner app\n', image],
      ['python-tuf', 'tuf-js'],
    );
    await assertRead(scene, ['os-1.0.0.img', 'os-1.1.0.img'], ['image of 1.0.0\n', image], all);
  });

  it('of pubsys: one key for all, versions that are Unix times, nanoseconds; read by every tool', async () => {
    const scene = await adopted('pubsys', ['root:pubsys'], '--store public --variant aws-dev/x86_64');
    const names = ['boot', 'root', 'root-verity'].map(
      (kind) => `bottlerocket-aws-dev-x86_64-1.0.0-00000001-${kind}.ext4.lz4`,
    );
    const contents = ['bottlerocket boot\n', 'bottlerocket root\n', 'bottlerocket root-verity\n'];
    await type('publish -w w');
    await assertRead(scene, names, contents, all);
    const images = ['boot', 'root', 'hash'].map((kind) => {
      writeFileSync(join(session.directory, `${kind}.lz4`), `${kind} of 1.1.0\n`);
      return `${kind}=${kind}.lz4`;
    });
    await type(`release add -w w ${images.join(' ')} --version 1.1.0 --naming standard`);
    await type('publish -w w');
    await assertRead(scene, names, contents, all);
  });

  it('of python-tuf: without consistent snapshots, and with labels as key ids; a new root ends both', async () => {
    const scene = await adopted('plain', ['root:root-1', 'targets', 'snapshot']);
    await nextRoot('root-2.request.json');
    await addRelease();
    const names = ['os-1.0.0.img', 'os-1.1.0.img'];
    await assertRead(scene, names, ['image of 1.0.0\n', image], ['python-tuf', 'tuf-js']);
    // Root 2 carries a signature under the label, which tough cannot read; the root after it does not.
    await nextRoot('root-3.request.json');
    await assertRead(scene, names, ['image of 1.0.0\n', image], ['python-tuf', 'tuf-js']);
    const present = { ...scene, roots: [join(scene.store, 'metadata', '3.root.json')] };
    await assertRead(present, names, ['image of 1.0.0\n', image], all);
  });

  it('in the style of tuf-on-ci: two people sign targets, and a new root', async () => {
    const people = ['alice:alice:p256', 'bob:bob:p256'];
    const scene = await adopted('tuf-on-ci', [...people, 'online:online:p256']);
    await addRelease();
    const names = ['os-1.0.0.img', 'os-1.1.0.img'];
    const newer = ['tuftool', 'python-tuf', 'tuf-js'];
    await assertRead(scene, names, ['image of 1.0.0\n', image], newer);
    await nextRoot('root-2.request.json', ['alice', 'bob']);
    await assertRead(scene, names, ['image of 1.0.0\n', image], newer);
  });

  it('in the style of RSTUF: targets in succinct hash bins stay', async () => {
    const scene = await adopted('rstuf', ['online:rstuf-online']);
    await addRelease();
    await assertRead(scene, ['os-1.0.0.img'], ['image os-1.0.0.img\n'], ['python-tuf', 'tuf-js']);
  });

  /** Proposes the next root, signs it with the root keys of the workspace, and publishes it. */
  async function nextRoot(request: string, signers?: readonly string[]): Promise<void> {
    await type('root propose -w w');
    const path = join(session.directory, 'w', 'requests', request);
    assert.ok(existsSync(path), `${request} is not there`);
    const files = readdirSync(join(session.directory, 'w', 'keys'));
    const roots = files.flatMap((name) => /^(root(?:-\d)?)\.key\.json$/.exec(name)?.[1] ?? []);
    const flags = (signers ?? roots).map((name) => `--key w/keys/${name}.key.json`).join(' ');
    const { sha256 } = JSON.parse(readFileSync(path, 'utf8'));
    await type(`sign ${path} ${flags} --digest ${sha256}`);
    await type('publish -w w');
  }
});
