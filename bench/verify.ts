/** Verifying a targets role, from its bytes to a trusted document, beside tuf-js and beside a lower bound. */
import { join } from 'node:path';
import { type Contender, runCase } from './contender.ts';
import type { Table } from './report.ts';
import { manyTargets, writeRepository } from './repository-fixture.ts';
import { runRounds } from './rounds.ts';
import type { BenchOptions } from './run.ts';
import type { Workshop } from './workshop.ts';

export async function benchVerify(workshop: Workshop, options: BenchOptions): Promise<readonly Table[]> {
  const tables: Table[] = [];
  for (const count of options.targets) {
    const folder = join(workshop.folder, `verify-${count}`);
    const bytes = writeRepository(folder, manyTargets(count), 'ordered');
    const unordered = `${folder}-unordered`;
    writeRepository(unordered, manyTargets(count), 'unordered');
    const contender = (name: string, script: string, from = folder): Contender => ({
      name,
      run: () => runCase(workshop.script(script), [from], options.timeLimit),
    });
    const results = await runRounds(
      [
        contender('tidegate', 'verify-tidegate'),
        contender('tidegate, other order', 'verify-tidegate', unordered),
        contender('lower bound', 'verify-bound'),
        contender('tuf-js', 'verify-tuf-js'),
      ],
      options.rounds,
      workshop.folder,
    );
    tables.push({
      title: `verify ${count} targets (${bytes} bytes of metadata)`,
      bytes: undefined,
      results,
      missing: [],
      goals: count === 10_000 ? verifyGoals : [],
    });
  }
  return tables;
}

const verifyGoals = [
  { of: 'tuf-js', than: 'tidegate', atLeast: 50 },
  { of: 'lower bound', than: 'tidegate', atLeast: 1 / 1.5 },
];
