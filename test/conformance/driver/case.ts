/** What a case of the driver is: a name, the repository it begins with, and a short story. */
import type { SimulatorOptions } from '../../support/repository-simulator.ts';
import type { Bench } from './bench.ts';

export interface ConformanceCase {
  /** `conformance/basic/3 a download refreshes first`, or `probe/7 …`. */
  readonly name: string;
  /** Without lengths and hashes in timestamp and snapshot unless the case says otherwise. */
  readonly repository: SimulatorOptions;
  run(bench: Bench): Promise<void>;
}

export interface CaseText {
  readonly title: string;
  readonly repository?: SimulatorOptions;
  run(bench: Bench): Promise<void>;
}

/** Numbers the cases of one group of the public suite in their order. */
export function group(name: string, cases: readonly CaseText[]): readonly ConformanceCase[] {
  return numbered(`conformance/${name}`, cases);
}

export function numbered(prefix: string, cases: readonly CaseText[]): readonly ConformanceCase[] {
  return cases.map(({ title, repository = {}, run }, index) => ({
    name: `${prefix}/${index + 1} ${title}`,
    repository: { stateHashes: false, ...repository },
    run,
  }));
}

/** `conformance/basic` or `probe`. */
export function groupOf(name: string): string {
  return name.startsWith('probe/') ? 'probe' : name.split('/').slice(0, 2).join('/');
}
