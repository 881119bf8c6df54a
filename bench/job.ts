/** What runs inside the child process of a case: one piece of work, timed, its report printed as one line of JSON. */

import { readFileSync } from 'node:fs';

/** What a case tells about itself. */
export interface JobReport {
  /** Of the work alone: without the start of the process and the loading of its code. */
  readonly seconds: number;
  /** User and system, of the work alone. */
  readonly cpuSeconds: number;
  /** The largest resident size of the process, in bytes. */
  readonly peakMemory: number;
  /** Something that shows that the work was done: a hash, a count. All cases of a benchmark must agree on it. */
  readonly proof: string;
}

/** Runs the work of a case once, in a process that has done nothing else: that is how hosts do it. */
export async function reportJob(work: () => Promise<string> | string): Promise<void> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const proof = await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const report: JobReport = {
    seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMemory: peakMemory(),
    proof,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

/** Linux counts the size of the parent before the start into `maxRSS`; its own account of the process does not. */
function peakMemory(): number {
  if (process.platform === 'linux') {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** The arguments of the case; as many as asked for. */
export function argumentsOf(...names: readonly string[]): readonly string[] {
  const given = process.argv.slice(2);
  if (given.length === names.length) return given;
  throw new Error(`This case takes ${names.join(' ')}; found ${given.length} arguments.`);
}
