import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { isSupported } from '../src/runtime.ts';

const repository = dirname(import.meta.dirname);
const modules = join(repository, 'node_modules');
const subpaths = ['client', 'signer', 'server', 'mirror'] as const;
const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
};

interface Outcome {
  readonly status: number | null;
  readonly output: string;
}

function run(
  command: string,
  args: readonly string[],
  folder: string,
  path = process.env.PATH ?? '',
): Outcome {
  // Coverage of what runs in a stranger's project is of no use, and collecting it costs seconds.
  const { NODE_V8_COVERAGE: _, ...environment } = process.env;
  const result = spawnSync(command, args, {
    cwd: folder,
    env: { ...environment, PATH: path },
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (result.error !== undefined) throw result.error;
  return { status: result.status, output: result.stdout + result.stderr };
}

function succeed(command: string, args: readonly string[], folder: string, path?: string): string {
  const { status, output } = run(command, args, folder, path);
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${output}`);
  return output;
}

/** Lays the package and what it declares to need into node_modules, as an installation does, without a network. */
function installInto(project: string, tarball: string): void {
  const installed = join(project, 'node_modules', 'tidegate');
  mkdirSync(installed, { recursive: true });
  succeed('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'], project);
  const needed = [
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.optionalDependencies),
    '@types/node',
  ];
  for (const name of needed.filter((name) => existsSync(join(modules, name))))
    link(project, name, join(modules, name));
  for (const [name, file] of Object.entries(manifest.bin))
    link(project, join('.bin', name), join(installed, file));
}

function link(project: string, name: string, target: string): void {
  const place = join(project, 'node_modules', name);
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(target, place);
}

/** Folders of PATH, each with a `node` of its own that is too old for the commands. */
function foldersWithOldNode(): readonly string[] {
  return (process.env.PATH ?? '').split(delimiter).filter((folder) => {
    if (!existsSync(join(folder, 'node'))) return false;
    return !isSupported(succeed(join(folder, 'node'), ['-p', 'process.versions.node'], repository).trim());
  });
}

const typedConsumer = `
import { RepositoryClient } from 'tidegate/client';
import * as mirror from 'tidegate/mirror';
import * as server from 'tidegate/server';
import * as signer from 'tidegate/signer';

export const parts: readonly object[] = [mirror, server, signer];
const places = { metadata: 'https://updates.example/metadata', targets: 'https://updates.example/targets' };
const client = new RepositoryClient({ ...places, trustedRoot: new Uint8Array(), stateDirectory: '/var/lib/host' });
export const refreshed: Promise<object> = client.refresh();
// @ts-expect-error Nobody makes a client without a trusted root.
export const untrusting = new RepositoryClient({ ...places, stateDirectory: '/var/lib/host' });
`;

describe('the package', function () {
  this.timeout(120_000);
  let folder = '';
  let project = '';
  let tarball = '';

  before(() => {
    for (const name of subpaths) {
      const entry = join('src', name, 'index.ts');
      assert.ok(
        existsSync(join(repository, entry)),
        `${entry} is missing: it lists what tidegate/${name} exports`,
      );
    }
    folder = mkdtempSync(join(tmpdir(), 'tidegate-package-'));
    succeed('npm', ['pack', '--offline', '--pack-destination', folder], repository);
    tarball = join(folder, `tidegate-${manifest.version}.tgz`);
    project = join(folder, 'project');
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{"name":"stranger","type":"module"}');
    installInto(project, tarball);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('holds what a user needs and nothing else', () => {
    const entries = succeed('tar', ['-tzf', tarball], folder).trim().split('\n');
    const top = new Set(entries.map((entry) => entry.split('/')[1] ?? ''));
    const expected = ['CHANGELOG.md', 'LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'SECURITY.md'];
    assert.deepEqual([...top].toSorted(), [
      ...expected,
      'dist',
      'docs',
      'keys',
      'package.json',
      'repo-templates',
    ]);
    const sources = entries.filter((entry) => /\.ts$/.test(entry) && !entry.endsWith('.d.ts'));
    assert.deepEqual(sources, []);
    assert.deepEqual(
      entries.filter((entry) => entry.startsWith('package/keys/')),
      ['package/keys/README.md'],
    );
  });

  it('is imported from JavaScript by its four subpaths and no other', () => {
    const script = `
      const found = {};
      for (const name of ${JSON.stringify(subpaths)}) found[name] = Object.keys(await import('tidegate/' + name)).length;
      for (const name of ['tidegate', 'tidegate/dist/errors.js']) found[name] = await import(name).catch((e) => e.code);
      console.log(JSON.stringify(found));`;
    writeFileSync(join(project, 'consumer.js'), script);
    const found = JSON.parse(succeed(process.execPath, ['consumer.js'], project)) as Record<string, unknown>;
    for (const name of subpaths) assert.ok(Number(found[name]) > 0, `tidegate/${name} exports nothing`);
    assert.equal(found.tidegate, 'ERR_PACKAGE_PATH_NOT_EXPORTED');
    assert.equal(found['tidegate/dist/errors.js'], 'ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  it('is compiled against from strict TypeScript, its declarations included', () => {
    const compilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true },
      ...{ module: 'nodenext', target: 'es2024', types: ['node'] },
    };
    writeFileSync(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
    );
    writeFileSync(join(project, 'consumer.ts'), typedConsumer);
    succeed(process.execPath, [join(modules, 'typescript', 'bin', 'tsc'), '-p', '.'], project);
  });

  it('is clean to publint', async () => {
    const installed = join(project, 'node_modules', 'tidegate');
    const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg ?? {}, { color: false })),
      [],
    );
  });

  it('is clean to are-the-types-wrong', () => {
    const { bin } = JSON.parse(readFileSync(join(modules, '@arethetypeswrong/cli/package.json'), 'utf8')) as {
      readonly bin: { readonly attw: string };
    };
    const command = join(modules, '@arethetypeswrong/cli', bin.attw);
    const options = ['--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii', '--no-color'];
    succeed(process.execPath, [command, tarball, ...options], folder);
  });

  it('has commands that start', () => {
    for (const name of Object.keys(manifest.bin)) {
      const output = succeed(join(project, 'node_modules', '.bin', name), ['--version'], project);
      assert.ok(output.includes(manifest.version), output);
    }
  });

  it('DEP-02: has commands that start under an old Node.js too, by the packaged one', function () {
    const old = foldersWithOldNode()[0];
    if (old === undefined) return this.skip();
    const path = [old, '/usr/bin', '/bin'].join(delimiter);
    const command = join(project, 'node_modules', '.bin', 'tidegate');
    assert.ok(succeed(command, ['--version'], project, path).includes(manifest.version));
    assert.equal(run(command, ['no-such-command'], project, path).status, 64);
  });

  it('DEP-02: refuses to start under an old Node.js without the packaged one, and says what to do', function () {
    const old = foldersWithOldNode()[0];
    if (old === undefined) return this.skip();
    const bare = join(folder, 'bare');
    mkdirSync(bare);
    installInto(bare, tarball);
    for (const name of Object.keys(manifest.optionalDependencies))
      rmSync(join(bare, 'node_modules', name), { force: true });
    const path = [old, '/usr/bin', '/bin'].join(delimiter);
    const { status, output } = run(join(bare, 'node_modules', '.bin', 'tidegate'), ['--version'], bare, path);
    assert.equal(status, 78);
    assert.match(
      output,
      /^error \[node-unsupported\] .*needs Node\.js .*is not installed.*Install a newer Node\.js/m,
    );
    assert.ok(
      !readdirSync(join(bare, 'node_modules')).some((name) => /^node-(bin-)?(linux|darwin)-/.test(name)),
    );
  });
});
