/** One image more in a repository of 5,000 targets and 500 root versions, beside tuftool on as many targets. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startVersityGateway } from './bucket.ts';
import { type Contender, type Missing, runCase, runCommands } from './contender.ts';
import type { Table } from './report.ts';
import { manyTargets, roleFiles, writeRepository } from './repository-fixture.ts';
import { runRounds } from './rounds.ts';
import type { BenchOptions } from './run.ts';
import { findProgram, requireSpace, type Workshop, writeRandomFile } from './workshop.ts';

const targets = 5000;
const roots = 500;
/** Bytes of the image that is added. */
const size = 20_000_000;

/**
 * Milliseconds. What a bucket took less than a minute before a commit is asked for once more after it; here that is every
 * file, and in a repository that lives it is none.
 */
const settled = 65_000;

const bucket = 'tidegate-bench';

export async function benchScale(workshop: Workshop, options: BenchOptions): Promise<readonly Table[]> {
  requireSpace(workshop.folder, size * (4 * options.rounds + 4));
  return [await intoFolder(workshop, options), await intoBucket(workshop, options)];
}

const goals = [
  { secondsOf: 'tidegate', atMost: 10 },
  { peakMemoryOf: 'tidegate', atMost: 500 * 1024 ** 2 },
];
const title = `one image of ${size} bytes added to ${targets} targets and ${roots} roots`;

/** Lays a repository out, and says how an image is added to it. */
async function prepared(
  workshop: Workshop,
  { timeLimit }: BenchOptions,
  folder: string,
  store: string,
): Promise<Contender> {
  mkdirSync(folder);
  const counts = [String(targets), String(roots)];
  await runCase(workshop.script('scale-prepare'), [folder, ...counts, store], 20 * timeLimit);
  const args = [folder, String(size), `${targets} targets`];
  return { name: 'tidegate', run: () => runCase(workshop.script('scale-publish'), args, timeLimit) };
}

async function intoBucket(workshop: Workshop, options: BenchOptions): Promise<Table> {
  const server = await startVersityGateway(join(workshop.folder, 'scale-bucket'), bucket);
  const where = `${title}, in a bucket`;
  if ('missing' in server)
    return { title: where, bytes: undefined, results: [], missing: [server], goals: [] };
  try {
    const folder = join(workshop.folder, 'scale-s3');
    const address = `s3://${bucket}/fleet?endpoint=${server.url}`;
    const contender = await prepared(workshop, options, folder, address);
    await wait(settled);
    await runRounds([contender], 1, workshop.folder);
    const results = await runRounds([contender], options.rounds, workshop.folder);
    return { title: `${where} (${server.name})`, bytes: undefined, results, missing: [], goals };
  } finally {
    await server.close();
  }
}

async function intoFolder(workshop: Workshop, options: BenchOptions): Promise<Table> {
  const folder = join(workshop.folder, 'scale');
  const contenders = [await prepared(workshop, options, folder, 'repository')];
  const missing: Missing[] = [];
  const tuftool = process.env.TUFTOOL ?? findProgram('tuftool');
  if (tuftool === undefined)
    missing.push({ name: 'tuftool update', missing: 'neither in TUFTOOL nor on PATH' });
  else contenders.push({ name: 'tuftool update', run: tuftoolIn(folder, tuftool, options.timeLimit) });
  const results = await runRounds(contenders, options.rounds, workshop.folder);
  rmSync(folder, { recursive: true });
  return { title, bytes: undefined, results, missing, goals };
}

/** A repository of as many targets, but one root: tuftool begins with the one that it is given. */
function tuftoolIn(folder: string, tuftool: string, timeLimit: number): Contender['run'] {
  const metadata = join(folder, 'tuftool');
  const images = join(folder, 'added');
  const keyFile = join(folder, 'tuftool.key');
  writeRepository(metadata, manyTargets(targets), 'ordered', keyFile);
  mkdirSync(images);
  writeRandomFile(join(images, 'disk.img'), size);
  const roles = ['targets', 'snapshot', 'timestamp'];
  const versions = roles.flatMap((role) => [`--${role}-version`, '2', `--${role}-expires`, 'in 7 days']);
  return (run) => {
    const places = ['--outdir', run, '--metadata-url', `file://${metadata}`, '--add-targets', images];
    const keys = ['--key', keyFile, '--root', join(metadata, roleFiles.root)];
    return runCommands([[tuftool, 'update', ...keys, ...places, ...versions]], timeLimit);
  };
}
