/** Jobs in workspaces of the tests: people who sign what waits, and hosts with the real client beside the store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RepositoryClient } from '../../src/client/updater.ts';
import { collectRequests } from '../../src/signer/ceremony/request-folder.ts';
import { formatSigningRequest } from '../../src/signer/ceremony/request-format.ts';
import { progressOf } from '../../src/signer/ceremony/request-signatures.ts';
import { signRequest } from '../../src/signer/ceremony/sign-request.ts';
import { advanceJob, type JobStanding } from '../../src/signer/jobs/advance.ts';
import { reopened } from '../../src/signer/jobs/carry-out.ts';
import { type Job, readJob } from '../../src/signer/jobs/job.ts';
import type { StartOptions } from '../../src/signer/jobs/replacements.ts';
import type { Workspace } from '../../src/signer/workspace/workspace.ts';
import type { ReadableStore } from '../../src/storage/store.ts';
import { directory, putFile, start, unlock } from './workspace.ts';
import { ownKey } from './workspace-ceremony.ts';

export function startOptions(now: number, more: Partial<StartOptions> = {}): StartOptions {
  return { now, keys: [], making: { passphrase: undefined }, directory, unlock, ...more };
}

/** Everybody who is asked signs, with the keys that the workspace holds. */
export async function signWaiting(workspace: Workspace): Promise<void> {
  const present = await reopened(workspace);
  for (const { request, paths } of await collectRequests(present)) {
    let signed = request;
    for (const id of new Set(progressOf(request).flatMap(({ missing }) => missing))) {
      const name = present.keys.get(id)?.name ?? '';
      const key = await ownKey(present, name).catch(() => undefined);
      if (key !== undefined) signed = await signRequest(signed, key);
    }
    const [path] = paths;
    if (path !== undefined) await putFile(present.fileSystem, path, formatSigningRequest(signed));
  }
}

/** Runs a job until a time has to pass or it is done; whoever has to sign does. */
export async function goOn(workspace: Workspace, job: Job, now: number): Promise<JobStanding> {
  for (let run = 0; run < 6; run += 1) {
    const present = (await readJob(workspace, job.name)) ?? job;
    const standing = await advanceJob(workspace, present, { now, unlock });
    if (standing.waiting.length === 0) return standing;
    await signWaiting(workspace);
  }
  throw new Error('the job waits for signatures that nobody can give');
}

/** A host with the real client: a state directory of its own, and a clock that the test moves. */
export class Host {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidegate-host-'));
  readonly #root: Uint8Array;
  now = start;

  constructor(root: Uint8Array) {
    this.#root = root;
  }

  client(store: ReadableStore): RepositoryClient {
    return new RepositoryClient({
      trustedRoot: this.#root,
      metadata: under(store, 'metadata/'),
      targets: under(store, 'targets/'),
      stateDirectory: join(this.#folder, 'state'),
      clock: () => this.now,
      secondVerifier: 'on',
    });
  }

  async refresh(store: ReadableStore) {
    const client = this.client(store);
    try {
      return await client.refresh();
    } finally {
      await client.close();
    }
  }

  end(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function under(store: ReadableStore, prefix: string): ReadableStore {
  return {
    location: store.location,
    read: (name, limit, options) => store.read(prefix + name, limit, options),
    open: (name, options) => store.open(prefix + name, options),
    stat: (name, options) => store.stat(prefix + name, options),
  };
}
