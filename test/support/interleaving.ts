/**
 * Several publishers, jobs and hosts at one store, one call at a time in an order that a number decides, with whatever a
 * network does to calls. What must hold holds at every instant, and is looked at after every call that changes anything.
 *
 * Whoever takes part is an actor: a name and what it does with a store of its own. A new kind of actor (one that cleans up,
 * say) is added where the actors are listed; the world needs to know nothing of it.
 */
import { TidegateError } from '../../src/errors.ts';
import type { MemoryStore } from '../../src/storage/memory.ts';
import type {
  CancelOptions,
  Content,
  CreateOptions,
  FileInfo,
  ReadOptions,
  SwappableStore,
} from '../../src/storage/store.ts';
import { ProcessDied } from './file-system-replay.ts';

export interface Actor {
  readonly name: string;
  /** Shares of its calls that go wrong, and that it dies at; of 1000. Default: none. */
  readonly trouble?: Trouble;
  run(store: SwappableStore): Promise<void>;
}

export interface Trouble {
  /** Not done, and an error: 503, a connection that never came to be. */
  readonly refused?: number;
  /** Done, and an error: the answer was lost or never came. */
  readonly lost?: number;
  /** An error now, and done some time later, when nobody waits for it any more. */
  readonly late?: number;
  /** Done now, and once more some time later. */
  readonly twice?: number;
  /** The process ends before or after the call. */
  readonly death?: number;
}

/** Random numbers from a seed: the same ones each time. */
export function numbersFrom(seed: number): () => number {
  let state = (seed ^ 0x9e37_79b9) >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Told every change; whatever it throws ends the schedule. */
export type Watch = (name: string, store: MemoryStore) => Promise<void>;

interface Waiting {
  readonly actor: string;
  go(): Promise<void>;
}

export class World {
  readonly inner: MemoryStore;
  readonly random: () => number;
  readonly #watch: Watch;
  readonly #alive = new Set<string>();
  readonly #waiting: Waiting[] = [];
  readonly #late: (() => Promise<unknown>)[] = [];
  #busy = false;
  #broken: unknown;
  /** What was done, to read when something did not hold. */
  readonly trace: string[] = [];

  constructor(inner: MemoryStore, seed: number, watch: Watch) {
    this.inner = inner;
    this.random = numbersFrom(seed);
    this.#watch = watch;
  }

  /** Runs them all to their ends. Throws what did not hold, with the seed's trace. */
  async run(actors: readonly Actor[]): Promise<void> {
    for (const { name } of actors) this.#alive.add(name);
    await Promise.all(
      actors.map(async ({ name, trouble = {}, run }) => {
        try {
          await run(new UnrulyStore(this, name, trouble));
        } catch (error) {
          this.#broken ??= error;
        } finally {
          this.#alive.delete(name);
          this.#next();
        }
      }),
    );
    for (const late of this.#late.splice(0)) await late().catch(() => undefined);
    if (this.#broken !== undefined) throw this.#broken;
  }

  /** Waits for this call's turn, and does it then. */
  async turn<T>(actor: string, work: () => Promise<T>): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      this.#waiting.push({ actor, go: async () => await work().then(resolve, reject) });
      this.#next();
    });
  }

  later(work: () => Promise<unknown>): void {
    this.#late.push(work);
  }

  async changed(name: string): Promise<void> {
    await this.#watch(name, this.inner).catch((error: unknown) => {
      this.#broken ??= error;
    });
  }

  /** When everybody waits for a turn, one of them gets it. */
  #next(): void {
    if (this.#busy) return;
    const actors = new Set(this.#waiting.map(({ actor }) => actor));
    if (this.#waiting.length === 0 || actors.size < this.#alive.size) return;
    this.#busy = true;
    void this.#step().finally(() => {
      this.#busy = false;
      this.#next();
    });
  }

  async #step(): Promise<void> {
    if (this.#late.length > 0 && this.random() < 0.1) {
      const [late] = this.#late.splice(Math.floor(this.random() * this.#late.length), 1);
      await late?.().catch(() => undefined);
      return;
    }
    const [chosen] = this.#waiting.splice(Math.floor(this.random() * this.#waiting.length), 1);
    await chosen?.go();
  }
}

/** One actor's way to the store. */
class UnrulyStore implements SwappableStore {
  readonly location = 'memory';
  readonly #world: World;
  readonly #actor: string;
  readonly #trouble: Trouble;
  #dead = false;

  constructor(world: World, actor: string, trouble: Trouble) {
    this.#world = world;
    this.#actor = actor;
    this.#trouble = trouble;
  }

  read(name: string, limit: number, options?: CancelOptions) {
    return this.#call(`read ${name}`, undefined, () => this.#world.inner.read(name, limit, options));
  }

  open(name: string, options?: ReadOptions) {
    return this.#call(`open ${name}`, undefined, () => this.#world.inner.open(name, options));
  }

  stat(name: string, options?: CancelOptions) {
    return this.#call(`stat ${name}`, undefined, () => this.#world.inner.stat(name, options));
  }

  create(name: string, content: Content, options?: CreateOptions) {
    return this.#call(`create ${name}`, name, () => this.#world.inner.create(name, content, options));
  }

  async *list(prefix = ''): AsyncGenerator<FileInfo, void> {
    const found = await this.#call(`list ${prefix}`, undefined, async () => {
      const files: FileInfo[] = [];
      for await (const file of this.#world.inner.list(prefix)) files.push(file);
      return files;
    });
    yield* found;
  }

  swap(name: string, bytes: Uint8Array, expected: string | undefined, options?: CancelOptions) {
    return this.#call(`swap ${name}`, name, () => this.#world.inner.swap(name, bytes, expected, options));
  }

  remove(name: string, expected: string) {
    return this.#call(`remove ${name}`, name, () => this.#world.inner.remove(name, expected));
  }

  async #call<T>(what: string, changes: string | undefined, work: () => Promise<T>): Promise<T> {
    return await this.#world.turn(this.#actor, async () => {
      if (this.#dead) throw new ProcessDied(what);
      const { refused = 0, lost = 0, late = 0, twice = 0, death = 0 } = this.#trouble;
      const draw = this.#world.random() * 1000;
      const done = async (): Promise<T> => {
        const result = await work();
        if (changes !== undefined) await this.#world.changed(changes);
        return result;
      };
      const note = (how: string) => this.#world.trace.push(`${this.#actor}: ${what}${how}`);
      if (draw < death) {
        this.#dead = true;
        note(' and dies');
        if (this.#world.random() < 0.5) await done().catch(() => undefined);
        throw new ProcessDied(what);
      }
      if (draw < death + refused) {
        note(' is refused');
        throw unreachable(what);
      }
      if (draw < death + refused + lost) {
        note(' is done, and the answer lost');
        await done().catch(() => undefined);
        throw unreachable(what);
      }
      if (draw < death + refused + lost + late) {
        note(' comes too late');
        if (changes !== undefined) this.#world.later(done);
        throw unreachable(what);
      }
      if (draw < death + refused + lost + late + twice && changes !== undefined) this.#world.later(done);
      note('');
      return await done();
    });
  }
}

function unreachable(what: string): TidegateError {
  return new TidegateError('network-unreachable', `${what}: no answer`);
}
