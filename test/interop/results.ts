/** What was seen, one line of JSON each, in the file that TIDEGATE_INTEROP_RESULTS names: the table is made from it. */
import { appendFileSync } from 'node:fs';

export type Part = 'ours' | 'theirs' | 'keys' | 'manifest';

export interface Result {
  readonly part: Part;
  /** What was read or loaded. */
  readonly row: string;
  readonly peer: string;
  /** `yes`, `no`, or `no: ` and why. */
  readonly verdict: string;
}

export function record(result: Result): void {
  const file = process.env.TIDEGATE_INTEROP_RESULTS;
  if (file !== undefined) appendFileSync(file, `${JSON.stringify(result)}\n`);
}

/** Records a verdict for what passes, and `no` for what fails. */
export async function recorded(result: Omit<Result, 'verdict'>, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    record({ ...result, verdict: 'no' });
    throw error;
  }
  record({ ...result, verdict: 'yes' });
}
