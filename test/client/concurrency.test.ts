import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { acquireLock } from '../../src/storage/lock.ts';
import { ClientScene } from '../support/client-scene.ts';
import { fixtureImages, imageBytes } from '../support/fixture-repository.ts';
import { startPlainServer } from '../support/plain-server.ts';

describe('several at once', () => {
  let scene: ClientScene;
  beforeEach(() => {
    scene = new ClientScene();
  });
  afterEach(() => scene.close());

  it('DSK-10: refreshes, lookups and downloads on one client are put in a row, with one result', async () => {
    const client = scene.client();
    const paths = Object.values(fixtureImages);
    const [first, second, ...rest] = await Promise.all([
      client.refresh(),
      client.refresh(),
      ...Array.from({ length: 10 }, (_, index) => client.resolve(paths[index % 3] ?? '')),
      ...paths.map((path) => client.download(path, join(scene.folder, path))),
    ]);
    assert.deepEqual(first.versions, second.versions);
    assert.equal(rest.length, 13);
    for (const path of paths)
      assert.deepEqual(new Uint8Array(readFileSync(join(scene.folder, path))), imageBytes(path, 9000));
    const asked = scene.repository.requests.filter((name) => name === 'timestamp.json');
    assert.equal(asked.length, 2);
  });

  it('DSK-09: a state that another works on is waited for, then said to be locked', async () => {
    await scene.refresh();
    const held = await acquireLock(nodeFileSystem, join(scene.state, '.tidegate-lock'));
    await scene.refused('locked', () => scene.refresh({ lockWait: 30 }));
    const waiting = scene.refresh({ lockWait: 10_000 });
    await held.release();
    assert.equal((await waiting).versions.timestamp, 5);
  });

  it('DSK-09: two processes on one state directory, refreshing and downloading in turn', async function () {
    this.timeout(60_000);
    await scene.refresh();
    const [metadata, targets] = await Promise.all([
      startPlainServer(scene.repository.metadata),
      startPlainServer(scene.repository.images),
    ]);
    const script = join(import.meta.dirname, '..', 'support', 'client-process.ts');
    const plan = {
      state: scene.state,
      metadata: metadata.origin,
      targets: targets.origin,
      now: scene.now,
      rounds: 25,
    };
    const results = await Promise.all(
      [1, 2].map(async (number) => {
        const out = join(scene.folder, `out-${number}.img`);
        const args = JSON.stringify({ ...plan, out, path: fixtureImages.root });
        const child = spawn(process.execPath, [script, args], { stdio: ['pipe', 'pipe', 'inherit'] });
        child.stdin.end(scene.repository.written('root', 1));
        let output = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
        const [status] = await once(child, 'close');
        return { status, output };
      }),
    );
    await Promise.all([metadata.close(), targets.close()]);
    assert.deepEqual(results, [
      { status: 0, output: '25 rounds' },
      { status: 0, output: '25 rounds' },
    ]);
    assert.deepEqual(readdirSync(join(scene.state, '.tidegate-lock')), []);
    assert.deepEqual((await scene.refresh()).notes, []);
  });

  it('NET-23: a refresh can be cancelled while it waits and while it works, and the lock is given back', async () => {
    const abort = new AbortController();
    scene.repository.tamper = (_, bytes) => {
      abort.abort();
      return bytes;
    };
    await assert.rejects(scene.client().refresh({ signal: abort.signal }), { code: 'cancelled' });
    await assert.rejects(scene.client().refresh({ signal: abort.signal }), { code: 'cancelled' });
    assert.deepEqual(readdirSync(join(scene.state, '.tidegate-lock')), []);
    scene.repository.tamper = undefined;
    await scene.refresh();
  });
});
