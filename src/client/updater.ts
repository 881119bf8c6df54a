/**
 * A host's view of one repository. Everything that is handed out was verified, by two verifiers unless told
 * otherwise, from the embedded root on.
 *
 * 1. Work on the state is done one at a time: within this object by a queue, between processes by a lock.
 * 2. A refresh that fails leaves nothing to look targets up in: what may be believed is asked anew.
 * 3. Transfers of targets run beside each other and beside refreshes; each has its signed length and hashes.
 */
import { TidegateError } from '../errors.ts';
import { parseTargetPath } from '../metadata/target-path.ts';
import type { TrustedSet } from '../trust/trusted-set.ts';
import { type Choice, choose, type Host, openReleases } from '../waves/choose.ts';
import { parseManifest } from '../waves/manifest.ts';
import type { Manifest, Release } from '../waves/release.ts';
import { Datastore } from './datastore.ts';
import { type DownloadResult, downloadTarget } from './download.ts';
import { FloorsKeeper } from './floors-keeper.ts';
import { Mirrors } from './mirrors.ts';
import { Notes } from './notes.ts';
import { type ClientOptions, type Settings, settle } from './options.ts';
import { refreshRepository } from './refresh.ts';
import { type RefreshResult, resultOf, versionsOf } from './refresh-result.ts';
import { checkManifestLength, keptManifest, manifestPath, requireResolvable } from './repository-releases.ts';
import { isSameTarget, type LocatedTarget, locate, type ResolvedTarget } from './resolved-target.ts';
import { SecondOpinion } from './second-opinion.ts';
import { Source } from './source.ts';
import { openTarget, type TransferOptions, verifiedBytes } from './target-stream.ts';
import { findTarget } from './targets-file.ts';
import type { Work } from './work.ts';

interface CancelOptions {
  /** Cancels the work; code cancelled. */
  readonly signal?: AbortSignal;
}

/** What may be believed now, and what the second verifier says to it. */
interface Trusted {
  readonly set: TrustedSet;
  readonly second: SecondOpinion;
}

export class RepositoryClient {
  readonly #settings: Settings;
  readonly #datastore: Datastore;
  readonly #metadata: readonly Source[];
  readonly #targets: readonly Source[];
  #trusted: Trusted | undefined;
  #lastVersions = {};
  /** The last manifest that was read: verified bytes, and the target whose length and hashes they have. */
  #manifest: { readonly target: ResolvedTarget; readonly bytes: Uint8Array } | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  /** Touches neither disk nor network. @throws usage, config-invalid for an address that cannot be used */
  constructor(options: ClientOptions) {
    this.#settings = settle(options);
    this.#datastore = new Datastore(this.#settings.fileSystem, this.#settings.stateDirectory);
    this.#metadata = this.#settings.metadata.map((location) => new Source(location, this.#settings));
    this.#targets = this.#settings.targets.map((location) => new Source(location, this.#settings));
  }

  /**
   * Brings what is trusted up to date (TUF specification, section 5), at one time fixed at its start.
   *
   * @throws what the repository does wrong: threshold-not-met, rollback, version-mismatch, expired, length-limit,
   *   hash-mismatch, identity-mismatch and others of those classes; root-limit when there are more new roots than one
   *   run walks; verifiers-disagree; of the network not-found, network-unreachable, too-slow, http-status,
   *   redirect-refused, encoding-refused; of this host clock-behind, locked, state-damaged, disk-full, disk-error,
   *   not-a-plain-file, cancelled. Roles that were accepted before it stay stored, nothing else changes.
   */
  async refresh(options: CancelOptions = {}): Promise<RefreshResult> {
    return await this.#exclusively(options.signal, (work) => this.#refresh(work));
  }

  /**
   * Finds a target; refreshes first when nothing is trusted yet or what is has expired.
   *
   * @throws target-not-found, target-path-invalid, and everything that `refresh` does
   */
  async resolve(targetPath: string, options: CancelOptions = {}): Promise<ResolvedTarget> {
    const { names: _, ...target } = await this.#locate(targetPath, options);
    return target;
  }

  /**
   * The releases of the repository. The bytes are fetched once for each manifest that is signed, and kept on disk:
   * most hosts check in a process of their own each time.
   *
   * @throws manifest-invalid and everything that `resolve` and `stream` do
   */
  async manifest(options: CancelOptions = {}): Promise<Manifest> {
    const target = await this.#locate(manifestPath, options);
    checkManifestLength(target);
    if (this.#manifest === undefined || !isSameTarget(this.#manifest.target, target)) {
      const { signal } = options;
      const kept = await this.#exclusively(signal, (work) => keptManifest(target, work));
      this.#manifest = { target, bytes: kept ?? (await this.#fetchManifest(target, options)) };
    }
    return parseManifest(this.#manifest.bytes);
  }

  async #fetchManifest(target: LocatedTarget, options: CancelOptions): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.#stream(target, options)) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    await this.#exclusively(options.signal, ({ datastore }) => datastore.writeManifest(bytes));
    return bytes;
  }

  /**
   * All releases that are open for a host now, highest first, older ones too.
   *
   * @throws config-invalid for a host that cannot be, and everything that `manifest` does
   */
  async updates(host: Host, options: CancelOptions = {}): Promise<readonly Release[]> {
    return openReleases(await this.manifest(options), host, this.#settings.clock());
  }

  /**
   * The release that a host should take now, or why it takes none.
   *
   * @throws manifest-image-missing when an image of the chosen release is not among the targets, and everything that
   *   `updates` does; that there is no update is a result
   */
  async choose(host: Host, options: CancelOptions = {}): Promise<Choice> {
    const choice = choose(await this.manifest(options), host, this.#settings.clock());
    if (choice.kind === 'update')
      await requireResolvable(choice.release, (path) => this.#locate(path, options));
    return choice;
  }

  /**
   * Downloads a target to a file, which appears under its name only when it is verified and durable. Its folder must
   * exist. Locations that fail are passed over for the next; the result names them.
   *
   * @throws length-mismatch, hash-mismatch, disk-full before the first byte, not-a-plain-file for a link or folder at
   *   the destination, cancelled, and everything that `resolve` does
   */
  async download(
    targetPath: string,
    destination: string,
    options: TransferOptions = {},
  ): Promise<DownloadResult> {
    const target = await this.#locate(targetPath, options);
    return await downloadTarget(
      target,
      destination,
      new Mirrors(this.#targets),
      this.#settings.fileSystem,
      options,
    );
  }

  /**
   * The bytes of a target, for a slot. They may be believed only when the iteration has ended without an error;
   * the last piece comes only after all hashes were found right. A location that fails once its answer has begun is an
   * error: what was handed out cannot be taken back.
   *
   * @throws as `download`, the disk's codes excepted
   */
  async *stream(targetPath: string, options: TransferOptions = {}): AsyncGenerator<Uint8Array, void> {
    yield* this.#stream(await this.#locate(targetPath, options), options);
  }

  /** Gives back connections and the private folder of the second verifier; transfers under way break off. */
  async close(): Promise<void> {
    await this.#queue;
    for (const source of [...this.#metadata, ...this.#targets]) source.close();
    await this.#forget();
  }

  async *#stream(target: LocatedTarget, options: TransferOptions): AsyncGenerator<Uint8Array, void> {
    const mirrors = new Mirrors(this.#targets);
    const file = await mirrors.first(target.path, (source) => openTarget(source, target, options));
    yield* verifiedBytes(file, target, options);
  }

  async #locate(text: string, { signal }: CancelOptions): Promise<LocatedTarget> {
    const path = parseTargetPath(text);
    return await this.#exclusively(signal, async (work) => {
      const { set, second } = await this.#current(work);
      const result = await findTarget(set, path, work);
      this.#trusted = { set: result.set, second };
      await second.onTarget(path, result.found, result.set);
      if (result.found === undefined) {
        const text = `target ${path}: no trusted role lists it (asked: ${result.visited.join(', ')})`;
        throw new TidegateError('target-not-found', text, { target: path, roles: result.visited });
      }
      return locate(result.found, set.root.document.consistentSnapshot, this.#targets);
    });
  }

  /** What was trusted at the last refresh, unless time has gone past it. */
  async #current(work: Work): Promise<Trusted> {
    const now = this.#settings.clock();
    if (this.#trusted === undefined || isExpired(this.#trusted.set, now)) await this.#refresh(work);
    if (this.#trusted === undefined) throw new TidegateError('internal', 'a refresh left nothing trusted');
    return this.#trusted;
  }

  async #refresh(work: Work): Promise<RefreshResult> {
    await this.#forget();
    const { set, roots } = await refreshRepository(work);
    const { trustedRoot, secondVerifier } = this.#settings;
    const second = await SecondOpinion.of({ trustedRoot, roots, set }, secondVerifier, this.#datastore);
    this.#trusted = { set, second };
    const result = resultOf(set, this.#lastVersions, second, work);
    this.#lastVersions = versionsOf(set);
    return result;
  }

  async #forget(): Promise<void> {
    const before = this.#trusted;
    this.#trusted = undefined;
    await before?.second.close();
  }

  /** One piece of work at a time, here and in other processes. */
  async #exclusively<T>(signal: AbortSignal | undefined, task: (work: Work) => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      const options = { wait: this.#settings.lockWait, ...(signal !== undefined && { signal }) };
      const lock = await this.#datastore.lock(options);
      try {
        return await task(await this.#newWork(signal));
      } finally {
        await lock.release();
      }
    });
    this.#queue = result.catch(() => undefined);
    return await result;
  }

  async #newWork(signal: AbortSignal | undefined): Promise<Work> {
    const notes = new Notes();
    const keeper = await FloorsKeeper.load(this.#datastore, notes);
    const mirrors = new Mirrors(this.#metadata);
    return { settings: this.#settings, datastore: this.#datastore, keeper, mirrors, notes, signal };
  }
}

function isExpired({ root, timestamp, snapshot, targets }: TrustedSet, now: number): boolean {
  const documents = [root, timestamp, snapshot, targets.get('targets')];
  return documents.some((verified) => verified === undefined || now >= verified.document.expires);
}
