import { HttpStore } from '../../src/storage/http.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { startPlainServer } from '../support/plain-server.ts';
import { readableSuite } from '../support/store-suite.ts';

readableSuite('HttpStore', async () => {
  const writer = new MemoryStore();
  const server = await startPlainServer(writer);
  const store = new HttpStore(server.origin);
  const close = async (): Promise<void> => {
    store.close();
    await server.close();
  };
  return { store, writer, close };
});
