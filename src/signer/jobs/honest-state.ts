/**
 * The last honest state of a repository that somebody else has published to: what a recovery goes on from.
 *
 * 1. Nothing of the present `timestamp.json` is believed. It is only what will be replaced.
 * 2. A snapshot is the whole state: it names version, length and hash of every targets role. It must be signed by the
 *    snapshot keys of a root of the chain; which one of the past is the honest one, a person or this workspace knows.
 * 3. Versions go on from the honest ones. Hosts that saw higher ones forget them with the keys; hosts that did not never
 *    see a lower one.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { snapshotEntryName } from '../../metadata/file-names.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import { parseSnapshot } from '../../metadata/snapshot.ts';
import { parseTargets } from '../../metadata/targets.ts';
import { floorsUnderRoot, floorsWithSnapshot, noFloors } from '../../trust/floors.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { countSignatures, requireThreshold } from '../../trust/threshold.ts';
import { type TrustedSet, trustRoot } from '../../trust/trusted-set.ts';
import {
  type LiveChain,
  type LiveRepository,
  type PublishedRoles,
  readChain,
} from '../publication/live-repository.ts';
import { overlaid, readListed } from '../publication/repository-reader.ts';
import { regardlessOfExpiry } from '../workspace/roots.ts';
import { readFloors, readSeenSnapshot } from '../workspace/state-file.ts';
import type { RepositoryPlace, Workspace } from '../workspace/workspace.ts';
import type { HonestState } from './job.ts';

/**
 * What this workspace published or saw last, before it was attacked, from its own copy: whoever could write to the store
 * may have put another snapshot, properly signed, in the place of the honest one.
 *
 * @throws not-found when it has published nothing, or it has no copy and the snapshot is gone from the store
 */
export async function stateOfJournal(workspace: Workspace, place: RepositoryPlace): Promise<HonestState> {
  const floors = await readFloors(workspace, place.name);
  const name = metadataName(place.folders, 'snapshot', floors.snapshot);
  const found = floors.snapshot === 0 ? undefined : await snapshotOf(workspace, place, floors.snapshot, name);
  if (found === undefined) {
    const text = `${place.name}: this workspace knows of no state to return to (${name} in ${workspace.store.location}); give --keep-from FILE, a copy of the last good snapshot.json or targets.json`;
    throw new TidegateError('not-found', text, { repository: place.name });
  }
  return { repository: place.name, timestamp: floors.timestamp, snapshot: found };
}

async function snapshotOf(
  workspace: Workspace,
  { name: repository }: RepositoryPlace,
  version: number,
  name: string,
): Promise<Uint8Array | undefined> {
  const own = await readSeenSnapshot(workspace, repository);
  if (own !== undefined && parseSnapshot(parseEnvelope(own, defaultLimits, name)).version === version)
    return own;
  return (await workspace.store.read(name, defaultLimits.maxSnapshotLength))?.bytes;
}

/**
 * A copy that a person trusts: of a snapshot, or of the top-level targets, which then goes with the snapshot that this
 * workspace knows.
 *
 * @throws document-invalid when it is neither
 */
export async function stateOfCopy(
  workspace: Workspace,
  place: RepositoryPlace,
  copy: { readonly bytes: Uint8Array; readonly path: string },
): Promise<HonestState> {
  const envelope = parseEnvelope(copy.bytes, defaultLimits, copy.path);
  const type = envelope.signed.get('_type');
  if (type === 'targets') return { ...(await stateOfJournal(workspace, place)), targets: copy.bytes };
  if (type === 'snapshot') {
    const floors = await readFloors(workspace, place.name);
    const { version } = parseSnapshot(envelope);
    // A timestamp is signed at least as often as a snapshot.
    const timestamp = floors.snapshot <= version ? floors.timestamp : 0;
    return { repository: place.name, timestamp: Math.max(timestamp, version), snapshot: copy.bytes };
  }
  const text = `${copy.path}: found a ${String(type)}, expected a copy of snapshot.json or targets.json`;
  throw new TidegateError('document-invalid', text, { path: copy.path });
}

/** The repository as if the honest state were what is published, signed by keys that are on their way out. */
export async function honestRepository(
  workspace: Workspace,
  place: RepositoryPlace,
  state: HonestState,
  signal?: AbortSignal,
): Promise<LiveRepository> {
  const chain = await readChain(workspace, place, signal);
  const start = withTargets(state, setUnder(chain, state.snapshot));
  const entry = start.snapshot?.document.meta.get(snapshotEntryName('targets'));
  const own = new Map<string, Uint8Array>();
  if (state.targets !== undefined && entry !== undefined)
    own.set(metadataName(place.folders, 'targets', entry.version), state.targets);
  const listed = await readListed(overlaid(own, chain.whole), chain.request, start).catch(
    (error: unknown) => {
      throw isTidegateError(error) ? altered(workspace, error) : error;
    },
  );
  const { root, roots, missingRoots } = chain;
  return {
    place,
    root,
    roots,
    missingRoots,
    unsigned: new Set(['snapshot', 'timestamp', ...(isSignedUnder(chain, listed.set) ? [] : ['targets'])]),
    published: publishedIn(chain, listed.set, state),
    manifest: listed.manifest,
    floors: floorsOf(chain, listed.set, state),
  };
}

function altered({ store }: Workspace, error: TidegateError): TidegateError {
  const text = `${error.message}. The state to return to is not whole any more in ${store.location}: put that file back from a backup, or give --keep-from FILE, a good copy of snapshot.json or targets.json`;
  return new TidegateError(error.code, text, error.details, { cause: error });
}

/** Under the last root whose snapshot keys have signed it. @throws threshold-not-met when no root's have */
function setUnder(chain: LiveChain, bytes: Uint8Array): TrustedSet {
  const envelope = parseEnvelope(bytes, defaultLimits, 'the snapshot to return to');
  const sets = chain.roots.map((root) => trustRoot(root, regardlessOfExpiry, noFloors)).reverse();
  const found = sets.find(({ root: { document } }) => {
    const { signedBy, threshold } = countSignatures(envelope, document.roles.snapshot, document.keys);
    return signedBy.length >= threshold;
  });
  const { root } = found ?? sets[0] ?? { root: undefined };
  if (root === undefined) throw new TidegateError('internal', 'a chain without a root');
  const { version, roles, keys } = root.document;
  requireThreshold(envelope, roles.snapshot, keys, `root ${version}'s snapshot keys`);
  const snapshot = { document: parseSnapshot(envelope), bytes };
  return {
    policy: regardlessOfExpiry,
    floors: noFloors,
    root,
    timestamp: undefined,
    snapshot,
    targets: new Map(),
  };
}

/** The snapshot as it would be, were it made of the trusted copy of the targets. */
function withTargets({ targets }: HonestState, set: TrustedSet): TrustedSet {
  const { snapshot } = set;
  if (targets === undefined || snapshot === undefined) return set;
  const { version } = parseTargets(
    parseEnvelope(targets, defaultLimits, 'the targets to return to'),
    defaultLimits,
  );
  const entry = { version, length: targets.byteLength, hashes: { sha256: digestOf('sha256', targets) } };
  const meta = new Map(snapshot.document.meta).set(snapshotEntryName('targets'), entry);
  return { ...set, snapshot: { ...snapshot, document: { ...snapshot.document, meta } } };
}

function isSignedUnder({ root }: LiveChain, { targets }: TrustedSet): boolean {
  const top = targets.get('targets');
  if (top === undefined) return false;
  const { signedBy, threshold } = countSignatures(top.envelope, root.roles.targets, root.keys);
  return signedBy.length >= threshold;
}

function publishedIn(
  { head }: LiveChain,
  { snapshot, targets }: TrustedSet,
  state: HonestState,
): PublishedRoles {
  const top = targets.get('targets');
  if (snapshot === undefined || top === undefined)
    throw new TidegateError('internal', 'a state without targets');
  const { file, version, expires, repository } = snapshot.document;
  const entry = {
    version,
    length: snapshot.bytes.byteLength,
    hashes: { sha256: digestOf('sha256', snapshot.bytes) },
  };
  // The one member that counts is the version; what the attacker's said besides is nobody's business.
  const timestamp = { file, version: state.timestamp, expires, repository, json: new Map(), snapshot: entry };
  return {
    timestamp,
    snapshot: snapshot.document,
    targets: top.document,
    delegated: new Map([...targets].filter(([role]) => role !== 'targets')),
    bytes: { timestamp: head?.bytes ?? new Uint8Array(), snapshot: snapshot.bytes, targets: top.bytes },
    etag: head?.etag,
    sha256: digestOf('sha256', head?.bytes ?? new Uint8Array()),
  };
}

function floorsOf(
  { root }: LiveChain,
  { snapshot }: TrustedSet,
  { timestamp }: HonestState,
): LiveRepository['floors'] {
  const floors = floorsUnderRoot(noFloors, root);
  return { ...(snapshot === undefined ? floors : floorsWithSnapshot(floors, snapshot.document)), timestamp };
}

/**
 * Roles of which something else is published than the honest state says, where the attacker had a hand in; and those
 * whose numbers hosts must forget.
 */
export async function changedRoles(
  workspace: Workspace,
  place: RepositoryPlace,
  state: HonestState,
): Promise<readonly string[]> {
  const { head, request, whole } = await readChain(workspace, place);
  const changed = new Set<string>();
  if (head === undefined) return ['timestamp'];
  const { version: goal, meta: honest } = parseSnapshot(
    parseEnvelope(state.snapshot, defaultLimits, 'snapshot'),
  );
  // A backup that is too old: hosts have seen higher numbers, and forget them with these keys only.
  const floors = await readFloors(workspace, place.name);
  if (floors.timestamp > state.timestamp || floors.snapshot > goal) changed.add('timestamp').add('snapshot');
  try {
    const timestamp = parseEnvelope(head.bytes, defaultLimits, 'timestamp.json').signed.get('version');
    if (timestamp !== state.timestamp) changed.add('timestamp');
    const name = metadataName(place.folders, 'snapshot', snapshotVersionIn(head.bytes));
    const bytes = await whole(name, request.policy.limits.maxSnapshotLength);
    if (bytes === undefined || Buffer.compare(bytes, state.snapshot) !== 0)
      changed.add('timestamp').add('snapshot');
    if (bytes === undefined) return [...changed];
    for (const [entry, { version, hashes }] of parseSnapshot(parseEnvelope(bytes, defaultLimits, name))
      .meta) {
      const known = honest.get(entry);
      if (known?.version !== version || known.hashes?.sha256 !== hashes?.sha256)
        changed.add(entry.slice(0, -5));
    }
  } catch (error) {
    if (!isTidegateError(error)) throw error;
    changed.add('timestamp').add('snapshot');
  }
  return [...changed];
}

function snapshotVersionIn(timestamp: Uint8Array): number {
  const meta = parseEnvelope(timestamp, defaultLimits, 'timestamp.json').signed.get('meta');
  const entry = meta instanceof Map ? meta.get('snapshot.json') : undefined;
  const version = entry instanceof Map ? entry.get('version') : undefined;
  return typeof version === 'number' ? version : 0;
}
