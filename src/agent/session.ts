/**
 * One look at a host under the lock: what the slots and the memory say, brought together. Rules:
 * - A check counts only for the system that ran when it was made.
 * - What a boot left behind is settled first: the given-up release is written down before the flags are cleared, so
 *   that a cut in between only finds it again.
 */
import { isTidegateError, TidegateError } from '../errors.ts';
import type { FileSystem } from '../storage/file-system.ts';
import type { ReleaseId } from '../waves/release.ts';
import { otherSlot, type SlotName } from './boot-flags.ts';
import { type AgentEvent, advance, type Fact, type Situation, type Step } from './machine.ts';
import { type AgentMemory, type CheckRecord, type GivenUp, readMemory, writeMemory } from './memory.ts';
import type { SlotContent, Slots } from './slots.ts';

export interface SessionOptions {
  readonly fs: FileSystem;
  readonly slots: Slots;
  /** The folder of the memory. */
  readonly directory: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export class Session {
  situation: Situation;
  memory: AgentMemory;
  /** What the inactive slot held when it was looked at. */
  readonly held: SlotContent | undefined;
  readonly #options: SessionOptions;

  private constructor(
    options: SessionOptions,
    situation: Situation,
    memory: AgentMemory,
    held: SlotContent | undefined,
  ) {
    this.#options = options;
    this.held = held;
    this.situation = situation;
    this.memory = memory;
  }

  /** Codes slot-invalid, state-damaged, disk-error. Writes nothing. */
  static async open(options: SessionOptions): Promise<Session> {
    const { fs, slots, directory, now } = options;
    const flags = await slots.readFlags();
    const running = (await slots.readContent(flags.active))?.release;
    if (running === undefined) throw unknownSystem(slots, flags.active);
    const held = await heldContent(slots, otherSlot(flags.active));
    const memory = await readMemory(fs, directory, now);
    const offer = isSame(memory.check?.running, running) ? memory.check : undefined;
    return new Session(options, { flags, running, held: held?.release, offer }, memory, held);
  }

  /** The step without any writing, for who only looks. */
  preview(event: AgentEvent): void {
    const { situation, facts } = advance(this.situation, event);
    this.situation = situation;
    this.memory = { ...this.memory, givenUp: this.#givenUpAfter(facts) };
  }

  /** One event of the machine with its writing: memory first, then flags. */
  async take(event: AgentEvent): Promise<Step> {
    const step = advance(this.situation, event);
    const { flags, offer } = step.situation;
    const memory = {
      ...this.memory,
      check: offer === undefined ? undefined : this.memory.check,
      givenUp: this.#givenUpAfter(step.facts),
    };
    if (step.facts.some(({ type }) => type !== 'moved')) await this.remember(memory);
    else this.memory = memory;
    if (flags !== this.situation.flags) await this.#options.slots.writeFlags(flags);
    this.situation = step.situation;
    return step;
  }

  async remember(memory: AgentMemory): Promise<void> {
    this.memory = memory;
    await writeMemory(this.#options.fs, this.#options.directory, memory);
  }

  /** The inactive slot holds a release as it is offered now, also where it held that version otherwise before. */
  holds(situation: Situation, { version }: ReleaseId): void {
    this.situation = situation;
    const { check } = this.memory;
    if (check === undefined || check.open.includes(version)) return;
    const offered = { ...check, open: [...check.open, version] };
    this.memory = { ...this.memory, check: offered };
    this.situation = { ...situation, offer: offered };
  }

  /** A check that succeeded. */
  async offer(check: CheckRecord): Promise<void> {
    this.memory = { ...this.memory, check };
    await this.take({ type: 'refresh', offer: check });
  }

  #givenUpAfter(facts: readonly Fact[]): readonly GivenUp[] {
    let all = this.memory.givenUp;
    for (const fact of facts) {
      if (fact.type === 'moved') continue;
      const known = all.some(({ release }) => isSame(release, fact.release));
      if (fact.type === 'kept') all = all.filter(({ release }) => !isSame(release, fact.release));
      else if (!known)
        all = [...all, { release: fact.release, reason: fact.reason, time: this.#options.now }];
    }
    return all;
  }
}

/** Trouble with the inactive slot keeps nobody from confirming the running system; `prepare` meets it again. */
async function heldContent(slots: Slots, slot: SlotName): Promise<SlotContent | undefined> {
  try {
    return await slots.readContent(slot);
  } catch (error) {
    if (isTidegateError(error, 'state-damaged', 'not-a-plain-file')) return undefined;
    throw error;
  }
}

function isSame(one: ReleaseId | undefined, other: ReleaseId): boolean {
  return one?.version === other.version && one.variant === other.variant && one.arch === other.arch;
}

function unknownSystem(slots: Slots, slot: SlotName): TidegateError {
  const text =
    `${slots.location}: the running slot ${slot} does not say which release it holds. ` +
    'Delete boot-flags.json and run `tidegate-agent init` with the version that runs.';
  return new TidegateError('slot-invalid', text, { path: slots.location, slot });
}
