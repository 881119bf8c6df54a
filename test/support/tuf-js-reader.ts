/** tuf-js as it comes, reading what the signer wrote. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fetcher, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import type { Workspace } from '../../src/signer/workspace/workspace.ts';
import type { MemoryStore } from '../../src/storage/memory.ts';

/** Answers tuf-js from a store. */
function fetcherOf(store: MemoryStore, targetDir: string): Fetcher {
  const downloadBytes = async (url: string, maxLength: number): Promise<Buffer> => {
    const file = await store.read(decodeURIComponent(new URL(url).pathname.slice(1)), maxLength);
    if (file === undefined) throw new DownloadHTTPError(`${url} does not exist`, 404);
    return Buffer.from(file.bytes);
  };
  const downloadFile = async <T>(
    url: string,
    maxLength: number,
    use: (file: string) => Promise<T>,
  ): Promise<T> => {
    const file = join(targetDir, 'fetched');
    writeFileSync(file, await downloadBytes(url, maxLength));
    return await use(file);
  };
  return { downloadBytes, downloadFile };
}

/** tuf-js as it comes, over the store, with the workspace's first root. */
export async function readByTufJs(
  workspace: Workspace,
  store: MemoryStore,
  folder: string,
  path: string,
): Promise<string> {
  const cache = mkdtempSync(join(tmpdir(), 'tidegate-tuf-js-'));
  try {
    writeFileSync(join(cache, 'root.json'), workspace.roots[0] ?? '');
    const updater = new Updater({
      metadataDir: cache,
      targetDir: cache,
      metadataBaseUrl: `http://store/${folder}`,
      targetBaseUrl: 'http://store/targets',
      fetcher: fetcherOf(store, cache),
    });
    await updater.refresh();
    const target = await updater.getTargetInfo(path);
    if (target === undefined) throw new Error(`tuf-js does not find ${path}`);
    return readFileSync(await updater.downloadTarget(target), 'utf8');
  } finally {
    rmSync(cache, { recursive: true });
  }
}
