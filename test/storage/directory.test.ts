import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { swappableSuite } from '../support/store-suite.ts';

swappableSuite('DirectoryStore', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-store-'));
  const store = new DirectoryStore(join(folder, 'new', 'root'));
  return { store, writer: store, close: () => rm(folder, { recursive: true }) };
});
