/**
 * What hosts make of a repository once a job is done: of every root so far, fresh, long asleep and, where numbers were
 * forged, poisoned. Read with the rules of `trust/`; nothing is written.
 */
import { parseEnvelope } from '../../metadata/envelope.ts';
import { snapshotEntryName } from '../../metadata/file-names.ts';
import { parseSnapshot } from '../../metadata/snapshot.ts';
import { type Floors, noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { trustRoot } from '../../trust/trusted-set.ts';
import { readChain } from '../publication/live-repository.ts';
import { overlaid, readerOf } from '../publication/repository-reader.ts';
import { regardlessOfExpiry } from '../workspace/roots.ts';
import type { RepositoryPlace, Workspace } from '../workspace/workspace.ts';
import type { Job } from './job.ts';
import {
  type ClientOutcome,
  clientsOf,
  outcomeText,
  poisonedFloors,
  type RootFile,
  type SimulatedClient,
  visit,
} from './simulated-clients.ts';

export interface ProofRow {
  /** "root 3, poisoned under root 4" */
  readonly client: string;
  readonly outcome: string;
  readonly good: boolean;
}

export interface ProofOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Roles whose numbers hosts may have seen run ahead; none: no host is poisoned. */
  readonly poisoned: readonly string[];
  /** What honest hosts saw before. */
  readonly seen: Pick<Floors, 'timestamp' | 'snapshot' | 'meta'>;
  /** Files of an attacker, by name: hosts that follow the new root must refuse them. */
  readonly forged?: ReadonlyMap<string, Uint8Array>;
  /** Target paths that no host may find. */
  readonly gone?: readonly string[];
}

export async function proofRows(
  workspace: Workspace,
  place: RepositoryPlace,
  options: ProofOptions,
): Promise<readonly ProofRow[]> {
  const { roots } = await readChain(workspace, place);
  const files = roots.map((bytes) => ({
    bytes,
    document: trustRoot(bytes, regardlessOfExpiry, noFloors).root.document,
  }));
  const read = readerOf(workspace.store);
  const rows: ProofRow[] = [];
  const last = files.at(-1)?.document.version;
  let newest: ClientOutcome | undefined;
  for (const client of hostsOf(files, options)) {
    const outcome = await visit(read, place.folders, client, options.now);
    const found = (options.gone ?? []).find((path) => outcome.targets.has(path));
    const good = outcome.versions?.root === last && found === undefined;
    rows.push({
      client: client.name,
      outcome: found === undefined ? outcomeText(outcome) : `finds ${found}`,
      good,
    });
    newest = outcome;
  }
  const [anchor] = roots;
  if (newest === undefined || anchor === undefined || (options.forged?.size ?? 0) === 0) return rows;
  const name = `root ${last}, shown the attacker's files again`;
  return [...rows, await refusal(workspace, place, { name, anchor, floors: newest.floors }, options)];
}

async function refusal(
  workspace: Workspace,
  place: RepositoryPlace,
  client: SimulatedClient,
  { forged = new Map(), now }: ProofOptions,
): Promise<ProofRow> {
  const outcome = await visit(overlaid(forged, readerOf(workspace.store)), place.folders, client, now);
  return { client: client.name, outcome: outcomeText(outcome), good: outcome.versions === undefined };
}

function hostsOf(files: readonly RootFile[], { poisoned, seen }: ProofOptions): readonly SimulatedClient[] {
  const listed = Array.from(seen.meta.keys(), (entry) => entry.slice(0, -'.json'.length));
  const hosts = clientsOf(files, seen, (root) => poisonedFloors(root, poisoned, listed));
  return poisoned.length > 0 ? hosts : hosts.filter(({ name }) => !name.includes('poisoned'));
}

/** What honest hosts had seen before a recovery. */
export function seenBefore(job: Job, place: RepositoryPlace): ProofOptions['seen'] | undefined {
  const state = job.honest?.find(({ repository }) => repository === place.name);
  if (state === undefined) return undefined;
  const { version, meta } = parseSnapshot(parseEnvelope(state.snapshot, defaultLimits, 'snapshot'));
  const versions = new Map(Array.from(meta, ([entry, file]) => [entry, file.version]));
  if (!versions.has(snapshotEntryName('targets'))) versions.set(snapshotEntryName('targets'), 1);
  return { timestamp: state.timestamp, snapshot: version, meta: versions };
}

/** The roles of a job whose numbers hosts forget, because a key goes that could have forged them. */
export function forgottenRoles({ changes }: Job): readonly string[] {
  const roles = changes.map(({ role }) => role).filter((role) => role !== 'root');
  return roles.some((role) => role === 'timestamp' || role === 'snapshot') ? roles : [];
}
