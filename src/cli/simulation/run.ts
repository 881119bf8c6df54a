/** Runs a simulation on every core that it is given: the fleet in parts, each in a thread of its own. */
import { availableParallelism } from 'node:os';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { TidegateError } from '../../errors.ts';
import { checkModel, type FleetModel } from '../../waves/simulation/fleet-model.ts';
import { simulate } from '../../waves/simulation/rollout.ts';
import { addTally, emptyTally, type Tally } from '../../waves/simulation/tally.ts';

/** What a thread is told to do. */
export interface Part {
  readonly model: FleetModel;
  readonly from: number;
  readonly until: number;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  /** Default: as many as the machine runs at once. The result does not depend on it. */
  readonly threads?: number;
  /** Told the number of hosts that are done. */
  readonly progress: (hosts: number) => void;
}

/** Below this a second thread costs more than it saves. */
const smallFleet = 50_000;
/** Parts for each thread, so that progress can be shown and a slow core does less. */
const partsOfThread = 10;

/** @throws usage for a model that cannot be, cancelled */
export async function runSimulation(model: FleetModel, options: RunOptions): Promise<Tally> {
  checkModel(model);
  if (model.hosts < smallFleet) return simulate(model);
  const threads = options.threads ?? Math.max(1, availableParallelism());
  const length = Math.ceil(model.hosts / (threads * partsOfThread));
  const starts = Array.from({ length: Math.ceil(model.hosts / length) }, (_, index) => index * length);
  const sum = emptyTally(model.duration);
  const waiting = starts.values();
  let done = 0;
  const thread = async (): Promise<void> => {
    const worker = new Worker(join(import.meta.dirname, `worker${extname(import.meta.filename)}`));
    try {
      for (const from of waiting) {
        const until = Math.min(from + length, model.hosts);
        addTally(sum, await partOf(worker, { model, from, until }, options.signal));
        done += until - from;
        options.progress(done);
      }
    } finally {
      await worker.terminate();
    }
  };
  // Also of a run that fails no thread is left when it is over.
  const ends = await Promise.allSettled(Array.from({ length: threads }, thread));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return sum;
}

/** One part by one thread. Listeners go with the answer: a thread without any does not keep the process. */
function partOf(worker: Worker, part: Part, signal: AbortSignal): Promise<Tally> {
  const { promise, resolve, reject } = Promise.withResolvers<Tally>();
  const cancel = (): void => reject(new TidegateError('cancelled', 'the simulation was cancelled'));
  worker.on('message', resolve).on('error', reject);
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  else worker.postMessage(part);
  return promise.finally(() => {
    signal.removeEventListener('abort', cancel);
    worker.off('message', resolve).off('error', reject);
  });
}
