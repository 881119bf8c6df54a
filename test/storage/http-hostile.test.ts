/** An HTTP store before peers that break, stall, lie and lead astray. Named by the attack cases. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ErrorCode, TidegateError } from '../../src/errors.ts';
import { type HttpOptions, HttpStore } from '../../src/storage/http.ts';
import {
  answer,
  captivePortal,
  drips,
  type HostilePeer,
  inTurn,
  type Script,
  says,
  saysAndEnds,
  saysAndResets,
  stalls,
  startHostilePeer,
} from '../support/hostile-peer.ts';
import { bytesOf } from '../support/store-suite.ts';

const SHORT = { stallTimeout: 40, connectTimeout: 2000 };

describe('HttpStore before a hostile peer', () => {
  const peers: HostilePeer[] = [];
  const stores: HttpStore[] = [];
  const peerOf = async (...args: Parameters<typeof startHostilePeer>): Promise<HostilePeer> => {
    const peer = await startHostilePeer(...args);
    peers.push(peer);
    return peer;
  };
  const storeAt = (base: string, options: HttpOptions = {}): HttpStore => {
    const store = new HttpStore(base, options);
    stores.push(store);
    return store;
  };
  const facing = async (script: Script, options: HttpOptions = {}): Promise<HttpStore> =>
    storeAt((await peerOf(script)).origin, options);
  afterEach(async () => {
    for (const store of stores.splice(0)) store.close();
    for (const peer of peers.splice(0)) await peer.close();
  });
  const whole = async (store: HttpStore, options = {}): Promise<Buffer | undefined> => {
    const file = await store.open('f', options);
    return file && (await bytesOf(file.body));
  };

  describe('answers that are neither the file nor its absence', () => {
    it('takes 404 and 410 for absence, and 403 only where told so', async () => {
      for (const status of [404, 410]) {
        const store = await facing(says(answer(status, { 'Content-Length': 4 }, 'none')));
        assert.equal(await store.read('f', 9), undefined);
      }
      const forbidden = says(answer(403, { 'Content-Length': 0 }));
      await assert.rejects((await facing(forbidden)).read('f', 9), { code: 'http-status' });
      assert.equal(await (await facing(forbidden, { forbiddenMeansAbsent: true })).read('f', 9), undefined);
    });

    it('refuses every other status, with status and Retry-After in the details', async () => {
      for (const status of [201, 204, 206, 304, 400, 401, 412, 416, 429, 500, 503, 511]) {
        const store = await facing(says(answer(status, { 'Content-Length': 0, 'Retry-After': 7 })));
        const code = status === 412 ? 'store-conflict' : 'http-status';
        await assert.rejects(store.read('f', 9), (error: { code: string; details: object }) => {
          assert.equal(error.code, code);
          if (code === 'http-status') {
            assert.deepEqual(
              { ...error.details, retryAfter: 0 },
              { ...error.details, status, retryAfter: 0 },
            );
          }
          return true;
        });
      }
    });

    it('NET-14: refuses a change of protocol instead of waiting for ever, and leaves no connection', async () => {
      for (const headers of [{ Upgrade: 'x', Connection: 'Upgrade' }, {}]) {
        const peer = await peerOf(says(answer(101, headers, 'more')));
        await assert.rejects(storeAt(peer.origin).read('f', 9), {
          code: 'http-status',
          message: /answered 101/,
        });
        await peer.idle();
      }
    });

    it('hands on the page of a captive portal as it is, for the parser to refuse', async () => {
      const file = await (await facing(captivePortal)).read('timestamp.json', 1000);
      assert.match(Buffer.from(file?.bytes ?? []).toString(), /doctype/);
    });

    it('calls what is no HTTP a broken connection', async () => {
      for (const bytes of [
        'SSH-2.0-OpenSSH\r\n',
        'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na',
      ]) {
        await assert.rejects((await facing(saysAndEnds(bytes))).read('f', 9), {
          code: 'network-unreachable',
        });
      }
      const both = answer(
        200,
        { 'Content-Length': 3, 'Transfer-Encoding': 'chunked' },
        '3\r\nabc\r\n0\r\n\r\n',
      );
      await assert.rejects((await facing(says(both))).read('f', 9), { code: 'network-unreachable' });
      const headers = `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`;
      await assert.rejects((await facing(saysAndEnds(headers))).read('f', 9), {
        code: 'network-unreachable',
      });
    });
  });

  describe('ranges', () => {
    const ranged = (range: string | undefined, length: number, status = 206): Script =>
      says(
        answer(
          status,
          { 'Content-Length': length, ETag: '"e"', ...(range !== undefined && { 'Content-Range': range }) },
          randomBytes(length),
        ),
      );

    it('NET-04: refuses a whole file in answer to a resume', async () => {
      const store = await facing(ranged(undefined, 20, 200));
      await assert.rejects(store.open('f', { start: 10 }), { code: 'http-status' });
      await assert.rejects(store.open('f', { start: 10, etag: '"old"' }), { code: 'store-conflict' });
      const store2 = await facing(says(answer(200, { 'Content-Length': 6 }, 'abcdef')));
      assert.equal(String(await whole(store2, { start: 0, length: 3 })), 'abc');
    });

    it('NET-05: refuses a part that is not the one asked for', async () => {
      const wrong: [string | undefined, number][] = [
        ['bytes 9-19/20', 11],
        ['bytes 11-19/20', 9],
        ['bytes 10-18/20', 9],
        ['bytes 10-19/19', 10],
        ['bytes 19-10/20', 10],
        ['bytes 10-19/20', 9],
        ['bytes 10-19/*', 10],
        ['items 10-19/20', 10],
        ['bytes 10-19', 10],
        ['bytes */20', 10],
        [undefined, 10],
      ];
      for (const [range, length] of wrong) {
        const store = await facing(ranged(range, length));
        await assert.rejects(store.open('f', { start: 10 }), { code: 'http-status' }, range);
      }
      assert.equal((await whole(await facing(ranged('bytes 10-19/20', 10)), { start: 10 }))?.byteLength, 10);
      const known = await facing(ranged('bytes 10-14/*', 5));
      assert.equal((await known.open('f', { start: 10, length: 5 }))?.length, undefined);
    });

    it('NET-05: breaks off when a part has fewer bytes than it says', async () => {
      const head = answer(206, { 'Content-Range': 'bytes 10-19/20', Connection: 'close' }, 'four');
      await assert.rejects(whole(await facing(saysAndEnds(head)), { start: 10 }), {
        code: 'network-unreachable',
      });
    });

    it('NET-06: sends a strong If-Range, and takes no weak etag for one', async () => {
      const peer = await peerOf(ranged('bytes 10-19/20', 10));
      const store = storeAt(peer.origin);
      await whole(store, { start: 10, etag: '"e"' });
      assert.equal(peer.requests[0]?.headers.get('if-range'), '"e"');
      assert.equal(peer.requests[0]?.headers.get('range'), 'bytes=10-');
      await assert.rejects(store.open('f', { start: 10, etag: '"other"' }), { code: 'store-conflict' });
      const weak = await facing(says(answer(200, { 'Content-Length': 1, ETag: 'W/"e"' }, 'x')));
      const file = await weak.open('f');
      assert.equal(file?.etag, '');
      await assert.rejects(weak.open('f', { etag: '"e"' }), { code: 'store-conflict' });
    });

    it('refuses a 416 that contradicts the request', async () => {
      const unsatisfied = (total: string): Script =>
        says(answer(416, { 'Content-Length': 0, 'Content-Range': `bytes */${total}` }));
      assert.equal((await whole(await facing(unsatisfied('10')), { start: 10 }))?.byteLength, 0);
      const cases: [string, ErrorCode][] = [
        ['9', 'length-mismatch'],
        ['11', 'http-status'],
        ['x', 'http-status'],
      ];
      for (const [total, code] of cases) {
        await assert.rejects((await facing(unsatisfied(total))).open('f', { start: 10 }), { code });
      }
    });
  });

  describe('bodies', () => {
    const head = (length: number): Buffer => answer(200, { 'Content-Length': length });

    it('NET-03: reports a reset at any place as a broken connection, with the bytes received', async () => {
      for (const sent of [0, 1, 50_000, 99_999]) {
        const store = await facing(saysAndResets(head(100_000), new Uint8Array(sent)));
        await assert.rejects(whole(store), ({ code, details }: TidegateError) => {
          assert.equal(code, 'network-unreachable');
          assert.ok(Number(details.received) <= sent);
          assert.equal(details.phase, 'body');
          return true;
        });
      }
      await assert.rejects((await facing((socket) => void socket.resetAndDestroy())).read('f', 1), {
        code: 'network-unreachable',
      });
    });

    it('NET-10: never takes a body that was cut for a short file', async () => {
      const cut = [
        saysAndEnds(head(10), '123456789'),
        saysAndEnds(answer(200, { 'Transfer-Encoding': 'chunked' }, '5\r\n12345\r\n')),
        saysAndEnds(answer(200, { 'Transfer-Encoding': 'chunked' }, '5\r\n123')),
      ];
      for (const script of cut) {
        await assert.rejects((await facing(script)).read('f', 99), { code: 'network-unreachable' });
      }
    });

    it('streams a body without a length, whose end only the caller can judge', async () => {
      const open = saysAndEnds(answer(200, { Connection: 'close' }, 'until the end'));
      const chunked = says(
        answer(200, { 'Transfer-Encoding': 'chunked' }, 'd\r\nuntil the end\r\n0\r\n\r\n'),
      );
      for (const script of [open, chunked]) {
        const file = await (await facing(script)).open('f');
        assert.equal(file?.length, undefined);
        assert.equal(String(file && (await bytesOf(file.body))), 'until the end');
        const store = await facing(script);
        await assert.rejects(store.read('f', 12), { code: 'length-limit' });
        assert.equal((await store.read('f', 13))?.bytes.byteLength, 13);
        await assert.rejects(store.stat('f'), { code: 'store-unsupported' });
      }
    });

    it('does not take in an endless body', async () => {
      const peer = await peerOf((socket) => {
        socket.write(answer(200, { Connection: 'close' }));
        const more = (): void => {
          while (!socket.destroyed && socket.write(new Uint8Array(65_536)));
        };
        socket.on('drain', more);
        more();
      });
      await assert.rejects(storeAt(peer.origin).read('f', 1_000_000), { code: 'length-limit' });
      await peer.idle();
    });

    for (const reuseChunks of [false, true]) {
      it(`NET-22: pauses the peer while the consumer takes its time (reuse ${reuseChunks})`, async () => {
        let sent = 0;
        const peer = await peerOf((socket) => {
          socket.write(head(1 << 30));
          const more = (): void => {
            const block = new Uint8Array(65_536);
            let room = true;
            while (room && !socket.destroyed) {
              room = socket.write(block);
              sent += block.byteLength;
            }
          };
          socket.on('drain', more);
          more();
        });
        const file = await storeAt(peer.origin).open('f', { reuseChunks });
        const iterator = file?.body[Symbol.asyncIterator]();
        await iterator?.next();
        let last = -1;
        while (last !== sent) {
          last = sent;
          for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        }
        assert.ok(sent < 32 * 1024 * 1024, `${sent} bytes went out unread`);
        await iterator?.return?.();
        await peer.idle();
      });
    }

    describe('large ones, past the parser', () => {
      const total = 3_000_000;
      const bytes = randomBytes(total);
      const read = async (script: Script, options: HttpOptions = {}): Promise<number> => {
        const file = await (await facing(script, options)).open('f', { reuseChunks: true });
        let at = 0;
        for await (const chunk of file?.body ?? []) {
          assert.ok(bytes.subarray(at, at + chunk.byteLength).equals(chunk));
          at += chunk.byteLength;
        }
        return at;
      };

      it('NET-03, NET-10: break off like small ones', async () => {
        for (const sent of [0, 1, 100_000, total - 1]) {
          const some = bytes.subarray(0, sent);
          await assert.rejects(read(saysAndResets(head(total), some)), { code: 'network-unreachable' });
          await assert.rejects(read(saysAndEnds(head(total), some)), { code: 'network-unreachable' });
        }
      });

      it('NET-14: stall like small ones', async () => {
        for (const sent of [0, 1, total - 1]) {
          const script = says(head(total), bytes.subarray(0, sent));
          await assert.rejects(read(script, SHORT), { code: 'too-slow' });
        }
      });

      it('end at their stated length, whatever follows, and when head and body come byte by byte', async () => {
        assert.equal(await read(says(head(total), bytes, 'HTTP/1.1 200 OK\r\n\r\nmore')), total);
        const first = 3000;
        const dripping: Script = (socket, request) => {
          const start = Buffer.concat([head(total), bytes.subarray(0, first)]);
          socket.setNoDelay(true);
          const drop = (at: number): void => {
            if (at < start.byteLength)
              socket.write(start.subarray(at, at + 1), () => setImmediate(drop, at + 1));
            else void says(bytes.subarray(first))(socket, request);
          };
          drop(0);
        };
        assert.equal(await read(dripping), total);
      });

      it('NET-23: are cancelled like small ones', async () => {
        const controller = new AbortController();
        const peer = await peerOf(says(head(total), bytes.subarray(0, 2_000_000)));
        const store = storeAt(peer.origin);
        const file = await store.open('f', { reuseChunks: true, signal: controller.signal });
        await assert.rejects(
          async () => {
            for await (const _ of file?.body ?? []) controller.abort();
          },
          { code: 'cancelled' },
        );
        await peer.idle();
      });
    });

    it('NET-08: refuses transformed bytes, and asks for plain ones', async () => {
      for (const headers of [
        { 'Content-Encoding': 'gzip' },
        { 'Content-Encoding': 'br, gzip' },
        { 'Transfer-Encoding': 'gzip, chunked' },
      ]) {
        const peer = await peerOf(says(answer(200, { ...headers, Connection: 'close' }, 'x')));
        await assert.rejects(storeAt(peer.origin).read('f', 9), { code: 'encoding-refused' });
        assert.equal(peer.requests[0]?.headers.get('accept-encoding'), 'identity');
      }
      const plain = await facing(
        says(answer(200, { 'Content-Encoding': 'identity', 'Content-Length': 1 }, 'x')),
      );
      assert.equal((await plain.read('f', 9))?.bytes.byteLength, 1);
    });
  });

  describe('slowness', () => {
    it('NET-14: gives up on a peer that says nothing, in every phase', async () => {
      const cases: [Script, string][] = [
        [stalls, 'headers'],
        [says('HTTP/1.1 200 OK\r\nContent-'), 'headers'],
        [says(answer(200, { 'Content-Length': 5 })), 'body'],
        [says(answer(200, { 'Content-Length': 5 }, 'four')), 'body'],
      ];
      for (const [script, phase] of cases) {
        const peer = await peerOf(script);
        const reading = storeAt(`${peer.origin}/base`, SHORT).read('f', 9);
        const { host } = new URL(peer.origin);
        await assert.rejects(reading, (error: { code: string; details: Record<string, unknown> }) => {
          assert.equal(error.code, 'too-slow');
          const { details } = error;
          assert.deepEqual([details.phase, details.host], [phase, host]);
          assert.equal(details.url, `${peer.origin}/base/f`);
          return true;
        });
        await peer.idle();
      }
    });

    it('does not let dripping headers hold a connection', async () => {
      const script: Script = (socket) => {
        const drop = (): void => {
          if (!socket.destroyed) socket.write('x', () => setImmediate(drop));
        };
        socket.write('HTTP/1.1 200 OK\r\nX: ', drop);
      };
      const limits = { ...SHORT, stallTimeout: 20 };
      await assert.rejects((await facing(script, limits)).read('f', 9), {
        code: /too-slow|network-unreachable/,
      });
    });

    it('gives up on a peer below the minimum rate, by time spent waiting alone', async () => {
      let now = 0;
      // Every look at the clock takes a second: one byte a second.
      const clock = (): number => {
        now += 1000;
        return now;
      };
      const script = drips(answer(200, { 'Content-Length': 500 }), new Uint8Array(500));
      const limits = { clock, rateWindow: 60_000, minimumRate: 16 };
      await assert.rejects(whole(await facing(script, limits)), { code: 'too-slow' });
    });

    it('NET-13: has no total limit: a slow peer above the minimum rate gets all the time it needs', async () => {
      let now = 0;
      const clock = (): number => {
        now += 3_600_000;
        return now;
      };
      const script = drips(answer(200, { 'Content-Length': 200 }), new Uint8Array(200));
      const store = await facing(script, { clock, rateWindow: 60_000, minimumRate: 0 });
      assert.equal((await whole(store))?.byteLength, 200);
    });

    it('NET-14: names host and phase of a host that cannot be reached', async () => {
      const peer = await startHostilePeer(stalls);
      await peer.close();
      const { host } = new URL(peer.origin);
      await assert.rejects(storeAt(peer.origin).read('f', 9), {
        code: 'network-unreachable',
        details: { url: `${peer.origin}/f`, host, phase: 'connect', system: 'ECONNREFUSED', received: 0 },
      });
    });

    it('NET-23: is cancelled while connecting, waiting and reading, and leaves no connection', async () => {
      for (const script of [stalls, says(answer(200, { 'Content-Length': 5 }, 'four'))]) {
        const peer = await peerOf(script);
        const controller = new AbortController();
        const reading = storeAt(peer.origin).read('f', 9, { signal: controller.signal });
        while (peer.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
        controller.abort();
        await assert.rejects(reading, { code: 'cancelled' });
        await peer.idle();
      }
    });
  });

  describe('redirects', () => {
    const to = (location: string, status = 302): Script =>
      says(answer(status, { Location: location, 'Content-Length': 0 }));
    const fine = says(answer(200, { 'Content-Length': 4 }, 'fine'));

    it('NET-01: follows to the same origin and to listed hosts only', async () => {
      for (const status of [301, 302, 303, 307, 308]) {
        const store = await facing(inTurn(to('/elsewhere?token=1', status), fine));
        assert.equal(String(await whole(store)), 'fine');
      }
      const other = await peerOf(fine);
      const peer = await peerOf(to(`${other.origin}/x`));
      const refused = storeAt(peer.origin).read('f', 9);
      await assert.rejects(refused, (error: { code: string; message: string }) => {
        assert.equal(error.code, 'redirect-refused');
        assert.ok(error.message.includes(new URL(other.origin).host));
        assert.ok(error.message.includes(new URL(peer.origin).host));
        return true;
      });
      const listed = storeAt(peer.origin, {
        allowedHosts: [new URL(other.origin).host],
        headers: { Authorization: 'secret' },
      });
      assert.equal(String(await whole(listed)), 'fine');
      assert.equal(peer.requests.at(-1)?.headers.get('authorization'), 'secret');
      assert.equal(other.requests.at(-1)?.headers.get('authorization'), undefined);
    });

    it('NET-01: refuses other places, other schemes, loops and a Location that is none', async () => {
      const locations = [
        'http://169.254.169.254/latest/meta-data',
        'http://127.0.0.1/',
        'http://localhost/',
        'file:///etc/passwd',
        'data:text/plain,x',
        'ftp://127.0.0.1/x',
        '//user:secret@127.0.0.1/x',
        'http://[',
        '/f',
      ];
      for (const location of locations) {
        const peer = await peerOf(to(location));
        await assert.rejects(
          storeAt(peer.origin).read('f', 9),
          (error: { code: string; message: string }) => {
            assert.equal(error.code, 'redirect-refused', location);
            assert.ok(!error.message.includes('secret'));
            return true;
          },
        );
        assert.equal(peer.requests.length, location === '/f' ? 4 : 1);
      }
      const three = await facing(inTurn(to('/1'), to('/2'), to('/3'), fine));
      assert.equal(String(await whole(three)), 'fine');
      await assert.rejects((await facing(says(answer(302, { 'Content-Length': 0 })))).read('f', 9), {
        code: 'http-status',
      });
    });
  });

  describe('connections', () => {
    it('keeps one connection for request after request, absent files included', async () => {
      const peer = await peerOf(
        inTurn(
          says(answer(200, { 'Content-Length': 1 }, 'a')),
          says(answer(404, { 'Transfer-Encoding': 'chunked' }, '4\r\nnone\r\n0\r\n\r\n')),
          says(answer(200, { 'Content-Length': 1 })),
          says(answer(200, { 'Content-Length': 1 }, 'b')),
        ),
      );
      const store = storeAt(peer.origin);
      await store.read('a', 1);
      await store.read('none', 1);
      await store.stat('a');
      await store.read('b', 1);
      assert.deepEqual(new Set(peer.requests.map(({ connection }) => connection)), new Set([1]));
      store.close();
      await peer.idle();
    });

    it('asks again when a kept connection was closed just now', async () => {
      const once = says(answer(200, { 'Content-Length': 1 }, 'a'));
      const peer = await peerOf((socket, request) => {
        if (request.index === 1) socket.resetAndDestroy();
        else void once(socket, request);
      });
      const store = storeAt(peer.origin);
      await store.read('a', 1);
      assert.equal((await store.read('b', 1))?.bytes.byteLength, 1);
      assert.equal(peer.requests.length, 3);
    });

    it('cuts the connection of a body that is given up', async () => {
      const peer = await peerOf(says(answer(200, { 'Content-Length': 1000 }, new Uint8Array(10))));
      const file = await storeAt(peer.origin).open('f');
      await file?.body[Symbol.asyncIterator]().return?.();
      await peer.idle();
    });

    it('does not read on through a long page of absence', async () => {
      const peer = await peerOf(says(answer(404, { 'Content-Length': 10_000_000 }, new Uint8Array(300_000))));
      assert.equal(await storeAt(peer.origin).read('f', 1), undefined);
      await peer.idle();
    });
  });

  describe('configuration', () => {
    it('NET-20: refuses bases and headers that could do more than name a place', async () => {
      const bases = [
        'http://user:secret@host/',
        'http://host/?token=secret',
        'http://host/#x',
        'http://host/a\r\nX: y',
        'http://host/a b',
        'ftp://host/',
        'host/path',
        '',
        'http://host\\@other/',
      ];
      for (const base of bases) {
        assert.throws(
          () => new HttpStore(base),
          (error: { code: string; message: string }) => {
            assert.equal(error.code, 'config-invalid', base);
            assert.ok(!error.message.includes('secret'));
            return true;
          },
        );
      }
      for (const headers of [{ 'X-A': 'a\r\nb: c' }, { 'a b': 'c' }, { Range: 'bytes=0-1' }, { Host: 'x' }]) {
        assert.throws(() => new HttpStore('http://host/', { headers }), { code: 'config-invalid' });
      }
      assert.equal(new HttpStore('HTTP://Host:80/a').location, 'http://host/a/');
    });

    it('encodes every character that could mean something in an address', async () => {
      const peer = await peerOf(says(answer(404, { 'Content-Length': 0 })));
      await storeAt(`${peer.origin}/base`).read("a b/%2e%2e/!'()*:@?#&+;é", 1);
      assert.equal(
        peer.requests[0]?.target,
        '/base/a%20b/%252e%252e/%21%27%28%29%2A%3A%40%3F%23%26%2B%3B%C3%A9',
      );
    });
  });
});
