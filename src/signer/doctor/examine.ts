/**
 * An examination of everything around a repository that can go wrong unnoticed: the store, what a CDN makes of it, hosts
 * of every age, regions. It writes nothing but, when told to, what a probe of the store needs.
 */
import { isTidegateError } from '../../errors.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import { formatTime } from '../../metadata/time.ts';
import type { ReadableStore } from '../../storage/store.ts';
import { openPublicStore } from '../audit/store-folder.ts';
import { lackingSince, longestLag } from '../daemon/region-lag.ts';
import { defaultGrace } from '../gc/grace.ts';
import { recentSnapshots } from '../gc/recent-commits.ts';
import { readCommits } from '../publication/commit-journal.ts';
import { listedFiles } from '../publication/listed-files.ts';
import { type LiveRepository, listingIn, readLive } from '../publication/live-repository.ts';
import { regionStates } from '../publication/region.ts';
import { readerOf } from '../publication/repository-reader.ts';
import { strangeRoot } from '../publication/strange-root.ts';
import { readFloors } from '../workspace/state-file.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { fileFindings } from './file-findings.ts';
import { type CheckName, checkNames, type Finding, fail, ok, warn } from './finding.ts';
import { hostFindings } from './host-findings.ts';
import { isWebAddress, servedFiles, servedFindings } from './served-files.ts';
import { storeFindings } from './store-findings.ts';

export interface ExamineOptions {
  /** The public address. */
  readonly url?: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Another time for hosts to look; undefined: five days ahead, or five sevenths of a timestamp's life. */
  readonly at?: number;
  /** Try what the store promises, which writes. */
  readonly probe: boolean;
  readonly signal?: AbortSignal;
}

export const aWhile = 5 * 24 * 3_600_000;

/** @throws what reading the store throws, and cancelled; what is wrong with a repository is a finding */
export async function examine(workspace: Workspace, options: ExamineOptions): Promise<readonly Finding[]> {
  const { url, signal } = options;
  const open = url === undefined ? undefined : await openPublicStore(url);
  try {
    const { location } = workspace.store;
    const findings = [...(await orFinding('published', location, () => storeFindings(workspace, options)))];
    for (const place of repositoriesOf(workspace.settings)) {
      findings.push(...(await hostsOf(workspace, place, workspace.store, options)));
      const live = await readLive(workspace, place, signal).catch(notReadable);
      if (open !== undefined) {
        findings.push(...(await hostsOf(workspace, place, open, options)));
        findings.push(...(await publicFindings(workspace, live, open, options)));
      }
      if (live === undefined) continue;
      findings.push(...(await ownFiles(workspace, live, options)));
      findings.push(
        ...strangeRootFindings(workspace, live),
        ...(await regionFindings(workspace, live, options)),
      );
    }
    return inOrder(findings);
  } finally {
    open?.close?.();
  }
}

/** In the order of checks. */
export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return findings.toSorted((one, other) => checkNames.indexOf(one.check) - checkNames.indexOf(other.check));
}

/** What it is has been said by hosts already. */
function notReadable(error: unknown): undefined {
  if (!isTidegateError(error) || error.class === 'cancelled') throw error;
}

/** What stands in the way of looking is a finding too. */
export async function orFinding(
  check: CheckName,
  where: string,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    if (!isTidegateError(error) || error.class === 'cancelled') throw error;
    return [
      fail(
        check,
        where,
        `${error.code}: ${error.message}`,
        'mend this first; nothing else could be seen there',
      ),
    ];
  }
}

async function hostsOf(
  workspace: Workspace,
  place: RepositoryPlace,
  store: ReadableStore,
  options: ExamineOptions,
): Promise<readonly Finding[]> {
  const where = `${place.name} at ${store.location}`;
  return await orFinding('published', where, () => lookAsHosts(workspace, place, store, options));
}

async function lookAsHosts(
  workspace: Workspace,
  place: RepositoryPlace,
  store: ReadableStore,
  { now, at, signal }: ExamineOptions,
): Promise<readonly Finding[]> {
  const { roots, settings, expiration } = workspace;
  const floors = await readFloors(workspace, place.name);
  const commits = await readCommits(workspace.store, place.name);
  const highest = Math.max(floors.timestamp, ...commits.map(({ version }) => version));
  const recent = recentSnapshots(commits, highest, now - defaultGrace.grace);
  return await hostFindings({
    where: `${place.name} at ${store.location}`,
    place,
    read: readerOf(store, signal),
    roots,
    firstRoot: settings.firstRoot,
    floors: { ...floors, timestamp: highest },
    recentSnapshots: recent.snapshots,
    now,
    at: at ?? now + Math.min(aWhile, Math.floor((expiration.timestamp * 5) / 7)),
    asked: at !== undefined,
  });
}

async function publicFindings(
  { settings, roots }: Workspace,
  live: LiveRepository | undefined,
  open: ReadableStore,
  { url = '', signal }: ExamineOptions,
): Promise<readonly Finding[]> {
  const { published } = live ?? {};
  if (live === undefined || published === undefined) return [];
  const { place } = live;
  const { folders } = place;
  const targets = listedFiles(folders, listingIn(live));
  const root = settings.firstRoot + Math.max(roots.length, live.roots.length) - 1;
  const files = servedFiles({ folders, snapshot: published.snapshot.version, root, targets });
  const served = isWebAddress(url) ? await servedFindings(url, files, signal && { signal }) : [];
  const bytes = await readerOf(open, signal)(metadataName(folders, 'timestamp'), 16_384).catch(notReadable);
  // One that cannot be read has been said by hosts.
  const same = bytes === undefined || Buffer.from(bytes).equals(published.bytes.timestamp);
  const where = `${place.name} at ${open.location}`;
  const there = await orFinding('files', where, () => fileFindings(open, where, targets, signal));
  const late = warn(
    'version',
    where,
    'another timestamp than in the store',
    'a cache has the earlier one: ask again in a minute; if it stays, look at its settings',
  );
  return [...served, ...there, ...(same ? [] : [late])];
}

async function ownFiles(
  { store }: Workspace,
  live: LiveRepository,
  { signal }: ExamineOptions,
): Promise<readonly Finding[]> {
  if (live.published === undefined) return [];
  const where = `${live.place.name} at ${store.location}`;
  const files = listedFiles(live.place.folders, listingIn(live));
  return await orFinding('files', where, () => fileFindings(store, where, files, signal));
}

function strangeRootFindings(workspace: Workspace, live: LiveRepository): readonly Finding[] {
  const strange = strangeRoot(workspace, live);
  const where = `${live.place.name} at ${workspace.store.location}`;
  return strange === undefined
    ? []
    : [fail('roots', where, strange, 'find out who published it before anything else is published')];
}

async function regionFindings(
  workspace: Workspace,
  live: LiveRepository,
  { now, signal }: ExamineOptions,
): Promise<readonly Finding[]> {
  const states = await regionStates(workspace, live, { now, ...(signal && { signal }) });
  const expected = live.published?.timestamp.version ?? 0;
  const findings: Finding[] = [];
  for (const { repository, region, version, standing, error } of states) {
    const where = `${repository} at ${region}`;
    if (standing === 'current' || standing === 'advanced') {
      findings.push(ok('regions', where, `timestamp ${version}`));
      continue;
    }
    if (standing === 'unreachable') {
      const found = error?.message ?? 'could not be asked';
      findings.push(fail('regions', where, found, 'its hosts see nothing new: look at the region'));
      continue;
    }
    const since = await lackingSince(workspace.store, { repository, version });
    const late = since !== undefined && now - since > longestLag;
    const found = `${expected - (version ?? 0)} timestamps behind: ${version ?? 'nothing'}, and ${expected} is published${since === undefined ? '' : `; since ${formatTime(since)}`}`;
    const advice = 'tidegate refresh brings it on; if it stays behind, look at its permissions';
    findings.push((late ? fail : warn)('regions', where, found, advice));
  }
  return findings;
}
