/** Whoever works at the store of publishing-scene.ts, with the code that really does it, and what one schedule is. */
import assert from 'node:assert/strict';
import { type ErrorCode, isTidegateError } from '../../src/errors.ts';
import { runRefreshDaemon } from '../../src/signer/daemon/refresh-daemon.ts';
import { collectGarbage } from '../../src/signer/gc/collect-garbage.ts';
import { defaultGrace } from '../../src/signer/gc/grace.ts';
import { planPublication } from '../../src/signer/publication/plan-publication.ts';
import { publish } from '../../src/signer/publication/publish.ts';
import { publishRepository } from '../../src/signer/publication/publish-repository.ts';
import { resumePublications } from '../../src/signer/publication/resume.ts';
import { refreshRepositories } from '../../src/signer/refresh.ts';
import type { Workspace } from '../../src/signer/workspace/workspace.ts';
import { checkCancelled } from '../../src/storage/cancel.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import type { SwappableStore } from '../../src/storage/store.ts';
import { noFloors } from '../../src/trust/floors.ts';
import { ProcessDied } from './file-system-replay.ts';
import { type Actor, numbersFrom, type Trouble, World } from './interleaving.ts';
import { Invariants, wholeState } from './publication-invariants.ts';
import { fillStore, later, onOwnDisk, type Ready, type Scene } from './publishing-scene.ts';
import { day, hour, unlock } from './workspace.ts';

const usualTrouble: Trouble = {
  refused: 1.5,
  lost: 1.5,
  late: 1.5,
  twice: 8,
  again: 2,
  never: 1,
  death: 2,
};

/** Past the time of a removal, its life, half a pin, a pin with its slack, the grace. */
const leaps = [hour / 3, 2 * hour, 25 * hour, 4 * day, 12 * day, 32 * day];

export interface Mix {
  readonly trouble?: Trouble;
  readonly publishers: number;
  /** The plan that is always among them. */
  readonly first?: string;
  readonly collectors: number;
  readonly daemon: boolean;
  readonly hosts: number;
  /** Of 1000 turns so many come after the clock has leapt. */
  readonly leaps: number;
  /** What stands between an actor and the store. Default: nothing. */
  readonly through?: (store: SwappableStore, actor: string) => SwappableStore;
  readonly inner?: MemoryStore;
}

export interface Outcome {
  readonly commits: number;
  readonly removals: number;
  /** Who was told that it is published. */
  readonly told: number;
  /** Publications that somebody finished without keys. */
  readonly resumed: number;
  /** How others ended, by the code of the error. */
  readonly endings: ReadonlyMap<string, number>;
}

/** One schedule as it runs. */
interface Run {
  readonly scene: Scene;
  readonly mix: Mix;
  readonly world: World;
  /** Decides what people do; apart from what the network does. */
  readonly random: () => number;
  readonly told: Ready[];
  readonly endings: Map<string, number>;
  resumed: number;
  /** What a daemon reports that should not have happened. */
  readonly defects: unknown[];
}

/** What may go wrong in such a world, besides a process that dies. Everything else is a defect. */
const expected: readonly ErrorCode[] = [
  'network-unreachable',
  'too-slow',
  'http-status',
  'store-conflict',
  'base-moved',
  'locked',
  // A root came between plan and publication.
  'workspace-invalid',
  // Two plans could be finished, and none was named.
  'usage',
];
/** Where a clean-up works: a file that was there was removed before it was pinned. */
const besideCollectors: readonly ErrorCode[] = [...expected, 'not-found'];
/** Where the clock leaps: nobody renewed, and a signed timestamp waited for too long. */
const withLeaps: readonly ErrorCode[] = [...besideCollectors, 'expired'];

async function unlessTrouble(run: Run, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isTrouble(run, error)) throw error;
  }
}

/** Counts it, too. */
function isTrouble({ mix, endings }: Run, error: unknown): boolean {
  const codes = mix.leaps > 0 ? withLeaps : mix.collectors > 0 ? besideCollectors : expected;
  const died = error instanceof ProcessDied || (error instanceof Error && error.cause instanceof ProcessDied);
  if (!died && !isTidegateError(error, ...codes)) return false;
  const ending = isTidegateError(error) && !died ? error.code : 'died';
  endings.set(ending, (endings.get(ending) ?? 0) + 1);
  return true;
}

/** Tries, is told, dies, and begins again, on the same machine or another one; in the end it may give up. */
function publisher(run: Run, ready: Ready, index: number): Actor {
  const { scene, mix, world, random } = run;
  const name = `publisher ${index + 1}`;
  const trouble = mix.trouble ?? usualTrouble;
  const reach = (store: SwappableStore) => mix.through?.(store, name) ?? store;
  const delay = Math.floor(random() * (mix.collectors > 0 ? 90 : 12));
  return {
    name,
    trouble,
    run: async (store) => {
      await world.idle(name, delay);
      const machine = onOwnDisk(ready.workspace, reach(store));
      let here = machine;
      const again = (on: Workspace) => ({ ...on, store: reach(world.storeFor(name, trouble)) });
      await unlessTrouble(run, async () => {
        if (random() < 0.15) await planAndFollow(run, here);
        else await publishRepository(here, ready.part, { ...times(run), ring: ready.ring });
        run.told.push(ready);
      });
      for (let draw = random(); draw < 0.35; draw = random() * 2) {
        here = draw < 0.25 ? again(machine) : again(onOwnDisk(scene.first, store));
        await unlessTrouble(run, async () => {
          if (draw < 0.15) await planAndFollow(run, here);
          else await resume(run, here);
          if (draw < 0.15) run.told.push(ready);
        });
      }
    },
  };
}

async function planAndFollow(run: Run, workspace: Workspace): Promise<void> {
  const plan = await planPublication(workspace, { now: run.world.now });
  await publish(workspace, plan, { ...times(run), unlock });
}

function times({ world }: Run) {
  return { now: world.now, clock: () => world.now };
}

async function resume(run: Run, workspace: Workspace): Promise<void> {
  const done = await resumePublications(workspace, times(run));
  run.resumed += done.filter(({ outcome }) => outcome === 'finished').length;
}

/** The job that renews, for some looks. It goes on whatever happens, until it dies. */
function daemon(run: Run, looks: number): Actor {
  const { scene, mix, world, random } = run;
  const name = 'daemon';
  return {
    name,
    trouble: mix.trouble ?? usualTrouble,
    run: async (store) => {
      const abort = new AbortController();
      const machine = onOwnDisk(scene.first, mix.through?.(store, name) ?? store);
      let look = 1;
      await runRefreshDaemon(
        { unlock, signal: abort.signal, timestampDueAfter: 0 },
        {
          open: async () => machine,
          now: () => world.now,
          random,
          report: (event) => {
            if (event.event !== 'failed') return;
            if (!isTrouble(run, event.error)) run.defects.push(event.error);
            if (event.error.cause instanceof ProcessDied) abort.abort();
          },
          pause: async (_milliseconds, what, signal) => {
            await world.idle(name, 10);
            if (look >= looks) abort.abort();
            look += 1;
            checkCancelled(what, signal);
          },
        },
      );
    },
  };
}

function collector(run: Run, index: number): Actor {
  const { scene, mix, world, random } = run;
  const name = `gc ${index + 1}`;
  const dawdles = random() < 0.5;
  return {
    name,
    trouble: mix.trouble ?? usualTrouble,
    run: async (store) => {
      await world.idle(name, Math.floor(random() * 30));
      const own = dawdles ? dawdling(store) : store;
      const machine = onOwnDisk(scene.first, mix.through?.(own, name) ?? own);
      const options = { now: () => world.now, settings: defaultGrace, wishes: [], act: true };
      await unlessTrouble(run, async () => await collectGarbage(machine, options));
      if (random() < 0.2) await unlessTrouble(run, async () => await collectGarbage(machine, options));
    },
  };
}

/** Goes slowly before each removal, so that others come to their ends between its look and its act. */
function dawdling(store: SwappableStore): SwappableStore {
  const remove: SwappableStore['remove'] = async (name, etag, options) => {
    for (let turn = 0; turn < 12; turn += 1) await store.stat(name);
    return await store.remove(name, etag, options);
  };
  return replacing(store, { remove });
}

export function replacing(store: SwappableStore, members: Partial<SwappableStore>): SwappableStore {
  return new Proxy(store, {
    get: (target, member) => {
      if (Object.hasOwn(members, member)) return Reflect.get(members, member);
      const value: unknown = Reflect.get(target, member, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** I7: reads while others write, file by file, and again. Only what is too old fails, and then a second look does not. */
function host(run: Run, index: number): Actor {
  const { scene, world, random, mix } = run;
  const name = `host ${index + 1}`;
  return {
    name,
    run: async (store) => {
      let floors = noFloors;
      for (let look = 0; look < 2; look += 1) {
        await world.idle(name, Math.floor(random() * 40));
        const began = world.now;
        try {
          floors = (await wholeState(store, scene.anchor, began, floors)).floors;
        } catch (error) {
          const slow = world.now - began > defaultGrace.longestDownload;
          const isOld = mix.leaps > 0 && isTidegateError(error, 'expired');
          if (!isOld && !slow) throw error;
        }
      }
    },
  };
}

export async function runSchedule(scene: Scene, seed: number, mix: Mix): Promise<Outcome> {
  const random = numbersFrom(seed * 7 + 1);
  const inner = await fillStore(scene, mix.inner ?? new MemoryStore());
  const { anchor, past } = scene;
  const clock = { start: later, leaps: mix.leaps, lengths: leaps };
  const world: World = new World(inner, seed, (name, store) => invariants.look(name, store), clock);
  const { present } = scene;
  const times = { now: () => world.now, asked: () => world.asked };
  const invariants = new Invariants({ anchor, past, present, ...times });
  await invariants.begin(inner);
  const run: Run = { scene, mix, world, random, told: [], endings: new Map(), resumed: 0, defects: [] };
  const order = shuffled(scene.ready, random);
  const chosen = order
    .filter(({ name }) => name === mix.first)
    .concat(order.filter(({ name }) => name !== mix.first))
    .slice(0, mix.publishers);
  const actors = [
    ...chosen.map((ready, index) => publisher(run, ready, index)),
    ...Array.from({ length: mix.collectors }, (_, index) => collector(run, index)),
    ...(mix.daemon ? [daemon(run, seed % 8 === 0 ? 2 : 1)] : []),
    ...Array.from({ length: mix.hosts }, (_, index) => host(run, index)),
  ];
  try {
    await world.run(actors);
    for (const defect of run.defects) throw defect;
    await checkEnd(run, inner, invariants, seed);
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`seed ${seed}: ${text}\n${world.trace.join('\n')}`);
  }
  const { commits, removals } = invariants;
  return { commits, removals, told: run.told.length, resumed: run.resumed, endings: run.endings };
}

function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  return items
    .map((item) => [random(), item] as const)
    .sort(([one], [other]) => one - other)
    .map(([, item]) => item);
}

/** Whoever was told that it is published is right; and whoever comes next publishes upon exactly what is there. I5. */
async function checkEnd(run: Run, inner: MemoryStore, { state }: Invariants, seed: number): Promise<void> {
  const { scene, world, told } = run;
  const root = await inner.stat('metadata/3.root.json');
  const shown = { ...state, root: root === undefined ? state.root : 3 };
  for (const { name, isIn } of told) assert.ok(isIn(shown), `${name} was published, its publisher was told`);
  if (seed % 10 !== 0) return;
  const next = onOwnDisk(scene.first, inner);
  const now = world.now + 1000;
  await refreshRepositories(next, { now, unlock, force: true });
  const after = await wholeState(inner, scene.anchor, now);
  assert.equal(after.version, state.version + 1, 'I5');
}
