/** What `publish` does with an image: created in a folder store, hashed again on the way, synced, then linked. */
import { join } from 'node:path';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { contentOfFile } from '../../src/storage/file-content.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { argumentsOf, reportJob } from '../job.ts';

const [file = '', sha256 = '', length = '', folder = ''] = argumentsOf('FILE', 'SHA256', 'LENGTH', 'FOLDER');
const content = contentOfFile(nodeFileSystem, file, { sha256, length: Number(length) });
await reportJob(async () => {
  const store = new DirectoryStore(join(folder, 'store'));
  await store.create(`targets/${sha256}.image`, content);
  return sha256;
});
