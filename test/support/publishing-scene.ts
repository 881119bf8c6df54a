/**
 * A repository with a past, and people with different plans for it: what the schedules of interleaving.ts begin with.
 *
 * `old.bin` was listed once; it is garbage by now, and was marked a day ago. A role is delegated to. Everybody's plan is
 * made, from the same base.
 */
import assert from 'node:assert/strict';
import { collectGarbage } from '../../src/signer/gc/collect-garbage.ts';
import { defaultGrace } from '../../src/signer/gc/grace.ts';
import type { KeyRing } from '../../src/signer/keys/key-ring.ts';
import type { RepositoryPlan } from '../../src/signer/publication/plan.ts';
import { planPublication } from '../../src/signer/publication/plan-publication.ts';
import { refreshRepositories } from '../../src/signer/refresh.ts';
import { addTarget, removeTarget } from '../../src/signer/release/add-target.ts';
import { steerRelease, type Wish } from '../../src/signer/release/steer-release.ts';
import { addDelegation } from '../../src/signer/workspace/edit-delegations.ts';
import type { Workspace } from '../../src/signer/workspace/workspace.ts';
import { openKeyRing } from '../../src/signer/workspace/workspace-keys.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import type { SwappableStore } from '../../src/storage/store.ts';
import type { Manifest } from '../../src/waves/release.ts';
import { isPausedForAll } from '../../src/waves/steering.ts';
import type { MemoryFileSystem } from './memory-file-system.ts';
import { type PastState, type WholeState, wholeState } from './publication-invariants.ts';
import {
  addVersion,
  copyOf,
  day,
  directory,
  hour,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from './workspace.ts';
import { nextRoot, ownKey, textOf } from './workspace-ceremony.ts';

/** When the schedules begin: what was taken away is out of the grace, and marked a day ago. */
export const later = start + 41 * day;

/** What is published, to whoever was told that his plan is. */
export interface PublishedState {
  readonly manifest: Manifest;
  /** Of every role. */
  readonly targets: ReadonlySet<string>;
  readonly root: number;
}

export interface Ready {
  readonly name: string;
  readonly workspace: Workspace;
  readonly part: RepositoryPlan;
  /** Keys are opened once for all schedules. */
  readonly ring: KeyRing;
  /** Whether what was planned is there. */
  readonly isIn: (state: PublishedState) => boolean;
}

export interface Scene {
  /** Every file in the store. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** States that were current before, the oldest first; the last one is current. */
  readonly past: readonly PastState[];
  readonly present: WholeState;
  /** A machine that knows nothing but what is published, and what it has keys for. */
  readonly first: Workspace;
  readonly anchor: Uint8Array;
  /** In the order in which the schedules take them. */
  readonly ready: readonly Ready[];
}

const fleet = { variant: 'demo', arch: 'x86_64' };
const firmware = { name: 'firmware', keys: ['dora'], threshold: 1, paths: ['fw-*'], terminating: false };

export async function prepareScene(): Promise<Scene> {
  const store = new MemoryStore();
  const disk = await workspaceDisk();
  await keyAtHand(disk, 'dora');
  const bare = await open(disk, store);
  await addDelegation(bare, firmware);
  const first = await open(disk, store);
  const [anchor = new Uint8Array()] = first.roots;
  const past: PastState[] = [];
  const note = async (at: number) => past.push({ at, names: (await wholeState(store, anchor, at)).names });
  await publishPast(first, note);
  const { marked } = await collectGarbage(first, {
    ...{ now: () => later - 25 * hour, settings: defaultGrace, wishes: [], act: true },
  });
  assert.ok(marked.some(({ name }) => name.endsWith('.old.bin')));
  const present = await wholeState(store, anchor, later);
  const ready = await plansUpon(disk, store);
  return { files: await filesOf(store), past, present, first, anchor, ready };
}

async function publishPast(first: Workspace, note: (at: number) => Promise<unknown>): Promise<void> {
  const disk = first.fileSystem as MemoryFileSystem;
  await addVersion(first, '1.0.0', { wavePolicy: 'none' });
  await addVersion(first, '1.0.1');
  await addTarget(first, { path: await putFile(disk, '/images/old.bin', 'listed once') });
  await addTarget(first, { path: await putFile(disk, '/images/fw-1.bin', 'firmware 1'), role: 'firmware' });
  await planAndPublish(first, start);
  await note(start);
  await removeTarget(first, { name: 'old.bin' });
  await planAndPublish(first, start + hour);
  await note(start + hour);
  await refreshRepositories(first, { now: later - 2 * day, unlock, force: true });
  await note(later - 2 * day);
}

/** A key whose private half lies in the workspace: that of another workspace of the tests. */
async function keyAtHand(fs: MemoryFileSystem, name: string): Promise<void> {
  const donor = await workspaceDisk({ template: 'single', name: `example/${name}` });
  for (const ending of ['pub', 'key.json']) {
    const text = await textOf(donor, `${directory}/keys/targets.${ending}`);
    await putFile(fs, `${directory}/keys/${name}.${ending}`, text);
  }
}

async function plansUpon(disk: MemoryFileSystem, store: MemoryStore): Promise<readonly Ready[]> {
  const ready: Ready[] = [];
  const plan = async (
    name: string,
    change: (workspace: Workspace) => Promise<unknown>,
    isIn: Ready['isIn'],
  ): Promise<void> => {
    const own = copyOf(disk);
    await change(await open(own, store));
    const workspace = await open(own, store);
    const [part] = (await planPublication(workspace, { now: later })).repositories;
    assert.ok(part, name);
    ready.push({ name, workspace, part, ring: openKeyRing(workspace, unlock), isIn });
  };
  const release = (version: string) =>
    plan(
      version,
      (workspace) => addVersion(workspace, version, { wavePolicy: 'none' }),
      ({ manifest }) => manifest.updates.some((update) => update.version === version),
    );
  const target = (name: string, text: string, role?: string) =>
    plan(
      name,
      async (workspace) => {
        const path = await putFile(workspace.fileSystem as MemoryFileSystem, `/images/${name}`, text);
        await addTarget(workspace, { path, ...(role !== undefined && { role }) });
      },
      ({ targets }) => targets.has(name),
    );
  const steering = (name: string, wish: Wish, isIn: Ready['isIn']) =>
    plan(name, (workspace) => steerRelease(workspace, wish, { now: later }), isIn);
  await target('old.bin', 'listed once');
  await release('1.1.0');
  await target('fw-2.bin', 'firmware 2', 'firmware');
  await steering('pause', { kind: 'pause', ...fleet, version: '1.0.1', everyone: true }, ({ manifest }) => {
    const found = manifest.updates.find(({ version }) => version === '1.0.1');
    return found !== undefined && isPausedForAll(found);
  });
  await release('1.2.0');
  await steering(
    'withdraw',
    { kind: 'withdraw', ...fleet, version: '1.0.0' },
    ({ manifest }) => !manifest.updates.some(({ version }) => version === '1.0.0'),
  );
  await plan(
    'root',
    async (workspace) => {
      const keys = [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')];
      await nextRoot(await nextRoot(workspace, keys, later), keys, later + 1000);
    },
    ({ root }) => root === 3,
  );
  return ready;
}

async function filesOf(store: MemoryStore): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const { name } of store.list())
    files.set(name, (await store.read(name, 10_000_000))?.bytes ?? new Uint8Array());
  return files;
}

export async function fillStore<S extends SwappableStore>(
  { files }: Pick<Scene, 'files'>,
  store: S,
): Promise<S> {
  for (const [name, bytes] of files) await store.create(name, bytes);
  return store;
}

/** The same workspace on a disk of its own: what one schedule leaves there is not there for the next. */
export function onOwnDisk(workspace: Workspace, store: SwappableStore): Workspace {
  return { ...workspace, fileSystem: copyOf(workspace.fileSystem as MemoryFileSystem), store };
}
