/** What publishers and jobs are doing when they die: a store and disks before, and the work. */
import assert from 'node:assert/strict';
import type { RepositoryFolders } from '../../src/metadata/repository-layout.ts';
import { collectGarbage } from '../../src/signer/gc/collect-garbage.ts';
import { defaultGrace } from '../../src/signer/gc/grace.ts';
import { resumePublications } from '../../src/signer/publication/resume.ts';
import { refreshRepositories } from '../../src/signer/refresh.ts';
import { addRelease } from '../../src/signer/release/add-release.ts';
import { addTarget, removeTarget } from '../../src/signer/release/add-target.ts';
import { steerRelease } from '../../src/signer/release/steer-release.ts';
import { addDelegation } from '../../src/signer/workspace/edit-delegations.ts';
import { repositoriesOf, type Workspace } from '../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import type { MemoryFileSystem } from './memory-file-system.ts';
import { StorageReplay } from './storage-replay.ts';
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
  type WorkspaceKind,
  workspaceDisk,
} from './workspace.ts';
import { nextRoot, ownKey, textOf } from './workspace-ceremony.ts';

/** When somebody dies. Old files are out of the grace. */
export const dying = start + 41 * day;

export interface CrashScene {
  readonly title: string;
  /** Changes a workspace and its store into what they are before. */
  readonly before: (workspace: Workspace) => Promise<unknown>;
  readonly work: (workspace: Workspace, now: number) => Promise<unknown>;
  readonly kind?: WorkspaceKind;
  /** The store that fails is a second one, which follows the first. */
  readonly region?: boolean;
  /** Steps of the timestamp that the work makes. Default 1. */
  readonly steps?: number;
  /** When the work is done again, in milliseconds after it died. Default: a second. */
  readonly again?: number;
}

/** What a scene begins with each time. */
export interface Begun {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly disk: MemoryFileSystem;
  /** Of a machine that knows nothing of the work. */
  readonly elsewhere: MemoryFileSystem;
  readonly anchor: Uint8Array;
  readonly folders: readonly RepositoryFolders[];
}

export async function beginScene({ kind, before }: CrashScene): Promise<Begun> {
  const store = new MemoryStore();
  const disk = await workspaceDisk(kind);
  const elsewhere = copyOf(disk);
  await before(await open(disk, store));
  const { roots, settings } = await open(disk, store);
  const files = new Map<string, Uint8Array>();
  for await (const { name } of store.list())
    files.set(name, (await store.read(name, 10_000_000))?.bytes ?? new Uint8Array());
  const folders = repositoriesOf(settings).map((place) => place.folders);
  return { files, disk, elsewhere, folders, anchor: roots[0] ?? assert.fail('no root') };
}

/** A base whose timestamp is still valid when somebody dies. */
async function published(workspace: Workspace): Promise<void> {
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, dying - day);
}

async function publishAgain(workspace: Workspace, now: number): Promise<void> {
  // As somebody does who types it again: what the disk says by now counts.
  const { fileSystem, store, regions } = workspace;
  await planAndPublish({ ...(await open(fileSystem, store)), regions }, now);
}

async function firmware(workspace: Workspace): Promise<void> {
  const fs = workspace.fileSystem as MemoryFileSystem;
  const donor = await workspaceDisk({ template: 'single', name: 'example/dora' });
  for (const ending of ['pub', 'key.json']) {
    const text = await textOf(donor, `${directory}/keys/targets.${ending}`);
    await putFile(fs, `${directory}/keys/dora.${ending}`, text);
  }
  const role = { name: 'firmware', keys: ['dora'], threshold: 1, paths: ['fw-*'], terminating: false };
  await addDelegation(workspace, role);
  const present = await open(fs, workspace.store);
  const file = async (name: string) => await putFile(fs, `/images/${name}`, `firmware ${name}`);
  await addTarget(present, { path: await file('fw-1.bin'), role: 'firmware' });
  await planAndPublish(present, dying - day);
  await addTarget(present, { path: await file('fw-2.bin'), role: 'firmware' });
  await addVersion(present, '1.1.0');
}

async function rotation(workspace: Workspace): Promise<void> {
  await published(workspace);
  const keys = [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')];
  const second = await nextRoot(workspace, keys, dying - hour);
  await addVersion(await nextRoot(second, keys, dying - hour + 1000), '1.1.0');
}

const variants = { one: ['x86_64'], two: ['aarch64'] };

async function everywhere(workspace: Workspace, version: string): Promise<void> {
  const images: Record<string, string> = {};
  for (const kind of ['boot', 'root', 'hash'])
    images[kind] = await putFile(workspace.fileSystem, `/images/${kind}-${version}`, `${kind} of ${version}`);
  for (const [variant, architectures] of Object.entries(variants))
    for (const arch of architectures) await addRelease(workspace, { variant, arch, version, images });
}

async function garbage(workspace: Workspace): Promise<void> {
  const path = await putFile(workspace.fileSystem, '/images/old.bin', 'listed once');
  await addTarget(workspace, { path });
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, start);
  await removeTarget(workspace, { name: 'old.bin' });
  await planAndPublish(workspace, start + hour);
  await refreshRepositories(workspace, { now: dying - 2 * day, unlock, force: true });
  await collect(workspace, dying - 25 * hour);
}

async function collect(workspace: Workspace, now: number): Promise<void> {
  await collectGarbage(workspace, { now: () => now, settings: defaultGrace, wishes: [], act: true });
}

/** Somebody died just before his commit, and another machine finishes it. */
async function waiting(workspace: Workspace): Promise<void> {
  await published(workspace);
  await addVersion(workspace, '1.1.0');
  const before = async ({ call, name }: { readonly call: string; readonly name: string }) => {
    if (call === 'swap' && name.endsWith('timestamp.json')) throw new Error('died');
  };
  const store = new StorageReplay(workspace.store, { before });
  await assert.rejects(planAndPublish({ ...workspace, store }, dying - hour), /died/);
}

export const crashScenes: readonly CrashScene[] = [
  {
    title: 'a first publication',
    before: async (workspace) => await addVersion(workspace, '1.0.0'),
    work: publishAgain,
  },
  {
    title: 'a publication',
    before: async (workspace) => {
      await published(workspace);
      await addVersion(workspace, '1.1.0');
    },
    work: publishAgain,
  },
  { title: 'two new roots', before: rotation, work: publishAgain },
  { title: 'a delegated role', before: firmware, work: publishAgain },
  {
    title: 'a release over two repositories',
    kind: { template: 'bottlerocket', variants },
    before: async (workspace) => {
      await everywhere(workspace, '1.0.0');
      await planAndPublish(workspace, dying - day);
      await everywhere(workspace, '1.1.0');
    },
    work: publishAgain,
  },
  {
    title: 'a pause',
    before: async (workspace) => {
      await published(workspace);
      const release = { variant: 'demo', arch: 'x86_64', version: '1.0.0' };
      await steerRelease(workspace, { kind: 'pause', ...release, everyone: false }, { now: dying });
    },
    work: publishAgain,
  },
  {
    title: 'a renewal',
    before: published,
    work: async (workspace, now) => await refreshRepositories(workspace, { now, unlock }),
  },
  {
    title: 'the way to a region',
    region: true,
    before: async (workspace) => {
      await published(workspace);
      await addVersion(workspace, '1.1.0');
    },
    work: async (workspace, now) => {
      await publishAgain(workspace, now);
      await resumePublications(workspace, { now });
    },
  },
  {
    title: 'finishing what another machine began',
    before: waiting,
    work: async (workspace, now) => await resumePublications(workspace, { now }),
  },
  { title: 'a clean-up', before: garbage, work: collect, steps: 0, again: 2 * hour },
];
