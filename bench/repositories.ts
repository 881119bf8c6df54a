/**
 * One release for 60 repositories that share its images, published to a bucket on this machine, beside rclone, which
 * copies 60 trees with the same images. Both send through a proxy that counts the bytes of images.
 */
import { linkSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startCounter, startVersityGateway } from './bucket.ts';
import { type Contender, type Missing, runCase, runCommands } from './contender.ts';
import type { Goal, Table } from './report.ts';
import { runRounds } from './rounds.ts';
import type { BenchOptions } from './run.ts';
import { findProgram, requireSpace, type Workshop, writeRandomFile } from './workshop.ts';

const bucket = 'tidegate-bench';
const repositories = 60;
/** Bytes of the images of the release, by kind. */
const images = { boot: 1_000_000, root: 12_000_000, hash: 1_000_000 };
const unique = Object.values(images).reduce((sum, size) => sum + size);

export async function benchRepositories(
  workshop: Workshop,
  options: BenchOptions,
): Promise<readonly Table[]> {
  const title = `one release of ${unique} bytes for ${repositories} repositories`;
  requireSpace(workshop.folder, unique * repositories * (options.rounds + 1));
  const server = await startVersityGateway(join(workshop.folder, 'repositories'), bucket);
  if ('missing' in server) return [{ title, bytes: undefined, results: [], missing: [server], goals: [] }];
  const counter = await startCounter(server.url, (path) => !path.endsWith('.json') && !path.includes('/.'));
  const shelf = join(workshop.folder, 'shelf');
  mkdirSync(shelf);
  for (const [kind, size] of Object.entries(images)) writeRandomFile(join(shelf, kind), size);
  const sent = new Map<string, number>();
  const counted = (contender: Contender): Contender => ({
    name: contender.name,
    run: async (folder) => {
      counter.take();
      const outcome = await contender.run(folder);
      sent.set(contender.name, Math.max(sent.get(contender.name) ?? 0, counter.take()));
      return outcome;
    },
  });
  const missing: Missing[] = [];
  let run = 0;
  try {
    const script = workshop.script('repositories-publish');
    const publishing: Contender = {
      name: 'tidegate',
      run: async (folder) => {
        const address = `s3://${bucket}/fleet-${++run}?endpoint=${counter.url}`;
        return await runCase(script, [folder, shelf, address, String(repositories)], options.timeLimit);
      },
    };
    const contenders = [publishing, ...rcloneOf(workshop.folder, shelf, counter.url, options, missing)];
    const results = await runRounds(contenders.map(counted), options.rounds, workshop.folder);
    const goals = Array.from(
      sent,
      ([name, bytes]): Goal => ({
        counted: `bytes of images that ${name} sent, for each of the release`,
        found: bytes / unique,
        atMost: name === 'tidegate' ? 1 : repositories,
      }),
    );
    return [{ title: `${title} (${server.name})`, bytes: undefined, results, missing, goals }];
  } finally {
    await counter.close();
    await server.close();
  }
}

/** Each tree by itself, as where no repository knows of another. */
function rcloneOf(
  folder: string,
  shelf: string,
  url: string,
  { timeLimit }: BenchOptions,
  missing: Missing[],
): readonly Contender[] {
  const program = findProgram('rclone');
  if (program === undefined) {
    missing.push({ name: 'rclone', missing: 'not installed' });
    return [];
  }
  const trees = join(folder, 'trees');
  for (let index = 0; index < repositories; index += 1) {
    const targets = join(trees, String(index), 'targets');
    mkdirSync(targets, { recursive: true });
    for (const kind of Object.keys(images)) linkSync(join(shelf, kind), join(targets, kind));
  }
  let run = 0;
  const options = ['--config', '/dev/null', '--s3-no-check-bucket', '--transfers', '8', '--ignore-times'];
  const remote = `:s3,provider=Other,env_auth=true,endpoint="${url}":${bucket}`;
  return [
    {
      name: 'rclone',
      run: async () => {
        return await runCommands(
          [[program, 'copy', ...options, trees, `${remote}/trees-${++run}`]],
          timeLimit,
        );
      },
    },
  ];
}
