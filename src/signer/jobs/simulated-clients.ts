/**
 * Hosts, simulated by the rules of `trust/` alone: a root to begin with, and floors as a host keeps them. They show what
 * the hosts in the field will say to what is, or would be, in a store. Writes nothing.
 */
import { type ErrorCode, isTidegateError } from '../../errors.ts';
import { snapshotEntryName } from '../../metadata/file-names.ts';
import { publicKeysOf } from '../../metadata/keys.ts';
import type { RepositoryFolders } from '../../metadata/repository-layout.ts';
import type { RootDocument } from '../../metadata/root.ts';
import { type Floors, noFloors } from '../../trust/floors.ts';
import { type ReadFile, readRepository } from '../publication/repository-reader.ts';
import { trustPolicyAt } from '../workspace/roots.ts';

export interface SimulatedClient {
  /** "root 3, poisoned" */
  readonly name: string;
  /** The root that came with its image. */
  readonly anchor: Uint8Array;
  readonly floors: Floors;
}

export interface ClientOutcome {
  readonly client: string;
  /** undefined: it refused. */
  readonly versions: Readonly<Record<'root' | 'targets' | 'snapshot' | 'timestamp', number>> | undefined;
  /** Why it refused. */
  readonly error: ErrorCode | undefined;
  /** What it refused, in a sentence. */
  readonly message: string;
  /** As it will remember it. */
  readonly floors: Floors;
  /** Target paths that it would install from. */
  readonly targets: ReadonlySet<string>;
}

/** What one host makes of a repository. */
export async function visit(
  read: ReadFile,
  folders: RepositoryFolders,
  { name, anchor, floors }: SimulatedClient,
  now: number,
): Promise<ClientOutcome> {
  try {
    const request = { folders, anchor, policy: trustPolicyAt(now), floors };
    const { set } = await readRepository(read, request);
    const top = set.targets.get('targets')?.document;
    const versions = {
      root: set.root.document.version,
      targets: top?.version ?? 0,
      snapshot: set.snapshot?.document.version ?? 0,
      timestamp: set.timestamp?.document.version ?? 0,
    };
    const targets = new Set(
      [...set.targets.values()].flatMap(({ document }) => [...document.targets.keys()]),
    );
    return { client: name, versions, error: undefined, message: '', floors: set.floors, targets };
  } catch (error) {
    if (!isTidegateError(error)) throw error;
    return {
      client: name,
      versions: undefined,
      error: error.code,
      message: error.message,
      floors,
      targets: new Set(),
    };
  }
}

/** The highest number that a document can have. */
const forged = Number.MAX_SAFE_INTEGER;

/** What a host remembers that believed the highest of numbers under a root, in every role that a thief could sign. */
export function poisonedFloors(
  root: RootDocument,
  roles: Iterable<string>,
  listed: Iterable<string>,
): Floors {
  const stolen = new Set(roles);
  const onlyTimestamp = [...stolen].every((role) => role === 'timestamp');
  return {
    root: root.version,
    timestamp: forged,
    // A timestamp alone names a snapshot's number, and hosts remember that too.
    snapshot: forged,
    meta: new Map(onlyTimestamp ? [] : Array.from(listed, (role) => [snapshotEntryName(role), forged])),
    timestampKeys: publicKeysOf(root.roles.timestamp, root.keys),
    snapshotKeys: publicKeysOf(root.roles.snapshot, root.keys),
  };
}

export interface RootFile {
  readonly bytes: Uint8Array;
  readonly document: RootDocument;
}

/**
 * Hosts of every root before the last: fresh from their image, long asleep, and poisoned just before the last root.
 *
 * @param seen what honest hosts saw last, by role
 */
export function clientsOf(
  roots: readonly RootFile[],
  seen: Pick<Floors, 'timestamp' | 'snapshot' | 'meta'>,
  poisoned: (root: RootDocument) => Floors,
): readonly SimulatedClient[] {
  const before = roots.slice(0, -1);
  const last = before.at(-1);
  return before.flatMap(({ bytes, document }) => {
    const { version } = document;
    const clients: SimulatedClient[] = [
      { name: `root ${version}, fresh`, anchor: bytes, floors: noFloors },
      {
        name: `root ${version}, last seen under root ${version}`,
        anchor: bytes,
        floors: seenUnder(document, seen),
      },
      { name: `root ${version}, poisoned under root ${version}`, anchor: bytes, floors: poisoned(document) },
    ];
    if (last !== undefined && last.document !== document) {
      const name = `root ${version}, poisoned under root ${last.document.version}`;
      clients.push({ name, anchor: bytes, floors: poisoned(last.document) });
    }
    return clients;
  });
}

function seenUnder(root: RootDocument, seen: Pick<Floors, 'timestamp' | 'snapshot' | 'meta'>): Floors {
  return {
    ...seen,
    root: root.version,
    timestampKeys: publicKeysOf(root.roles.timestamp, root.keys),
    snapshotKeys: publicKeysOf(root.roles.snapshot, root.keys),
  };
}

/** "root 3, targets 6, snapshot 9, timestamp 41", or why not. */
export function outcomeText({ versions, error }: ClientOutcome): string {
  if (versions === undefined) return `refused: ${error}`;
  return `root ${versions.root}, targets ${versions.targets}, snapshot ${versions.snapshot}, timestamp ${versions.timestamp}`;
}
