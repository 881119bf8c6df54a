/**
 * The second verifier: an unmodified tuf-js reads exactly the bytes that the first one has accepted and must come
 * to the same root, timestamp, snapshot and targets, byte for byte, and to the same target.
 *
 * 1. It works in a private folder inside the state directory that holds nothing but the embedded root, and its
 *    fetcher answers from memory. It never sees bytes that were not verified before, and never the network.
 * 2. Any difference and anything that it throws is verifiers-disagree; nothing is installed. There is no list of
 *    forgiven differences. Only a folder that cannot be written is trouble of the disk, and no alarm. Repositories
 *    within the specification that tuf-js refuses, and that a host therefore refuses unless it is told to do without
 *    (`off`): a root without `consistent_snapshot`, delegated roles called like integers or like members of a
 *    JavaScript object, integers above 2^53, member names beyond the basic plane.
 * 3. Its patterns of delegated paths know more than `*` and `?`, and some of them take minutes. Where a pattern holds
 *    such a character, the two would not mean the same; that is a difference, and tuf-js is not asked.
 * 4. Its time is set on the object that it makes, because it offers no other way; the field's being there is checked.
 * 5. `auto` leaves out what it would read in quadratic time: more than 2,000 entries in one role.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Updater } from 'tuf-js';
import { TidegateError } from '../errors.ts';
import { hashAlgorithms } from '../metadata/crypto.ts';
import { metadataFileName } from '../metadata/file-names.ts';
import type { TargetPath } from '../metadata/target-path.ts';
import type { Target } from '../metadata/targets.ts';
import { diskError, isSystem, onDisk } from '../storage/disk-error.ts';
import { makeFolder } from '../storage/durable-file.ts';
import { markState, processMark } from '../storage/process-mark.ts';
import type { TrustedSet } from '../trust/trusted-set.ts';
import type { Datastore } from './datastore.ts';
import { MemoryFetcher } from './memory-fetcher.ts';
import { foreignPattern } from './second-verifier-limits.ts';

/** What the first verifier has accepted. */
export interface Accepted {
  readonly trustedRoot: Uint8Array;
  /** Every root after the embedded one, by version. */
  readonly roots: ReadonlyMap<number, Uint8Array>;
  readonly set: TrustedSet;
}

const folderPrefix = 'second-verifier-';
const metadataUrl = 'http://second.invalid/metadata';

export class SecondVerifier {
  readonly #folder: string;
  readonly #updater: Updater;
  readonly #fetcher: MemoryFetcher;

  private constructor(folder: string, updater: Updater, fetcher: MemoryFetcher) {
    this.#folder = folder;
    this.#updater = updater;
    this.#fetcher = fetcher;
  }

  /** Verifies the four roles. The caller closes what it gets. @throws verifiers-disagree, disk-error */
  static async agree(accepted: Accepted, datastore: Datastore): Promise<SecondVerifier> {
    refuseForeignPatterns(accepted.set);
    await sweep(datastore);
    const folder = join(
      datastore.directory,
      `${folderPrefix}${processMark()}-${randomBytes(8).toString('hex')}`,
    );
    await makeFolder(datastore.fileSystem, folder, 0o700);
    try {
      const root = join(folder, 'root.json');
      await onDisk('write', root, () => writeFile(root, accepted.trustedRoot, { mode: 0o600 }));
      const fetcher = await MemoryFetcher.create();
      fetcher.serve(filesOf(accepted));
      const updater = await disagreeing('refusing the trusted root', folder, () =>
        newUpdater(folder, fetcher, accepted),
      );
      const verifier = new SecondVerifier(folder, updater, fetcher);
      await disagreeing('refusing what was accepted', folder, () => updater.refresh());
      await verifier.#compareRoles(accepted.set);
      return verifier;
    } catch (error) {
      // The first error is the one to tell; what stays is cleared away by a later run.
      await removeFolder(folder).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Looks a target up as well.
   *
   * @param found what the first verifier found; undefined when it found none
   * @param set with all roles that it came upon
   */
  async agreeOnTarget(path: TargetPath, found: Target | undefined, set: TrustedSet): Promise<void> {
    refuseForeignPatterns(set);
    this.#fetcher.serve(filesOf({ set }));
    const other = await disagreeing(`failing over target ${path}`, this.#folder, () =>
      this.#updater.getTargetInfo(path),
    );
    if (describe(other) === describe(found)) return;
    throw disagreement(`target ${path}: the second finds ${describe(other)}, the first ${describe(found)}`);
  }

  async close(): Promise<void> {
    await removeFolder(this.#folder);
  }

  async #compareRoles({ root, timestamp, snapshot, targets }: TrustedSet): Promise<void> {
    const expected = { root, timestamp, snapshot, targets: targets.get('targets') };
    for (const [role, verified] of Object.entries(expected)) {
      const stored = await readIfAny(join(this.#folder, metadataFileName(role)));
      if (stored !== undefined && verified !== undefined && Buffer.compare(stored, verified.bytes) === 0)
        continue;
      throw disagreement(`the second trusts another ${role} than version ${verified?.document.version}`);
    }
  }
}

async function newUpdater(
  folder: string,
  fetcher: MemoryFetcher,
  { roots, set }: Accepted,
): Promise<Updater> {
  const { Updater } = await import('tuf-js');
  const longest = set.policy.limits.maxStatedLength;
  const updater = new Updater({
    metadataDir: folder,
    metadataBaseUrl: metadataUrl,
    fetcher,
    config: {
      maxRootRotations: roots.size + 1,
      maxDelegations: set.policy.limits.maxVisitedRoles,
      rootMaxLength: longest,
      timestampMaxLength: longest,
      snapshotMaxLength: longest,
      targetsMaxLength: longest,
    },
  });
  setTime(updater, set.policy.now);
  return updater;
}

/** The package declares the field private and sets it to the machine's clock. */
function setTime(updater: object, now: number): void {
  const trusted: unknown = 'trustedSet' in updater ? updater.trustedSet : undefined;
  if (typeof trusted === 'object' && trusted !== null && 'referenceTime' in trusted) {
    if (trusted.referenceTime instanceof Date) {
      trusted.referenceTime = new Date(now);
      return;
    }
  }
  throw disagreement('the second cannot be given the time of this refresh');
}

function filesOf({
  set,
  roots = new Map(),
}: Partial<Accepted> & Pick<Accepted, 'set'>): Map<string, Uint8Array> {
  const consistent = set.root.document.consistentSnapshot;
  const files = new Map<string, Uint8Array>();
  const add = (role: string, version: number | undefined, bytes: Uint8Array | undefined): void => {
    // As tuf-js encodes role names, which is not quite as the specification's other readers do.
    const name = `${encodeURIComponent(role)}.json`;
    const url = new URL(`${metadataUrl}/${version === undefined ? '' : `${version}.`}${name}`);
    if (bytes !== undefined) files.set(url.toString(), bytes);
  };
  for (const [version, bytes] of roots) add('root', version, bytes);
  add('timestamp', undefined, set.timestamp?.bytes);
  add('snapshot', consistent ? set.snapshot?.document.version : undefined, set.snapshot?.bytes);
  for (const [role, { document, bytes }] of set.targets)
    add(role, consistent ? document.version : undefined, bytes);
  return files;
}

/** Length and hashes, in a fixed order; of the hashes those that the first verifier knows. */
function describe(target: { readonly length: number; readonly hashes: object } | undefined): string {
  if (target === undefined) return 'none';
  const hashes: Readonly<Record<string, unknown>> = { ...target.hashes };
  const known = hashAlgorithms.filter((name) => hashes[name] !== undefined);
  return [`${target.length} bytes`, ...known.map((name) => `${name} ${String(hashes[name])}`)].join(', ');
}

function refuseForeignPatterns({ targets }: TrustedSet): void {
  for (const [role, { document }] of targets) {
    const pattern = document.delegations && foreignPattern(document.delegations);
    if (pattern === undefined) continue;
    throw disagreement(`role ${role} delegates "${pattern}", a pattern that the second reads otherwise`);
  }
}

/** How tuf-js tells that it accepted a file and could not store it; its errors carry no cause, and wrap each other. */
const notStored =
  /^(?:Unable to load (?:snapshot metadata|targets) error Error: )*Failed to persist metadata \S+ error: Error: (E[A-Z]+): /;

async function disagreeing<T>(what: string, folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TidegateError) throw error;
    const [, code] = (error instanceof Error ? notStored.exec(error.message) : undefined) ?? [];
    if (code !== undefined)
      throw diskError(Object.assign(new Error(code, { cause: error }), { code }), 'write', folder);
    throw disagreement(
      `the second is ${what}: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}

function disagreement(what: string, cause?: unknown): TidegateError {
  const text = `The two verifiers disagree: ${what}. Nothing is installed.`;
  return new TidegateError('verifiers-disagree', text, {}, cause === undefined ? {} : { cause });
}

/** Removes the folders of processes that are gone. */
async function sweep({ fileSystem, directory }: Datastore): Promise<void> {
  for (const { name, kind } of await onDisk('list', directory, () => fileSystem.entries(directory))) {
    if (kind !== 'folder' || !name.startsWith(folderPrefix)) continue;
    const mark = name.slice(folderPrefix.length, name.lastIndexOf('-'));
    if (markState(mark) === 'dead') await removeFolder(join(directory, name));
  }
}

async function removeFolder(folder: string): Promise<void> {
  await onDisk('remove', folder, () => rm(folder, { recursive: true, force: true }));
}

async function readIfAny(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isSystem(error, 'ENOENT')) return undefined;
    throw diskError(error, 'read', path);
  }
}
