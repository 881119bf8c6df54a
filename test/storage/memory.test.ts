import { MemoryStore } from '../../src/storage/memory.ts';
import { swappableSuite } from '../support/store-suite.ts';

swappableSuite('MemoryStore', async () => {
  const store = new MemoryStore();
  return { store, writer: store, close: async () => undefined };
});
