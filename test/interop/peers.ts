/**
 * Clients that others wrote, and our own, as one kind of reader: trusts a root, refreshes, and downloads targets.
 *
 * Which of them are here say TIDEGATE_TUFTOOL, TIDEGATE_TUFTOOL_OLD, TIDEGATE_PYTHON_TUF (a Python) and TIDEGATE_GO_TUF
 * (the program of test/interop/go). tuf-js and our own client come with the package.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type TargetFile, Updater } from 'tuf-js';
import { RepositoryClient } from '../../src/client/updater.ts';
import { serve } from '../../src/server/serve.ts';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { startPlainServer } from '../support/plain-server.ts';

const run = promisify(execFile);

export interface Reading {
  readonly metadataUrl: string;
  readonly targetsUrl: string;
  /** The file of the root that the client trusts. */
  readonly root: string;
  readonly names: readonly string[];
  /** An empty folder of the client's own. */
  readonly work: string;
  /** What a host must allow to read such a repository at all; ours alone refuses it by default. */
  readonly inconsistent?: boolean;
}

export interface Read {
  /** The version of the root that the client came to; undefined where it does not say. */
  readonly root: number | undefined;
  readonly contents: readonly string[];
}

export interface Peer {
  readonly name: string;
  readonly read: (reading: Reading) => Promise<Read>;
}

const tuftool =
  (program: string): Peer['read'] =>
  async ({ metadataUrl, targetsUrl, root, names, work }) => {
    const output = join(work, 'output');
    const places = ['--metadata-url', metadataUrl, '--targets-url', targetsUrl, '--root', root];
    const wanted = names.flatMap((name) => ['--target-name', name]);
    await run(program, ['download', ...places, ...wanted, output]);
    return { root: undefined, contents: names.map((name) => readFileSync(join(output, name), 'utf8')) };
  };

/** Programs that take METADATA_URL TARGETS_URL ROOT WORK NAME… and print the version of the root, then contents. */
const script =
  (program: string, ...first: readonly string[]): Peer['read'] =>
  async ({ metadataUrl, targetsUrl, root, names, work }) => {
    const argv = [...first, metadataUrl, targetsUrl, root, work, ...names];
    const { stdout } = await run(program, argv, { maxBuffer: 64 * 1024 * 1024 });
    const [version, ...contents] = stdout.trim().split('\n');
    return { root: Number(version), contents: contents.map((line): string => JSON.parse(line)) };
  };

const tufJs: Peer['read'] = async ({ metadataUrl, targetsUrl, root, names, work }) => {
  writeFileSync(join(work, 'root.json'), readFileSync(root));
  mkdirSync(join(work, 'targets'));
  const updater = new Updater({
    metadataDir: work,
    metadataBaseUrl: metadataUrl,
    targetDir: join(work, 'targets'),
    targetBaseUrl: targetsUrl,
  });
  await updater.refresh();
  const contents: string[] = [];
  for (const name of names) {
    const target: TargetFile | undefined = await updater.getTargetInfo(name);
    if (target === undefined) throw new Error(`tuf-js finds no target ${name}`);
    contents.push(readFileSync(await updater.downloadTarget(target), 'utf8'));
  }
  const trusted = JSON.parse(readFileSync(join(work, 'root.json'), 'utf8'));
  return { root: trusted.signed.version, contents };
};

const tidegate: Peer['read'] = async ({ metadataUrl, targetsUrl, root, names, work, inconsistent }) => {
  const client = new RepositoryClient({
    trustedRoot: readFileSync(root),
    metadata: metadataUrl,
    targets: targetsUrl,
    stateDirectory: join(work, 'state'),
    ...(inconsistent === true && { requireConsistentSnapshot: false }),
  });
  const { versions } = await client.refresh();
  const contents: string[] = [];
  for (const [place, name] of names.entries()) {
    const file = join(work, `target-${place}`);
    await client.download(name, file);
    contents.push(readFileSync(file, 'utf8'));
  }
  return { root: versions.root, contents };
};

const { TIDEGATE_TUFTOOL, TIDEGATE_TUFTOOL_OLD, TIDEGATE_PYTHON_TUF, TIDEGATE_GO_TUF } = process.env;

/** Every client that is here. */
export const peers: readonly Peer[] = [
  { name: 'Tidegate', read: tidegate },
  { name: 'tuf-js', read: tufJs },
  ...(TIDEGATE_PYTHON_TUF === undefined
    ? []
    : [
        {
          name: 'python-tuf',
          read: script(TIDEGATE_PYTHON_TUF, join(import.meta.dirname, 'read-with-python-tuf.py')),
        },
      ]),
  ...(TIDEGATE_GO_TUF === undefined ? [] : [{ name: 'go-tuf', read: script(TIDEGATE_GO_TUF) }]),
  ...(TIDEGATE_TUFTOOL === undefined ? [] : [{ name: 'tuftool', read: tuftool(TIDEGATE_TUFTOOL) }]),
  ...(TIDEGATE_TUFTOOL_OLD === undefined
    ? []
    : [{ name: 'tuftool-old', read: tuftool(TIDEGATE_TUFTOOL_OLD) }]),
];

/** Only the script that brings the peers along asks for these tests. */
export const wanted = process.env.TIDEGATE_INTEROP !== undefined;

/** A published folder as its hosts reach it. */
export interface Repository {
  readonly folder: string;
  /** Names of the two folders in it. */
  readonly metadata: string;
  readonly targetsFolder: string;
  readonly inconsistent?: boolean;
}

/** Serves a folder with our server, and lets one peer read it with a fresh folder of its own. */
export async function readBy(
  { read }: Peer,
  { folder, metadata, targetsFolder, inconsistent }: Repository,
  root: string,
  names: readonly string[],
): Promise<Read> {
  const work = mkdtempSync(join(tmpdir(), 'tidegate-peer-'));
  const store = new DirectoryStore(folder);
  // Our server hands out no file that is overwritten in place but the timestamp.
  const server =
    inconsistent === true
      ? await startPlainServer(store)
      : await serve({ store, host: '127.0.0.1', port: 0 });
  const origin = 'origin' in server ? server.origin : server.url;
  const places = { metadataUrl: `${origin}/${metadata}`, targetsUrl: `${origin}/${targetsFolder}` };
  try {
    return await read({ ...places, root, names, work, ...(inconsistent === true && { inconsistent }) });
  } finally {
    await server.close();
    rmSync(work, { recursive: true, force: true });
  }
}
