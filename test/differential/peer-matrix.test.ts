/** The column of tuf-js in the matrix of peers, measured anew with the one that is installed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BaseFetcher, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { type MatrixRow, matrix } from '../support/peer-matrix.ts';
import { RepositorySimulator } from '../support/repository-simulator.ts';
import { START } from '../support/simulated-documents.ts';

const base = 'http://simulator/';
/** Kept to the end: tuf-js leaves a file that it cannot hash open behind its back. */
const fetched = mkdtempSync(join(tmpdir(), 'tidegate-fetched-'));

/** As a web server reads addresses: without query and fragment, decoded. */
class WholeFetcher extends BaseFetcher {
  readonly #repository: RepositorySimulator;

  constructor(repository: RepositorySimulator) {
    super();
    this.#repository = repository;
  }

  override async downloadBytes(url: string): Promise<Buffer> {
    const name = new URL(url).pathname.slice(1);
    const { files, targetFiles } = this.#repository;
    const target = name.startsWith('targets/')
      ? targetFiles.get(decodeURIComponent(name.slice(8)))
      : undefined;
    const bytes = target ?? files.get(name);
    if (bytes === undefined) throw new DownloadHTTPError(`${url} does not exist`, 404);
    return Buffer.from(bytes);
  }

  override async downloadFile<T>(url: string, _: number, use: (path: string) => Promise<T>): Promise<T> {
    const file = join(fetched, 'file');
    writeFileSync(file, await this.downloadBytes(url));
    return await use(file);
  }

  async fetch(): Promise<never> {
    throw new Error('files come by the two methods above');
  }
}

async function verdictOf({ build }: MatrixRow): Promise<string> {
  const repository = new RepositorySimulator({ name: 'matrix' });
  const path = build(repository);
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-matrix-'));
  try {
    writeFileSync(join(folder, 'root.json'), repository.written('root', 1));
    const fetcher = new WholeFetcher(repository);
    const updater = new Updater({
      metadataDir: folder,
      targetDir: folder,
      metadataBaseUrl: base,
      targetBaseUrl: `${base}targets/`,
      fetcher,
    });
    Object.assign((updater as unknown as { trustedSet: object }).trustedSet, {
      referenceTime: new Date(START),
    });
    const target = await updater.getTargetInfo(path);
    if (target === undefined) return 'nf';
    await updater.downloadTarget(target);
    return 'ok';
  } catch {
    return 'NO';
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('differential: what tuf-js does with each repository of the matrix', () => {
  after(() => rmSync(fetched, { recursive: true }));

  // Of names that are encoded somewhere a server decides, and the matrix was measured without one.
  for (const row of matrix.filter(({ doubt }) => doubt !== 'transport')) {
    const [expected = ''] = row.verdicts.split(' ');
    it(`${expected}: ${row.name}`, async () => assert.equal(await verdictOf(row), expected));
  }
});
