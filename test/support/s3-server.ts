/**
 * A bucket in this process: fauxqs, and before it what it lacks: signatures, checksums of bodies, conditions that are
 * decided one after another for each key, a list of open uploads; and behind every request a place for faults.
 * Only tests load it. Bodies of more than 11 MiB are refused by fauxqs itself.
 */
import { createHash, randomUUID } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import type { S3Credentials } from '../../src/storage/s3-connection.ts';
import { type KnownCredential, signatureFault } from './sigv4.ts';

export interface S3Call {
  readonly index: number;
  readonly operation: S3Operation;
  readonly key: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export type S3Operation =
  | 'get'
  | 'head'
  | 'put'
  | 'delete'
  | 'list'
  | 'list-uploads'
  | 'create-upload'
  | 'upload-part'
  | 'complete-upload'
  | 'abort-upload'
  | 'other';

/** What happens to one request. `apply`: the work is done first, only its answer is lost. */
export type S3FaultAction =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly code: string;
      readonly apply?: boolean;
      readonly body?: string | Buffer;
    }
  | { readonly kind: 'reset'; readonly apply?: boolean }
  | { readonly kind: 'never'; readonly apply?: boolean }
  /** Held until the promise resolves, also when the client has gone. */
  | { readonly kind: 'delay'; readonly until: Promise<unknown> }
  /** Done twice; the answer is that of the second time. */
  | { readonly kind: 'duplicate' }
  /** Other bytes are stored than were sent, after their checksum was found right. */
  | { readonly kind: 'alter' };

export type Faults = (call: S3Call) => S3FaultAction | undefined;

export interface S3ServerOptions {
  readonly credentials?: ReadonlyMap<string, KnownCredential>;
  /** Milliseconds since the epoch, the server's clock. */
  readonly now?: () => number;
  /** What the Date of its answers says, for tests at another time than now; signatures are then judged by their own date. */
  readonly shownTime?: () => number;
  /** `raced`: looked at and written without a lock between, as some servers do. */
  readonly conditions?:
    | 'kept'
    | 'ignored'
    | 'create-ignored'
    | 'swap-ignored'
    | 'raced'
    | 'refused'
    | 'put-only'
    | 'unquoted';
  readonly conditionalDelete?: boolean;
  readonly checksums?: 'kept' | 'ignored' | 'refused';
  readonly faults?: Faults;
}

export interface S3Server {
  readonly endpoint: string;
  readonly calls: S3Call[];
  /** Ids of uploads that were begun and neither completed nor aborted. */
  readonly openUploads: Map<string, { readonly key: string; begun: number }>;
  faults: Faults | undefined;
  /** `s3://` address of a prefix in the bucket. */
  address(prefix?: string, parameters?: string): string;
  /** What stands in the bucket: status, headers and body, unsigned and without faults. */
  inspect(
    key: string,
  ): Promise<{ readonly status: number; readonly headers: Record<string, unknown>; readonly body: Buffer }>;
  close(): Promise<void>;
}

export const testBucket = 'tidegate-test';
export const testCredentials: S3Credentials = { accessKeyId: 'test', secretAccessKey: 'test-secret-key' };

export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  // By name at run time, so that nothing but a test that starts a server loads it.
  const { buildApp } = await import('fauxqs');
  const app = buildApp({ logger: false, host: '127.0.0.1' });
  const inside = randomUUID();
  const state: State = {
    options,
    now: options.now ?? Date.now,
    known:
      options.credentials ??
      new Map([[testCredentials.accessKeyId, { secretAccessKey: testCredentials.secretAccessKey }]]),
    calls: [],
    uploads: new Map(),
    locks: new Map(),
  };
  const held = new WeakMap<object, Held>();
  const inject = (method: 'HEAD' | 'PUT' | 'POST' | 'DELETE', url: string, headers = {}, payload?: Buffer) =>
    app.inject({ method, url, headers: { ...headers, 'x-inside': inside }, ...(payload && { payload }) });
  let server: S3Server | undefined;
  // Otherwise JSON is parsed, and what is stored is no longer what was sent.
  app.removeContentTypeParser(['application/json', 'text/plain']);

  app.addHook('onRequest', async (request, reply) => {
    if (request.headers['x-inside'] === inside) return undefined;
    reply.header('date', new Date((options.shownTime ?? state.now)()).toUTCString());
    const call = callOf(request.raw, state.calls.length);
    state.calls.push(call);
    const action = server?.faults?.(call);
    held.set(request, { call, action });
    if (action?.kind === 'delay') await action.until;
    if (action !== undefined && 'apply' in action && action.apply === true) return undefined;
    if (action?.kind === 'reset') request.raw.socket.destroy();
    if (action?.kind === 'reset' || action?.kind === 'never') return await new Promise<void>(() => undefined);
    if (action?.kind === 'status') return refuse(reply, action.status, action.code, action.body);
    const fault = signatureFault(
      { method: call.method, url: call.url, headers: request.headers },
      { service: 's3', region: 'us-east-1', credentials: state.known, now: signingTime(call, state) },
    );
    if (fault !== undefined) return refuse(reply, fault === 'InvalidToken' ? 400 : 403, fault);
    return call.operation === 'list-uploads' ? listUploads(reply, state, call.url) : undefined;
  });

  app.addHook('preHandler', async (request, reply) => {
    const here = held.get(request);
    if (here === undefined) return undefined;
    const { call, action } = here;
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const bad = bodyFault(call, body, state);
    if (bad !== undefined) return refuse(reply, bad === 'NotImplemented' ? 501 : 400, bad);
    if (action?.kind === 'alter' && body.byteLength > 0)
      request.body = Buffer.from(body.map((byte) => byte ^ 1));
    if (!['put', 'delete', 'complete-upload'].includes(call.operation)) return undefined;
    if (options.conditions !== 'raced') here.release = await locked(state.locks, call.key);
    const stored = await inject('HEAD', pathOf(call.url));
    const refused = conditionFault(
      call,
      state,
      stored.statusCode === 200 ? String(stored.headers.etag) : undefined,
    );
    if (refused !== undefined) return refuse(reply, refused.status, refused.code);
    if (options.conditions === 'raced') await new Promise((resolve) => setTimeout(resolve, 20));
    if (action?.kind === 'duplicate') {
      await inject(call.method === 'PUT' ? 'PUT' : 'POST', call.url, passedOn(call.headers), body);
      const again = await inject('HEAD', pathOf(call.url));
      const second = conditionFault(call, state, String(again.headers.etag));
      if (second !== undefined) return refuse(reply, second.status, second.code);
    }
    return undefined;
  });

  app.addHook('onSend', async (request, reply, payload) => {
    const here = held.get(request);
    if (here === undefined) return payload;
    noteUploads(state, here.call, reply.statusCode, typeof payload === 'string' ? payload : '');
    here.release?.();
    const { action } = here;
    if (action === undefined || !('apply' in action) || action.apply !== true) return payload;
    if (action.kind === 'reset') request.raw.socket.destroy();
    if (action.kind === 'never') return await new Promise(() => undefined);
    if (action.kind === 'status') {
      reply.code(action.status).header('content-type', 'application/xml');
      return errorXml(action.code);
    }
    return payload;
  });

  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  await inject('PUT', `/${testBucket}`);
  server = {
    endpoint: origin,
    calls: state.calls,
    openUploads: state.uploads,
    faults: options.faults,
    address: (prefix = '', parameters = '') =>
      `s3://${testBucket}/${prefix}?endpoint=${origin}&region=us-east-1${parameters && `&${parameters}`}`,
    inspect: async (key) => {
      const url = `/${testBucket}/${key}`;
      // As a stream: whole, an image would be made a text as well, which takes longer than to store it.
      const answer = await app.inject({ url, headers: { 'x-inside': inside }, payloadAsStream: true });
      return { status: answer.statusCode, headers: answer.headers, body: await buffer(answer.stream()) };
    },
    close: async () => await app.close(),
  };
  return server;
}

/** The SDK takes the shown time over from the first answer on. */
function signingTime({ headers }: S3Call, { options, now }: State): number {
  if (options.shownTime === undefined) return now();
  const form = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;
  return Date.parse(String(headers['x-amz-date']).replace(form, '$1-$2-$3T$4:$5:$6Z'));
}

interface Held {
  readonly call: S3Call;
  readonly action: S3FaultAction | undefined;
  release?: () => void;
}

interface State {
  readonly options: S3ServerOptions;
  readonly now: () => number;
  readonly known: ReadonlyMap<string, KnownCredential>;
  readonly calls: S3Call[];
  readonly uploads: Map<string, { readonly key: string; begun: number }>;
  readonly locks: Map<string, Promise<void>>;
}

interface Received {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

function callOf({ method = '', url = '', headers }: Received, index: number): S3Call {
  const [, , ...key] = pathOf(url).split('/').map(decodeURIComponent);
  return {
    index,
    operation: operationOf(method, url, key.join('/')),
    key: key.join('/'),
    method,
    url,
    headers,
  };
}

function operationOf(method: string, url: string, key: string): S3Operation {
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  if (key === '') return query.has('uploads') ? 'list-uploads' : method === 'GET' ? 'list' : 'other';
  if (query.has('uploads')) return 'create-upload';
  if (query.has('partNumber')) return 'upload-part';
  if (query.has('uploadId')) return method === 'DELETE' ? 'abort-upload' : 'complete-upload';
  const plain: Readonly<Record<string, S3Operation>> = {
    GET: 'get',
    HEAD: 'head',
    PUT: 'put',
    DELETE: 'delete',
  };
  return plain[method] ?? 'other';
}

function pathOf(url: string): string {
  return url.split('?')[0] ?? '';
}

function passedOn(headers: S3Call['headers']): Record<string, string> {
  const names = ['content-type', 'cache-control', 'x-amz-checksum-sha256'];
  return Object.fromEntries(
    names.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
  );
}

function bodyFault({ headers }: S3Call, body: Buffer, { options }: State): string | undefined {
  const hash = createHash('sha256').update(body);
  const checksum = headers['x-amz-checksum-sha256'];
  if (options.checksums === 'refused' && checksum !== undefined) return 'NotImplemented';
  const digest = hash.digest();
  const signed = headers['x-amz-content-sha256'];
  if (typeof signed === 'string' && /^[0-9a-f]{64}$/.test(signed) && signed !== digest.toString('hex'))
    return 'XAmzContentSHA256Mismatch';
  return checksum !== undefined && checksum !== digest.toString('base64') ? 'BadDigest' : undefined;
}

function conditionFault(
  { headers, operation }: S3Call,
  { options }: State,
  etag: string | undefined,
): { readonly status: number; readonly code: string } | undefined {
  const { conditions = 'kept', conditionalDelete = true } = options;
  const none = headers['if-none-match'];
  const match = headers['if-match']?.toString();
  if (none === undefined && match === undefined) return undefined;
  if (conditions === 'refused') return { status: 501, code: 'NotImplemented' };
  if (conditions === 'ignored' || (conditions === 'put-only' && operation === 'complete-upload'))
    return undefined;
  if (conditions === (none === undefined ? 'swap-ignored' : 'create-ignored')) return undefined;
  if (operation === 'delete' && !conditionalDelete) return undefined;
  if (none === '*' && etag !== undefined) return { status: 412, code: 'PreconditionFailed' };
  if (match !== undefined && etag === undefined) return { status: 404, code: 'NoSuchKey' };
  const kept = conditions === 'unquoted' ? etag?.replaceAll('"', '') : etag;
  return match !== undefined && match !== kept ? { status: 412, code: 'PreconditionFailed' } : undefined;
}

async function locked(locks: Map<string, Promise<void>>, key: string): Promise<() => void> {
  const before = locks.get(key) ?? Promise.resolve();
  let release = (): void => undefined;
  locks.set(key, new Promise((resolve) => (release = resolve)));
  await before;
  return release;
}

function noteUploads({ uploads, now }: State, call: S3Call, status: number, payload: string): void {
  if (status >= 300) return;
  const id = new URLSearchParams(call.url.split('?')[1] ?? '').get('uploadId') ?? '';
  const begun = /<UploadId>([^<]+)</.exec(payload)?.[1];
  if (call.operation === 'create-upload' && begun !== undefined)
    uploads.set(begun, { key: call.key, begun: now() });
  if (call.operation === 'complete-upload' || call.operation === 'abort-upload') uploads.delete(id);
}

interface Reply {
  code(status: number): Reply;
  header(name: string, value: string): Reply;
  send(payload: string | Buffer): unknown;
}

function listUploads(reply: Reply, { uploads }: State, url: string): unknown {
  const prefix = new URLSearchParams(url.split('?')[1] ?? '').get('prefix') ?? '';
  const found = [...uploads].filter(([, { key }]) => key.startsWith(prefix));
  const text = found.map(
    ([id, { key, begun }]) =>
      `<Upload><Key>${key}</Key><UploadId>${id}</UploadId><Initiated>${new Date(begun).toISOString()}</Initiated></Upload>`,
  );
  const xml = `<?xml version="1.0"?><ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${text.join('')}</ListMultipartUploadsResult>`;
  return reply.code(200).header('content-type', 'application/xml').send(xml);
}

function refuse(reply: Reply, status: number, code: string, body: string | Buffer = errorXml(code)): unknown {
  return reply.code(status).header('content-type', 'application/xml').send(body);
}

function errorXml(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`;
}
