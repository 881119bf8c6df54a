/**
 * What must hold of a store in every state (docs/adr/0009), looked at after each change:
 *
 * I1 everything reachable from the timestamp exists and hashes right; I2 its version rises by one each time, and one
 * version has one byte string; I3 no immutable name ever changes, also not by coming back; I4 of two publications upon one
 * base at most one commits, and none takes away what another brought; I5 each commit is one whole plan, or a renewal;
 * I6 nothing is removed that a timestamp refers to which was current within the grace; I7 a fresh host and one that saw
 * the state before read a whole state, and roots are a chain without holes.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { metadataName, repositoryFolders } from '../../src/metadata/repository-layout.ts';
import { defaultGrace } from '../../src/signer/gc/grace.ts';
import { listedFiles } from '../../src/signer/publication/listed-files.ts';
import { readerOf, readRepository } from '../../src/signer/publication/repository-reader.ts';
import { trustPolicyAt } from '../../src/signer/workspace/roots.ts';
import type { MemoryStore } from '../../src/storage/memory.ts';
import type { ReadableStore } from '../../src/storage/store.ts';
import { type Floors, noFloors } from '../../src/trust/floors.ts';
import type { Manifest } from '../../src/waves/release.ts';

const demoFolders = repositoryFolders('single', { variant: 'demo', arch: 'x86_64' });
const timestampName = metadataName(demoFolders, 'timestamp');

/** Names that a timestamp refers to, and since when it was current, in milliseconds since the epoch. */
export interface PastState {
  readonly at: number;
  readonly names: ReadonlySet<string>;
}

export interface WholeState {
  readonly version: number;
  readonly root: number;
  readonly manifest: Manifest;
  /** Paths of targets of every role. */
  readonly targets: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
  readonly floors: Floors;
}

/** Reads as hosts do, and asks for every listed file. I1, I7. */
export async function wholeState(
  store: ReadableStore,
  anchor: Uint8Array,
  at: number,
  floors = noFloors,
  folders = demoFolders,
): Promise<WholeState> {
  const request = { folders, anchor, policy: trustPolicyAt(at), floors };
  const { set, manifest } = await readRepository(readerOf(store), request);
  const documents = Array.from(set.targets.values(), ({ document }) => document);
  const names = new Set<string>();
  for (const { name, length, hash } of listedFiles(folders, documents)) {
    const file = await store.stat(name);
    // A folder keeps no hash.
    const found = file && (file.sha256 ?? (await hashIn(store, name)));
    assert.deepEqual([file?.length, found], [length, hash.value], `I1: ${name}`);
    names.add(name);
  }
  const snapshot = set.snapshot?.document;
  names.add(metadataName(folders, 'snapshot', snapshot?.version ?? 0));
  for (const [entry, { version }] of snapshot?.meta ?? [])
    names.add(metadataName(folders, entry.slice(0, -'.json'.length), version));
  const targets = new Set(documents.flatMap((document) => [...document.targets.keys()]));
  const version = set.timestamp?.document.version ?? 0;
  return { version, root: set.root.document.version, manifest, targets, names, floors: set.floors };
}

async function hashIn(store: ReadableStore, name: string): Promise<string> {
  const file = await store.read(name, 10_000_000);
  return createHash('sha256')
    .update(file?.bytes ?? '')
    .digest('hex');
}

export interface WatchOptions {
  readonly anchor: Uint8Array;
  readonly past: readonly PastState[];
  /** The present state, the last of the past. */
  readonly present: WholeState;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** When what was just done was asked for. */
  readonly asked: () => number;
}

/** Versions that may go, since somebody withdraws them; the image goes with them. */
const withdrawn = '1.0.0';

export class Invariants {
  readonly #options: WatchOptions;
  /** Etags of names, for ever. */
  readonly #kept = new Map<string, string>();
  /** Until when a name must stay. */
  readonly #until = new Map<string, number>();
  state: WholeState;
  /** When the timestamp was replaced last. */
  #committed: number;
  commits = 0;
  removals = 0;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { past, present, now } = options;
    this.state = present;
    this.#committed = now();
    for (const [index, { names }] of past.entries()) {
      const replaced = past[index + 1]?.at ?? Number.POSITIVE_INFINITY;
      this.#keepUntil(names, replaced + defaultGrace.grace);
    }
  }

  /** What is there when a schedule begins. */
  async begin(store: MemoryStore): Promise<void> {
    for await (const { name, etag } of store.list()) this.#kept.set(name, etag);
    this.#kept.set(`version ${this.state.version}`, this.#kept.get(timestampName) ?? '');
  }

  /** Called after every change. */
  readonly look = async (name: string, store: MemoryStore): Promise<void> => {
    if (name.startsWith('.publish/')) return;
    const etag = (await store.stat(name))?.etag;
    if (etag === undefined) this.#checkRemoval(name);
    else if (name === timestampName) await this.#checkTimestamp(etag, store);
    else await this.#checkImmutable(name, etag, store);
  };

  #checkRemoval(name: string): void {
    this.removals += 1;
    assert.doesNotMatch(name, /root\.json$|timestamp\.json$/, `I6: ${name} was removed`);
    const until = this.#until.get(name) ?? 0;
    assert.ok(this.#options.now() >= until, `I6: ${name} was removed within the grace`);
  }

  async #checkImmutable(name: string, etag: string, store: MemoryStore): Promise<void> {
    const before = this.#kept.get(name);
    assert.equal(etag, before ?? etag, `I3: ${name} changed`);
    this.#kept.set(name, etag);
    const [, root] = /(?:^|\/)(\d+)\.root\.json$/.exec(name) ?? [];
    if (root === undefined || before !== undefined) return;
    const below = await store.stat(metadataName(demoFolders, 'root', Number(root) - 1));
    assert.ok(below, `I7: ${name} has no root before it`);
    await this.#read(store, noFloors, this.#committed);
  }

  async #checkTimestamp(etag: string, store: MemoryStore): Promise<void> {
    const bytes = (await store.read(timestampName, 100_000))?.bytes ?? new Uint8Array();
    const { version } = JSON.parse(Buffer.from(bytes).toString()).signed;
    const before = this.state;
    if (version === before.version && this.#kept.get(`version ${version}`) === etag) return;
    assert.equal(version, before.version + 1, 'I2, I4: the version rises by one');
    assert.equal(this.#kept.has(`version ${version}`), false, 'I2: one version, one byte string');
    this.#kept.set(`version ${version}`, etag);
    this.commits += 1;
    const at = this.#options.asked();
    const state = await this.#read(store, before.floors, at);
    // Who accepts it with floors does without; but for roots, which may end them.
    if (state.root !== before.root) await this.#read(store, noFloors, at);
    this.#committed = at;
    checkStep(before, state);
    this.#keepUntil(before.names, this.#options.now() + defaultGrace.grace);
    this.#keepUntil(state.names, Number.POSITIVE_INFINITY);
    this.state = state;
  }

  async #read(store: MemoryStore, floors: Floors, at: number): Promise<WholeState> {
    try {
      return await wholeState(store, this.#options.anchor, at, floors);
    } catch (cause) {
      const who = floors === noFloors ? 'a fresh host' : 'a host of the state before';
      throw new Error(`I1, I7: ${who}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }

  #keepUntil(names: Iterable<string>, until: number): void {
    for (const name of names) this.#until.set(name, until);
  }
}

/** I4, I5: one plan's change, upon everything that was there. */
function checkStep(before: WholeState, after: WholeState): void {
  const versions = ({ manifest }: WholeState) => new Set(manifest.updates.map(({ version }) => version));
  const [old, present] = [versions(before), versions(after)];
  const lost = old.difference(present);
  lost.delete(withdrawn);
  assert.deepEqual([...lost], [], 'I4: a commit takes away what another brought');
  const gone = [...before.targets.difference(after.targets)].filter((path) => !path.includes(withdrawn));
  assert.deepEqual(gone, [], 'I4: a commit takes away what another brought');
  const added = present.difference(old).size;
  const others = [...after.targets.difference(before.targets)].filter((path) => !path.startsWith('os-'));
  assert.ok(added + others.length <= 1, 'I5: more than one plan in one commit');
}
