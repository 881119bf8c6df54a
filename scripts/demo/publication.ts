/** The signer's part of the demo: a workspace with keys, two releases, their publication, and the daily renewal. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  metadataName,
  type RepositoryFolders,
  repositoryFolders,
} from '../../src/metadata/repository-layout.ts';
import { planPublication } from '../../src/signer/publication/plan-publication.ts';
import { publish } from '../../src/signer/publication/publish.ts';
import { refreshRepositories } from '../../src/signer/refresh.ts';
import { addRelease } from '../../src/signer/release/add-release.ts';
import { initWorkspace } from '../../src/signer/workspace/init.ts';
import { openWorkspace, type Workspace } from '../../src/signer/workspace/workspace.ts';
import { formatBytes } from '../../src/terminal.ts';
import type { DemoFolder } from './demo-folder.ts';
import type { DemoImage, ImageSet } from './images.ts';
import type { Story } from './story.ts';

export const fleetName = {
  variant: 'demo',
  arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64',
} as const;

export const publishedFolder = 'published';
const repositoryName = 'tidegate-demo';

export interface Publication {
  readonly workspace: Workspace;
  readonly folders: RepositoryFolders;
  /** The first root, as it would be built into the hosts' image. */
  readonly trustedRoot: Uint8Array;
  /** The timestamp from before the update was published: what a rollback would bring back. */
  readonly oldTimestamp: Uint8Array;
  /** A timestamp that is right in every respect, but for whose keys signed it. */
  readonly strangerTimestamp: Uint8Array;
}

export interface PublicationRequest {
  readonly folder: DemoFolder;
  readonly images: ImageSet;
  /** The demo's time: the factory's release is signed at the first, the update starts at the second. */
  readonly signedAt: number;
  readonly startTime: number;
  readonly story: Story;
  readonly signal: AbortSignal;
}

/** The demo's keys are not encrypted, so nothing is to be unlocked. */
const unlock = async (): Promise<undefined> => undefined;

export async function publishDemo(request: PublicationRequest): Promise<Publication> {
  const { folder, images, story, signal } = request;
  const workspace = await makeWorkspace(folder.workspace, request.signedAt);
  story.note(`workspace with ${workspace.keys.size} keys; root needs 2 of 3`, { path: folder.workspace });
  const [first, ...updates] = images.images;
  await addToWorkspace(workspace, first, { wavePolicy: 'none' }, signal);
  await publishWorkspace(workspace, request.signedAt, signal, story);
  const folders = repositoryFolders(workspace.settings.layout, fleetName);
  const timestamp = join(workspace.store.location, metadataName(folders, 'timestamp'));
  const oldTimestamp = await readFile(timestamp);
  for (const image of updates)
    await addToWorkspace(workspace, image, { wavePolicy: 'default', startTime: request.startTime }, signal);
  await publishWorkspace(workspace, request.startTime, signal, story);
  const strangerTimestamp = await signAsStranger(request);
  const [trustedRoot] = workspace.roots;
  if (trustedRoot === undefined) throw new Error('the workspace has no root');
  return { workspace, folders, trustedRoot, oldTimestamp, strangerTimestamp };
}

/** Signs again what expires soon; returns the new version of the timestamp, if it is a new one. */
export async function renew(
  { workspace }: Publication,
  now: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const [result] = await refreshRepositories(workspace, { now, unlock, signal });
  return result?.outcome === 'refreshed' ? result.versions?.timestamp : undefined;
}

async function makeWorkspace(directory: string, now: number): Promise<Workspace> {
  await initWorkspace(directory, {
    template: 'single',
    name: repositoryName,
    store: publishedFolder,
    variants: { [fleetName.variant]: [fleetName.arch] },
    insecureDevelopmentKeys: true,
    now,
  });
  return await openWorkspace(directory);
}

async function addToWorkspace(
  workspace: Workspace,
  image: DemoImage,
  schedule: { readonly wavePolicy: string; readonly startTime?: number },
  signal: AbortSignal,
): Promise<void> {
  const { version, path } = image;
  await addRelease(workspace, { ...fleetName, version, images: { image: path }, ...schedule }, { signal });
}

async function publishWorkspace(
  workspace: Workspace,
  now: number,
  signal: AbortSignal,
  story: Story,
): Promise<void> {
  const plan = await planPublication(workspace, { now, signal });
  const result = await publish(workspace, plan, { now, unlock, signal });
  const versions = plan.changes.flatMap((change) =>
    change.kind === 'release' ? [change.release.version] : [],
  );
  const written = result.repositories.reduce((sum, repository) => sum + repository.written, 0);
  const signed = plan.signatures.map(({ role, to }) => `${role} ${to}`).join(', ');
  const title = `published ${versions.join(', ')}: ${formatBytes(written)} of images, signed ${signed}`;
  const data = {
    plan: plan.id,
    versions,
    written,
    signed: plan.signatures.map(({ role, to }) => [role, to]),
  };
  story.tell({ kind: 'publication', text: `${title} (plan ${plan.id.slice(0, 12)}…)`, time: now, data });
}

/** A whole repository of the same name and form, by somebody with keys of his own. */
async function signAsStranger({ folder, startTime, signal }: PublicationRequest): Promise<Uint8Array> {
  const workspace = await makeWorkspace(folder.stranger, startTime);
  const path = join(folder.stranger, 'stranger-9.9.9.img');
  await writeFile(path, 'what a stranger would like to install');
  await addRelease(workspace, {
    ...fleetName,
    version: '9.9.9',
    images: { image: path },
    wavePolicy: 'none',
  });
  const plan = await planPublication(workspace, { now: startTime, signal });
  await publish(workspace, plan, { now: startTime, unlock, signal });
  const folders = repositoryFolders(workspace.settings.layout, fleetName);
  return await readFile(join(workspace.store.location, metadataName(folders, 'timestamp')));
}
