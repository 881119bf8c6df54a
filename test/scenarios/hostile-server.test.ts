/** Servers at socket level: endless, dripping, lying about lengths. Limits hold and memory stays flat. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { ClientScene } from '../support/client-scene.ts';
import { fixtureImages } from '../support/fixture-repository.ts';
import { type HostilePeer, type PeerRequest, startHostilePeer } from '../support/hostile-peer.ts';

type Length = 'stated' | 'chunked' | 'until close';

/** Writes a body without end, or up to a length, as fast as it is taken. */
async function flood(socket: Socket, how: Length, length = Number.POSITIVE_INFINITY): Promise<void> {
  const head = {
    stated: `Content-Length: ${length === Number.POSITIVE_INFINITY ? 1e12 : length}\r\n`,
    chunked: 'Transfer-Encoding: chunked\r\n',
    'until close': 'Connection: close\r\n',
  };
  socket.write(`HTTP/1.1 200 OK\r\n${head[how]}\r\n`);
  const piece = Buffer.alloc(16_384, 0x20);
  for (let sent = 0; sent < length && !socket.destroyed; sent += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, length - sent));
    const framed =
      how === 'chunked'
        ? Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
        : part;
    if (!socket.write(framed))
      await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
  }
  if (how === 'chunked') socket.write('0\r\n\r\n');
  if (how === 'until close') socket.end();
}

describe('hostile servers', () => {
  let scene: ClientScene;
  let peer: HostilePeer;
  /** Answers what the repository has not been told to leave to the test. */
  let answer: (name: string, socket: Socket) => Promise<boolean> | boolean;
  beforeEach(async () => {
    scene = new ClientScene();
    answer = () => false;
    peer = await startHostilePeer(async (socket: Socket, { target }: PeerRequest) => {
      const name = decodeURIComponent(target).slice(1);
      if (await answer(name, socket)) return;
      const { files, targetFiles } = scene.repository;
      const bytes = name.startsWith('targets/') ? targetFiles.get(name.slice(8)) : files.get(name);
      if (bytes === undefined) socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      else {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n`);
        socket.write(bytes);
      }
    });
  });
  afterEach(async () => {
    await scene.close();
    await peer.close();
  });

  const options = () => ({
    metadata: peer.origin,
    targets: `${peer.origin}/targets`,
    http: { stallTimeout: 500 },
  });
  const limits = {
    maxRootLength: 4096,
    maxTimestampLength: 4096,
    maxSnapshotLength: 4096,
    maxTargetsLength: 4096,
  };

  for (const how of ['stated', 'chunked', 'until close'] as const) {
    for (const role of ['root', 'timestamp', 'snapshot', 'targets']) {
      it(`TUF-25: endless ${role}, length ${how}: ends at the limit`, async () => {
        const { repository } = scene;
        // Without lengths in the parents the limits of the roles are what counts.
        repository.snapshot.meta['targets.json'] = { version: 5 };
        repository.write('snapshot');
        repository.timestamp.meta['snapshot.json'] = { version: 5 };
        repository.write('timestamp');
        answer = async (name, socket) => {
          if (!name.includes(role) || name === '2.root.json') return false;
          await flood(socket, how);
          return true;
        };
        const error = await scene
          .client({ ...options(), limits })
          .refresh()
          .catch((reason) => reason);
        assert.equal(error.code, 'length-limit', error.stack);
        assert.match(error.message, new RegExp(`${role}\\.json .*larger than 4096 bytes`));
        assert.ok(!existsSync(join(scene.state, `${role}.json`)) || role === 'root');
      });
    }

    it(`TUF-25: an image one byte too long, length ${how}, and an endless one`, async () => {
      for (const length of [9001, Number.POSITIVE_INFINITY]) {
        answer = async (name, socket) => {
          if (!name.startsWith('targets/')) return false;
          await flood(socket, how, length);
          return true;
        };
        const out = join(scene.folder, 'out.img');
        await assert.rejects(scene.client(options()).download(fixtureImages.boot, out), {
          code: 'length-mismatch',
        });
        assert.deepEqual(readdirSync(scene.folder), ['state']);
      }
    });

    it(`NET-10: an image that ends early, length ${how}`, async () => {
      answer = async (name, socket) => {
        if (!name.startsWith('targets/')) return false;
        if (how === 'stated') {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\nshort');
          socket.end();
        } else await flood(socket, how, 100);
        return true;
      };
      const out = join(scene.folder, 'out.img');
      const code = how === 'stated' ? 'network-unreachable' : 'length-mismatch';
      await assert.rejects(scene.client(options()).download(fixtureImages.boot, out), { code });
      assert.deepEqual(readdirSync(scene.folder), ['state']);
    });
  }

  it('TUF-25: a length stated by a parent takes the place of the limit', async () => {
    assert.equal(
      (await scene.client({ ...options(), limits: { maxTargetsLength: 10 } }).refresh()).versions.targets,
      5,
    );
  });

  for (const what of ['metadata', 'image'] as const) {
    it(`TUF-27: ${what} that drips is given up by its rate, not by a total time`, async () => {
      let time = 0;
      answer = (name, socket) => {
        if (!(what === 'image' ? name.startsWith('targets/') : name === 'timestamp.json')) return false;
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n`);
        const drip = (): void => {
          time += 40_000;
          if (!socket.destroyed) socket.write('x', () => setTimeout(drip, 1));
        };
        drip();
        return true;
      };
      const http = { stallTimeout: 5000, rateWindow: 30_000, minimumRate: 10_000, clock: () => time };
      const client = scene.client({ ...options(), http });
      const work =
        what === 'image'
          ? client.download(fixtureImages.boot, join(scene.folder, 'out.img'))
          : client.refresh();
      await assert.rejects(work, { code: 'too-slow' });
    });
  }

  it('a server that says nothing is given up by the stall limit, and names the phase', async () => {
    answer = () => true;
    const error = await scene
      .client({ ...options(), http: { stallTimeout: 30 } })
      .refresh()
      .catch((reason) => reason);
    assert.equal(error.code, 'too-slow');
    assert.equal(error.details.phase, 'headers');
  });

  it('SPEC-44: 500 while asking for the next root is an error and not the end of the walk', async () => {
    answer = (name, socket) => {
      if (name !== '3.root.json') return false;
      socket.write('HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n');
      return true;
    };
    await assert.rejects(scene.client(options()).refresh(), { code: 'http-status' });
    assert.equal(peer.requests.at(-1)?.target, '/3.root.json');
  });

  it('NET-23: a download that is cancelled ends at once and leaves nothing, nor a lock', async () => {
    const abort = new AbortController();
    answer = async (name, socket) => {
      if (!name.startsWith('targets/')) return false;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n12345');
      setImmediate(() => abort.abort());
      return true;
    };
    const client = scene.client(options());
    await assert.rejects(
      client.download(fixtureImages.boot, join(scene.folder, 'out.img'), { signal: abort.signal }),
      { code: 'cancelled' },
    );
    assert.deepEqual(readdirSync(scene.folder), ['state']);
    assert.deepEqual(readdirSync(join(scene.state, '.tidegate-lock')), []);
    answer = () => false;
    await client.download(fixtureImages.boot, join(scene.folder, 'out.img'));
  });
});
