/** One thread of a simulation: takes parts of a fleet, gives back what they add up to. */
import { parentPort } from 'node:worker_threads';
import { simulate } from '../../waves/simulation/rollout.ts';
import type { Part } from './run.ts';

parentPort?.on('message', ({ model, from, until }: Part) => {
  parentPort?.postMessage(simulate(model, from, until));
});
