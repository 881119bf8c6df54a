/** Servers that are wrong in one way each, looked at by a stranger: each is said, and nothing is where nothing is wrong. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { examineAddress } from '../../../src/signer/doctor/examine-address.ts';
import { type CheckName, type Finding, worstLevel } from '../../../src/signer/doctor/finding.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { headersFor } from '../../../src/storage/s3-headers.ts';
import { awsVariables, setVariables } from '../../support/aws-environment.ts';
import {
  addVersion,
  day,
  hour,
  open,
  planAndPublish,
  start,
  workspaceDisk,
} from '../../support/workspace.ts';

const now = start + hour;

interface Fault {
  readonly name: string;
  /** Files that it meets. */
  readonly at: RegExp;
  /** True when it answered itself. */
  readonly answer?: (request: IncomingMessage, response: ServerResponse, bytes: Uint8Array) => boolean;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly check: CheckName;
  readonly level: Finding['level'];
  readonly found: RegExp;
}

const everything = /./;
const faults: readonly Fault[] = [
  {
    name: 'gzip, of a GET alone',
    at: /snapshot\.json$/,
    answer: ({ method, headers }, response, bytes) => {
      if (method !== 'GET' || !String(headers['accept-encoding']).includes('gzip')) return false;
      response.setHeader('content-encoding', 'gzip').end(gzipSync(bytes));
      return true;
    },
    ...{ check: 'headers', level: 'fail', found: /encoding-refused.*gzip/ },
  },
  {
    name: 'a timestamp that caches keep for a year',
    at: /timestamp\.json$/,
    headers: { 'cache-control': 'public, max-age=31536000' },
    ...{ check: 'headers', level: 'fail', found: /caches keep it for 31536000 s/ },
  },
  {
    name: 'a page for whatever is absent',
    at: /absent/,
    answer: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>');
      return true;
    },
    ...{ check: 'absence', level: 'fail', found: /fallback page/ },
  },
  {
    name: '403 for what is absent',
    at: /absent/,
    answer: (_request, response) => {
      response.writeHead(403).end();
      return true;
    },
    ...{ check: 'absence', level: 'warn', found: /403/ },
  },
  {
    name: 'absence that is remembered for a day',
    at: /absent/,
    answer: (_request, response) => {
      response.writeHead(404, { 'cache-control': 'max-age=86400' }).end();
      return true;
    },
    ...{ check: 'absence', level: 'warn', found: /kept for 86400 s/ },
  },
  {
    name: 'a redirect at the same place',
    at: /1\.snapshot\.json$/,
    answer: ({ url = '' }, response) => {
      if (url.includes('?')) return false;
      response.writeHead(302, { location: `${url}?again` }).end();
      return true;
    },
    ...{ check: 'headers', level: 'warn', found: /redirect to http/ },
  },
  {
    name: 'a redirect to another host',
    at: /1\.snapshot\.json$/,
    answer: (_request, response) => {
      response.writeHead(302, { location: 'http://elsewhere.example.com/' }).end();
      return true;
    },
    ...{ check: 'headers', level: 'fail', found: /redirect-refused/ },
  },
  {
    name: 'weak etags',
    at: /^targets\//,
    headers: { etag: 'W/"1"' },
    ...{ check: 'headers', level: 'warn', found: /weak ETag, W/ },
  },
  {
    name: 'no ranges',
    at: /^targets\//,
    answer: (_request, response, bytes) => {
      response.writeHead(200, { ...fieldsOf('targets/x'), 'content-length': bytes.byteLength }).end(bytes);
      return true;
    },
    ...{ check: 'headers', level: 'warn', found: /answered 200 when asked for one byte/ },
  },
  {
    name: 'an image that is gone',
    at: /\.img$/,
    answer: (_request, response) => {
      response.writeHead(404, { 'cache-control': 'max-age=10' }).end();
      return true;
    },
    ...{ check: 'files', level: 'fail', found: /1 of 2 listed files are missing.*\.img/ },
  },
  {
    name: 'an image that nobody can be asked for',
    at: /\.img$/,
    answer: (_request, response) => {
      response.writeHead(503).end();
      return true;
    },
    ...{ check: 'files', level: 'fail', found: /^http-status/ },
  },
  {
    name: 'an image that is cut short',
    at: /\.img$/,
    answer: (_request, response, bytes) => {
      response.writeHead(200, { 'content-length': bytes.byteLength - 1 }).end(bytes.subarray(1));
      return true;
    },
    ...{ check: 'files', level: 'fail', found: /missing or cut short/ },
  },
  {
    name: 'metadata as text',
    at: everything,
    headers: { 'content-type': 'text/plain' },
    ...{ check: 'headers', level: 'warn', found: /Content-Type text\/plain/ },
  },
];

function fieldsOf(name: string): Record<string, string> {
  const { contentType, cacheControl } = headersFor(name);
  return { 'content-type': contentType, 'cache-control': cacheControl };
}

async function withServer(
  { store }: Workspace,
  fault: Fault | undefined,
  test: (address: string) => Promise<void>,
): Promise<void> {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const name = decodeURIComponent((request.url ?? '').split('?')[0] ?? '').slice(1);
    const bytes = (await store.read(name, 1e7))?.bytes;
    const meets = fault?.at.test(bytes === undefined ? 'absent' : name) === true;
    if (meets && fault?.answer?.(request, response, bytes ?? new Uint8Array()) === true) return;
    if (bytes === undefined) return void response.writeHead(404, { 'cache-control': 'max-age=10' }).end();
    const fields = { ...fieldsOf(name), etag: '"strong"', ...(meets && fault?.headers) };
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    const first = Number(range?.[1] ?? 0);
    const last = Math.min(Number(range?.[2] || bytes.length - 1), bytes.length - 1);
    const part = bytes.subarray(first, last + 1);
    const ranged = range && { 'content-range': `bytes ${first}-${last}/${bytes.length}` };
    response.writeHead(range ? 206 : 200, { ...fields, 'content-length': part.length, ...ranged });
    response.end(request.method === 'HEAD' ? undefined : part);
  };
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await test(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function published(): Promise<Workspace> {
  const workspace = await open(await workspaceDisk(), new MemoryStore());
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, start);
  return workspace;
}

describe('signer/doctor: an address, without a workspace', () => {
  let workspace: Workspace;
  before(async () => {
    workspace = await published();
  });

  it('finds nothing wrong where nothing is, and says with which root trust began', async () => {
    await withServer(workspace, undefined, async (location) => {
      const [root = new Uint8Array()] = workspace.roots;
      const findings = await examineAddress({ location, root, repositories: [], now });
      assert.deepEqual(
        findings.filter(({ level }) => level !== 'ok'),
        [],
      );
      assert.ok(findings.some(({ found }) => found === 'root 1, which was given, is one of them'));
      assert.ok(findings.some(({ found }) => found === 'all 2 listed files are there'));
      const first = await examineAddress({ location, repositories: [], now });
      assert.equal(worstLevel(first), 0);
      const said = first.find(({ found }) => found.startsWith('trusted on first use: root 1'));
      assert.match(said?.advice ?? '', /not whose it is/);
      const later = await examineAddress({ location, repositories: [], now, at: now + 8 * day });
      assert.ok(
        later.some(
          ({ check, level, found }) => check === 'later' && level === 'fail' && /^expired/.test(found),
        ),
      );
    });
  });

  for (const fault of faults) {
    it(`PUB-25: sees ${fault.name}`, async () => {
      await withServer(workspace, fault, async (location) => {
        const findings = await examineAddress({ location, repositories: [], now });
        const found = findings.some(
          (one) => one.check === fault.check && one.level === fault.level && fault.found.test(one.found),
        );
        assert.ok(found, JSON.stringify(findings, undefined, 1));
      });
    });
  }

  it('a bucket that answers one question without end is looked at all the same', async () => {
    const handle = async ({ url = '', method }: IncomingMessage, response: ServerResponse): Promise<void> => {
      const { pathname, searchParams } = new URL(url, 'http://bucket');
      if (searchParams.has('acl')) return void response.end(Buffer.alloc(5_000_000, 32));
      const name = decodeURIComponent(pathname).replace('/bucket/', '');
      const bytes = (await workspace.store.read(name, 1e7).catch(() => undefined))?.bytes;
      response.writeHead(bytes === undefined ? 404 : 200, {
        etag: '"e"',
        'content-length': bytes?.length ?? 0,
      });
      response.end(method === 'HEAD' ? undefined : bytes);
    };
    const server = createServer((request, response) => void handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const restore = setVariables(awsVariables());
    try {
      const location = `s3://bucket/?endpoint=http://127.0.0.1:${port}&region=us-east-1`;
      const findings = await examineAddress({ location, repositories: ['metadata'], now });
      assert.ok(findings.some(({ level, found }) => level === 'fail' && /^length-limit/.test(found)));
      assert.ok(findings.some(({ check, level }) => check === 'client' && level === 'ok'));
    } finally {
      restore();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('a root of another repository is none of those that are there', async () => {
    const other = await open(await workspaceDisk({ template: 'single', name: 'example/other' }));
    await withServer(workspace, undefined, async (location) => {
      const [root = new Uint8Array()] = other.roots;
      const findings = await examineAddress({ location, root, repositories: [], now });
      assert.ok(
        findings.some(
          ({ check, level, found }) => check === 'roots' && level === 'fail' && /none of those/.test(found),
        ),
      );
    });
  });

  it('PUB-18: a first root that is gone strands hosts, and trust on first use has nothing to begin with', async () => {
    const bare = await published();
    const { etag = '' } = (await bare.store.stat('metadata/1.root.json')) ?? {};
    await bare.store.remove('metadata/1.root.json', etag);
    await withServer(bare, undefined, async (location) => {
      const [root = new Uint8Array()] = bare.roots;
      const findings = await examineAddress({ location, root, repositories: [], now });
      assert.ok(findings.some(({ check, level }) => check === 'roots' && level === 'fail'));
      const blind = await examineAddress({ location, repositories: [], now });
      assert.ok(
        blind.some(({ level, found }) => level === 'fail' && /name a root that you trust/.test(found)),
      );
    });
  });
});
