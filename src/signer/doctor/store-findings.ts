/** What the store says of itself, and what lies about in it. */
import { isTidegateError } from '../../errors.ts';
import { formatTime } from '../../metadata/time.ts';
import { probeStore } from '../../storage/probe-store.ts';
import { S3Store } from '../../storage/s3.ts';
import { bucketFacts } from '../../storage/s3-bucket.ts';
import type { ReadableStore, SwappableStore } from '../../storage/store.ts';
import { findGarbage } from '../gc/collect-garbage.ts';
import { defaultGrace } from '../gc/grace.ts';
import { readWishes } from '../gc/keep-file.ts';
import { endStaleUploads } from '../gc/stale-uploads.ts';
import { clockTolerance } from '../publication/clock-check.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { bucketFindings } from './bucket-findings.ts';
import { type Finding, ok, warn } from './finding.ts';

export interface StoreRequest {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Also try what it promises, which writes small files and removes them. */
  readonly probe: boolean;
  readonly signal?: AbortSignal;
}

export async function storeFindings(
  workspace: Workspace,
  request: StoreRequest,
): Promise<readonly Finding[]> {
  const { store } = workspace;
  return [
    ...(await clockFindings(store, request)),
    ...(await settingFindings(store, foldersOf(workspace), request)),
    await probeFinding(store, request),
    await garbageFinding(workspace, request),
    ...(await uploadFindings(store, request)),
  ];
}

function foldersOf({ settings }: Workspace): readonly string[] {
  return repositoriesOf(settings).map(({ folders: { metadata } }) => metadata);
}

/** What a stranger may ask of a store. @param folders of metadata */
export async function publicStoreFindings(
  store: ReadableStore,
  folders: readonly string[],
  request: Pick<StoreRequest, 'now' | 'signal'>,
): Promise<readonly Finding[]> {
  return [
    ...(await clockFindings(store, request)),
    ...(await settingFindings(store, folders, request)),
    ...(await uploadFindings(store, request)),
  ];
}

async function clockFindings(
  store: ReadableStore,
  { now, signal }: Pick<StoreRequest, 'now' | 'signal'>,
): Promise<readonly Finding[]> {
  const time = await store.storeTime?.(signal && { signal });
  if (time === undefined) return [];
  const apart = Math.round(Math.abs(time - now) / 1000);
  if (apart * 1000 <= clockTolerance) return [ok('clock', store.location, `${apart} s apart`)];
  const found = `this machine says ${formatTime(now)}, the store ${formatTime(time)}`;
  return [
    warn(
      'clock',
      store.location,
      found,
      'set the clock: nothing is signed with more than 5 minutes between them',
    ),
  ];
}

async function settingFindings(
  store: ReadableStore,
  folders: readonly string[],
  { signal }: Pick<StoreRequest, 'signal'>,
): Promise<readonly Finding[]> {
  if (!(store instanceof S3Store)) return [];
  const { bucket, prefix } = store.calls.connection.address;
  const facts = await bucketFacts(store.calls, signal && { signal });
  return bucketFindings(facts, { location: store.location, bucket, prefix, folders });
}

async function probeFinding(store: SwappableStore, { probe, signal }: StoreRequest): Promise<Finding> {
  const { location } = store;
  if (!probe)
    return ok('probe', location, 'not tried; --probe tries what the store promises, with small files');
  const { publishable, rows } = await probeStore(store, signal && { signal });
  const lacking = rows.filter(({ kept }) => kept !== 'yes').map(({ promise }) => promise);
  if (lacking.length === 0) return ok('probe', location, `${rows.length} promises are kept`);
  const advice = publishable
    ? 'several can publish there all the same; docs/stores.md says what follows'
    : 'tidegate publish refuses it: take a store with conditional writes';
  return {
    ...warn('probe', location, `not kept: ${lacking.join('; ')}`, advice),
    level: publishable ? 'warn' : 'fail',
  };
}

async function garbageFinding(workspace: Workspace, { now, signal }: StoreRequest): Promise<Finding> {
  const { store } = workspace;
  try {
    const wishes = await readWishes(workspace);
    const options = { now: () => now, settings: defaultGrace, wishes, ...(signal && { signal }) };
    const garbage = await findGarbage(workspace, options);
    const bytes = garbage.reduce((sum, { length }) => sum + length, 0);
    const found = `${garbage.length} files, ${bytes} bytes that nothing refers to`;
    if (garbage.length === 0) return ok('garbage', store.location, found);
    return warn(
      'garbage',
      store.location,
      found,
      'tidegate gc shows them, tidegate gc --delete removes them',
    );
  } catch (error) {
    if (!isTidegateError(error) || error.class === 'cancelled') throw error;
    return warn(
      'garbage',
      store.location,
      `cannot be told: ${error.message}`,
      'tidegate gc refuses until this is mended',
    );
  }
}

async function uploadFindings(
  store: ReadableStore,
  { now }: Pick<StoreRequest, 'now'>,
): Promise<readonly Finding[]> {
  const uploads = await endStaleUploads(store, { now, act: false });
  if (uploads === undefined) return [];
  const { length } = uploads.stale;
  if (length === 0) return [ok('uploads', store.location, 'none was left open for three days')];
  const found = `${length} uploads in parts were left open for more than three days; they are paid for`;
  return [
    warn(
      'uploads',
      store.location,
      found,
      'tidegate gc --delete ends them; set the lifecycle rule of repo-templates/s3/',
    ),
  ];
}
