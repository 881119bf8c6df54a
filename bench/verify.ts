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
    const bytes = writeRepository(folder, manyTargets(count), 'indented');
    const contender = (name: string, script: string): Contender => ({
      name,
      run: () => runCase(workshop.script(script), [folder], options.timeLimit),
    });
    const results = await runRounds(
      [
        contender('tidegate', 'verify-tidegate'),
        contender('lower bound', 'verify-bound'),
        contender('tuf-js', 'verify-tuf-js'),
      ],
      options.rounds,
      workshop.folder,
    );
    tables.push({
      title: `verify ${count} targets (${bytes} bytes of metadata)`,
      bytes: undefined,
      // Pure computation: processor time says the same on a busy machine, and counts the helper threads.
      by: 'cpuSeconds',
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
