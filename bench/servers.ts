/** Servers on the loopback interface, each in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Missing } from './contender.ts';
import { findProgram, type Workshop } from './workshop.ts';

export interface RunningServer {
  readonly name: string;
  readonly url: string;
  close(): Promise<void>;
}

export async function startOurServer(workshop: Workshop, folder: string): Promise<RunningServer> {
  const child = spawn(process.execPath, [workshop.script('serve'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line]: unknown[] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  if (!(line instanceof Buffer)) throw new Error('The server did not start.');
  return { name: 'our server', url: line.toString().trim(), close: () => end(child) };
}

export async function startNginx(workshop: Workshop, folder: string): Promise<RunningServer | Missing> {
  const program = findProgram('nginx');
  if (program === undefined) return { name: 'nginx', missing: 'not installed' };
  const prefix = join(workshop.folder, 'nginx');
  mkdirSync(prefix);
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(prefix, kind)};`)
    .join(' ');
  const config = `daemon off; worker_processes 1; pid ${join(prefix, 'pid')}; error_log ${join(prefix, 'error')};
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 64; }
http { access_log off; sendfile on; default_type application/octet-stream; ${temporary}
  server { listen 127.0.0.1:${port}; root ${folder}; } }
`;
  writeFileSync(join(prefix, 'nginx.conf'), config);
  const child = spawn(
    program,
    ['-p', prefix, '-e', join(prefix, 'error'), '-c', join(prefix, 'nginx.conf')],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  );
  const url = `http://127.0.0.1:${port}`;
  await untilAnswering(`${url}/timestamp.json`, child);
  return { name: 'nginx (1 worker, sendfile)', url, close: () => end(child) };
}

async function untilAnswering(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}.`);
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok === true) return;
    await wait(50);
  }
  child.kill();
  throw new Error('nginx does not answer.');
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return address.port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
