/**
 * The bare single pass: fetch, hash, write, sync, rename, in plain Node. It trusts the length and hash that it is given,
 * has no time limits, and believes that nobody else touches the folder.
 */
import { createHash } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { argumentsOf, reportJob } from '../job.ts';

const [url = '', sha256 = '', folder = ''] = argumentsOf('URL', 'SHA256', 'FOLDER');

await reportJob(async () => {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(url, resolve).on('error', reject);
  });
  const hash = createHash('sha256');
  const file = await open(join(folder, 'partial'), 'wx');
  let length = 0;
  for await (const chunk of response as AsyncIterable<Uint8Array>) {
    const writing = file.write(chunk);
    hash.update(chunk);
    length += chunk.byteLength;
    await writing;
  }
  await file.sync();
  await file.close();
  if (hash.digest('hex') !== sha256) throw new Error('The hash is wrong.');
  await rename(join(folder, 'partial'), join(folder, 'image'));
  return `${length} bytes`;
});
