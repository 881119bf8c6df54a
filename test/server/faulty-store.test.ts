import assert from 'node:assert/strict';
import { once } from 'node:events';
import { TidegateError } from '../../src/errors.ts';
import { defaultServerLimits } from '../../src/server/limits.ts';
import { type RunningServer, type ServeOptions, serve } from '../../src/server/serve.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import type { OpenFile, ReadableStore, ReadOptions } from '../../src/storage/store.ts';
import { imageBytes } from '../support/fixture-repository.ts';
import { ask, openSocket } from '../support/raw-http.ts';

const hash = 'c0ffee00'.repeat(8);
const image = `targets/${hash}.disk.img`;
const bytes = imageBytes('disk', 6 * 1024 * 1024);

/** A store whose calls a test replaces one by one, and which counts the bodies that are open. */
class BentStore implements ReadableStore {
  readonly location = 'bent';
  readonly sound = new MemoryStore();
  openBodies = 0;
  opened = 0;
  bend: Partial<Pick<ReadableStore, 'read' | 'open' | 'stat'>> = {};

  read: ReadableStore['read'] = (...given) => (this.bend.read ?? this.sound.read.bind(this.sound))(...given);
  stat: ReadableStore['stat'] = (...given) => (this.bend.stat ?? this.sound.stat.bind(this.sound))(...given);

  open: ReadableStore['open'] = async (name, options) => {
    this.opened += 1;
    const file = await (this.bend.open ?? this.sound.open.bind(this.sound))(name, options);
    return file && { ...file, body: this.#counted(file.body) };
  };

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.openBodies += 1;
    try {
      yield* body;
    } finally {
      this.openBodies -= 1;
    }
  }
}

function bodyThat(end: () => Promise<void>): (name: string, options?: ReadOptions) => Promise<OpenFile> {
  return async (name, options) => {
    const file = await new MemoryStore()
      .create('x', new Uint8Array())
      .then(() => bytes.subarray(0, 1024 * 1024));
    const body = async function* (): AsyncGenerator<Uint8Array> {
      yield file;
      await end();
    };
    return { name, length: bytes.byteLength, etag: options?.etag ?? '', body: body() };
  };
}

describe('server over a store that fails', () => {
  let store: BentStore;
  let server: RunningServer;
  const lines: string[] = [];
  /** The line of the one request since the last call. */
  const nextLine = async (): Promise<Record<string, unknown>> => {
    while (lines.length === 0) await new Promise((next) => setImmediate(next));
    return JSON.parse(lines.splice(0).at(-1) ?? '{}');
  };
  const start = async (options: Partial<ServeOptions> = {}): Promise<void> => {
    server = await serve({ store, log: (line) => lines.push(line), ...options });
  };

  beforeEach(async () => {
    lines.splice(0);
    store = new BentStore();
    await store.sound.create(image, bytes);
    await store.sound.create('metadata/1.root.json', Buffer.from('{}'));
    await start();
  });
  afterEach(() => server.close());

  it('SRV-38: a store that throws, rejects or answers nonsense fails that request alone', async () => {
    const throwing = (): never => {
      throw new Error('SECRET at /srv/secret');
    };
    const rejecting = async (): Promise<never> => throwing();
    for (const failure of [throwing, rejecting]) {
      for (const method of ['stat', 'open', 'read'] as const) {
        store.bend = { [method]: failure };
        const target = method === 'read' ? '/metadata/1.root.json' : `/${image}`;
        const answer = await ask(server.url, target);
        assert.equal(answer.status, 500, method);
        assert.equal(answer.body.toString(), '500 Internal Server Error\n');
        assert.equal((await nextLine()).error, 'internal');
        store.bend = {};
        assert.equal((await ask(server.url, `/${image}`)).status, 200);
        assert.equal((await nextLine()).error, undefined);
      }
    }
  });

  it('SRV-38: a log that throws stops nothing', async () => {
    await server.close();
    await start({
      log: () => {
        throw new Error('the log is full');
      },
    });
    for (const target of ['/metadata/1.root.json', `/${image}`, '/none', '/health']) {
      assert.ok((await ask(server.url, target)).status > 0);
    }
  });

  it('SRV-38: errors of a store have their status, and tell a client nothing else', async () => {
    const cases = {
      'not-a-plain-file': 404,
      'too-slow': 504,
      'network-unreachable': 502,
      'disk-error': 500,
      'store-conflict': 503,
    } as const;
    for (const [code, status] of Object.entries(cases)) {
      store.bend = {
        stat: async () => {
          throw new TidegateError(code as keyof typeof cases, 'SECRET at https://bucket.example');
        },
      };
      const answer = await ask(server.url, `/${image}`);
      assert.equal(answer.status, status, code);
      assert.doesNotMatch(answer.body.toString() + [...answer.headers].join(), /SECRET|bucket/);
      assert.equal((await nextLine()).error, code);
    }
  });

  it('SRV-38: a body that fails or ends early cuts the connection, with its length promised', async () => {
    const fails = async (): Promise<void> => {
      throw new TidegateError('disk-error', 'broken');
    };
    for (const [end, code] of [
      [fails, 'disk-error'],
      [async () => undefined, 'length-mismatch'],
    ] as const) {
      store.bend = { open: bodyThat(end) };
      const answer = await ask(server.url, `/${image}`);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('content-length'), String(bytes.byteLength));
      assert.ok(answer.body.byteLength < bytes.byteLength);
      const { complete, error } = await nextLine();
      assert.deepEqual([complete, error], [false, code]);
      assert.equal(store.openBodies, 0);
    }
  });

  it('SRV-20: a client that leaves ends the reading; many that leave hold nothing open', async () => {
    const leave = async (): Promise<void> => {
      const socket = openSocket(server.url);
      socket.write(`GET /${image} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await once(socket, 'data');
      socket.destroy();
    };
    const before = lines.length;
    await Promise.all(Array.from({ length: 60 }, leave));
    while (lines.length < before + 60 || store.openBodies > 0)
      await new Promise((next) => setImmediate(next));
    assert.equal(store.opened, 60);
    assert.ok(lines.slice(before).every((line) => JSON.parse(line).error === undefined));
  });

  it('SRV-20: a store that stalls in the middle is given up at the step limit', async () => {
    await server.close();
    await start({ limits: { ...defaultServerLimits, stepTime: 100 } });
    let signal: AbortSignal | undefined;
    store.bend = {
      open: async (name, options) => {
        signal = options?.signal;
        const stalls = (): Promise<void> =>
          new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal?.reason)));
        return await bodyThat(stalls)(name, options);
      },
    };
    const answer = await ask(server.url, `/${image}`);
    assert.ok(answer.body.byteLength < bytes.byteLength);
    assert.equal(signal?.aborted, true);
    while (store.openBodies > 0) await new Promise((next) => setImmediate(next));
    assert.equal((await nextLine()).error, 'too-slow');
  });

  it('SRV-12: HEAD, 304, 412 and 416 open no body', async () => {
    await ask(server.url, `/${image}`, { method: 'HEAD' });
    for (const header of ['If-None-Match: *', 'If-Match: "x"', 'Range: bytes=99999999-']) {
      await ask(server.url, `/${image}`, { headers: [header] });
    }
    assert.equal(store.opened, 0);
  });

  it('SRV-23: a file that changes between look and open is looked at again, then refused; never mixed', async () => {
    const other = imageBytes('other', bytes.byteLength + 1);
    store.bend = {
      open: async (name, options) => {
        store.bend = {};
        await store.sound.remove(name, (await store.sound.stat(name))?.etag ?? '');
        await store.sound.create(name, other);
        return await store.sound.open(name, options);
      },
    };
    const answer = await ask(server.url, `/${image}`);
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(other));
    store.bend = { open: async () => Promise.reject(new TidegateError('store-conflict', 'it never rests')) };
    const restless = await ask(server.url, `/${image}`);
    assert.deepEqual([restless.status, restless.headers.get('retry-after')], [503, '1']);
    store.bend = {
      open: async (name, options) => ({
        ...(await bodyThat(async () => undefined)(name, options)),
        length: 1,
      }),
    };
    assert.equal((await ask(server.url, `/${image}`)).status, 503);
    assert.equal(store.openBodies, 0);
  });

  it('serves a store without strong etags, without validators', async () => {
    store.bend = { stat: async (name) => ({ name, length: bytes.byteLength, etag: '' }) };
    const answer = await ask(server.url, `/${image}`, { headers: ['Range: bytes=1-2', 'If-None-Match: ""'] });
    assert.equal(answer.status, 206);
    assert.equal(answer.headers.get('etag'), undefined);
    assert.ok(answer.body.equals(bytes.subarray(1, 3)));
    const conditional = ['Range: bytes=1-2', 'If-Range: ""'];
    assert.equal((await ask(server.url, `/${image}`, { headers: conditional })).status, 200);
  });
});
