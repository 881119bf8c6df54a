/**
 * One repository goes from its old state to its new one. The order is that of safety:
 *
 *     sign all → check as hosts → journal → pin → images → verify every listed file → is the base still there?
 *     → targets → snapshot → roots → the signed timestamp as a note → check as written
 *     → timestamp.json, only if it is still the one that was planned from → check as published → note it, unpin
 *
 * Until the timestamp is replaced hosts see the old state, from then on the new one. Whatever dies in between is
 * mended by publishing again: everything before is create-only, and the journal holds the very bytes that were signed.
 * Without the journal, anyone can finish from the notes in the store (resume.ts).
 */
import { metadataName } from '../../metadata/repository-layout.ts';
import type { TargetsDocument } from '../../metadata/targets.ts';
import { checkCancelled } from '../../storage/cancel.ts';
import { requirePublishable } from '../../storage/promises.ts';
import type { SwappableStore } from '../../storage/store.ts';
import type { KeyRing } from '../keys/key-ring.ts';
import { type Journal, readJournal, writeJournal } from '../workspace/state-file.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { commitTimestamp, requireBase } from './commit.ts';
import { noteCommit, notePrepared } from './commit-journal.ts';
import { listedFiles, requireFiles, requirePresent, type VerifyHow } from './listed-files.ts';
import { besideKnownRoots } from './live-repository.ts';
import { pinFiles, pinOf, requirePinned } from './pin.ts';
import type { RepositoryPlan } from './plan.ts';
import { verifyLater } from './published-check.ts';
import { overlaid, readerOf } from './repository-reader.ts';
import { settle } from './settle.ts';
import {
  checkAsHosts,
  plannedVersions,
  roleFileName,
  type SignedFiles,
  signPlan,
  timestampDigest,
  type Versions,
  withFiles,
} from './sign-plan.ts';
import { filesInDoubt } from './unchanged-files.ts';
import {
  bytesWritten,
  freeVersion,
  type UploadOptions,
  uploadRoles,
  uploadRoots,
  uploadTargets,
  type Written,
} from './upload.ts';

export interface RepositoryRun extends UploadOptions {
  readonly ring: KeyRing;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** The same, at the moment, for what has to hold while an upload takes its time; default: `now`. */
  readonly clock?: () => number;
  /** The id of the whole plan; default: the digest of the repository's part. */
  readonly planId?: string;
  /** How every listed file is verified before the commit. Default `checksum`. */
  readonly verify?: VerifyHow;
}

export interface RepositoryResult {
  readonly repository: string;
  readonly root: number;
  readonly versions: Versions;
  /** Bytes of images and manifest that were written; what was there already does not count. */
  readonly written: number;
  /** Sentences on what hosts will meet later. */
  readonly warnings: readonly string[];
}

/** @throws base-moved when another publication came first; see `publish` for the rest */
export async function publishRepository(
  workspace: Workspace,
  plan: RepositoryPlan,
  run: RepositoryRun,
): Promise<RepositoryResult> {
  await beginRepository(workspace, plan, run);
  const written = await uploadTargets(workspace, [plan], run);
  return await finishRepository(workspace, plan, { ...run, written });
}

/**
 * The first half: everything is signed, checked and in the journal, so that images are uploaded only for a publication
 * that can succeed. Whoever holds the workspace's lock may give it back until `finishRepository`.
 */
export async function beginRepository(
  workspace: Workspace,
  plan: RepositoryPlan,
  run: RepositoryRun,
): Promise<void> {
  await requireFitStore(workspace, run);
  if (plan.added.length > 0)
    await requirePresent(plan, workspace.store, run.signal && { signal: run.signal });
  await signAndNote(workspace, plan, run);
  await pin(workspace.store, plan, run);
}

/**
 * What hosts see now must be in the journal before it can become the past; then the pin, and no clean-up is in its way.
 *
 * @returns when it was held
 */
async function pin(store: SwappableStore, plan: RepositoryPlan, run: RepositoryRun): Promise<number> {
  const now = clockOf(run);
  await noteCommit(store, plan.live, now);
  await pinFiles(store, pinOf(plan), now);
  return now;
}

function clockOf({ now, clock = () => now }: RepositoryRun): number {
  return clock();
}

/** @throws store-unsupported when two publications to it could both be told that they won */
async function requireFitStore({ store, settings }: Workspace, { signal }: RepositoryRun): Promise<void> {
  const { singleWriter } = settings;
  await requirePublishable(store, { singleWriter, ...(signal && { signal }) });
}

/**
 * The second half, once the images are in the store. What `beginRepository` signed is taken up from the journal; where
 * another command has used the journal meanwhile, the plan is signed again.
 *
 * @param run with `written`, what was uploaded
 */
export async function finishRepository(
  workspace: Workspace,
  plan: RepositoryPlan,
  run: RepositoryRun & { readonly written: Written },
): Promise<RepositoryResult> {
  const { signed, documents } = await signAndNote(workspace, plan, run);
  // The upload may have taken longer than the pin held, or the plan is another one by now.
  const held = await pin(workspace.store, plan, run);
  const { name, folders } = plan.live.place;
  // Not only what was uploaded: everything that the new targets roles list.
  const listed = listedFiles(folders, documents);
  const files =
    run.verify === 'readback' ? listed : await filesInDoubt(workspace.store, plan.live, listed, run.signal);
  await requireFiles(workspace.store, name, files, {
    ...(run.verify && { how: run.verify }),
    ...(run.signal && { signal: run.signal }),
  });
  return await finish(workspace, plan, signed, { ...run, held });
}

async function signAndNote(
  workspace: Workspace,
  plan: RepositoryPlan,
  run: RepositoryRun,
): Promise<{ readonly signed: SignedFiles; readonly documents: readonly TargetsDocument[] }> {
  const signed = await signAgain(workspace, plan, run);
  return { signed, documents: await prepare(workspace, plan, signed, run) };
}

async function finish(
  workspace: Workspace,
  plan: RepositoryPlan,
  begun: SignedFiles,
  run: RepositoryRun & { readonly written: Written; readonly held: number },
): Promise<RepositoryResult> {
  const { store } = workspace;
  let signed = begun;
  await requireBase(store, plan.live, run.signal);
  for (;;) {
    checkCancelled('publishing', run.signal);
    const taken = await uploadRoles(store, plan, signed);
    if (taken === undefined) break;
    const free = await freeVersion(store, plan, taken, signed.versions);
    const versions = { ...signed.versions, [taken]: free };
    const keys = { ring: run.ring, names: workspace.keys, wished: workspace.settings.roles };
    // What is listed by the role whose number was taken stays as it is; what lists it is signed anew.
    signed = await signPlan(plan, versions, keys, filesBefore(plan, taken, signed));
    await prepare(workspace, plan, signed, run);
  }
  await uploadRoots(store, plan);
  await notePrepared(store, plan, signed, { plan: run.planId ?? plan.digest, now: run.now });
  await commit(workspace, plan, signed, run);
  const live = await settle(workspace, plan.live.place, run.now);
  return {
    repository: plan.live.place.name,
    root: plan.live.root.version,
    versions: signed.versions,
    written: bytesWritten(run.written, plan),
    warnings: await verifyLater(workspace, { before: plan.live, live, now: run.now }),
  };
}

/** What an interrupted run signed for this very plan, or new signatures. */
async function signAgain(
  workspace: Workspace,
  plan: RepositoryPlan,
  run: RepositoryRun,
): Promise<SignedFiles> {
  const keys = { ring: run.ring, names: workspace.keys, wished: workspace.settings.roles };
  const versions = plannedVersions(plan);
  const journal = await readJournal(workspace, plan.live.place.name);
  if (journal === undefined || journal.done || journal.plan !== plan.digest || journal.now !== plan.now)
    return await signPlan(plan, versions, keys);
  return { versions: versionsIn(plan, journal, versions), files: journal.files };
}

/** Versions as they are in the names of the journal's files. */
function versionsIn(plan: RepositoryPlan, journal: Journal, planned: Versions): Versions {
  const found: Record<string, number> = {};
  for (const name of journal.files.keys()) {
    const version = Number(/(?:^|\/)(\d+)\.[^/]+$/.exec(name)?.[1]);
    for (const { role } of plan.roles) {
      if (name === metadataName(plan.live.place.folders, role, version)) found[role] = version;
    }
  }
  return { ...planned, ...found };
}

/**
 * Nothing is written before hosts would believe it, and nothing before it is in the journal.
 *
 * @returns the targets roles, as hosts will read them
 */
async function prepare(
  workspace: Workspace,
  plan: RepositoryPlan,
  signed: SignedFiles,
  run: RepositoryRun,
): Promise<readonly TargetsDocument[]> {
  const store = readerOf(workspace.store, run.signal);
  const read = withFiles(plan, signed, besideKnownRoots(plan.live, store));
  // What was signed before an upload may have expired after it.
  const { set } = await checkAsHosts(plan, read, clockOf(run));
  await writeJournal(workspace, plan.live.place.name, {
    plan: plan.digest,
    now: plan.now,
    done: false,
    timestamp: timestampDigest(plan, signed),
    files: signed.files,
  });
  return Array.from(set.targets.values(), ({ document }) => document);
}

/** The files of the roles that are written before this one. */
function filesBefore(
  plan: RepositoryPlan,
  role: string,
  { files, versions }: SignedFiles,
): ReadonlyMap<string, Uint8Array> {
  const end = plan.roles.findIndex((candidate) => candidate.role === role);
  const names = plan.roles.slice(0, end).map((before) => roleFileName(plan, before.role, versions));
  return new Map([...files].filter(([name]) => names.includes(name)));
}

/** The one write that hosts see. */
async function commit(
  { store }: Workspace,
  plan: RepositoryPlan,
  { files }: SignedFiles,
  run: RepositoryRun & { readonly held: number },
): Promise<void> {
  const { signal } = run;
  const name = metadataName(plan.live.place.folders, 'timestamp');
  const bytes = files.get(name) ?? new Uint8Array();
  // Everything but the timestamp comes from the store now: what it holds is what hosts will get.
  await checkAsHosts(plan, overlaid(new Map([[name, bytes]]), readerOf(store, signal)), clockOf(run));
  checkCancelled('publishing', signal);
  requirePinned(plan.live, run.held, clockOf(run));
  await commitTimestamp(store, plan.live, bytes, signal);
}
