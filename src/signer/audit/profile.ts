/**
 * The portable profile as a lint: what a repository must look like for tuf-js, python-tuf, go-tuf and tough to read it,
 * in every version that is still in the field. It reads values and bytes as they are written, believes nothing and
 * verifies no signature; what may be believed is another question (`trust/`).
 *
 * - `bottlerocket`: over what tough stumbles, and with it tuftool and updog.
 * - `portable`: over what any of the four stumbles.
 * - `strict`: besides, what all of them read today and a careful writer avoids.
 *
 * Pure but for one question to the cryptography: the length of a salt.
 */
import { TidegateError } from '../../errors.ts';
import { type JsonObject, type JsonValue, parseJson } from '../../metadata/json.ts';
import { documentLimits } from '../../metadata/limits.ts';
import { coverageFindings, type DelegatedListing, delegationsFindings } from './profile/delegations.ts';
import { documentFindings } from './profile/documents.ts';
import {
  everyPeer,
  finding,
  itemsOf,
  membersOf,
  type Peer,
  type ProfileFinding,
  peers,
  type Spot,
  textOf,
} from './profile/finding.ts';
import { signatureFindings } from './profile/keys.ts';
import { rootFindings, snapshotFindings, timestampFindings } from './profile/listings.ts';
import { type TargetFiles, targetsFindings } from './profile/targets.ts';

export const profiles = ['bottlerocket', 'portable', 'strict'] as const;
export type Profile = (typeof profiles)[number];

/** A metadata file. */
export interface LintedFile {
  /** For messages, and unique among the files. */
  readonly name: string;
  /** `root` and the like, or the name of a delegated role. */
  readonly role: string;
  readonly bytes: Uint8Array;
}

export interface LintOptions {
  readonly profile: Profile;
  /** Milliseconds since the epoch, where expiry matters. */
  readonly now?: number;
  /** What lies below the targets folder, where it is known. */
  readonly targetFiles?: TargetFiles;
}

interface ReadFile extends Omit<LintedFile, 'bytes'> {
  /** Bytes. */
  readonly length: number;
  readonly signatures: JsonValue | undefined;
  readonly signed: JsonObject;
}

/** Every finding over the files of one repository, or over some of them, in the order of the files. */
export function lintFiles(files: readonly LintedFile[], options: LintOptions): readonly ProfileFinding[] {
  const found: ProfileFinding[] = [];
  const read: ReadFile[] = [];
  for (const { name, role, bytes } of files) {
    const document = documentOf({ name, role, bytes }, found);
    if (document === undefined) continue;
    const signed = membersOf(document.get('signed'));
    read.push({ name, role, length: bytes.byteLength, signatures: document.get('signatures'), signed });
  }
  const keys = keysOf(read);
  for (const file of read) take(found, fileFindings(file, keys, options), options.profile);
  for (const listing of listingsOf(read)) take(found, coverageFindings(listing), options.profile);
  return found;
}

/** Every finding over one document that is not signed yet, as for `lintFiles`. */
export function lintUnsigned(signed: JsonObject, options: LintOptions): readonly ProfileFinding[] {
  const found: ProfileFinding[] = [];
  const role = textOf(signed.get('_type'));
  const file: ReadFile = { name: role, role, length: 0, signatures: undefined, signed };
  take(found, fileFindings(file, noKeys, options), options.profile);
  return found;
}

const noKeys: JsonObject = new Map();
/** Of one file: a hostile one could have a million. */
const maxFindings = 1000;

function take(found: ProfileFinding[], findings: Iterable<ProfileFinding>, profile: Profile): void {
  const before = found.length;
  for (const one of findings) {
    if (found.length - before >= maxFindings) return;
    if (concerns(one, profile)) found.push(one);
  }
}

function concerns({ peers: who }: ProfileFinding, profile: Profile): boolean {
  if (profile === 'strict') return true;
  return profile === 'portable' ? Object.keys(who).length > 0 : who.tough !== undefined;
}

/** The clients that stumble over some finding. */
export function stumblingPeers(findings: readonly ProfileFinding[]): readonly Peer[] {
  return peers.filter((peer) => findings.some((one) => one.peers[peer] !== undefined));
}

function documentOf({ name, bytes }: LintedFile, found: ProfileFinding[]): JsonObject | undefined {
  try {
    return membersOf(parseJson(bytes, documentLimits, name));
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    const spot = { file: name, path: 'document' };
    found.push(finding('strict-json', spot, error.message, everyPeer('cannot read it')));
    return undefined;
  }
}

const lengthLimits: Readonly<Record<string, number>> = { root: 512_000, timestamp: 16_384 };

function* fileFindings(
  { name, role, length, signatures, signed }: ReadFile,
  keys: JsonObject,
  { now, targetFiles }: LintOptions,
): Generator<ProfileFinding, void> {
  const spot: Spot = { file: name, path: 'signed' };
  const type = textOf(signed.get('_type'));
  const limit = lengthLimits[type] ?? Number.POSITIVE_INFINITY;
  if (length > limit)
    yield finding('file-size', { file: name, path: 'document' }, `${length} bytes`, {
      'tuf-js': 'reads no more by default',
      'python-tuf': 'reads no more by default',
      'go-tuf': 'reads no more by default',
    });
  yield* signatureFindings({ signatures, signed, keys }, name);
  yield* documentFindings(signed, spot, { now, delegated: type === 'targets' && role !== 'targets' });
  if (type === 'root') yield* rootFindings(signed, spot);
  if (type === 'snapshot') yield* snapshotFindings(signed, spot);
  if (type === 'timestamp') yield* timestampFindings(signed, spot);
  if (type !== 'targets') return;
  yield* targetsFindings(signed, spot, targetFiles);
  const delegations = signed.get('delegations');
  if (delegations !== undefined)
    yield* delegationsFindings(delegations, { file: name, path: 'signed.delegations' });
}

/** Every key of root and delegations, by id; of two under one id the later file's. */
function keysOf(files: readonly ReadFile[]): JsonObject {
  const sets = files.map(({ signed }) =>
    membersOf(membersOf(signed.get('delegations')).get('keys') ?? signed.get('keys')),
  );
  return new Map(sets.flatMap((set) => [...set]));
}

/** Delegated roles among the files, each beside the paths under which one delegates to it. */
function listingsOf(files: readonly ReadFile[]): readonly DelegatedListing[] {
  return files.flatMap((delegator) =>
    itemsOf(membersOf(delegator.signed.get('delegations')).get('roles')).flatMap((item) => {
      const entry = membersOf(item);
      const paths = itemsOf(entry.get('paths')).map(textOf);
      const role = textOf(entry.get('name'));
      const child = files.find((file) => file.role === role);
      if (child === undefined || paths.length === 0) return [];
      return [{ role, delegator: delegator.role, paths, signed: child.signed, file: child.name }];
    }),
  );
}
