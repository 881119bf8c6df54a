import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultServerLimits } from '../../src/server/limits.ts';
import { type RunningServer, serve } from '../../src/server/serve.ts';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import type { SwappableStore } from '../../src/storage/store.ts';
import { imageBytes } from '../support/fixture-repository.ts';
import { ask, exchange, openSocket, parseAnswer, type RawAnswer } from '../support/raw-http.ts';
import { traversals } from '../support/traversals.ts';

const small = imageBytes('small', 1000);
const large = imageBytes('large', 2_500_000);
const hash = 'c0ffee00'.repeat(8);
const names = {
  root: 'metadata/1.root.json',
  timestamp: 'metadata/timestamp.json',
  small: `targets/${hash}.small.img`,
  large: `targets/${hash}.large.img`,
  odd: `targets/${hash}.a b%2F'é&?#.img`,
} as const;

/** What publishers leave for each other. */
const notes = [
  '.publish/metadata/journal/1.json',
  `.publish/metadata/prepared/${hash}.json`,
  `.publish/metadata/plans/${hash}.json`,
  '.publish/metadata/plans/timestamp.json',
];

const etagOf = (answer: RawAnswer): string => answer.headers.get('etag') ?? '';

async function fill(store: SwappableStore): Promise<void> {
  await store.create(names.root, Buffer.from('{"root":1}\n'));
  await store.create(names.timestamp, Buffer.from('{"timestamp":1}\n'));
  await store.create(names.small, small);
  await store.create(names.large, large);
  await store.create(names.odd, Buffer.from('odd'));
  await store.create('secret', Buffer.from('SECRET'));
  await store.create('metadata/private-key.json', Buffer.from('SECRET'));
  for (const name of notes) await store.create(name, Buffer.from('SECRET'));
}

function fileSuite(label: string, makeStore: () => Promise<SwappableStore>): void {
  describe(`server: files of a ${label} store`, () => {
    let server: RunningServer;
    let store: SwappableStore;
    before(async () => {
      store = await makeStore();
      await fill(store);
      server = await serve({ store });
    });
    after(() => server.close());
    const get = (name: string, ...headers: string[]): Promise<RawAnswer> =>
      ask(server.url, `/${name}`, { headers });

    it('never serves what publishers note for each other, however it is spelled', async () => {
      for (const name of notes) {
        for (const spelled of [
          name,
          name.replace('.', '%2e'),
          name.replace('/', '//'),
          `metadata/../${name}`,
        ]) {
          const answer = await get(spelled);
          assert.ok([400, 404].includes(answer.status), `${spelled}: ${answer.status}`);
          assert.doesNotMatch(answer.body.toString(), /SECRET/);
        }
      }
    });

    it('serves metadata and targets with exact bytes, types, lengths, strong etags and caching', async () => {
      const expected = { [names.small]: small, [names.large]: large };
      for (const [name, bytes] of Object.entries(expected)) {
        const answer = await get(name);
        assert.equal(answer.status, 200);
        assert.ok(answer.body.equals(bytes), name);
        assert.equal(answer.headers.get('content-length'), String(bytes.byteLength));
        assert.equal(answer.headers.get('content-type'), 'application/octet-stream');
        assert.equal(answer.headers.get('accept-ranges'), 'bytes');
        assert.match(etagOf(answer), /^"[\w-]{43}"$/);
        assert.match(answer.headers.get('cache-control') ?? '', /immutable, no-transform$/);
      }
      const timestamp = await get(names.timestamp);
      assert.equal(timestamp.headers.get('content-type'), 'application/json');
      assert.match(timestamp.headers.get('cache-control') ?? '', /max-age=10\b/);
      const odd = await ask(server.url, `/${names.odd.split('/').map(encodeURIComponent).join('/')}?seed=7`);
      assert.equal(odd.body.toString(), 'odd');
    });

    it('answers the probe for the next root with a short-lived 404', async () => {
      const answer = await get('metadata/2.root.json');
      assert.equal(answer.status, 404);
      assert.equal(answer.headers.get('cache-control'), 'public, max-age=10');
      assert.equal((await get('metadata/2.targets.json')).headers.get('cache-control'), 'no-store');
      await store.create('metadata/2.root.json', Buffer.from('{"root":2}\n'));
      assert.equal((await get('metadata/2.root.json')).status, 200);
    });

    it('SRV-01: no traversal gets anything but 400 or 404, and never a byte of what is not served', async () => {
      for (const target of traversals.filter((form) => form !== '')) {
        const answer = await ask(server.url, target);
        assert.ok(answer.status === 400 || answer.status === 404, `${target}: ${answer.status}`);
        assert.doesNotMatch(answer.body.toString(), /SECRET|root:/, target);
      }
    });

    it('SRV-05: no listing, no dotfile, no backup, no folder, no file that no repository holds', async () => {
      const files = ['', 'metadata', 'metadata/', '.git/config', '.env', `${names.root}~`, 'secret'];
      for (const name of [
        ...files,
        'metadata/private-key.json',
        `${names.root}/`,
        `${names.root}/1.root.json`,
      ]) {
        assert.equal((await get(name)).status, 404, name);
      }
    });

    it('SRV-06: never redirects', async () => {
      for (const target of ['//evil.com/%2f..', '/metadata', '/\\evil.com', '/targets/', '//evil.com']) {
        const answer = await ask(server.url, target);
        assert.ok(answer.status >= 400, target);
        assert.equal(answer.headers.get('location'), undefined);
      }
    });

    it('SRV-07: ranges give exactly the bytes that Content-Range tells, from memory and from the store', async () => {
      for (const [name, bytes] of [
        [names.small, small],
        [names.large, large],
      ] as const) {
        const last = bytes.byteLength - 1;
        const spans = { '0-0': [0, 0], '-5': [last - 4, last], '5-': [5, last], [`0-${last}`]: [0, last] };
        for (const [range, [start = 0, end = 0]] of Object.entries(spans)) {
          const answer = await get(name, `Range: bytes=${range}`);
          assert.equal(answer.status, 206, range);
          assert.equal(answer.headers.get('content-range'), `bytes ${start}-${end}/${bytes.byteLength}`);
          assert.equal(answer.headers.get('content-length'), String(end - start + 1));
          assert.ok(answer.body.equals(bytes.subarray(start, end + 1)), range);
        }
        const beyond = await get(name, `Range: bytes=${bytes.byteLength}-`);
        assert.equal(beyond.status, 416);
        assert.equal(beyond.headers.get('content-range'), `bytes */${bytes.byteLength}`);
        for (const range of ['bytes=9-2', 'lines=0-4', 'bytes=x']) {
          assert.equal((await get(name, `Range: ${range}`)).status, 200, range);
        }
      }
    });

    it('SRV-08: of many ranges, or two headers, the first range is answered and no byte twice', async () => {
      const many = await get(names.small, `Range: bytes=${Array(3000).fill('0-').join(',')}`);
      assert.equal(many.status, 206);
      assert.ok(many.body.equals(small));
      const two = await get(names.large, 'Range: bytes=7-8', 'Range: bytes=0-2000000');
      assert.equal(two.headers.get('content-range'), `bytes 7-8/${large.byteLength}`);
      assert.equal(two.body.byteLength, 2);
    });

    it('SRV-11: conditions are answered in the order of RFC 9110, 304 with its validators and no body', async () => {
      for (const name of [names.small, names.large]) {
        const { headers } = await get(name);
        const etag = headers.get('etag') ?? '';
        const unchanged = await get(name, `If-None-Match: "x", W/${etag}`, 'If-Modified-Since: junk');
        assert.equal(unchanged.status, 304);
        assert.equal(unchanged.body.byteLength, 0);
        for (const field of ['etag', 'cache-control'])
          assert.equal(unchanged.headers.get(field), headers.get(field));
        assert.equal((await get(name, 'If-None-Match: *', 'If-Match: "x"')).status, 412);
        assert.equal((await get(name, `If-Match: ${etag}`, 'If-Unmodified-Since: junk')).status, 200);
        assert.equal((await get(name, 'If-None-Match: *', 'Range: bytes=0-0')).status, 304);
        assert.equal((await get(name, `If-Range: ${etag}`, 'Range: bytes=0-0')).status, 206);
        assert.equal((await get(name, `If-Range: W/${etag}`, 'Range: bytes=0-0')).status, 200);
      }
    });

    it('SRV-12: HEAD has the headers of GET and no body, with Range and conditions too', async () => {
      for (const name of [names.small, names.large, names.timestamp]) {
        const full = await get(name);
        const headers = [...full.headers].filter(([field]) => field !== 'date');
        for (const extra of [[], ['Range: bytes=0-0'], ['Range: bytes=99999999-']]) {
          const head = await ask(server.url, `/${name}`, { method: 'HEAD', headers: extra });
          assert.equal(head.status, 200);
          assert.deepEqual(
            [...head.headers].filter(([field]) => field !== 'date'),
            headers,
          );
          assert.equal(head.body.byteLength, 0);
        }
        const condition = [`If-None-Match: ${etagOf(full)}`, 'Range: bytes=0-0'];
        assert.equal((await ask(server.url, `/${name}`, { method: 'HEAD', headers: condition })).status, 304);
      }
      const missing = await ask(server.url, '/metadata/99.root.json', { method: 'HEAD' });
      assert.deepEqual([missing.status, missing.body.byteLength], [404, 0]);
    });

    it('SRV-14: never transforms bytes, whatever encoding is asked for', async () => {
      for (const encoding of ['gzip', 'br, zstd', 'identity;q=0', '*;q=0', 'gzip;q=1.0, identity; q=0.5']) {
        for (const name of [names.small, names.large, names.root]) {
          const answer = await get(name, `Accept-Encoding: ${encoding}`);
          assert.equal(answer.status, 200);
          for (const field of ['content-encoding', 'vary', 'transfer-encoding'])
            assert.equal(answer.headers.get(field), undefined, field);
          assert.match(answer.headers.get('cache-control') ?? '', /no-transform/);
        }
      }
    });

    it('SRV-25: header, query and spelling change neither the answer nor what is kept for others', async () => {
      const etag = etagOf(await get(names.root));
      const spelled = `/${names.root.replace('root', '%72oot')}?a=b`;
      for (const headers of [['X-Forwarded-Host: evil'], ['Accept: text/html'], ['Range: bytes=0-0']]) {
        assert.equal(etagOf(await ask(server.url, spelled, { headers })), etag);
      }
      assert.equal((await get(names.root)).body.toString(), '{"root":1}\n');
    });

    it('gives a publication to everyone who asks after it', async () => {
      for (let round = 2; round < 12; round += 1) {
        const current = await store.stat(names.timestamp);
        const crowd = [get(names.timestamp), get(names.timestamp), get(names.timestamp)];
        await store.swap(names.timestamp, Buffer.from(`{"timestamp":${round}}\n`), current?.etag);
        assert.equal((await get(names.timestamp)).body.toString(), `{"timestamp":${round}}\n`);
        await Promise.all(crowd);
      }
    });

    it('answers several requests on one connection, in their order', async () => {
      const lines = [names.root, names.large, 'nothing', names.small].map(
        (name, index) =>
          `GET /${name} HTTP/1.1\r\nHost: x\r\n${index === 3 ? 'Connection: close\r\n' : ''}\r\n`,
      );
      let rest = await exchange(server.url, lines.join(''));
      const statuses: number[] = [];
      while (rest.byteLength > 0) {
        const { status, headers, body } = parseAnswer(rest);
        statuses.push(status);
        rest = body.subarray(Number(headers.get('content-length')));
      }
      assert.deepEqual(statuses, [200, 200, 404, 200]);
    });
  });
}

const folders: string[] = [];
const makeFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-server-'));
  folders.push(folder);
  return folder;
};

fileSuite('memory', async () => new MemoryStore());
fileSuite('directory', async () => new DirectoryStore(join(makeFolder(), 'served')));

describe('server: links and swapped files in a served folder', () => {
  let server: RunningServer;
  let root = '';
  before(async () => {
    root = join(makeFolder(), 'served');
    writeFileSync(join(root, '..', 'outside'), 'SECRET'.repeat(300_000));
    mkdirSync(join(root, '..', 'elsewhere'));
    writeFileSync(join(root, '..', 'elsewhere', '1.root.json'), 'SECRET');
    const store = new DirectoryStore(root);
    await fill(store);
    server = await serve({ store, limits: { ...defaultServerLimits, memoryHold: 0 } });
  });
  after(() => server.close());

  it('SRV-03: a link is no file, in the last place or before, also when it takes the place of a served one', async () => {
    symlinkSync('../../outside', join(root, 'targets', `${hash}.link.img`));
    symlinkSync('../elsewhere', join(root, 'linked'));
    symlinkSync('1.root.json', join(root, 'metadata', '5.root.json'));
    for (const name of [`targets/${hash}.link.img`, 'linked/1.root.json', 'metadata/5.root.json']) {
      const answer = await ask(server.url, `/${name}`);
      assert.equal(answer.status, 404, name);
      assert.doesNotMatch(answer.body.toString(), /SECRET/);
    }
    for (const name of [names.root, names.large]) {
      assert.equal((await ask(server.url, `/${name}`)).status, 200);
      symlinkSync(join(root, '..', 'outside'), join(root, 'link'));
      renameSync(join(root, 'link'), join(root, name));
      assert.equal((await ask(server.url, `/${name}`)).status, 404, name);
    }
  });

  it('SRV-20: clients that read at their own pace get the same bytes, though buffers are used again', async () => {
    const name = `targets/${hash}.huge.img`;
    const huge = randomBytes(6 * 1024 * 1024 + 5);
    await new DirectoryStore(root).create(name, huge);
    const download = async (pause: number): Promise<boolean> => {
      const socket = openSocket(server.url);
      socket.write(`GET /${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      const chunks: Buffer[] = [];
      for await (const chunk of socket) {
        chunks.push(chunk);
        for (let turn = 0; turn < pause; turn += 1) await new Promise((next) => setImmediate(next));
      }
      return parseAnswer(Buffer.concat(chunks)).body.equals(huge);
    };
    assert.deepEqual(await Promise.all([0, 1, 4].map(download)), [true, true, true]);
  });

  it('SRV-03: a hard link is the file itself, and is served only under a name of a repository', async () => {
    linkSync(join(root, '..', 'outside'), join(root, 'targets', 'hard.img'));
    assert.equal((await ask(server.url, '/targets/hard.img')).status, 404);
  });
});

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
