/**
 * Publishers and a renewing job at one store, in thousands of orders, with calls that are refused, lost, late and done
 * twice, and processes that die. What must hold (docs/adr/0009):
 *
 * I1 everything reachable from the timestamp exists and hashes right, at every instant; I2 its version rises by one each
 * time, and one version has one byte string; I3 no immutable name ever changes; I4 of two publishers on one base at most
 * one commits; I5 after a crash and another run the state is exactly old or new; I7 a host that looks at any time sees a
 * whole state, and never an older one.
 *
 * TIDEGATE_SCHEDULES=100000 runs that many.
 */
import assert from 'node:assert/strict';
import { isTidegateError } from '../../src/errors.ts';
import { repositoryFolders } from '../../src/metadata/repository-layout.ts';
import type { KeyRing } from '../../src/signer/keys/key-ring.ts';
import { listedFiles } from '../../src/signer/publication/listed-files.ts';
import { readLive } from '../../src/signer/publication/live-repository.ts';
import type { RepositoryPlan } from '../../src/signer/publication/plan.ts';
import { planPlace, planPublication } from '../../src/signer/publication/plan-publication.ts';
import { publishRepository } from '../../src/signer/publication/publish-repository.ts';
import { readerOf, readRepository } from '../../src/signer/publication/repository-reader.ts';
import { resumePublications } from '../../src/signer/publication/resume.ts';
import { refreshRepositories } from '../../src/signer/refresh.ts';
import { trustPolicyAt } from '../../src/signer/workspace/roots.ts';
import { repositoriesOf, type Workspace } from '../../src/signer/workspace/workspace.ts';
import { openKeyRing } from '../../src/signer/workspace/workspace-keys.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import type { ReadableStore, SwappableStore } from '../../src/storage/store.ts';
import { noFloors } from '../../src/trust/floors.ts';
import { ProcessDied } from '../support/file-system-replay.ts';
import { type Actor, numbersFrom, type Trouble, World } from '../support/interleaving.ts';
import { rememberVerifications } from '../support/remembered-verification.ts';
import {
  addVersion,
  copyOf,
  hour,
  open,
  planAndPublish,
  start,
  unlock,
  workspaceDisk,
} from '../support/workspace.ts';

const later = start + hour;
const folders = repositoryFolders('single', { variant: 'demo', arch: 'x86_64' });
const trouble: Trouble = { refused: 3, lost: 3, late: 3, twice: 10, death: 2 };

/** A state that everybody begins with: 1.0.0 is published, and each publisher has a version of its own waiting. */
async function prepare(publishers: number) {
  const store = new MemoryStore();
  const disk = await workspaceDisk();
  const first = await open(disk, store);
  await addVersion(first, '1.0.0');
  await planAndPublish(first, start);
  const ready: Ready[] = [];
  for (let index = 1; index <= publishers; index += 1) {
    const workspace = await open(copyOf(disk), store);
    await addVersion(workspace, `1.${index}.0`);
    const [part] = (await planPublication(workspace, { now: later })).repositories;
    if (part !== undefined) ready.push({ workspace, part, ring: openKeyRing(workspace, unlock) });
  }
  const renewing = await renewal(first);
  const files = new Map<string, Uint8Array>();
  for await (const { name } of store.list())
    files.set(name, (await store.read(name, 10_000_000))?.bytes ?? new Uint8Array());
  const [anchor = new Uint8Array()] = first.roots;
  return { files, ready, renewing, anchor };
}

interface Ready {
  readonly workspace: Workspace;
  readonly part: RepositoryPlan;
  /** Keys are opened once for all schedules. */
  readonly ring: KeyRing;
}

/** What the job that renews would do. */
async function renewal(workspace: Workspace): Promise<Ready> {
  const [place] = repositoriesOf(workspace.settings);
  assert.ok(place);
  const live = await readLive(workspace, place);
  const renew = new Set(['snapshot', 'timestamp']);
  const part = await planPlace(workspace, live, { drafts: [], renew, now: later });
  assert.ok(part);
  return { workspace, part, ring: openKeyRing(workspace, unlock) };
}

type Scene = Awaited<ReturnType<typeof prepare>>;

async function storeOf({ files }: Scene, store = new MemoryStore()): Promise<MemoryStore> {
  for (const [name, bytes] of files) await store.create(name, bytes);
  return store;
}

/** The same workspace on a disk of its own: what one schedule leaves there is not there for the next. */
function own(workspace: Workspace, store: SwappableStore): Workspace {
  const disk = workspace.fileSystem as Awaited<ReturnType<typeof workspaceDisk>>;
  return { ...workspace, fileSystem: copyOf(disk), store };
}

/** I1, I2, I3, I4: looked at after every change. */
function watchFor(anchor: Uint8Array) {
  const kept = new Map<string, string>();
  let last = 1;
  return async (name: string, store: MemoryStore): Promise<void> => {
    if (name.startsWith('.publish/')) return;
    const etag = (await store.stat(name))?.etag ?? 'gone';
    if (name !== 'metadata/timestamp.json') {
      assert.equal(etag, kept.get(name) ?? etag, `I3: ${name} changed`);
      kept.set(name, etag);
      return;
    }
    const bytes = (await store.read(name, 100_000))?.bytes ?? new Uint8Array();
    const { signed } = JSON.parse(Buffer.from(bytes).toString());
    if (kept.get(`v${signed.version}`) === etag) return;
    assert.equal(signed.version, last + 1, 'I2, I4: the version rises by one');
    assert.equal(kept.has(`v${signed.version}`), false, 'I2: one version, one byte string');
    last = signed.version;
    kept.set(`v${signed.version}`, etag);
    await requireWhole(store, anchor);
  };
}

async function requireWhole(store: ReadableStore, anchor: Uint8Array) {
  const request = { folders, anchor, policy: trustPolicyAt(later), floors: noFloors };
  const { set, manifest } = await readRepository(readerOf(store), request);
  const documents = Array.from(set.targets.values(), ({ document }) => document);
  for (const { name, length, hash } of listedFiles(folders, documents)) {
    const file = await store.stat(name);
    assert.deepEqual([file?.length, file?.sha256], [length, hash.value], `I1: ${name}`);
  }
  return { version: set.timestamp?.document.version ?? 0, manifest, floors: set.floors };
}

/** Errors that a publisher may meet in such a world; anything else is a defect. */
function isTrouble(error: unknown): boolean {
  return error instanceof ProcessDied || isTidegateError(error, 'network-unreachable', 'base-moved', 'usage');
}

/** Tries, is told, dies, and begins again; in the end it may give up. What it would do first was planned before. */
function publisher(
  { workspace, part, ring }: Ready,
  name: string,
  told: string[],
  random: () => number,
): Actor {
  return {
    name,
    trouble,
    run: async (store) => {
      const here = own(workspace, store);
      const run = { now: later, ring };
      await unlessTrouble(async () => {
        await publishRepository(here, part, run);
        told.push(...part.releases.map(({ version }) => version));
      });
      const draw = random();
      if (draw < 0.1) await unlessTrouble(async () => await planAndPublish(here, later + 1000));
      if (draw > 0.9) await unlessTrouble(async () => await resumePublications(here, { now: later + 1000 }));
    },
  };
}

async function unlessTrouble(work: () => Promise<unknown>): Promise<void> {
  await work().catch((error: unknown) => {
    if (!isTrouble(error)) throw error;
  });
}

/** I7. */
function host(anchor: Uint8Array, looks: number): Actor {
  return {
    name: 'host',
    run: async (store) => {
      let floors = noFloors;
      for (let look = 0; look < looks; look += 1) {
        const request = { folders, anchor, policy: trustPolicyAt(later), floors };
        floors = (await readRepository(readerOf(store), request)).set.floors;
      }
    },
  };
}

async function schedule(
  scene: Scene,
  seed: number,
  empty = new MemoryStore(),
): Promise<{ readonly commits: number }> {
  const random = numbersFrom(seed * 7 + 1);
  const inner = await storeOf(scene, empty);
  const world = new World(inner, seed, watchFor(scene.anchor));
  const told: string[] = [];
  const publishers = scene.ready.slice(0, 2 + (seed % 2));
  const actors = [
    ...publishers.map((one, index) => publisher(one, `publisher ${index + 1}`, told, random)),
    ...(seed % 3 === 0 ? [publisher(scene.renewing, 'renewer', told, random)] : []),
    ...(seed % 5 === 0 ? [host(scene.anchor, 2)] : []),
  ];
  try {
    await world.run(actors);
    const end = await requireWhole(inner, scene.anchor);
    const listed = end.manifest.updates.map(({ version }) => version);
    for (const version of told)
      assert.ok(listed.includes(version), `${version} was published, its publisher was told`);
    if (seed % 10 === 0) await mend(scene, inner, end.version);
    return { commits: end.version - 1 };
  } catch (error) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    throw new Error(`seed ${seed}: ${text}\n${world.trace.join('\n')}`);
  }
}

/** I5: whoever comes next, from a disk that knows nothing of it, publishes upon exactly what is there. */
async function mend(scene: Scene, inner: MemoryStore, version: number): Promise<void> {
  const here = own(scene.renewing.workspace, inner);
  await refreshRepositories(here, { now: later + 2000, unlock, force: true });
  const after = await requireWhole(inner, scene.anchor);
  assert.equal(after.version, version + 1, 'I5');
}

/** A store that says yes to every swap: what the schedules must find out. */
class HeedlessStore extends MemoryStore {
  override async swap(name: string, bytes: Uint8Array, _expected: string | undefined) {
    return await super.swap(name, bytes, (await this.stat(name))?.etag);
  }
}

describe('publishers in any order', () => {
  const { stackTraceLimit } = Error;
  let putBack: () => void;
  before(() => {
    putBack = rememberVerifications();
    // Every file that is looked for and not there costs an error.
    Error.stackTraceLimit = 0;
  });
  after(() => {
    putBack();
    Error.stackTraceLimit = stackTraceLimit;
  });

  /** As many as are asked for; otherwise as many as fit into a quarter of a minute, two thousand at most. */
  const asked = process.env.TIDEGATE_SCHEDULES;
  const wanted = Number(asked ?? 2000);
  const longest = asked === undefined ? 15_000 : Number.POSITIVE_INFINITY;

  it('PUB-01, PUB-02, PUB-03, PUB-22: what must hold holds in thousands of schedules', async () => {
    const scene = await prepare(3);
    let [commits, seed] = [0, 0];
    const began = performance.now();
    while (seed < wanted && (seed < 50 || performance.now() - began < longest)) {
      seed += 1;
      commits += (await schedule(scene, seed)).commits;
    }
    if (asked !== undefined)
      console.log(`      ${commits} commits in ${Math.round(performance.now() - began)} ms`);
    assert.ok(commits > seed / 2, `${commits} commits in ${seed} schedules`);
  }).timeout(Math.max(120_000, wanted * 200));

  it('a store that heeds no condition is found out', async () => {
    const scene = await prepare(3);
    let found = '';
    for (let seed = 1; seed <= 40 && found === ''; seed += 1) {
      await schedule(scene, seed, new HeedlessStore()).catch((error: Error) => {
        found = error.message;
      });
    }
    assert.match(found, /I2/);
  }).timeout(60_000);
});
