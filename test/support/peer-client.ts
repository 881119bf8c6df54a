/** tuf-js, unmodified, over a simulated repository: the other opinion of the differential tests. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BaseFetcher, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { TrustedMetadataStore } from 'tuf-js/dist/store.js';
import type { RepositorySimulator } from './repository-simulator.ts';
import { START } from './simulated-documents.ts';

/** Its trusted set, with the start time of the simulator. */
export function peerStore(root: Uint8Array): TrustedMetadataStore {
  return atStart(new TrustedMetadataStore(Buffer.from(root)));
}

export interface PeerTarget {
  readonly length: number;
  readonly hashes: Readonly<Record<string, string>>;
}

/** Refreshes and looks paths up with the real updater; undefined is "not found", an error a refusal. */
export async function peerLookUp(
  repository: RepositorySimulator,
  paths: readonly string[],
): Promise<readonly (PeerTarget | Error | undefined)[]> {
  const directory = mkdtempSync(join(tmpdir(), 'tidegate-peer-'));
  try {
    writeFileSync(join(directory, 'root.json'), repository.written('root', 1));
    const updater = new Updater({
      metadataDir: directory,
      metadataBaseUrl: 'http://simulator/',
      fetcher: new SimulatorFetcher(repository),
      config: { maxDelegations: 64 },
    });
    atStart((updater as unknown as { trustedSet: object }).trustedSet);
    const found: (PeerTarget | Error | undefined)[] = [];
    for (const path of paths) found.push(await updater.getTargetInfo(path).catch(asError));
    return found;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function atStart<T extends object>(store: T): T {
  return Object.assign(store, { referenceTime: new Date(START) });
}

class SimulatorFetcher extends BaseFetcher {
  readonly #repository: RepositorySimulator;

  constructor(repository: RepositorySimulator) {
    super();
    this.#repository = repository;
  }

  override async downloadBytes(url: string): Promise<Buffer> {
    const bytes = this.#repository.files.get(url.replace('http://simulator/', ''));
    if (bytes === undefined) throw new DownloadHTTPError('not found', 404);
    return Buffer.from(bytes);
  }

  async fetch(): Promise<never> {
    throw new Error('the differential tests fetch metadata only');
  }
}
