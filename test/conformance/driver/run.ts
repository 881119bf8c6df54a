/** Runs cases against one client, a few at a time, each on a bench of its own. */
import { Bench } from './bench.ts';
import type { ConformanceCase } from './case.ts';
import type { Client } from './client.ts';
import { Mounts } from './mounts.ts';

export interface CaseResult {
  readonly name: string;
  /** undefined when the case passed. */
  readonly error: unknown;
  /** Milliseconds. */
  readonly duration: number;
}

export async function runCase(
  conformanceCase: ConformanceCase,
  client: Client,
  mounts: Mounts,
): Promise<void> {
  const bench = new Bench(client, mounts, conformanceCase);
  try {
    await conformanceCase.run(bench);
  } finally {
    bench.dispose();
  }
}

/** @returns results in the order of the cases */
export async function runCases(
  cases: readonly ConformanceCase[],
  client: Client,
  { jobs, progress }: { readonly jobs: number; progress?(result: CaseResult): void },
): Promise<readonly CaseResult[]> {
  const mounts = await Mounts.open();
  const results: CaseResult[] = [];
  const queue = cases.entries();
  const work = async (): Promise<void> => {
    for (const [index, conformanceCase] of queue) {
      const start = performance.now();
      const error: unknown = await runCase(conformanceCase, client, mounts).then(
        () => undefined,
        (reason: unknown) => reason ?? new Error('failed without a reason'),
      );
      const result = { name: conformanceCase.name, error, duration: performance.now() - start };
      results[index] = result;
      progress?.(result);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  await mounts.close();
  return results;
}
