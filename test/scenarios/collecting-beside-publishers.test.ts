/**
 * A clean-up beside publishers, a renewing job and a host, in hundreds of orders, with calls that are refused, lost, late
 * and done twice, and processes that die. What must hold beside I1 (interleaving.test.ts): I6 nothing is ever removed that
 * a timestamp refers to which was current within the grace.
 *
 * The worst moment is there in every schedule: a file was listed long ago and is garbage by now, it was marked a day
 * ago, and while it is being removed somebody publishes it again.
 */
import assert from 'node:assert/strict';
import { isTidegateError } from '../../src/errors.ts';
import { type CollectOptions, collectGarbage } from '../../src/signer/gc/collect-garbage.ts';
import { defaultGrace } from '../../src/signer/gc/grace.ts';
import { listedBy } from '../../src/signer/gc/listed-names.ts';
import type { KeyRing } from '../../src/signer/keys/key-ring.ts';
import type { RepositoryPlan } from '../../src/signer/publication/plan.ts';
import { planPublication } from '../../src/signer/publication/plan-publication.ts';
import { publishRepository } from '../../src/signer/publication/publish-repository.ts';
import { refreshRepositories } from '../../src/signer/refresh.ts';
import { addTarget, removeTarget } from '../../src/signer/release/add-target.ts';
import { regardlessOfExpiry } from '../../src/signer/workspace/roots.ts';
import {
  type RepositoryPlace,
  repositoriesOf,
  type Workspace,
} from '../../src/signer/workspace/workspace.ts';
import { openKeyRing } from '../../src/signer/workspace/workspace-keys.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import type { FileInfo, SwappableStore } from '../../src/storage/store.ts';
import { noFloors } from '../../src/trust/floors.ts';
import { trustRoot } from '../../src/trust/trusted-set.ts';
import { ProcessDied } from '../support/file-system-replay.ts';
import { type Actor, type Trouble, World } from '../support/interleaving.ts';
import { rememberVerifications } from '../support/remembered-verification.ts';
import {
  addVersion,
  copyOf,
  day,
  hour,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../support/workspace.ts';

/** When what was taken away is out of the grace, and marked a day ago. */
const later = start + 41 * day;
const trouble: Trouble = { refused: 3, lost: 3, late: 3, twice: 5, death: 2 };
const collecting: CollectOptions = { now: () => later, settings: defaultGrace, wishes: [], act: true };

interface Scene {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly first: Workspace;
  readonly ready: readonly {
    readonly workspace: Workspace;
    readonly part: RepositoryPlan;
    readonly ring: KeyRing;
  }[];
  readonly place: RepositoryPlace;
}

async function prepare(): Promise<Scene> {
  const store = new MemoryStore();
  const disk = await workspaceDisk();
  const first = await open(disk, store);
  await addVersion(first, '1.0.0');
  const old = await putFile(disk, '/images/old.bin', 'listed once');
  await addTarget(first, { path: old });
  await planAndPublish(first, start);
  await removeTarget(first, { name: 'old.bin' });
  await planAndPublish(first, start + hour);
  await refreshRepositories(first, { now: later - 2 * day, unlock, force: true });
  const { marked } = await collectGarbage(first, { ...collecting, now: () => later - 25 * hour });
  assert.ok(marked.some(({ name }) => name.endsWith('.old.bin')));
  const again = await open(copyOf(disk), store);
  await addTarget(again, { path: old });
  const other = await open(copyOf(disk), store);
  await addVersion(other, '1.1.0');
  const ready = [];
  for (const workspace of [again, other]) {
    const [part] = (await planPublication(workspace, { now: later })).repositories;
    assert.ok(part);
    ready.push({ workspace, part, ring: openKeyRing(workspace, unlock) });
  }
  const files = new Map<string, Uint8Array>();
  for await (const { name } of store.list())
    files.set(name, (await store.read(name, 1e7))?.bytes ?? new Uint8Array());
  return { files, first, ready, place: repositoriesOf(first.settings)[0] ?? assert.fail() };
}

function own(workspace: Workspace, store: SwappableStore): Workspace {
  const disk = workspace.fileSystem as Awaited<ReturnType<typeof workspaceDisk>>;
  return { ...workspace, fileSystem: copyOf(disk), store };
}

/** I1 and I6, after every change. */
async function watchFor({ first, place }: Scene, inner: MemoryStore) {
  const roots = first.roots.map((bytes) => trustRoot(bytes, regardlessOfExpiry, noFloors).root.document);
  const needed = new Set<string>(['metadata/1.root.json']);
  let removed = 0;
  const look = async (name: string): Promise<void> => {
    if (name === 'metadata/timestamp.json') {
      const { signed } = JSON.parse(Buffer.from((await inner.read(name, 1e6))?.bytes ?? []).toString());
      const { version } = signed.meta['snapshot.json'];
      const { names } = await listedBy({ store: inner, place, roots, known: new Map() }, version);
      for (const each of names) {
        needed.add(each);
        assert.ok((await inner.stat(each)) !== undefined, `I1: ${each} is listed and is not there`);
      }
    }
    if (name.startsWith('.publish/') || (await inner.stat(name)) !== undefined) return;
    removed += 1;
    assert.ok(!needed.has(name), `I6: ${name} was removed`);
  };
  await look('metadata/timestamp.json');
  return { look, count: () => removed };
}

async function unlessTrouble(work: () => Promise<unknown>): Promise<void> {
  await work().catch((error: unknown) => {
    const expected = [
      'network-unreachable',
      'base-moved',
      'usage',
      'locked',
      'not-found',
      'store-conflict',
    ] as const;
    if (!(error instanceof ProcessDied) && !isTidegateError(error, ...expected)) throw error;
  });
}

interface Outcome {
  readonly removed: number;
  readonly version: number;
}

async function schedule(
  scene: Scene,
  seed: number,
  through = (store: SwappableStore) => store,
): Promise<Outcome> {
  const inner = new MemoryStore();
  for (const [name, bytes] of scene.files) await inner.create(name, bytes);
  const watch = await watchFor(scene, inner);
  const world = new World(inner, seed, watch.look);
  const actors: Actor[] = scene.ready.slice(0, 1 + (seed % 2)).map(({ workspace, part, ring }, index) => ({
    name: `publisher ${index + 1}`,
    trouble,
    run: (store) =>
      unlessTrouble(async () => {
        // So that its pin comes before, within and after every phase of the clean-up.
        for (let turn = 0; turn < (seed * 7) % 90; turn += 1) await store.stat('metadata/1.root.json');
        await publishRepository(own(workspace, through(store)), part, { now: later, ring });
      }),
  }));
  const collector = (name: string): Actor => ({
    name,
    trouble,
    run: (store) =>
      unlessTrouble(
        async () =>
          await collectGarbage(own(scene.first, seed % 2 === 0 ? store : dawdling(store)), collecting),
      ),
  });
  actors.push(collector('gc 1'), ...(seed % 3 === 0 ? [collector('gc 2')] : []));
  if (seed % 4 === 0) {
    const run: Actor['run'] = (store) =>
      unlessTrouble(
        async () => await refreshRepositories(own(scene.first, store), { now: later, unlock, force: true }),
      );
    actors.push({ name: 'renewer', trouble, run });
  }
  try {
    await world.run(actors);
    await watch.look('metadata/timestamp.json');
    const bytes = (await inner.read('metadata/timestamp.json', 1e6))?.bytes ?? new Uint8Array();
    return { removed: watch.count(), version: JSON.parse(Buffer.from(bytes).toString()).signed.version };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`seed ${seed}: ${text}\n${world.trace.join('\n')}`);
  }
}

/** A publisher of another make, who pins and does not look at clean-ups. */
function blind(store: SwappableStore): SwappableStore {
  const list = async function* (prefix?: string): AsyncGenerator<FileInfo, void> {
    for await (const file of store.list(prefix)) if (!file.name.startsWith('.publish/gc/')) yield file;
  };
  return replacing(store, { list });
}

/** A clean-up that dawdles before each removal, so that others come to their ends between its look and its act. */
function dawdling(store: SwappableStore): SwappableStore {
  const remove: SwappableStore['remove'] = async (name, etag) => {
    for (let turn = 0; turn < 12; turn += 1) await store.stat(name);
    return await store.remove(name, etag);
  };
  return replacing(store, { remove });
}

function replacing(store: SwappableStore, members: Partial<SwappableStore>): SwappableStore {
  return new Proxy(store, {
    get: (target, member) => {
      if (Object.hasOwn(members, member)) return Reflect.get(members, member);
      const value: unknown = Reflect.get(target, member, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('a clean-up beside publishers, in any order', () => {
  let putBack: () => void;
  let scene: Scene;
  before(async () => {
    putBack = rememberVerifications();
    scene = await prepare();
  });
  after(() => putBack());

  const wanted = Number(process.env.TIDEGATE_SCHEDULES ?? 150);

  it(`I6: nothing that a timestamp within the grace refers to is ever removed, in ${wanted} schedules`, async () => {
    const outcomes: Outcome[] = [];
    for (let seed = 1; seed <= wanted; seed += 1) outcomes.push(await schedule(scene, seed));
    const commits = outcomes.filter(({ version }) => version > 3).length;
    const sweeps = outcomes.filter(({ removed }) => removed > 0).length;
    assert.ok(
      commits > wanted / 4 && sweeps > wanted / 4,
      `${commits} with commits, ${sweeps} with removals`,
    );
  }).timeout(Math.max(120_000, wanted * 200));

  it('a publisher who does not look at clean-ups is found out', async () => {
    let found = '';
    for (let seed = 1; seed <= 400 && found === ''; seed += 1) {
      await schedule(scene, seed, blind).catch((error: Error) => {
        found = error.message;
      });
    }
    assert.match(found, /I1|I6/);
  }).timeout(120_000);
});
