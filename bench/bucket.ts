/** A bucket on this machine: versitygw on a folder, in a process of its own; and who counts what is sent to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Missing } from './contender.ts';
import { freePort, type RunningServer } from './servers.ts';
import { findProgram } from './workshop.ts';

/** Of a server that lives as long as the benchmark. */
const credentials = { AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench-secret-key' };

/** Its credentials are in the environment from then on, for every contender. */
export async function startVersityGateway(folder: string, bucket: string): Promise<RunningServer | Missing> {
  const program = findProgram('versitygw');
  if (program === undefined) return { name: 'versitygw', missing: 'not installed' };
  mkdirSync(join(folder, bucket), { recursive: true });
  const port = await freePort();
  const environment = {
    ...process.env,
    ROOT_ACCESS_KEY: credentials.AWS_ACCESS_KEY_ID,
    ROOT_SECRET_KEY: credentials.AWS_SECRET_ACCESS_KEY,
  };
  const child = spawn(program, ['--port', `127.0.0.1:${port}`, '--keep-alive', 'posix', folder], {
    stdio: 'ignore',
    env: environment,
  });
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`versitygw ended with ${child.exitCode}.`);
    if ((await fetch(url).catch(() => undefined)) !== undefined) break;
    await wait(50);
  }
  Object.assign(process.env, credentials, { AWS_REGION: 'us-east-1', AWS_EC2_METADATA_DISABLED: 'true' });
  // rclone cannot work with it, and no certificate is needed here.
  delete process.env.AWS_CA_BUNDLE;
  const close = async (): Promise<void> => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  return { name: 'versitygw on a folder', url, close };
}

export interface Counter {
  readonly url: string;
  /** Bytes of the bodies that were sent since this was last asked, of names that are images. */
  take(): number;
  close(): Promise<void>;
}

/** Passes everything on, and counts on the way. @param isImage of the path of a request */
export async function startCounter(server: string, isImage: (path: string) => boolean): Promise<Counter> {
  let sent = 0;
  const { port } = new URL(server);
  const proxy = createServer((incoming, outgoing) => {
    const { method, url: path = '', headers } = incoming;
    const counts = method === 'PUT' && isImage(path.split('?')[0] ?? '');
    if (counts) incoming.on('data', (chunk: Buffer) => (sent += chunk.byteLength));
    const onward = request({ host: '127.0.0.1', port, path, headers, ...(method && { method }) });
    onward.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    take: () => {
      const taken = sent;
      sent = 0;
      return taken;
    },
    close: async () => {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}
