/**
 * Workspaces for tests, on a disk in memory: made once for each kind, and copied for every test. Their keys are
 * development keys; what locks keys has tests of its own.
 */
import { dirname } from 'node:path';
import { type Plan, planPublication } from '../../src/signer/publication/plan-publication.ts';
import { type PublishResult, publish } from '../../src/signer/publication/publish.ts';
import { addRelease, type ReleaseOptions } from '../../src/signer/release/add-release.ts';
import { type InitOptions, initWorkspace } from '../../src/signer/workspace/init.ts';
import { openWorkspace, type Workspace } from '../../src/signer/workspace/workspace.ts';
import { writeDurably } from '../../src/storage/durable-file.ts';
import type { FileSystem } from '../../src/storage/file-system.ts';
import { MemoryStore } from '../../src/storage/memory.ts';
import type { SwappableStore } from '../../src/storage/store.ts';
import { MemoryFileSystem } from './memory-file-system.ts';

/** When the tests' workspaces are made and first published. */
export const start = Date.parse('2026-11-24T12:00:00Z');
export const hour = 3_600_000;
export const day = 24 * hour;

export const directory = '/home/workspace';

/** No key of these workspaces has a passphrase. */
export const unlock = async (): Promise<undefined> => {
  throw new Error('a development key has no passphrase');
};

export type WorkspaceKind = Pick<InitOptions, 'template'> &
  Partial<Pick<InitOptions, 'variants' | 'keyType' | 'name'>>;

const made = new Map<string, Promise<MemoryFileSystem>>();

async function make(kind: WorkspaceKind): Promise<MemoryFileSystem> {
  const fileSystem = new MemoryFileSystem();
  for (const folder of ['/home', '/images']) await fileSystem.makeFolder(folder, 0o755);
  const options = { name: 'example/os', store: '/public', insecureDevelopmentKeys: true, now: start };
  await initWorkspace(directory, { ...options, ...kind, fileSystem });
  return fileSystem;
}

/** A disk with a fresh workspace; all of one kind have the same keys. */
export async function workspaceDisk(kind: WorkspaceKind = { template: 'single' }): Promise<MemoryFileSystem> {
  const name = JSON.stringify(kind);
  const disk = made.get(name) ?? make(kind);
  made.set(name, disk);
  return copyOf(await disk);
}

export function copyOf(disk: MemoryFileSystem): MemoryFileSystem {
  return disk.powerCut({ unsyncedBytes: 'kept', unsyncedNames: 'kept' });
}

export async function open(
  fileSystem: FileSystem,
  store: SwappableStore = new MemoryStore(),
): Promise<Workspace> {
  return await openWorkspace(directory, { fileSystem, store });
}

export async function putFile(fs: FileSystem, path: string, content: string | Uint8Array): Promise<string> {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  await writeDurably(fs, path, bytes, { mode: 0o600, within: dirname(path) });
  return path;
}

/** Adds version `version` of variant demo for x86_64, with one image of that text. */
export async function addVersion(
  workspace: Workspace,
  version: string,
  options: Partial<ReleaseOptions> = {},
): Promise<void> {
  const path = `/images/os-demo-x86_64-${version}.img`;
  const images = { image: await putFile(workspace.fileSystem, path, `image of ${version}`) };
  await addRelease(workspace, { images, ...options });
}

export async function planAndPublish(
  workspace: Workspace,
  now: number,
): Promise<{ readonly plan: Plan; readonly result: PublishResult }> {
  const plan = await planPublication(workspace, { now });
  return { plan, result: await publish(workspace, plan, { now, unlock }) };
}

/** A workspace that has published version 1.0.0, its disk and its store. */
export async function publishedWorkspace(store = new MemoryStore()) {
  const fs = await workspaceDisk();
  const workspace = await open(fs, store);
  await addVersion(workspace, '1.0.0');
  await planAndPublish(workspace, start);
  return { fs, store, workspace: await open(fs, store) };
}
