/** docs/operator-manual.md, played in its order against a bucket: what it tells people to type works, and prints what it shows. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { S3Store } from '../../src/storage/s3.ts';
import { awsVariables, setVariables } from '../support/aws-environment.ts';
import { type Machines, machines, type Step, stepsOf } from '../support/manual.ts';
import { type S3Server, startS3Server, testCredentials } from '../support/s3-server.ts';

const manual = readFileSync(new URL('../../docs/operator-manual.md', import.meta.url), 'utf8');
/** The costs have a test of their own, beside the command line's. */
const [typed = ''] = manual.split('## What it costs');
const chapters = typed.split(/^## /m).filter((chapter) => stepsOf(chapter).length > 0);
const start = Date.UTC(2030, 0, 7, 9, 30);

/** As repo-templates/s3/nginx.conf: what the bucket says holds, and what is absent is forgotten within ten seconds. */
async function startCdn(bucket: S3Server): Promise<Server> {
  const cdn = createServer(async ({ url = '', headers: { range = '' } }, response) => {
    const { status, headers, body } = await bucket.inspect(`os${url}`);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    const part = first === undefined ? body : body.subarray(Number(first), Number(last) + 1);
    response.writeHead(part === body ? status : 206, {
      'content-type': String(headers['content-type']),
      'cache-control': status === 200 ? String(headers['cache-control']) : 'public, max-age=10',
      'content-length': part.byteLength,
      ...(part !== body && { 'content-range': `bytes ${first}-${last}/${body.byteLength}` }),
    });
    response.end(part);
  });
  return await new Promise((resolve) => cdn.listen(0, '127.0.0.1', () => resolve(cdn)));
}

/** A past state of the bucket, which somebody puts back. */
class Backup {
  readonly store: S3Store;
  #kept = new Map<string, Uint8Array>();

  constructor(address: string) {
    this.store = new S3Store(address, { credentials: async () => testCredentials });
  }

  async take(): Promise<void> {
    this.#kept.clear();
    for await (const { name } of this.store.list('metadata/')) {
      const file = await this.store.read(name, 1_000_000);
      if (file !== undefined) this.#kept.set(name, file.bytes);
    }
  }

  /** @returns what it was put over */
  async putTimestampBack(bytes = this.file('metadata/timestamp.json')): Promise<Uint8Array> {
    const name = 'metadata/timestamp.json';
    const now = await this.store.read(name, 1_000_000);
    assert.equal(await this.store.swap(name, bytes, now?.etag), 'swapped');
    return now?.bytes ?? new Uint8Array();
  }

  file(name: string): Uint8Array {
    return this.#kept.get(name) ?? assert.fail(`${name} is in no backup`);
  }

  /** As a restored bucket is, its notes included. */
  async putAllBack(): Promise<void> {
    for await (const { name } of this.store.list('')) {
      const isLater = name.startsWith('metadata/') && !this.#kept.has(name);
      if (!isLater && !name.startsWith('.publish/')) continue;
      await this.store.remove(name, (await this.store.stat(name))?.etag ?? '');
    }
    await this.putTimestampBack();
  }
}

describe('the operator manual', () => {
  let bucket: S3Server;
  let cdn: Server;
  let played: Machines;
  let backup: Backup;
  let newest: Uint8Array;
  let now = start;
  let restore: () => void;

  const place = (word: string): string => {
    const { port } = cdn.address() as { port: number };
    return word
      .replace(/^https:\/\/updates\.example\.com/, `http://127.0.0.1:${port}`)
      .replace('s3://acme-updates/os?region=eu-central-1', bucket.address('os'));
  };
  const other = async (line: string): Promise<void> => {
    const [, from = '', to = ''] = /^git clone (\w+):acme (\w+)\/acme$/.exec(line) ?? [];
    if (from !== '') cloneFolder(join(played.folder, from, 'acme'), join(played.folder, to, 'acme'));
    if (line.startsWith('aws s3api delete-object')) await backup.putTimestampBack(newest);
  };
  const play = async (step: Step): Promise<void> => {
    if (step.kind === 'type') now += step.later;
    if (step.kind === 'type' && step.line.includes('recover --new-key')) await backup.putAllBack();
    await played.play(step);
  };
  const disasters = new Map([
    [
      'At night',
      async () => {
        await backup.take();
        played.put(
          'office/backup/3.snapshot.json',
          Buffer.from(backup.file('metadata/3.snapshot.json')).toString(),
        );
      },
    ],
    [
      'Restored',
      async () => {
        newest = await backup.putTimestampBack();
      },
    ],
  ]);

  before(async () => {
    restore = setVariables({
      ...awsVariables(),
      AWS_ACCESS_KEY_ID: testCredentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: testCredentials.secretAccessKey,
    });
    bucket = await startS3Server({ shownTime: () => now });
    cdn = await startCdn(bucket);
    backup = new Backup(bucket.address('os'));
    played = machines(start, { place, other, encrypted: new Set() });
    for (const version of ['1.0.0', '1.1.0', '1.3.0'])
      played.put(`office/disk-${version}.img.zst`, `image ${version}`);
    played.put('dora/disk-1.2.0.img.zst', 'image 1.2.0');
  });
  after(async () => {
    restore();
    backup.store.close();
    played.end();
    cdn.close();
    await bucket.close();
  });

  for (const chapter of chapters) {
    const title = chapter.slice(0, chapter.indexOf('\n'));
    it(title, async () => {
      for (const [beginning, prepare] of disasters) if (title.startsWith(beginning)) await prepare();
      for (const step of stepsOf(chapter)) await play(step);
    }).timeout(120_000);
  }
});

/** What version control leaves out stays behind, but for keys, which come by another way. */
function cloneFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  rmSync(join(to, 'state'), { recursive: true, force: true });
}
