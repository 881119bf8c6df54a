/**
 * A rehearsal of a whole job, on a copy with stand-ins for every key, with a clock that jumps over the waiting, and with
 * hosts that visit after each step: one that follows, one behind a cache that shows the root before, and at the end
 * those of every older root. Nothing of the real workspace or store is written.
 */
import { TidegateError } from '../../../errors.ts';
import { metadataName } from '../../../metadata/repository-layout.ts';
import { writeDurably } from '../../../storage/durable-file.ts';
import { type Floors, noFloors } from '../../../trust/floors.ts';
import { collectRequests } from '../../ceremony/request-folder.ts';
import { formatSigningRequest } from '../../ceremony/request-format.ts';
import { progressOf } from '../../ceremony/request-signatures.ts';
import { signRequest } from '../../ceremony/sign-request.ts';
import { type LiveRepository, readLive } from '../../publication/live-repository.ts';
import { type ReadFile, readerOf } from '../../publication/repository-reader.ts';
import { refreshRepositories } from '../../refresh.ts';
import { repositoriesOf, type Workspace } from '../../workspace/workspace.ts';
import { openKeyRing } from '../../workspace/workspace-keys.ts';
import { advanceJob, type JobStanding } from '../advance.ts';
import { reopened } from '../carry-out.ts';
import type { Job } from '../job.ts';
import { forgottenRoles, type ProofRow, proofRows } from '../proof.ts';
import { outcomeText, visit } from '../simulated-clients.ts';
import { forgedFiles, forgedTarget, publishForged } from './attack.ts';
import { type DrillCopy, makeDrillCopy } from './drill-copy.ts';

export interface DrillPlan {
  readonly source: Workspace;
  /** What is rehearsed with, for each repository. */
  readonly lives: readonly LiveRepository[];
  /** Roles whose keys an attacker uses before the job begins. */
  readonly stolen: readonly string[];
  /** The attacker leaves nothing readable: for recoveries alone. */
  readonly hidesSnapshot?: boolean;
  /** Milliseconds that pass each time people are asked to sign. Default: an hour. */
  readonly ceremony?: number;
  /** Begins the job in the copy. */
  readonly begin: (workspace: Workspace, now: number) => Promise<Job>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface DrillEvent {
  /** Milliseconds since the epoch, of the rehearsal. */
  readonly time: number;
  readonly text: string;
}

export interface DrillReport {
  readonly job: Job;
  readonly events: readonly DrillEvent[];
  /** The hosts on the way, and those at the end. */
  readonly rows: readonly ProofRow[];
  /** Milliseconds from the beginning to the end of the job. */
  readonly took: number;
  /** True when every host did what it should. */
  readonly good: boolean;
}

/** Steps of a job, renewals between them included; more would mean that it does not end. */
const mostSteps = 1000;

export async function rehearse(plan: DrillPlan): Promise<DrillReport> {
  const copy = await makeDrillCopy(plan.source, plan.lives, plan.now);
  try {
    return await rehearseIn(copy, plan);
  } finally {
    await copy.end();
  }
}

interface Rehearsal {
  readonly copy: DrillCopy;
  readonly events: DrillEvent[];
  readonly rows: ProofRow[];
  /** Floors of the host that follows, by repository. */
  readonly following: Map<string, Floors>;
  now: number;
  /** Of the host that follows. */
  visits: number;
  /** False while an attacker's files are published: hosts may refuse then. */
  calm: boolean;
  readonly ceremony: number;
}

async function rehearseIn(copy: DrillCopy, plan: DrillPlan): Promise<DrillReport> {
  const { stolen, begin, now, ceremony = 3_600_000 } = plan;
  const { workspace } = copy;
  const counted = { following: new Map(), now, visits: 0, calm: true };
  const state: Rehearsal = { copy, events: [], rows: [], ceremony, ...counted };
  const before = await livesOf(workspace);
  await visitAll(state, 'before');
  const forged = new Map<string, Uint8Array>();
  for (const live of before)
    for (const [name, bytes] of await forgedFiles(copy, live, new Set(stolen), plan)) forged.set(name, bytes);
  if (forged.size > 0) {
    await publishForged(copy, forged);
    state.calm = false;
    state.events.push({ time: now, text: `the attacker publishes ${[...forged.keys()].join(', ')}` });
    await visitAll(state, 'attacked');
  }
  const job = await begin(workspace, now);
  const standing = await goThrough(state, job);
  const gone = [...(standing.job.remove ?? []), forgedTarget];
  for (const { place, published } of before) {
    const meta = new Map(
      Array.from(published?.snapshot.meta ?? [], ([entry, { version }]) => [entry, version]),
    );
    const seen = {
      timestamp: published?.timestamp.version ?? 0,
      snapshot: published?.snapshot.version ?? 0,
      meta,
    };
    const options = { now: state.now, poisoned: forgottenRoles(job), seen, forged, gone };
    state.rows.push(...(await proofRows(await reopened(workspace), place, options)));
  }
  if (state.rows.every((row) => row.good))
    state.rows.unshift({ client: 'a host that follows', outcome: `${state.visits} visits`, good: true });
  const good = state.rows.every((row) => row.good);
  return { job: standing.job, events: state.events, rows: state.rows, took: state.now - now, good };
}

async function livesOf(workspace: Workspace): Promise<readonly LiveRepository[]> {
  const lives: LiveRepository[] = [];
  for (const place of repositoriesOf(workspace.settings)) lives.push(await readLive(workspace, place));
  return lives;
}

async function goThrough(state: Rehearsal, begun: Job): Promise<JobStanding> {
  const { workspace } = state.copy;
  let job = begun;
  for (let step = 0; step < mostSteps; step += 1) {
    const roots = (await reopened(workspace)).roots.length;
    const standing = await advanceJob(workspace, job, { now: state.now, unlock: noSecret });
    job = standing.job;
    if (standing.published.length > 0 || standing.stage === 'done') state.calm = true;
    for (const { root, versions } of standing.published) {
      const text = `published: root ${root}, targets ${versions.targets}, snapshot ${versions.snapshot}, timestamp ${versions.timestamp}`;
      state.events.push({ time: state.now, text });
      await visitAll(state, standing.stage, roots);
    }
    if (standing.stage === 'done') return standing;
    if (standing.waiting.length > 0) await signAll(state, standing);
    else if (standing.from !== undefined) await passTime(state, standing.from);
  }
  throw new TidegateError('internal', `the rehearsal of ${begun.name} does not end`);
}

const noSecret = async (): Promise<undefined> => undefined;

/** Every key holder signs, with a stand-in. */
async function signAll(state: Rehearsal, { waiting }: JobStanding): Promise<void> {
  const workspace = await reopened(state.copy.workspace);
  const ring = openKeyRing(workspace, noSecret);
  for (const { request, paths } of await collectRequests(workspace)) {
    const [path] = paths;
    let signed = request;
    for (const id of new Set(progressOf(request).flatMap(({ missing }) => missing))) {
      const named = workspace.keys.get(id);
      const key = named && (await ring.open(named));
      if (key !== undefined) signed = await signRequest(signed, key);
    }
    if (path === undefined) continue;
    const { fileSystem, directory } = workspace;
    await writeDurably(fileSystem, path, formatSigningRequest(signed), { within: directory });
  }
  state.now += state.ceremony;
  const text = waiting
    .map(({ role, version, missing }) => `${role} ${version} by ${missing.join(', ')}`)
    .join('; ');
  state.events.push({ time: state.now, text: `signed: ${text}` });
}

/** The job that refreshes goes on meanwhile, and so does the host that follows. */
async function passTime(state: Rehearsal, until: number): Promise<void> {
  const { workspace } = state.copy;
  const pause = Math.max(workspace.expiration.timestamp / 2, 60_000);
  while (state.now < until) {
    state.now = Math.min(state.now + pause, until);
    await refreshRepositories(await reopened(workspace), { now: state.now, unlock: noSecret });
    await visitAll(state, 'refreshed');
  }
  state.events.push({ time: state.now, text: 'the time has come for the next step' });
}

/**
 * A host that follows must get through at every moment, and while a new root is young so must one behind a cache that
 * still says that the root does not exist.
 */
async function visitAll(state: Rehearsal, when: string, cachedRoots?: number): Promise<void> {
  const { workspace, store } = state.copy;
  const read = readerOf(store);
  for (const { name, folders } of repositoriesOf(workspace.settings)) {
    const [anchor = new Uint8Array()] = workspace.roots;
    const floors = state.following.get(name) ?? noFloors;
    const outcome = await visit(read, folders, { name: 'following', anchor, floors }, state.now);
    state.visits += 1;
    if (outcome.versions !== undefined) state.following.set(name, outcome.floors);
    const isWrong = state.calm && outcome.versions === undefined;
    if (isWrong || when === 'attacked')
      state.rows.push({
        client: `a host that follows, ${when}`,
        outcome: outcomeText(outcome),
        good: !isWrong,
      });
    if (cachedRoots === undefined || when !== 'switch') continue;
    const hidden = metadataName(folders, 'root', workspace.settings.firstRoot + cachedRoots);
    const cached: ReadFile = async (file, limit) => (file === hidden ? undefined : await read(file, limit));
    const behind = await visit(
      cached,
      folders,
      { name: 'behind a cache', anchor, floors: noFloors },
      state.now,
    );
    const good = behind.versions !== undefined;
    state.rows.push({
      client: 'a host behind a cache that hides the new root',
      outcome: outcomeText(behind),
      good,
    });
  }
}
