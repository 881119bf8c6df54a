/** Taking an image in: hashing it as `release add` does, and creating it in a folder store as `publish` does. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, type Missing, runCase, runCommands } from './contender.ts';
import type { Table } from './report.ts';
import { runRounds } from './rounds.ts';
import type { BenchOptions } from './run.ts';
import { findProgram, requireSpace, type Workshop, writeRandomFile } from './workshop.ts';

export async function benchStage(workshop: Workshop, options: BenchOptions): Promise<readonly Table[]> {
  const { size, rounds, timeLimit } = options;
  requireSpace(workshop.folder, size * 2.2);
  const file = join(workshop.folder, 'stage.image');
  const sha256 = writeRandomFile(file, size);
  const contenders: Contender[] = [
    { name: 'tidegate hashFile', run: () => runCase(workshop.script('stage-hash'), [file], timeLimit) },
    {
      name: 'tidegate readImage',
      run: () => runCase(workshop.script('stage-read-image'), [file], timeLimit),
    },
    {
      name: 'tidegate create',
      run: (folder) =>
        runCase(workshop.script('stage-create'), [file, sha256, String(size), folder], timeLimit),
    },
  ];
  const missing: Missing[] = [];
  const sha256sum = findProgram('sha256sum');
  if (sha256sum === undefined) missing.push({ name: 'sha256sum', missing: 'not installed' });
  else contenders.push({ name: 'sha256sum', run: () => runCommands([[sha256sum, file]], timeLimit) });
  const openssl = findProgram('openssl');
  if (openssl === undefined) missing.push({ name: 'openssl dgst', missing: 'not installed' });
  else {
    const command = [openssl, 'dgst', '-sha256', file];
    contenders.push({ name: 'openssl dgst', run: () => runCommands([command], timeLimit) });
  }
  const cp = findProgram('cp');
  if (sha256sum !== undefined && cp !== undefined) {
    contenders.push({
      name: 'cp, sync, sha256sum',
      run: (folder) => {
        const copy = join(folder, 'copy');
        return runCommands(
          [
            [cp, file, copy],
            ['sync', copy],
            [sha256sum, copy],
          ],
          timeLimit,
        );
      },
    });
  }
  const results = await runRounds(contenders, rounds, workshop.folder);
  rmSync(file);
  const goals = [
    { of: 'sha256sum', than: 'tidegate hashFile', atLeast: 0.9 },
    { of: 'sha256sum', than: 'tidegate readImage', atLeast: 0.9 },
    { of: 'openssl dgst', than: 'tidegate hashFile', atLeast: 0.9 },
    { of: 'cp, sync, sha256sum', than: 'tidegate create', atLeast: 1 },
  ];
  return [{ title: `hash and stage ${size} bytes`, bytes: size, results, missing, goals }];
}
