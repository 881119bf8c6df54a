/**
 * Several publishers, jobs and hosts at one store, one call at a time in an order that a number decides, with whatever a
 * network does to calls, and a clock that leaps. What must hold is looked at after every call that changes anything.
 *
 * Whoever takes part is an actor: a name and what it does with a store of its own. What a store does in several requests
 * (a list in pages, a write that looks after a lost answer) is several turns here, and others come between.
 */
import { type ErrorCode, TidegateError } from '../../src/errors.ts';
import type { MemoryStore } from '../../src/storage/memory.ts';
import type {
  CancelOptions,
  Content,
  CreateOptions,
  FileInfo,
  ReadOptions,
  RemoveOptions,
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
  /** Not done, and an error: 409, 503, a connection that never came to be. */
  readonly refused?: number;
  /** Done, and an error: the answer was lost. */
  readonly lost?: number;
  /** An error now, and done some time later, when nobody waits for it any more. */
  readonly late?: number;
  /**
   * Done now, and once more some time later. Not removals: one that comes again when its note is gone could take what came
   * back meanwhile, and only a store that keeps versions helps.
   */
  readonly twice?: number;
  /** Done, the answer lost, and sent again by whoever sends: the second answer may be a no to one's own write. */
  readonly again?: number;
  /** No answer for a long time, in which others go on; done before that, after it, or never. */
  readonly never?: number;
  /** The process ends before or after the call. */
  readonly death?: number;
}

/** What a failed call may be called: no answer, too slow an answer, 503, 409. */
const words: readonly ErrorCode[] = ['network-unreachable', 'too-slow', 'http-status', 'store-conflict'];

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

interface Clock {
  /** Milliseconds since the epoch. */
  readonly start: number;
  /** Of 1000 turns so many come after a leap. Default: none. */
  readonly leaps?: number;
  /** How far it leaps: one of these, in milliseconds. */
  readonly lengths?: readonly number[];
}

interface Waiting {
  readonly actor: string;
  /** Turns that it lets pass first. */
  idle: number;
  go(): Promise<void>;
}

export class World {
  readonly inner: MemoryStore;
  readonly random: () => number;
  /** Milliseconds since the epoch; moves between turns. */
  now: number;
  /** When the call was made that is being done: it may have been on its way while the clock leapt. */
  asked: number;
  readonly #clock: Clock;
  readonly #watch: Watch;
  readonly #alive = new Set<string>();
  readonly #waiting: Waiting[] = [];
  readonly #late: (() => Promise<unknown>)[] = [];
  readonly #speeds = new Map<string, number>();
  #busy = false;
  #broken: unknown;
  /** What was done, to read when something did not hold. */
  readonly trace: string[] = [];

  constructor(inner: MemoryStore, seed: number, watch: Watch, clock: Clock = { start: 0 }) {
    this.inner = inner;
    this.random = numbersFrom(seed);
    this.#watch = watch;
    this.#clock = clock;
    this.now = clock.start;
    this.asked = clock.start;
  }

  /** Runs them all to their ends. Throws what did not hold first. */
  async run(actors: readonly Actor[]): Promise<void> {
    for (const { name } of actors) this.#alive.add(name);
    await Promise.all(
      actors.map(async ({ name, trouble = {}, run }) => {
        try {
          await run(this.storeFor(name, trouble));
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

  /** A way to the store for one process of an actor. */
  storeFor(actor: string, trouble: Trouble = {}): SwappableStore {
    return new UnrulyStore(this, actor, trouble);
  }

  /** Waits for this call's turn, and does it then. */
  async turn<T>(actor: string, work: () => Promise<T>, idle = 0): Promise<T> {
    const asked = this.now;
    return await new Promise<T>((resolve, reject) => {
      const go = async () => {
        this.asked = asked;
        await work().then(resolve, reject);
      };
      this.#waiting.push({ actor, idle, go });
      this.#next();
    });
  }

  /** Lets others go on for so many turns of its own. */
  async idle(actor: string, turns: number): Promise<void> {
    await this.turn(actor, async () => undefined, turns);
  }

  later(work: () => Promise<unknown>): void {
    const { asked } = this;
    this.#late.push(async () => {
      this.asked = asked;
      await work();
    });
  }

  async changed(name: string): Promise<void> {
    await this.#watch(name, this.inner).catch((error: unknown) => {
      this.#broken ??= error;
    });
  }

  /** When everybody waits for a turn, one of them gets it. */
  #next(): void {
    if (this.#busy) return;
    if (this.#waiting.length === 0 || this.#waiting.length < this.#alive.size) return;
    const actors = new Set(this.#waiting.map(({ actor }) => actor));
    if (actors.size < this.#alive.size) return;
    this.#busy = true;
    void this.#step().finally(() => {
      this.#busy = false;
      this.#next();
    });
  }

  async #step(): Promise<void> {
    this.#leap();
    if (this.#late.length > 0 && this.random() < 0.1) {
      const [late] = this.#late.splice(Math.floor(this.random() * this.#late.length), 1);
      await late?.().catch(() => undefined);
      return;
    }
    await this.#choose().go();
  }

  /** Whoever only lets others go on is passed over, as long as there are others. */
  #choose(): Waiting {
    for (;;) {
      const actor = this.#nextActor();
      const own = this.#waiting.filter((waiting) => waiting.actor === actor);
      const chosen = own[Math.floor(this.random() * own.length)];
      if (chosen === undefined) throw new Error('nobody waits');
      if (chosen.idle === 0 || this.#alive.size === 1) {
        this.#waiting.splice(this.#waiting.indexOf(chosen), 1);
        return chosen;
      }
      chosen.idle -= 1;
      this.#leap();
    }
  }

  /** Some are quick and some slow for a while: a whole clean-up fits between two calls of somebody else, and otherwise. */
  #nextActor(): string {
    if (this.random() < 0.02) this.#speeds.clear();
    const actors = [...new Set(this.#waiting.map(({ actor }) => actor))];
    const speeds = actors.map((actor) => {
      const speed =
        this.#speeds.get(actor) ?? speedsOfActors[Math.floor(this.random() * speedsOfActors.length)] ?? 1;
      this.#speeds.set(actor, speed);
      return speed;
    });
    let draw = this.random() * speeds.reduce((sum, speed) => sum + speed, 0);
    for (const [index, speed] of speeds.entries()) {
      draw -= speed;
      if (draw < 0) return actors[index] ?? '';
    }
    return actors.at(-1) ?? '';
  }

  #leap(): void {
    const { leaps = 0, lengths = [] } = this.#clock;
    if (leaps === 0 || this.random() * 1000 >= leaps) return;
    const length = lengths[Math.floor(this.random() * lengths.length)] ?? 0;
    this.now += length;
    this.trace.push(`the clock leaps by ${length / 3_600_000} hours`);
  }
}

const speedsOfActors = [1, 1, 5, 25];
/** Files on one page of a list. */
const pageLength = 8;
/** How much more often it is the commit that something happens to: there it matters most. */
const commitTrouble = 10;
/** Turns without an answer. */
const silence = 25;

/** One process's way to the store. */
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

  /** In pages: what is written meanwhile is on those that come, and not on those that went. */
  async *list(prefix = ''): AsyncGenerator<FileInfo, void> {
    for (let after = ''; ; ) {
      const page = await this.#call(`list ${prefix} after ${after}`, undefined, async () => {
        const files: FileInfo[] = [];
        for await (const file of this.#world.inner.list(prefix)) if (file.name > after) files.push(file);
        return files.slice(0, pageLength);
      });
      yield* page;
      if (page.length < pageLength) return;
      after = page.at(-1)?.name ?? '';
    }
  }

  swap(name: string, bytes: Uint8Array, expected: string | undefined, options?: CancelOptions) {
    return this.#call(`swap ${name}`, name, () => this.#world.inner.swap(name, bytes, expected, options));
  }

  remove(name: string, expected: string, options?: RemoveOptions) {
    return this.#call(`remove ${name}`, name, () => this.#world.inner.remove(name, expected, options));
  }

  /** One turn of the world; or several, where it takes a while to fail. */
  async #call<T>(what: string, changes: string | undefined, work: () => Promise<T>): Promise<T> {
    const done = async (): Promise<T> => {
      const result = await work();
      if (changes !== undefined) await this.#world.changed(changes);
      return result;
    };
    const isWrite = changes !== undefined;
    const ended = await this.#world.turn(this.#actor, async () => {
      const chosen = this.#choose(changes?.endsWith('timestamp.json') === true ? commitTrouble : 1);
      this.#note(what, isWrite, chosen);
      return await this.#begin(chosen, what, isWrite, done);
    });
    if ('result' in ended) return ended.result;
    await this.#world.idle(this.#actor, ended.turns);
    if (ended.error !== undefined) throw ended.error;
    return await this.#world.turn(this.#actor, done);
  }

  #note(what: string, isWrite: boolean, { happening }: Happening): void {
    if (happening === 'nothing' && !isWrite) return;
    this.#world.trace.push(`${this.#actor}: ${what}${happening === 'nothing' ? '' : ` (${happening})`}`);
  }

  #choose(factor: number): Happening {
    if (this.#dead) return { happening: 'dead', first: false, word: 0 };
    const draw = this.#world.random() * 1000;
    const [first, word] = [this.#world.random() < 0.5, Math.floor(this.#world.random() * words.length)];
    let sum = 0;
    for (const happening of happenings) {
      sum += (this.#trouble[happening] ?? 0) * factor;
      if (draw < sum) return { happening, first, word };
    }
    return { happening: 'nothing', first, word };
  }

  async #begin<T>(
    { happening, first, word }: Happening,
    what: string,
    isWrite: boolean,
    done: () => Promise<T>,
  ): Promise<Begun<T>> {
    const error = new TidegateError(words[word] ?? 'network-unreachable', `${what}: ${happening}`);
    const isDone = first || happening === 'lost' || happening === 'again';
    switch (happening) {
      case 'dead':
        throw new ProcessDied(what);
      case 'death':
        this.#dead = true;
        if (isDone) await done().catch(() => undefined);
        throw new ProcessDied(what);
      case 'refused':
        throw error;
      case 'lost':
        await done().catch(() => undefined);
        throw error;
      case 'late':
        if (isWrite) this.#world.later(done);
        throw error;
      case 'never':
        if (isDone) await done().catch(() => undefined);
        else if (isWrite) this.#world.later(done);
        return { turns: silence, error };
      case 'again':
        await done().catch(() => undefined);
        return { turns: 1 + word * 3, error: undefined };
      case 'twice':
        if (isWrite && !what.startsWith('remove ')) this.#world.later(done);
        return { result: await done() };
      case 'nothing':
        return { result: await done() };
    }
  }
}

type Begun<T> = { readonly result: T } | { readonly turns: number; readonly error: Error | undefined };

const happenings = ['death', 'refused', 'lost', 'late', 'twice', 'again', 'never'] as const;

interface Happening {
  readonly happening: (typeof happenings)[number] | 'nothing' | 'dead';
  readonly first: boolean;
  readonly word: number;
}
