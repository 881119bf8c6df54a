/**
 * Mocha's dots and failure texts for people, and the counts as a file for `scripts/test.ts`, which prints them
 * last. The file appears only when the run came to its end.
 */
import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

/** What `scripts/test.ts` reads. Durations in milliseconds. */
export interface TestResult {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly slowest: readonly { readonly title: string; readonly duration: number }[];
}

const { EVENT_TEST_PASS, EVENT_TEST_PENDING, EVENT_RUN_END } = Mocha.Runner.constants;

export default class ResultReporter extends Mocha.reporters.Dot {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const output: unknown = options.reporterOptions?.output;
    if (typeof output !== 'string') throw new Error('--reporter-option output=FILE is missing');
    const durations: { title: string; duration: number }[] = [];
    const skipped: string[] = [];
    runner.on(EVENT_TEST_PASS, (test) => {
      durations.push({ title: test.fullTitle(), duration: test.duration ?? 0 });
    });
    runner.on(EVENT_TEST_PENDING, (test) => skipped.push(test.fullTitle()));
    runner.on(EVENT_RUN_END, () => {
      durations.sort((one, other) => other.duration - one.duration);
      const result: TestResult = {
        passed: this.stats.passes,
        failed: this.stats.failures,
        skipped: this.stats.pending,
        slowest: durations.slice(0, 5),
      };
      for (const title of skipped) console.log(`  skipped: ${title}`);
      writeFileSync(output, JSON.stringify(result));
    });
  }
}
