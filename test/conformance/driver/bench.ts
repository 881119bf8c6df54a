/**
 * Where one case takes place: a simulated repository behind a loopback address with a log of requests, a client
 * with a metadata folder and a target folder of its own, and the means to look at all of them.
 */
import { equal, ok } from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RepositorySimulator } from '../../support/repository-simulator.ts';
import { encodedRole, START } from '../../support/simulated-documents.ts';
import type { ConformanceCase } from './case.ts';
import type { Client } from './client.ts';
import type { Answer, Mounts } from './mounts.ts';

/** `either`: the case is about what remains, not about the status. */
export type Expected = 'success' | 'failure' | 'either';

export const DAY = 86_400_000;

/** The moment so many days after the start of every story. */
export function day(count: number): number {
  return START + count * DAY;
}

/** Memory where there is such a folder: what a client syncs to disk is not looked at here, and would take most of the time. */
const scratch = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

export class Bench {
  readonly repository: RepositorySimulator;
  /** Everything of this case lies below. */
  readonly directory: string;
  readonly metadataDirectory: string;
  readonly targetDirectory: string;
  /** Paths as they were asked for, still encoded: `metadata/timestamp.json`, `targets/HASH.name`. */
  readonly requests: string[] = [];
  readonly #client: Client;
  readonly #url: string;

  constructor(client: Client, mounts: Mounts, { repository }: Pick<ConformanceCase, 'repository'>) {
    this.repository = new RepositorySimulator(repository);
    this.directory = mkdtempSync(join(scratch, 'tidegate-conformance-'));
    this.metadataDirectory = join(this.directory, 'metadata');
    this.targetDirectory = join(this.directory, 'targets');
    mkdirSync(this.metadataDirectory);
    mkdirSync(this.targetDirectory);
    this.#client = client;
    this.#url = mounts.add((path) => {
      this.requests.push(path);
      return this.#answer(path);
    });
  }

  /** Serves something else from now on; `before` is what was served up to now. */
  serve(bend: (path: string, before: Answer) => ReturnType<Answer>): void {
    const before = this.#answer;
    this.#answer = (path) => bend(path, before);
  }

  async init(
    root = this.repository.written('root', 1),
    expected: Expected = 'success',
    now = START,
  ): Promise<void> {
    const file = join(this.directory, 'initial_root.json');
    writeFileSync(file, root);
    await this.#run(['--metadata-dir', this.metadataDirectory, 'init', file], now, expected);
  }

  async refresh(expected: Expected = 'success', now = START): Promise<void> {
    const { metadataDirectory } = this;
    const url = `${this.#url}/metadata/`;
    await this.#run(['--metadata-url', url, '--metadata-dir', metadataDirectory, 'refresh'], now, expected);
  }

  async download(names: string | string[], expected: Expected = 'success', now = START): Promise<void> {
    await this.#run(
      [
        ...['--metadata-url', `${this.#url}/metadata/`, '--metadata-dir', this.metadataDirectory],
        ...[names].flat().flatMap((name) => ['--target-name', name]),
        ...['--target-base-url', `${this.#url}/targets/`, '--target-dir', this.targetDirectory],
        'download',
      ],
      now,
      expected,
    );
  }

  /** Names of metadata asked for since the start or the last call, still encoded. */
  takeMetadataRequests(): string[] {
    return this.#takeRequests('metadata/');
  }

  takeTargetRequests(): string[] {
    return this.#takeRequests('targets/');
  }

  /** Versions by role of every file that counts as stored metadata; roles as their files are called. */
  trusted(): Record<string, number> {
    const versions: Record<string, number> = {};
    for (const name of readdirSync(this.metadataDirectory).sort()) {
      if (!name.endsWith('.json')) continue;
      const { signed } = JSON.parse(this.#read(name).toString()) as { signed: { version: number } };
      versions[name.slice(0, -'.json'.length)] = signed.version;
    }
    return versions;
  }

  /** Fails unless a role is stored byte for byte as given; by default as the repository last signed it. */
  stores(role: string, expected = this.repository.written(role)): void {
    ok(this.#read(`${role}.json`).equals(expected), `${role}.json differs from what was served`);
  }

  /** Like `stores`, or nothing: a client may drop what the keys of a new root no longer vouch for (5.3.11). */
  storesAtMost(role: string, expected: Uint8Array): void {
    if (existsSync(join(this.metadataDirectory, `${role}.json`))) this.stores(role, expected);
  }

  /** Contents of the files in the target folder, sorted; those of hidden ones only on demand. */
  artifacts({ hidden = false } = {}): string[] {
    const files = readdirSync(this.targetDirectory, { recursive: true, withFileTypes: true });
    const visible = files.filter((file) => file.isFile() && (hidden || !file.name.startsWith('.')));
    return visible.map(({ parentPath, name }) => readFileSync(join(parentPath, name)).toString()).sort();
  }

  /** What lies beside the two folders: a client that leaves its folders shows here. */
  strays(): string[] {
    const own = ['initial_root.json', 'metadata', 'targets'];
    return readdirSync(this.directory).filter((name) => !own.includes(name));
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #answer: Answer = async (path) => {
    const [folder, ...segments] = path.split('/').map(decoded);
    const { files, targetFiles } = this.repository;
    const name = segments.join('/');
    return folder === 'metadata' ? files.get(encodedRole(name)) : targetFiles.get(name);
  };

  #read(name: string): Buffer {
    return readFileSync(join(this.metadataDirectory, name));
  }

  #takeRequests(prefix: string): string[] {
    const taken = this.requests.filter((path) => path.startsWith(prefix));
    const rest = this.requests.filter((path) => !path.startsWith(prefix));
    this.requests.splice(0, this.requests.length, ...rest);
    return taken.map((path) => path.slice(prefix.length));
  }

  async #run(argv: readonly string[], now: number, expected: Expected): Promise<void> {
    const { status, output } = await this.#client(argv, now);
    const said = `${argv.at(-1)} ended with status ${status}: ${output.trim() || 'nothing was said'}`;
    if (expected === 'either') ok(status === 0 || status === 1, said);
    else equal(status, expected === 'success' ? 0 : 1, `${expected} was expected, but ${said}`);
  }
}

/** As lenient as web servers are: a percent sign that begins no code stands for itself. */
function decoded(segment: string): string {
  return segment.replaceAll(/(?:%[0-9a-f]{2})+/gi, (codes) => decodeURIComponent(codes));
}
