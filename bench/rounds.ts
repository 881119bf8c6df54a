/** Rounds in which every contender has its turn, so that a noisy minute hits all of them alike; medians over them. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from './contender.ts';

export interface Result {
  readonly name: string;
  /** Runs that ended by themselves. */
  readonly runs: number;
  /** Medians; undefined when it was stopped or does not tell. */
  readonly seconds: number | undefined;
  readonly cpuSeconds: number | undefined;
  /** The largest of all runs, in bytes. */
  readonly peakMemory: number | undefined;
  /** Seconds after which it was stopped. */
  readonly stoppedAfter: number | undefined;
}

interface Runs {
  readonly seconds: number[];
  readonly cpuSeconds: number[];
  readonly memory: number[];
  stoppedAfter: number | undefined;
}

/** Who takes longer than this, in seconds, is measured once: its ratio is beyond the noise. */
const patience = 20;

/**
 * @param folder for the folders of the runs, which are removed after each
 * @throws when two contenders come to different ends
 */
export async function runRounds(
  contenders: readonly Contender[],
  rounds: number,
  folder: string,
): Promise<readonly Result[]> {
  const all = new Map<Contender, Runs>();
  const proofs = new Set<string>();
  for (const contender of contenders)
    all.set(contender, { seconds: [], cpuSeconds: [], memory: [], stoppedAfter: undefined });
  for (let round = 0; round < rounds; round += 1) {
    // The one that is always first would have the colder caches.
    const turn = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const contender of turn) {
      const runs = all.get(contender);
      if (runs === undefined || runs.stoppedAfter !== undefined || (runs.seconds[0] ?? 0) > patience)
        continue;
      await runOnce(contender, runs, join(folder, 'run'), proofs);
    }
  }
  if (proofs.size > 1) throw new Error(`The contenders disagree: ${[...proofs].join(', ')}`);
  return Array.from(all, ([{ name }, runs]) => resultOf(name, runs));
}

async function runOnce(contender: Contender, runs: Runs, folder: string, proofs: Set<string>): Promise<void> {
  mkdirSync(folder);
  try {
    const outcome = await contender.run(folder);
    if (outcome.kind === 'stopped') {
      runs.stoppedAfter = outcome.seconds;
      return;
    }
    runs.seconds.push(outcome.seconds);
    if (outcome.report === undefined) return;
    runs.cpuSeconds.push(outcome.report.cpuSeconds);
    runs.memory.push(outcome.report.peakMemory);
    proofs.add(outcome.report.proof);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function resultOf(name: string, runs: Runs): Result {
  const memory = runs.memory.length === 0 ? undefined : Math.max(...runs.memory);
  return {
    name,
    runs: runs.seconds.length,
    seconds: median(runs.seconds),
    cpuSeconds: median(runs.cpuSeconds),
    peakMemory: memory,
    stoppedAfter: runs.stoppedAfter,
  };
}

/** The middle one; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}
