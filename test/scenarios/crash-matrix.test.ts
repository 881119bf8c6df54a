/**
 * Whoever writes to a store is killed before and after its calls, on a store in memory, in a folder and in a bucket: hosts
 * see old or new, whole, and doing the same again, here or elsewhere, comes to the end that a good run comes to.
 *
 * Here that is after every write in memory, and some on the others; TIDEGATE_CRASHES=all is before and after every call,
 * reads too, on every store.
 */
import assert from 'node:assert/strict';
import { metadataName } from '../../src/metadata/repository-layout.ts';
import { resumePublications } from '../../src/signer/publication/resume.ts';
import { DirectoryStore } from '../../src/storage/directory.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import { S3Store } from '../../src/storage/s3.ts';
import type { SwappableStore } from '../../src/storage/store.ts';
import { noFloors } from '../../src/trust/floors.ts';
import { type Begun, beginScene, type CrashScene, crashScenes, dying } from '../support/crash-scenes.ts';
import { MemoryFileSystem } from '../support/memory-file-system.ts';
import { wholeState } from '../support/publication-invariants.ts';
import { fillStore } from '../support/publishing-scene.ts';
import { rememberSignatures } from '../support/remembered-signatures.ts';
import { smallParts, withS3 } from '../support/s3-scene.ts';
import { testCredentials } from '../support/s3-server.ts';
import { StorageReplay } from '../support/storage-replay.ts';
import { copyOf, open } from '../support/workspace.ts';

const all = process.env.TIDEGATE_CRASHES === 'all';

interface Cut {
  readonly index: number;
  readonly after: boolean;
  readonly where: string;
}

interface Bench {
  /** A new store with nothing in it. */
  readonly fresh: () => SwappableStore;
  /** Told the time, for stores that have a clock. */
  readonly tell: (now: number) => void;
  /** Of the cuts at writes, which of so many. */
  readonly some: (cut: number, count: number) => boolean;
}

/** What hosts see of every repository. */
async function stateOf({ anchor, folders }: Begun, store: SwappableStore, at: number) {
  return await Promise.all(
    folders.map(async (place) => {
      if ((await store.stat(metadataName(place, 'timestamp'))) === undefined) return undefined;
      const { version, root, manifest, targets } = await wholeState(store, anchor, at, noFloors, place);
      const releases = manifest.updates.map((release) => [release.version, release.pause !== undefined]);
      return { version, root, releases, targets: [...targets].sort() };
    }),
  );
}

class Matrix {
  readonly #scene: CrashScene;
  readonly #begun: Begun;
  readonly #bench: Bench;

  constructor(scene: CrashScene, begun: Begun, bench: Bench) {
    this.#scene = scene;
    this.#begun = begun;
    this.#bench = bench;
  }

  /** @returns how often somebody died */
  async run(): Promise<number> {
    const good = await this.#place();
    const recorder = new StorageReplay(good.failing);
    await this.#work(good, good.disk, recorder, dying);
    const [old, end] = [
      await stateOf(this.#begun, (await this.#place()).failing, dying),
      await this.#see(good),
    ];
    const cuts = recorder.calls.flatMap(({ call, name }, index) => {
      const isWrite = ['create', 'swap', 'remove'].includes(call);
      return (isWrite || all ? [false, true] : []).map((after): Cut => {
        return { index, after, where: `${after ? 'after' : 'before'} call ${index}: ${call} ${name}` };
      });
    });
    const chosen = cuts.filter((_, turn) => all || this.#bench.some(turn, cuts.length));
    for (const [turn, cut] of chosen.entries()) await this.#die(cut, turn, { old, end });
    return chosen.length;
  }

  async #place() {
    const [failing, first] = [await fillStore(this.#begun, this.#bench.fresh()), new MemoryStore()];
    const { region = false } = this.#scene;
    const other = region ? await fillStore(this.#begun, first) : undefined;
    return { failing, other, disk: copyOf(this.#begun.disk) };
  }

  async #work(place: Place, disk: MemoryFileSystem, store: SwappableStore, now: number): Promise<void> {
    this.#bench.tell(now);
    const { other } = place;
    const workspace = await open(disk, other ?? store);
    await this.#scene.work(other === undefined ? workspace : { ...workspace, regions: [store] }, now);
  }

  async #see({ failing }: Place) {
    return await stateOf(this.#begun, failing, dying);
  }

  async #die({ index, after, where }: Cut, turn: number, { old, end }: Ends): Promise<void> {
    const place = await this.#place();
    const { disk, failing } = place;
    const killed = new StorageReplay(failing, { cut: index, after });
    await this.#work(place, disk, killed, dying).catch(() => undefined);
    for (const [repository, state] of (await this.#see(place)).entries()) {
      const expected = state?.version === old[repository]?.version ? old : end;
      // Roots are published by themselves, one after another.
      const root = Math.min(
        Math.max(state?.root ?? 0, old[repository]?.root ?? 0),
        end[repository]?.root ?? 0,
      );
      assert.deepEqual(
        state,
        expected[repository] && { ...expected[repository], root },
        `${where}: old or new`,
      );
    }
    const { again = 1000, steps = 1 } = this.#scene;
    this.#bench.tell(dying + again);
    if (turn % 2 === 1 && steps > 0 && place.other === undefined) {
      const elsewhere = await open(copyOf(this.#begun.elsewhere), failing);
      await resumePublications(elsewhere, { now: dying + again });
    }
    await this.#work(place, disk, failing, dying + again);
    assert.deepEqual(await this.#see(place), end, `${where}: the same end`);
    const left: string[] = [];
    // A pin may stay; it runs out by itself.
    for await (const { name } of failing.list('.publish/'))
      if (/\/prepared\//.test(name) || /^\.publish\/gc\/[^/]+$/.test(name)) left.push(name);
    assert.deepEqual(left, [], `${where}: nothing is left`);
  }
}

type State = Awaited<ReturnType<typeof stateOf>>;

interface Ends {
  readonly old: State;
  readonly end: State;
}

interface Place {
  readonly failing: SwappableStore;
  /** The first store, where the failing one is a region. */
  readonly other: MemoryStore | undefined;
  readonly disk: MemoryFileSystem;
}

/** What it promises is tried elsewhere. */
class TriedStore extends S3Store {
  override async promises() {
    return { createOnly: 'yes', compareAndSwap: 'yes', found: [] } as const;
  }
}

describe('whoever writes to a store is killed', () => {
  let putBack: () => void;
  before(() => {
    putBack = rememberSignatures();
  });
  after(() => putBack());

  for (const [number, scene] of crashScenes.entries()) {
    const begun = cached(() => beginScene(scene));
    const quiet = { tell: () => undefined };

    it(`PUB-01: ${scene.title}, in memory`, async () => {
      const bench: Bench = { ...quiet, fresh: () => new MemoryStore(), some: (cut) => cut % 2 === 1 };
      const deaths = await new Matrix(scene, await begun(), bench).run();
      assert.ok(deaths >= 3, `${deaths} deaths`);
    }).timeout(120_000);

    it(`PUB-01: ${scene.title}, in a folder`, async () => {
      const fresh = () => new DirectoryStore('/store', { fs: new MemoryFileSystem() });
      const some: Bench['some'] = (cut) => cut % 12 === number + 1;
      assert.ok((await new Matrix(scene, await begun(), { ...quiet, fresh, some }).run()) > 0);
    }).timeout(120_000);

    if (all || number % 9 === 0)
      it(`PUB-01: ${scene.title}, in a bucket`, async () => {
        let [clock, stores] = [dying, 0];
        await withS3({ shownTime: () => clock }, async ({ server }) => {
          const opened: S3Store[] = [];
          const fresh = (): SwappableStore => {
            stores += 1;
            const credentials = async () => testCredentials;
            const address = server.address(`fleet/${stores}`);
            const store = new TriedStore(address, { credentials, sizes: smallParts });
            opened.push(store);
            return store;
          };
          const tell = (now: number): void => {
            clock = now;
          };
          const some: Bench['some'] = (cut, count) => cut === (number * 5 + 3) % count;
          assert.ok((await new Matrix(scene, await begun(), { fresh, tell, some }).run()) > 0);
          for (const store of opened) store.close();
        });
      }).timeout(600_000);
  }
});

function cached<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
