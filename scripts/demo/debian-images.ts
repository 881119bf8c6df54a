/**
 * Two Debian root file systems: packages from the mirror that this machine is configured for, in an erofs or ext4 file
 * system, followed by the hash tree of dm-verity. The second has more packages. Times, UUID and salt are fixed as far as
 * the tools can; the rest is up to the state of the mirror.
 */
import { spawn } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { TidegateError } from '../../src/errors.ts';

interface Tool {
  readonly command: string;
  /** The Debian package that holds it. */
  readonly package: string;
}

const requiredTools: readonly Tool[] = [
  { command: 'mmdebstrap', package: 'mmdebstrap' },
  { command: 'veritysetup', package: 'cryptsetup-bin' },
];
const erofs: Tool = { command: 'mkfs.erofs', package: 'erofs-utils' };
const ext4: Tool = { command: 'mkfs.ext4', package: 'e2fsprogs' };

const epoch = '1700000000';
const identifier = '7b2b6b4c-3f1f-4b8e-9a53-0d8f6a1d2c10';
const salt = '00'.repeat(32);
const verityBlock = 4096;

const osRelease = '/etc/os-release';
const aptSources = ['/etc/apt/sources.list', '/etc/apt/sources.list.d/debian.sources'] as const;

/** What the two systems hold beyond Debian's essential packages. */
const systems = [
  { file: 'debian-1.0.0.img', packages: ['apt'], description: 'Debian, essential packages' },
  {
    file: 'debian-1.1.0.img',
    packages: ['apt', 'ca-certificates', 'curl'],
    description: 'the same, with curl and certificates',
  },
] as const;

export interface DebianRequest {
  readonly folder: string;
  readonly signal: AbortSignal;
  note(line: string): void;
}

export async function buildDebianImages(
  request: DebianRequest,
): Promise<readonly { readonly path: string; readonly description: string }[]> {
  const makeFileSystem = checkTools();
  const images: { readonly path: string; readonly description: string }[] = [];
  for (const { file, packages, description } of systems) {
    request.note(`building ${file}: ${packages.join(', ')} (some minutes; packages come from your mirror)`);
    const path = join(request.folder, file);
    const root = mkdtempSync(join(tmpdir(), 'tidegate-demo-root-'));
    try {
      await installSystem(root, packages, request.signal);
      await makeFileSystem(root, path, request.signal);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
    const rootHash = await addHashTree(path, request.signal);
    writeFileSync(`${path}.roothash`, `${rootHash}\n`);
    images.push({ path, description: `${description}; dm-verity ${rootHash.slice(0, 16)}…` });
  }
  return images;
}

type MakeFileSystem = (root: string, image: string, signal: AbortSignal) => Promise<void>;

/** @throws store-unsupported with everything that is missing at once */
function checkTools(): MakeFileSystem {
  const missing = requiredTools.filter((tool) => !isInstalled(tool.command));
  const hasErofs = isInstalled(erofs.command);
  if (!hasErofs && !isInstalled(ext4.command)) missing.push(erofs);
  if (missing.length > 0) {
    const commands = missing.map((tool) => tool.command).join(', ');
    const packages = missing.map((tool) => tool.package).join(' ');
    throw new TidegateError(
      'config-invalid',
      `--images debian: found no ${commands}; expected ${missing.length === 1 ? 'it' : 'them'} on PATH. ` +
        `Install with: apt-get install ${packages}`,
      { missing: missing.map((tool) => tool.command) },
    );
  }
  if (process.getuid?.() !== 0) {
    throw new TidegateError(
      'config-invalid',
      '--images debian: found an ordinary user, expected root: the files of a root file system belong to many owners',
    );
  }
  return hasErofs ? makeErofs : makeExt4;
}

function isInstalled(command: string): boolean {
  return searchPath().some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The folders of system tools are often missing from PATH. */
function searchPath(): readonly string[] {
  return [
    ...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
    '/usr/sbin',
    '/sbin',
  ];
}

/** Without documents and translations, which a host's root file system has no use for. */
async function installSystem(root: string, packages: readonly string[], signal: AbortSignal): Promise<void> {
  const leftOut = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/usr/share/info/*'];
  await run(
    'mmdebstrap',
    [
      ...['--quiet', '--mode=root', '--variant=essential', '--format=directory'],
      ...leftOut.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
      `--include=${packages.join(',')}`,
      ...mirrorOf(root),
    ],
    signal,
  );
}

/** Suite, folder and mirrors: on a Debian machine its own, so that the demo asks nobody whom the machine does not. */
function mirrorOf(root: string): readonly string[] {
  const system = existsSync(osRelease) ? readFileSync(osRelease, 'utf8') : '';
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(system)?.[1];
  const sources = aptSources.filter((path) => existsSync(path) && statSync(path).size > 0);
  if (!/^ID=debian$/m.test(system) || suite === undefined || sources.length === 0) return ['stable', root];
  return [suite, root, ...sources];
}

async function makeErofs(root: string, image: string, signal: AbortSignal): Promise<void> {
  await run(erofs.command, ['-zlz4hc', `-T${epoch}`, `-U${identifier}`, image, root], signal);
}

async function makeExt4(root: string, image: string, signal: AbortSignal): Promise<void> {
  const { length } = await folderSize(root, signal);
  writeFileSync(image, '', { flag: 'wx' });
  truncateSync(image, Math.ceil((length * 1.3) / verityBlock) * verityBlock);
  const fixed = [
    '-b',
    String(verityBlock),
    '-U',
    identifier,
    '-E',
    `hash_seed=${identifier},lazy_itable_init=0`,
    '-O',
    '^has_journal',
  ];
  await run(ext4.command, ['-q', '-F', '-d', root, ...fixed, image], signal);
}

async function folderSize(root: string, signal: AbortSignal): Promise<{ readonly length: number }> {
  const text = await run('du', ['-s', '-B1', root], signal);
  return { length: Number.parseInt(text, 10) };
}

/** Appends the tree behind the file system and returns its root hash. */
async function addHashTree(image: string, signal: AbortSignal): Promise<string> {
  const length = Math.ceil(statSync(image).size / verityBlock) * verityBlock;
  truncateSync(image, length);
  const place = [`--hash-offset=${length}`, `--data-blocks=${length / verityBlock}`];
  const text = await run(
    'veritysetup',
    ['format', image, image, ...place, `--salt=${salt}`, `--uuid=${identifier}`],
    signal,
  );
  const rootHash = /^Root hash:\s*([0-9a-f]+)/m.exec(text)?.[1];
  if (rootHash === undefined) throw new Error(`veritysetup named no root hash:\n${text}`);
  await run('veritysetup', ['verify', image, image, rootHash, ...place], signal);
  return rootHash;
}

/** Runs a tool and returns what it printed; its own words are the error when it fails. */
async function run(command: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const environment = { ...process.env, PATH: searchPath().join(delimiter), SOURCE_DATE_EPOCH: epoch };
  const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'pipe'], signal });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status === 0) return output;
  throw new TidegateError(
    'config-invalid',
    `--images debian: ${command} ended with ${status}: ${errors.trim().split('\n').slice(-6).join('; ')}`,
    { command, status },
  );
}
