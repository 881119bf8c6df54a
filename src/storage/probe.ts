/**
 * What a store really promises, tried with files of its own below `.probe/<uuid>/`, which are removed again. Everything
 * here goes through the interface that every store has; what only a bucket can be asked is in s3-probe.ts.
 * A promise is kept when it was seen kept; a store that answers no to a question says so, one that says yes and does not
 * do it is the dangerous kind.
 */
import { randomBytes } from 'node:crypto';
import { type ErrorCode, isTidegateError } from '../errors.ts';
import type { Kept } from './promises.ts';
import type { CancelOptions, SwappableStore } from './store.ts';

export interface ProbeRow {
  readonly promise: string;
  readonly kept: Kept;
  /** What was seen, for people. */
  readonly found: string;
}

export type Finding = Omit<ProbeRow, 'promise'>;

export interface Probe {
  readonly promise: string;
  run(): Promise<Finding>;
}

/** Those who try one thing at once. */
export const racers = 16;
/** Times that a file is replaced and read at once. */
const overwrites = 50;
const small = 4096;

/** Without these two nobody can publish beside somebody else. */
export const createOnlyPromise = 'create-only';
const swapPromise = 'compare-and-swap';

/** @param folder of the probe's own, ending in a slash */
export function essentialProbes(store: SwappableStore, folder: string): readonly Probe[] {
  return [
    { promise: createOnlyPromise, run: () => tryCreateOnly(store, `${folder}create-only`) },
    {
      promise: `${createOnlyPromise}, ${racers} at once`,
      run: () => raceCreate(store, `${folder}create-race`),
    },
    { promise: swapPromise, run: () => trySwap(store, `${folder}swap`) },
    { promise: `${swapPromise}, ${racers} at once`, run: () => raceSwap(store, `${folder}swap-race`) },
  ];
}

export function furtherProbes(store: SwappableStore, folder: string): readonly Probe[] {
  return [
    { promise: 'reads what was written last', run: () => tryOverwrites(store, `${folder}overwritten`) },
    { promise: 'lists what was written last', run: () => tryList(store, `${folder}listed/`) },
    { promise: 'ranges', run: () => tryRange(store, `${folder}range`) },
    { promise: 'removes only what was seen', run: () => tryRemove(store, `${folder}removed`) },
    { promise: 'creates what was removed', run: () => tryCreateRemoved(store, `${folder}removed-once`) },
  ];
}

/** Errors that say something about the way to the store, or about us, and nothing about its promises. */
const noAnswer: readonly ErrorCode[] = [
  'network-unreachable',
  'too-slow',
  'access-denied',
  'clock-skewed',
  'config-invalid',
  'cancelled',
  'not-found',
];

export async function runProbes(
  probes: readonly Probe[],
  { signal }: CancelOptions = {},
): Promise<readonly ProbeRow[]> {
  const rows: ProbeRow[] = [];
  for (const { promise, run } of probes) {
    signal?.throwIfAborted();
    rows.push({ promise, ...(await run().catch(findingOf)) });
  }
  return rows;
}

function findingOf(error: unknown): Finding {
  if (!isTidegateError(error) || noAnswer.includes(error.code)) throw error;
  const { status, found } = error.details;
  if (error.code !== 'store-unsupported') return { kept: 'no', found: error.message };
  return { kept: 'refused', found: status === undefined ? error.message : `answered ${status} ${found}` };
}

/** Removes what a probe has left; returns the names that are still there. */
export async function removeAll(store: SwappableStore, folder: string): Promise<readonly string[]> {
  const left: string[] = [];
  const found: string[] = [];
  for await (const { name } of store.list(folder)) found.push(name);
  for (const name of found) {
    // Some stores list another etag than they answer with.
    const etag = (await store.stat(name))?.etag ?? '';
    const outcome = await store.remove(name, etag).catch(() => 'failed');
    if (outcome === 'failed' || outcome === 'lost') left.push(name);
  }
  return left;
}

export function finding(good: boolean, found: string): Finding {
  return { kept: good ? 'yes' : 'no', found };
}

async function tryCreateOnly(store: SwappableStore, name: string): Promise<Finding> {
  const first = await store.create(name, randomBytes(small));
  const second = await store.create(name, randomBytes(small)).catch((error: unknown) => {
    if (isTidegateError(error, 'name-taken')) return 'refused';
    throw error;
  });
  return finding(first === 'created' && second === 'refused', `first ${first}, other bytes ${second}`);
}

async function raceCreate(store: SwappableStore, name: string): Promise<Finding> {
  const outcomes = await race(() => store.create(name, randomBytes(small)));
  const won = outcomes.filter((each) => each === 'created').length;
  const lost = outcomes.filter((each) => each === 'name-taken').length;
  const others = outcomes.length - won - lost;
  const text = `${won} of ${racers} were told that they created it`;
  return finding(
    won === 1 && others === 0,
    others === 0 ? text : `${text}, and ${others} found other bytes in its place`,
  );
}

async function trySwap(store: SwappableStore, name: string): Promise<Finding> {
  const missing = await store.swap(name, randomBytes(small), '"00000000000000000000000000000000"');
  const created = await store.swap(name, randomBytes(small), undefined);
  const stale = (await store.stat(name))?.etag ?? '';
  const right = await store.swap(name, randomBytes(small), stale);
  const wrong = await store.swap(name, randomBytes(small), stale);
  const again = await store.swap(name, randomBytes(small), undefined);
  const good =
    [missing, wrong, again].every((each) => each === 'lost') && created === 'swapped' && right === 'swapped';
  return finding(
    good,
    `right etag ${right}, stale etag ${wrong}, absent file ${missing}, existing file ${again}`,
  );
}

async function raceSwap(store: SwappableStore, name: string): Promise<Finding> {
  await store.swap(name, randomBytes(small), undefined);
  const etag = (await store.stat(name))?.etag ?? '';
  const outcomes = await race(() => store.swap(name, randomBytes(small), etag));
  const won = outcomes.filter((each) => each === 'swapped').length;
  const others = outcomes.filter((each) => each !== 'swapped' && each !== 'lost');
  const errors = others.length === 0 ? '' : `, and ${others.length} failed: ${others[0]}`;
  return finding(
    won === 1 && others.length === 0,
    `${won} of ${racers} were told that they replaced it${errors}`,
  );
}

/** Outcomes, or codes of what was thrown; what is no answer at all is thrown on. */
async function race(attempt: () => Promise<string>): Promise<readonly string[]> {
  const outcomes = await Promise.allSettled(Array.from({ length: racers }, attempt));
  return outcomes.map((outcome) => {
    if (outcome.status === 'fulfilled') return outcome.value;
    const { reason } = outcome;
    if (!isTidegateError(reason) || [...noAnswer, 'store-unsupported'].includes(reason.code)) throw reason;
    return outcome.reason.code;
  });
}

async function tryOverwrites(store: SwappableStore, name: string): Promise<Finding> {
  let stale = 0;
  for (let count = 0; count < overwrites; count += 1) {
    const bytes = randomBytes(64);
    const outcome = await store.swap(name, bytes, (await store.stat(name))?.etag);
    const found = await store.read(name, small);
    if (outcome !== 'swapped' || !bytes.equals(found?.bytes ?? new Uint8Array())) stale += 1;
  }
  return finding(stale === 0, `${stale} of ${overwrites} reads after a write were stale`);
}

async function tryList(store: SwappableStore, folder: string): Promise<Finding> {
  const names = ['b', 'a/c', 'a-b'].map((name) => folder + name);
  for (const name of names) await store.create(name, randomBytes(8));
  const found: string[] = [];
  for await (const { name } of store.list(folder)) found.push(name);
  const missing = names.filter((name) => !found.includes(name));
  return finding(
    missing.length === 0 && found.length === names.length,
    `${found.length} of ${names.length} listed`,
  );
}

async function tryRange(store: SwappableStore, name: string): Promise<Finding> {
  const bytes = randomBytes(small);
  await store.create(name, bytes);
  const { etag } = (await store.stat(name)) ?? {};
  const file = await store.open(name, { start: 100, length: 50 });
  const chunks: Uint8Array[] = [];
  for await (const chunk of file?.body ?? []) chunks.push(chunk);
  const right = bytes.subarray(100, 150).equals(Buffer.concat(chunks));
  const pinned = file?.etag === etag && etag !== '';
  return finding(
    right && pinned,
    `bytes ${right ? 'right' : 'wrong'}, etag ${pinned ? 'the same' : 'another or none'}`,
  );
}

/** Publishing needs no permission to remove; a probe by an identity without it says so and goes on. */
function mayNot(error: unknown): 'may not' {
  if (isTidegateError(error, 'access-denied')) return 'may not';
  throw error;
}

async function tryRemove(store: SwappableStore, name: string): Promise<Finding> {
  await store.create(name, randomBytes(small));
  const lost = await store.remove(name, '"00000000000000000000000000000000"').catch(mayNot);
  const removed = await store.remove(name, (await store.stat(name))?.etag ?? '').catch(mayNot);
  if (removed === 'may not') return { kept: 'refused', found: 'this identity may not remove files' };
  const gone = (await store.stat(name)) === undefined;
  return finding(
    lost === 'lost' && removed === 'removed' && gone,
    `stale etag ${lost}, right etag ${removed}`,
  );
}

/** Where versioning keeps what was removed, some stores take it for present. */
async function tryCreateRemoved(store: SwappableStore, name: string): Promise<Finding> {
  await store.create(name, randomBytes(small));
  const removed = await store.remove(name, (await store.stat(name))?.etag ?? '').catch(mayNot);
  if (removed === 'may not') return { kept: 'refused', found: 'this identity may not remove files' };
  const again = await store.create(name, randomBytes(small)).catch((error: unknown) => {
    if (isTidegateError(error, 'store-unsupported', 'name-taken')) return 'refused';
    throw error;
  });
  const advice = again === 'refused' ? '; switch versioning off there' : '';
  return finding(again === 'created', `removed, then ${again}${advice}`);
}
