import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultServerLimits, type ServerLimits } from '../../src/server/limits.ts';
import { type RunningServer, type ServeOptions, serve } from '../../src/server/serve.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { imageBytes } from '../support/fixture-repository.ts';
import { ask, exchange, openSocket, parseAnswer } from '../support/raw-http.ts';

const hash = 'c0ffee00'.repeat(8);
const image = `targets/${hash}.disk.img`;
const bytes = imageBytes('disk', 8 * 1024 * 1024);
const source = (name: string): string => join(import.meta.dirname, '../../src', name);

/** With times that a test can wait for. */
const hasty: ServerLimits = { ...defaultServerLimits, headersTime: 150, requestTime: 200, idleTime: 100 };

describe('server/serve', () => {
  const store = new MemoryStore();
  const running: RunningServer[] = [];
  const start = async (options: Partial<ServeOptions> = {}): Promise<RunningServer> => {
    const server = await serve({ store, ...options });
    running.push(server);
    return server;
  };
  before(async () => {
    await store.create('metadata/1.root.json', Buffer.from('{}'));
    await store.create(image, bytes);
  });
  afterEach(async () => {
    for (const server of running.splice(0)) await server.close();
  });

  it('listens on loopback unless told otherwise, and says why it cannot', async () => {
    const server = await start();
    assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
    const port = Number(new URL(server.url).port);
    await assert.rejects(serve({ store, port }), {
      code: 'usage',
      message: /another program listens there already \(EADDRINUSE\)/,
    });
    await assert.rejects(serve({ store, host: 'no.such.host.invalid' }), { code: 'usage' });
    const six = await start({ host: '::1' }).catch(() => undefined);
    if (six !== undefined) assert.match(six.url, /^http:\/\/\[::1\]:\d+$/);
  });

  it('SRV-13: only GET and HEAD do anything', async () => {
    const { url } = await start();
    const override = ['X-HTTP-Method-Override: GET', 'X-HTTP-Method: GET', 'Content-Length: 0'];
    for (const method of ['POST', 'PUT', 'DELETE', 'TRACE', 'OPTIONS', 'PATCH', 'PROPFIND', 'QUERY']) {
      for (const target of [`/${image}`, '/health', '/', '/../x']) {
        const answer = await ask(url, target, { method, headers: override });
        assert.deepEqual(
          [answer.status, answer.headers.get('allow')],
          [405, 'GET, HEAD'],
          `${method} ${target}`,
        );
        assert.equal(answer.body.toString(), '405 Method Not Allowed\n');
      }
    }
    const connect = await ask(url, 'evil.example:443', { method: 'CONNECT' });
    assert.deepEqual([connect.status, connect.headers.get('allow')], [405, 'GET, HEAD']);
    assert.equal((await ask(url, '*', { method: 'OPTIONS' })).status, 405);
    assert.equal((await ask(url, '/', { method: 'FOO' })).status, 400);
    const upgrade = ['Upgrade: websocket', 'Connection: upgrade'];
    assert.equal((await ask(url, '/metadata/1.root.json', { headers: upgrade })).status, 200);
  });

  it('SRV-16: slow headers, slow bodies and idle connections are dropped, others are served meanwhile', async () => {
    const { url } = await start({ limits: hasty });
    const slowHeaders = exchange(url, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const slowBody = exchange(url, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx');
    const idle = exchange(url, 'GET /metadata/1.root.json HTTP/1.1\r\nHost: x\r\n\r\n');
    const good = await ask(url, '/metadata/1.root.json');
    assert.equal(good.status, 200);
    assert.equal(parseAnswer(await slowHeaders).status, 408);
    assert.equal(parseAnswer(await slowBody).status, 405);
    assert.equal(parseAnswer(await idle).body.toString(), '{}');
  });

  it('SRV-16: a reader that takes too long over a step is cut off, and its body is given up', async () => {
    const ended = Promise.withResolvers<string>();
    const { url } = await start({ limits: { ...defaultServerLimits, stepTime: 200 }, log: ended.resolve });
    const socket = openSocket(url);
    socket.pause();
    socket.write(`GET /${image} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const line = JSON.parse(await ended.promise);
    assert.deepEqual([line.complete, line.error], [false, 'too-slow']);
    let received = 0;
    socket.on('data', (chunk) => {
      received += chunk.byteLength;
    });
    socket.resume();
    await once(socket, 'close');
    assert.ok(received < bytes.byteLength, `${received}`);
    assert.equal((await ask(url, '/metadata/1.root.json')).status, 200);
  });

  it('SRV-17: oversized and malformed requests are refused before anything looks at them', async () => {
    const { url } = await start();
    const head = 'GET /metadata/1.root.json HTTP/1.1\r\nHost: x\r\n';
    const cases: Readonly<Record<string, readonly [string, readonly number[]]>> = {
      '20 kB header': [`${head}X-Big: ${'a'.repeat(20_000)}\r\n\r\n`, [431]],
      '2,000 headers': [`${head}${'A: b\r\n'.repeat(2000)}\r\n`, [431]],
      '70 headers': [`${head}${'A: b\r\n'.repeat(70)}\r\n`, [431]],
      '100 kB address': [`GET /${'a'.repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, [414, 431]],
      'space before colon': [`${head}X-Odd : b\r\n\r\n`, [400]],
      'folded header': [`${head}X-Odd: a\r\n b\r\n\r\n`, [400]],
      'bare LF': [`GET / HTTP/1.1\nHost: x\n\n`, [400]],
      'no host': ['GET / HTTP/1.1\r\n\r\n', [400]],
      'another protocol': ['\x16\x03\x01\x02\x00\x01\x00', [400]],
    };
    for (const [what, [text, statuses]] of Object.entries(cases)) {
      const answer = parseAnswer(await exchange(url, text));
      assert.ok(statuses.includes(answer.status), `${what}: ${answer.status}`);
      assert.ok(answer.body.byteLength < 100, what);
    }
  });

  it('SRV-18: connections beyond the limit are closed at once', async () => {
    const { url } = await start({ limits: { ...defaultServerLimits, connections: 3 } });
    const sockets = [1, 2, 3].map(() => openSocket(url));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    const refused = openSocket(url);
    await once(refused, 'close');
    for (const socket of sockets) socket.destroy();
  });

  it('SRV-35: odd headers are harmless', async () => {
    const { url } = await start();
    const target = '/metadata/1.root.json';
    for (const header of ['__proto__: x', 'constructor: x', 'Host: y', 'Range: bytes=0-0\r\n__proto__: y']) {
      const { status } = await ask(url, target, { headers: [header] });
      assert.ok([200, 206, 400].includes(status), header);
    }
    for (const value of ['5\r\nContent-Length: 6', '1, 2', '-1', 'x']) {
      assert.equal((await ask(url, target, { headers: [`Content-Length: ${value}`] })).status, 400, value);
    }
    assert.equal(({} as Record<string, unknown>).x, undefined);
  });

  it('SRV-37: of an ambiguous or unread body nothing is ever taken for a request', async () => {
    const { url } = await start();
    const smuggled = 'GET /metadata/1.root.json HTTP/1.1\r\nHost: x\r\n\r\n';
    const framings = {
      'both framings': `Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${smuggled}`,
      'odd encoding': `Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
      'two encodings': `Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
      'a body': `Content-Length: ${smuggled.length}\r\n\r\n${smuggled}${smuggled}`,
      'a chunked body': `Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${smuggled}`,
      'an expectation': `Expect: 100-continue\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}${smuggled}`,
    };
    for (const [what, framing] of Object.entries(framings)) {
      for (const method of ['GET', 'POST']) {
        const raw = await exchange(url, `${method} /none HTTP/1.1\r\nHost: x\r\n${framing}`);
        assert.equal(raw.toString().split('HTTP/1.1 ').length - 1, 1, `${method} with ${what}: ${raw}`);
        assert.ok(parseAnswer(raw).status >= 400, what);
      }
    }
  });

  it('SRV-41: every refusal is one short line, without the maker, a stack or a place', async () => {
    const before = process.env.NODE_ENV;
    try {
      for (const environment of ['production', 'development', 'test', undefined]) {
        if (environment === undefined) delete process.env.NODE_ENV;
        else process.env.NODE_ENV = environment;
        const { url } = await start();
        const answers = [
          await ask(url, '/%zz'),
          await ask(url, '/none'),
          await ask(url, `/${image}`, { method: 'POST' }),
          await ask(url, `/${image}`, { headers: ['If-Match: "x"'] }),
          await ask(url, `/${image}`, { headers: ['Range: bytes=99999999-'] }),
        ];
        assert.deepEqual(
          answers.map(({ status }) => status),
          [400, 404, 405, 412, 416],
        );
        for (const { headers, body } of answers) {
          assert.match(body.toString(), /^\d{3} [A-Z][A-Za-z ]{3,30}\n$/);
          assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8');
          assert.equal(headers.get('x-content-type-options'), 'nosniff');
          for (const field of ['x-powered-by', 'server', 'location'])
            assert.equal(headers.get(field), undefined);
        }
      }
    } finally {
      if (before === undefined) delete process.env.NODE_ENV;
      else process.env.NODE_ENV = before;
    }
  });

  it('SRV-39: close lets running answers end, takes no new ones, and ends idle connections', async () => {
    const server = await start();
    const idle = openSocket(server.url);
    await once(idle, 'connect');
    const response = await slowDownload(server.url);
    const closed = server.close();
    assert.equal(server.close(), closed);
    await once(idle, 'close');
    await assert.rejects(once(openSocket(server.url), 'connect'), { code: 'ECONNREFUSED' });
    let received = 0;
    for await (const chunk of response) received += (chunk as Buffer).byteLength;
    assert.equal(received, bytes.byteLength);
    await closed;
  });

  it('SRV-39: at the deadline what still runs is cut off, visibly', async () => {
    const server = await start({ limits: { ...defaultServerLimits, drainTime: 100 } });
    const response = await slowDownload(server.url);
    await server.close();
    await assert.rejects(async () => {
      for await (const _ of response);
    }, /aborted|ECONNRESET/);
  });

  it('SRV-39: a process told by SIGTERM during downloads ends with status 0 in time', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-sigterm-'));
    try {
      const script = join(folder, 'server.ts');
      writeFileSync(
        script,
        `import { serve } from ${JSON.stringify(source('server/serve.ts'))};
import { MemoryStore } from ${JSON.stringify(source('storage/memory.ts'))};
const store = new MemoryStore();
await store.create(${JSON.stringify(image)}, new Uint8Array(30_000_000));
const server = await serve({ store, limits: { drainTime: 300 } });
process.once('SIGTERM', () => void server.close());
console.log(server.url);`,
      );
      const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [url] = await once(child.stdout, 'data');
      const downloads = await Promise.all(Array.from({ length: 20 }, () => slowDownload(String(url).trim())));
      child.kill('SIGTERM');
      const [status, killedBy] = await once(child, 'exit');
      assert.deepEqual([status, killedBy], [0, null]);
      for (const response of downloads) {
        await assert.rejects(async () => {
          for await (const _ of response);
        }, /aborted|ECONNRESET/);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

/** A download whose head has come and whose body nobody reads yet. */
async function slowDownload(url: string): Promise<import('node:http').IncomingMessage> {
  const request = httpRequest(`${url}/${image}`, { agent: false });
  request.on('error', () => undefined);
  request.end();
  const [response] = await once(request, 'response');
  return response;
}
