/** Runs schedules of publishing-actors.ts by their seeds: as many as are asked for. */
import assert from 'node:assert/strict';
import { MemoryStore } from '../../src/storage/memory.ts';
import { type Mix, type Outcome, runSchedule } from './publishing-actors.ts';
import { prepareScene, type Scene } from './publishing-scene.ts';
import { rememberSignatures } from './remembered-signatures.ts';

/** What happened in many schedules. */
export interface Sum {
  schedules: number;
  commits: number;
  removals: number;
  told: number;
  resumed: number;
  readonly endings: Map<string, number>;
}

export interface Schedules {
  readonly title: string;
  readonly mixOf: (seed: number) => Mix;
  /** How many of them in `npm test`, the same ones each time. */
  readonly usual: number;
  /** That enough happened for the schedules to mean something. */
  readonly check: (sum: Sum) => void;
}

/** Test's own scene, and the process as it was afterwards. */
export function withScene(): () => Scene {
  const { stackTraceLimit } = Error;
  let putBack: () => void;
  let scene: Scene | undefined;
  before(async () => {
    putBack = rememberSignatures();
    // Every file that is looked for and not there costs an error.
    Error.stackTraceLimit = 0;
    scene = await prepareScene();
  });
  after(() => {
    putBack();
    Error.stackTraceLimit = stackTraceLimit;
  });
  return () => scene ?? assert.fail('no scene');
}

/** TIDEGATE_SCHEDULES=N runs N; TIDEGATE_SEED=S begins with that one, as a failure names it, and runs it alone without N. */
export function schedulesTest(scene: () => Scene, { title, mixOf, usual, check }: Schedules): void {
  const { TIDEGATE_SEED: from, TIDEGATE_SCHEDULES: asked = from && '1' } = process.env;
  const wanted = Number(asked ?? usual);
  it(title, async () => {
    const sum: Sum = { schedules: 0, commits: 0, removals: 0, told: 0, resumed: 0, endings: new Map() };
    const [began, before] = [performance.now(), process.cpuUsage().user];
    while (sum.schedules < wanted) {
      const seed = Number(from ?? 1) + sum.schedules;
      sum.schedules += 1;
      add(sum, await runSchedule(scene(), seed, mixOf(seed)));
    }
    if (asked !== undefined) {
      const times = [performance.now() - began, (process.cpuUsage().user - before) / 1000];
      const [seconds, cpu] = times.map((time) => (time / 1000).toFixed(1));
      console.log(`      ${textOf(sum)} in ${seconds} s, ${cpu} s of the processor`);
    }
    if (sum.schedules > 1) check(sum);
  }).timeout(Math.max(120_000, wanted * 500));
}

function add(sum: Sum, { commits, removals, told, resumed, endings }: Outcome): void {
  sum.commits += commits;
  sum.removals += removals;
  sum.told += told;
  sum.resumed += resumed;
  for (const [ending, count] of endings) sum.endings.set(ending, (sum.endings.get(ending) ?? 0) + count);
}

function textOf({ endings, ...counts }: Sum): string {
  return JSON.stringify({ ...counts, ...Object.fromEntries(endings) });
}

/** A store that says yes to every swap. */
export class HeedlessStore extends MemoryStore {
  override async swap(name: string, bytes: Uint8Array, _expected: string | undefined) {
    return await super.swap(name, bytes, (await this.stat(name))?.etag);
  }
}
