/** A host beside a simulated repository: a client with a state directory of its own, and ways to look at that. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientOptions } from '../../src/client/options.ts';
import { RepositoryClient } from '../../src/client/updater.ts';
import { type ErrorCode, isTidegateError, type TidegateError } from '../../src/errors.ts';
import { processMark } from '../../src/storage/process-mark.ts';
import { fixtureRepository } from './fixture-repository.ts';
import type { RepositorySimulator } from './repository-simulator.ts';

export class ClientScene {
  readonly repository: RepositorySimulator;
  readonly folder: string;
  readonly state: string;
  now: number;
  readonly #options: Partial<ClientOptions>;
  readonly #clients: RepositoryClient[] = [];

  constructor(repository = fixtureRepository(), options: Partial<ClientOptions> = {}) {
    this.repository = repository;
    this.now = repository.now;
    this.folder = mkdtempSync(join(tmpdir(), 'tidegate-client-'));
    this.state = join(this.folder, 'state');
    this.#options = options;
  }

  /** A client as a new process would make it; the state directory is shared with those before. */
  client(options: Partial<ClientOptions> = {}): RepositoryClient {
    const client = new RepositoryClient({
      trustedRoot: this.repository.written('root', 1),
      metadata: this.repository.metadata,
      targets: this.repository.images,
      stateDirectory: this.state,
      clock: () => this.now,
      secondVerifier: 'off',
      ...this.#options,
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  /** Refreshes with a new client, and forgets the requests before. */
  async refresh(options: Partial<ClientOptions> = {}) {
    this.repository.requests.length = 0;
    return await this.client(options).refresh();
  }

  /** Path below the state directory → hash of the content, folders excepted: what "nothing changed" means. */
  files(): Record<string, string> {
    return hashesBelow(this.state);
  }

  /**
   * Runs work that must fail with a code and leave every file of the state directory as it is, except those named.
   * Returns the error.
   */
  async refused(
    code: ErrorCode,
    work: () => Promise<unknown>,
    changed: readonly string[] = [],
  ): Promise<TidegateError> {
    const before = this.files();
    const error = await work().then(
      () => assert.fail(`expected ${code}, but it succeeded`),
      (reason: unknown) => reason,
    );
    if (!isTidegateError(error)) throw error;
    assert.equal(error.code, code, error.stack);
    const after = this.files();
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    const moved = names.filter((name) => before[name] !== after[name]).sort();
    assert.deepEqual(moved, [...changed].sort(), `what changed beside ${code}`);
    return error;
  }

  stored(name: string): Uint8Array {
    return readFileSync(join(this.state, name));
  }

  async close(): Promise<void> {
    for (const client of this.#clients) await client.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The mark of a process of this machine that is no more. */
export function deadMark(): string {
  return processMark().split('.').with(3, '4194304').with(4, '1').join('.');
}

export function hashesBelow(folder: string): Record<string, string> {
  const hashes: Record<string, string> = {};
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    const content = entry.isFile()
      ? createHash('sha256').update(readFileSync(path)).digest('hex')
      : 'no file';
    hashes[path.slice(folder.length + 1)] = content;
  }
  return hashes;
}
