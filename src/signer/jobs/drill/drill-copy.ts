/**
 * A copy of a workspace and of what it has published, to rehearse with: other keys under the same names, metadata in
 * memory, a folder of its own that goes afterwards. The real workspace and store are only read.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TidegateError } from '../../../errors.ts';
import type { JsonObject } from '../../../metadata/json.ts';
import { withMembers } from '../../../metadata/json-writer.ts';
import { metadataName } from '../../../metadata/repository-layout.ts';
import { formatTime } from '../../../metadata/time.ts';
import { onDisk } from '../../../storage/disk-error.ts';
import { makeFolders, writeDurably } from '../../../storage/durable-file.ts';
import { nodeFileSystem } from '../../../storage/file-system.ts';
import { readPlainFile, statusIfAny } from '../../../storage/plain-file.ts';
import { noFloors } from '../../../trust/floors.ts';
import { trustRoot } from '../../../trust/trusted-set.ts';
import { fileMeta, snapshotDocument, timestampDocument } from '../../publication/documents.ts';
import type { LiveRepository } from '../../publication/live-repository.ts';
import { settle } from '../../publication/settle.ts';
import { signersOf } from '../../role-signers.ts';
import { overridesFileName } from '../../workspace/overrides.ts';
import { withoutKeyPlaces } from '../../workspace/role-edit.ts';
import { regardlessOfExpiry } from '../../workspace/roots.ts';
import { openWorkspace, repositoriesOf, type Workspace } from '../../workspace/workspace.ts';
import { workspaceFileName } from '../../workspace/workspace-file.ts';
import { DrillStore } from './drill-store.ts';
import { makeStandIns, type StandIns, signedByStandIns, withStandIns } from './stand-ins.ts';

export interface DrillCopy {
  readonly workspace: Workspace;
  readonly store: DrillStore;
  /** By the ids of the real keys. */
  readonly standIns: StandIns;
  /** Removes the folder of the rehearsal. */
  end(): Promise<void>;
}

/**
 * @param lives what is rehearsed with, for each repository of the workspace
 * @param now milliseconds since the epoch; what expires before the rehearsal is over lives longer in the copy
 * @throws usage when nothing was published yet
 */
export async function makeDrillCopy(
  source: Workspace,
  lives: readonly LiveRepository[],
  now: number,
): Promise<DrillCopy> {
  const [first] = lives;
  if (first === undefined || lives.some(({ published }) => published === undefined))
    throw new TidegateError('usage', 'nothing is published yet; there is nothing to rehearse with');
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-drill-'));
  try {
    const standIns = await makeStandIns(keyNames(source, lives), join(folder, 'keys'));
    const isImage = (name: string) =>
      !repositoriesOf(source.settings).some(({ folders }) => name.startsWith(`${folders.metadata}/`));
    const store = new DrillStore(source.store, isImage);
    await copySettings(source, folder);
    const roots = await copyRoots(first, standIns);
    for (const [index, bytes] of roots.entries()) {
      const name = `${source.settings.firstRoot + index}.root.json`;
      await put(folder, join('roots', name), bytes);
      for (const { place } of lives) await store.create(`${place.folders.metadata}/${name}`, bytes);
    }
    for (const live of lives) await copyRoles(source, live, { standIns, store, now });
    const workspace = await openWorkspace(folder, { store });
    for (const place of repositoriesOf(workspace.settings)) await settle(workspace, place, now);
    return { workspace, store, standIns, end: () => rm(folder, { recursive: true, force: true }) };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Names of every key that any root or delegation lists, by id. */
function keyNames({ keys }: Workspace, lives: readonly LiveRepository[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const add = (ids: Iterable<string>): void => {
    for (const id of ids) names.set(id, keys.get(id)?.name ?? `unknown-${id.slice(0, 12)}`);
  };
  for (const { roots, published } of lives) {
    for (const bytes of roots) add(rootIn(bytes).keys.keys());
    add(published?.targets.delegations?.keys.keys() ?? []);
    for (const { document } of published?.delegated.values() ?? [])
      add(document.delegations?.keys.keys() ?? []);
  }
  // Keys that tidegate.toml names and no root lists: of a change that is on its way.
  for (const [id, { name }] of keys) if (![...names.values()].includes(name)) names.set(id, name);
  return names;
}

function rootIn(bytes: Uint8Array) {
  return trustRoot(bytes, regardlessOfExpiry, noFloors).root.document;
}

async function copySettings({ fileSystem, directory }: Workspace, folder: string): Promise<void> {
  const read = async (name: string): Promise<Uint8Array | undefined> =>
    (await readPlainFile(fileSystem, join(directory, name), 1024 * 1024))?.bytes;
  const text = new TextDecoder().decode(await read(workspaceFileName));
  await put(folder, workspaceFileName, new TextEncoder().encode(withoutKeyPlaces(text)));
  const overrides = await read(overridesFileName);
  if (overrides !== undefined) await put(folder, overridesFileName, overrides);
  for (const kind of ['expiration', 'threshold', 'waves']) {
    const path = join(directory, 'policies', kind);
    if ((await statusIfAny(fileSystem, path)) === undefined) continue;
    for (const entry of await onDisk('list', path, () => fileSystem.entries(path))) {
      const name = join('policies', kind, entry.name);
      const bytes = entry.kind === 'file' ? await read(name) : undefined;
      if (bytes !== undefined) await put(folder, name, bytes);
    }
  }
}

async function put(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const path = join(folder, name);
  await makeFolders(nodeFileSystem, path, { within: folder, mode: 0o700 });
  await writeDurably(nodeFileSystem, path, bytes, { within: folder });
}

/** The chain, each root signed by stand-ins for the keys of the one before and its own. */
async function copyRoots({ roots }: LiveRepository, standIns: StandIns): Promise<readonly Uint8Array[]> {
  const copies: Uint8Array[] = [];
  let before: readonly string[] = [];
  for (const bytes of roots) {
    const { json, roles } = rootIn(bytes);
    const signers = [...before, ...roles.root.keyIds];
    copies.push(await signedByStandIns(withStandIns(json, standIns), signers, standIns));
    before = roles.root.keyIds;
  }
  return copies;
}

interface Into {
  readonly standIns: StandIns;
  readonly store: DrillStore;
  readonly now: number;
}

async function copyRoles(
  source: Workspace,
  live: LiveRepository,
  { standIns, store, now }: Into,
): Promise<void> {
  const { published, place } = live;
  if (published === undefined) return;
  const { targets: validity, snapshot: snapshotValidity, timestamp: timestampValidity } = source.expiration;
  const write = async (role: string, document: JsonObject, version: number) => {
    const signers = signersOf(live, role)?.role.keyIds ?? [];
    const bytes = await signedByStandIns(document, signers, standIns);
    if (role === 'timestamp') await store.swap(metadataName(place.folders, role), bytes, undefined);
    else await store.create(metadataName(place.folders, role, version), bytes);
    return { version, bytes };
  };
  const copied = async (role: string, json: JsonObject, version: number, expires: number) => {
    const lasting = formatTime(Math.max(expires, now + validity));
    return await write(role, withMembers(withStandIns(json, standIns), { expires: lasting }), version);
  };
  const delegated = new Map();
  for (const [role, { document }] of published.delegated)
    delegated.set(role, await copied(role, document.json, document.version, document.expires));
  const { targets, snapshot, timestamp } = published;
  const top = await copied('targets', targets.json, targets.version, targets.expires);
  const repository = source.settings.name;
  const head = {
    repository,
    version: snapshot.version,
    expires: now + snapshotValidity,
    base: snapshot.json,
  };
  const listing = await write('snapshot', snapshotDocument(head, top, delegated), snapshot.version);
  const last = {
    repository,
    version: timestamp.version,
    expires: now + timestampValidity,
    base: timestamp.json,
  };
  await write('timestamp', timestampDocument(last, fileMeta(listing)), timestamp.version);
}
