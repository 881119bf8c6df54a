/**
 * The walk over roots (TUF specification 5.3), from the embedded root on, every time.
 *
 * 1. First over the stored chain, each root verified by the one before it. The first that is missing, damaged or
 *    of another lineage ends this part, and the network is asked from there on.
 * 2. Then over the network, one version at a time, each new root stored before the next is asked for.
 * 3. Only "does not exist" ends the walk. More roots than the limit is an error of its own (root-limit); what was
 *    walked is stored, so the next refresh goes on from there.
 */
import { isTidegateError, TidegateError } from '../errors.ts';
import { metadataFileName } from '../metadata/file-names.ts';
import type { Floors } from '../trust/floors.ts';
import type { TrustPolicy } from '../trust/policy.ts';
import { type TrustedSet, trustRoot, updateRoot } from '../trust/trusted-set.ts';
import type { Source } from './source.ts';
import { cancelOptions, type Work } from './work.ts';

export class RootWalk {
  /** The newest root so far; the walk is not finished. */
  set: TrustedSet;
  /** The bytes of every root after the embedded one, by version. */
  readonly roots = new Map<number, Uint8Array>();
  #fetched = 0;

  /** @throws threshold-not-met, document-invalid and the like when the embedded root is not sound */
  constructor(trustedRoot: Uint8Array, policy: TrustPolicy, floors: Floors) {
    this.set = trustRoot(trustedRoot, policy, floors);
  }

  async overStored({ datastore, settings, notes }: Work): Promise<void> {
    for (;;) {
      const version = this.#next;
      const bytes = await datastore.readRoot(version, settings.limits.maxRootLength, notes);
      if (bytes === undefined) return;
      try {
        this.#accept(version, bytes);
      } catch (error) {
        if (!isTidegateError(error) || error.class === 'internal') throw error;
        notes.add(error.code, `Stored root ${version} cannot be used and is fetched again: ${error.message}`);
        return;
      }
    }
  }

  /** Goes on with the roots of a source, which may be the second one after another has failed. */
  async overNetwork(source: Source, work: Work): Promise<void> {
    const { maxRootRotations, maxRootLength } = work.settings.limits;
    try {
      for (;;) {
        const version = this.#next;
        const name = metadataFileName('root', version);
        const bytes = await source.readMetadata(name, maxRootLength, cancelOptions(work));
        if (bytes === undefined) return;
        if (this.#fetched >= maxRootRotations) throw tooMany(version, maxRootRotations);
        this.#accept(version, bytes);
        this.#fetched += 1;
        await work.datastore.writeRoot(version, bytes);
      }
    } finally {
      await work.datastore.showNewestRoot(this.set.root.bytes, work.notes);
    }
  }

  get #next(): number {
    return this.set.root.document.version + 1;
  }

  #accept(version: number, bytes: Uint8Array): void {
    this.set = updateRoot(this.set, bytes);
    this.roots.set(version, bytes);
  }
}

function tooMany(version: number, limit: number): TidegateError {
  const text = `root ${version} exists, but ${limit} new roots were walked already; run it again to go on`;
  return new TidegateError('root-limit', text, { version, limit });
}
