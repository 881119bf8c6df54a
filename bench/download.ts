/** Downloading, verifying and writing one image from a server on this machine. */
import { linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, type Missing, runCase, runCommands } from './contender.ts';
import type { Table } from './report.ts';
import { roleFiles, writeRepository } from './repository-fixture.ts';
import { runRounds } from './rounds.ts';
import type { BenchOptions } from './run.ts';
import { type RunningServer, startNginx, startOurServer } from './servers.ts';
import { findProgram, requireSpace, type Workshop, writeRandomFile } from './workshop.ts';

const target = 'image.img';

export async function benchDownload(workshop: Workshop, options: BenchOptions): Promise<readonly Table[]> {
  // The image, one copy being written, and the second one that tuf-js makes.
  requireSpace(workshop.folder, options.size * 3.2);
  const folder = join(workshop.folder, 'download');
  mkdirSync(join(folder, 'targets'), { recursive: true });
  const file = join(workshop.folder, 'download.image');
  const sha256 = writeRandomFile(file, options.size);
  linkSync(file, join(folder, 'targets', `${sha256}.${target}`));
  writeRepository(folder, { [target]: { hashes: { sha256 }, length: options.size } }, 'ordered');
  const root = join(folder, roleFiles.root);
  const tables: Table[] = [];
  const image = { sha256, root };
  for (const start of [startOurServer, startNginx]) {
    const server = await start(workshop, folder);
    if ('missing' in server) tables.push(emptyTable(server));
    else {
      try {
        tables.push(await benchServer(workshop, options, server, image));
      } finally {
        await server.close();
      }
    }
  }
  return tables;
}

interface Image {
  readonly sha256: string;
  /** The file of the trusted root. */
  readonly root: string;
}

async function benchServer(
  workshop: Workshop,
  { size, rounds, timeLimit }: BenchOptions,
  { url, name }: RunningServer,
  { sha256, root }: Image,
): Promise<Table> {
  const address = `${url}/targets/${sha256}.${target}`;
  const nodeCase = (label: string, script: string, args: readonly string[]): Contender => ({
    name: label,
    run: (folder) => runCase(workshop.script(script), [...args, folder], timeLimit),
  });
  const contenders = [
    nodeCase('tidegate', 'download-tidegate', [url, root, target]),
    nodeCase('bare single pass', 'download-bare', [address, sha256]),
    nodeCase('tuf-js', 'download-tuf-js', [url, root, target]),
  ];
  const missing: Missing[] = [];
  const curl = findProgram('curl');
  const sha256sum = findProgram('sha256sum');
  if (curl === undefined || sha256sum === undefined)
    missing.push({ name: 'curl, sha256sum', missing: 'not installed' });
  else contenders.push(...curlContenders(curl, sha256sum, address, timeLimit));
  return {
    title: `download ${size} bytes from ${name}`,
    bytes: size,
    results: await runRounds(contenders, rounds, workshop.folder),
    missing,
    goals: [
      { of: 'bare single pass', than: 'tidegate', atLeast: 0.9 },
      { of: 'tuf-js', than: 'tidegate', atLeast: 1 },
      { of: 'curl, sha256sum', than: 'tidegate', atLeast: 1 },
      { of: 'curl, sha256sum, sync', than: 'tidegate', atLeast: 1 },
      { peakMemoryOf: 'tidegate', atMost: 150_000_000 },
    ],
  };
}

function curlContenders(curl: string, sha256sum: string, address: string, timeLimit: number): Contender[] {
  const commands = (file: string): string[][] => [
    [curl, '--silent', '--fail', '--noproxy', '*', '--output', file, address],
    [sha256sum, file],
  ];
  return [
    { name: 'curl, sha256sum', run: (folder) => runCommands(commands(join(folder, 'image')), timeLimit) },
    {
      name: 'curl, sha256sum, sync',
      run: (folder) => {
        const file = join(folder, 'image');
        return runCommands([...commands(file), ['sync', file]], timeLimit);
      },
    },
  ];
}

function emptyTable(missing: Missing): Table {
  return {
    title: `download from ${missing.name}`,
    bytes: undefined,
    results: [],
    missing: [missing],
    goals: [],
  };
}
