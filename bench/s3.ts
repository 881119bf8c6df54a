/**
 * Uploading one image to a bucket on this machine (versitygw on a folder), beside s5cmd and rclone. All send parts of the
 * same size, as many at once. rclone checks the MD5 of each part and of the whole; s5cmd signs the SHA-256 of each part;
 * we send and compare the SHA-256 of each part, of the whole and over the parts, and the write is create-only.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startVersityGateway } from './bucket.ts';
import { type Contender, type Missing, runCase, runCommands } from './contender.ts';
import type { Table } from './report.ts';
import { runRounds } from './rounds.ts';
import type { BenchOptions } from './run.ts';
import { findProgram, requireSpace, type Workshop, writeRandomFile } from './workshop.ts';

const bucket = 'tidegate-bench';
const partMebibytes = 16;
const partsAtOnce = 8;

export async function benchS3(workshop: Workshop, options: BenchOptions): Promise<readonly Table[]> {
  const { size, rounds, timeLimit } = options;
  const title = `upload ${size} bytes to a bucket`;
  requireSpace(workshop.folder, size * 3.2);
  const folder = join(workshop.folder, 's3');
  const server = await startVersityGateway(folder, bucket);
  if ('missing' in server) return [{ title, bytes: undefined, results: [], missing: [server], goals: [] }];
  const file = join(workshop.folder, 's3.image');
  const sha256 = writeRandomFile(file, size);
  const missing: Missing[] = [];
  const emptied = (contender: Contender): Contender => ({
    name: contender.name,
    run: async (runFolder) => {
      try {
        return await contender.run(runFolder);
      } finally {
        rmSync(join(folder, bucket), { recursive: true, force: true });
        mkdirSync(join(folder, bucket), { recursive: true });
      }
    },
  });
  try {
    const address = `s3://${bucket}/fleet?endpoint=${server.url}`;
    const args = [file, sha256, String(size), address];
    const contenders: Contender[] = [
      { name: 'tidegate', run: () => runCase(workshop.script('upload-tidegate'), args, timeLimit) },
      ...peers(file, server.url, timeLimit, missing),
    ];
    const results = await runRounds(contenders.map(emptied), rounds, workshop.folder);
    const goals = [
      { of: 's5cmd', than: 'tidegate', atLeast: 1 },
      { of: 'rclone', than: 'tidegate', atLeast: 1 },
      { peakMemoryOf: 'tidegate', atMost: 350_000_000 },
    ];
    return [{ title: `${title} (${server.name})`, bytes: size, results, missing, goals }];
  } finally {
    await server.close();
    rmSync(file, { force: true });
  }
}

function peers(file: string, url: string, timeLimit: number, missing: Missing[]): readonly Contender[] {
  const found: Contender[] = [];
  const s5cmd = findProgram('s5cmd');
  const rclone = findProgram('rclone');
  const at = String(partsAtOnce);
  if (s5cmd === undefined) missing.push({ name: 's5cmd', missing: 'not installed' });
  else {
    const copy = [
      'cp',
      '--concurrency',
      at,
      '--part-size',
      String(partMebibytes),
      file,
      `s3://${bucket}/s5cmd`,
    ];
    found.push({
      name: 's5cmd',
      run: () => runCommands([[s5cmd, '--endpoint-url', url, ...copy]], timeLimit),
    });
  }
  if (rclone === undefined) missing.push({ name: 'rclone', missing: 'not installed' });
  else {
    const remote = `:s3,provider=Other,env_auth=true,endpoint="${url}":${bucket}/rclone`;
    const parts = [
      '--s3-chunk-size',
      `${partMebibytes}M`,
      '--s3-upload-concurrency',
      at,
      '--s3-no-check-bucket',
    ];
    found.push({
      name: 'rclone',
      run: () =>
        runCommands([[rclone, 'copyto', '--config', '/dev/null', ...parts, file, remote]], timeLimit),
    });
  }
  return found;
}
