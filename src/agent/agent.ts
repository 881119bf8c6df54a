/**
 * The agent of one host: takes the lock, looks, asks the machine, does one thing, writes down how it ended. It decides
 * nothing by itself: what may be done is in machine.ts, what to take is in waves/choose.ts, in which order things are
 * written is in install.ts and session.ts. It never loops and never reboots; who calls it does.
 */
import { TidegateError } from '../errors.ts';
import { makeFolder } from '../storage/durable-file.ts';
import { type FileSystem, nodeFileSystem } from '../storage/file-system.ts';
import { sweepTemporaries } from '../storage/staged-file.ts';
import type { Choice, Host } from '../waves/choose.ts';
import type { Release } from '../waves/release.ts';
import type { ImageSource } from './image-source.ts';
import { type InstallProgress, installRelease } from './install.ts';
import { type EventType, permit, stateOf } from './machine.ts';
import type { CheckRecord, ChosenRelease, CommandRecord, CommandType } from './memory.ts';
import { Session } from './session.ts';
import type { Slots } from './slots.ts';
import { type AgentStatus, statusOf } from './status.ts';

/** What a host knows about itself, besides what its running slot says. */
export type HostFacts = Omit<Host, 'version' | 'failedVersions'>;

export interface AgentOptions {
  /** A `RepositoryClient`, or the part of it in `ImageSource`. */
  readonly client: ImageSource;
  readonly slots: Slots;
  readonly host: HostFacts;
  /** The agent's own folder; made when missing, its parent must exist. */
  readonly stateDirectory: string;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
  readonly fileSystem?: FileSystem;
}

export interface CommandOptions {
  readonly signal?: AbortSignal;
}

export interface CheckOptions extends CommandOptions {
  /** Forget the releases that were given up, and let them be chosen again. */
  readonly retryFailed?: boolean;
}

export interface PrepareOptions extends CommandOptions {
  readonly progress?: (progress: InstallProgress) => void;
}

/** All methods: codes locked, state-not-allowed, slot-invalid, state-damaged, disk-full, disk-error, cancelled. */
export class Agent {
  readonly #client: ImageSource;
  readonly #slots: Slots;
  readonly #host: HostFacts;
  readonly #directory: string;
  readonly #clock: () => number;
  readonly #fs: FileSystem;
  #progress: InstallProgress | undefined;

  constructor({ client, slots, host, stateDirectory, clock = Date.now, fileSystem }: AgentOptions) {
    this.#client = client;
    this.#slots = slots;
    this.#host = host;
    this.#directory = stateDirectory;
    this.#clock = clock;
    this.#fs = fileSystem ?? nodeFileSystem;
  }

  /** Refreshes and chooses. "No update" is a result. Codes also of the client. */
  async check({ signal, retryFailed = false }: CheckOptions = {}): Promise<Choice> {
    return await this.#run('refresh', signal, async (session) => {
      if (retryFailed) session.memory = { ...session.memory, givenUp: [] };
      const options = signal === undefined ? {} : { signal };
      await this.#client.refresh(options);
      const host = this.#hostOf(session);
      const choice = await this.#client.choose(host, options);
      const open = await this.#client.updates(host, options);
      await session.offer(checkRecord(session, choice, open));
      return choice;
    });
  }

  /** Installs exactly the chosen release into the inactive slot. Codes also of the client and of `installRelease`. */
  async prepare({ signal, progress }: PrepareOptions = {}): Promise<AgentStatus> {
    return await this.#run('prepare', signal, async (session) => {
      const options = signal === undefined ? {} : { signal };
      await this.#client.refresh(options);
      const open = await this.#client.updates(this.#hostOf(session), options);
      const release = requireChosen(session, open);
      const situation = await installRelease(this.#client, this.#slots, release, session.situation, {
        signal,
        progress: (report) => {
          this.#progress = report;
          progress?.(report);
        },
      });
      session.holds(situation, release);
      return this.#statusOf(session);
    });
  }

  /** Orders the boot of the prepared slot; it has one try. */
  async activate({ signal }: CommandOptions = {}): Promise<AgentStatus> {
    return await this.#simple('activate', signal);
  }

  /** Takes an ordered change of slot back, before the reboot. */
  async deactivate({ signal }: CommandOptions = {}): Promise<AgentStatus> {
    return await this.#simple('deactivate', signal);
  }

  /** Says that the running system works: it will boot again. To be called on every boot once that is known. */
  async confirm({ signal }: CommandOptions = {}): Promise<AgentStatus> {
    return await this.#simple('confirm', signal);
  }

  /** Orders the boot of the other slot's system, and gives the running release up. */
  async revert({ signal }: CommandOptions = {}): Promise<AgentStatus> {
    return await this.#simple('revert', signal);
  }

  /** Looks without a lock and without writing, also while another process is at work. */
  async status(): Promise<AgentStatus> {
    const session = await this.#open();
    session.preview({ type: 'settle' });
    return this.#statusOf(session);
  }

  async #simple(
    type: 'activate' | 'deactivate' | 'confirm' | 'revert',
    signal: AbortSignal | undefined,
  ): Promise<AgentStatus> {
    return await this.#run(type, signal, async (session) => {
      await session.take({ type });
      return this.#statusOf(session);
    });
  }

  async #run<T>(
    type: CommandType,
    signal: AbortSignal | undefined,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    await makeFolder(this.#fs, this.#directory, 0o700);
    const lock = await this.#slots.lock(signal === undefined ? {} : { signal });
    try {
      await sweepTemporaries(this.#fs, this.#directory);
      const session = await this.#open();
      await session.take({ type: 'settle' });
      permit(session.situation, type satisfies EventType);
      await session.remember({ ...session.memory, command: this.#record(type, { status: 'Unknown' }) });
      return await this.#recorded(type, session, work);
    } finally {
      this.#progress = undefined;
      await lock.release();
    }
  }

  async #recorded<T>(
    type: CommandType,
    session: Session,
    work: (session: Session) => Promise<T>,
  ): Promise<T> {
    let result: T;
    try {
      result = await work(session);
    } catch (error) {
      // The first error is the one to tell, also when the disk takes no note of it.
      await this.#rememberFailure(type, session, error).catch(() => undefined);
      throw error;
    }
    const command = this.#record(type, { status: 'Success', exitStatus: 0 });
    await session.remember({ ...session.memory, command });
    return result;
  }

  async #rememberFailure(type: CommandType, session: Session, error: unknown): Promise<void> {
    const known = error instanceof TidegateError ? error : new TidegateError('internal', String(error));
    const { code, message, exitStatus } = known;
    if (type === 'refresh') await session.take({ type: 'refresh', offer: 'failed' });
    await session.remember({
      ...session.memory,
      command: this.#record(type, { status: 'Failed', exitStatus, message }),
      failure: { command: type, code, message, time: this.#clock() },
    });
  }

  #record(
    type: CommandType,
    outcome: Pick<CommandRecord, 'status' | 'exitStatus' | 'message'>,
  ): CommandRecord {
    return { type, time: this.#clock(), ...outcome };
  }

  async #open(): Promise<Session> {
    const session = await Session.open({
      fs: this.#fs,
      slots: this.#slots,
      directory: this.#directory,
      now: this.#clock(),
    });
    const { variant, arch } = session.situation.running;
    if (variant === this.#host.variant && arch === this.#host.arch) return session;
    const found = `${variant} ${arch}`;
    const expected = `${this.#host.variant} ${this.#host.arch}`;
    const text = `${this.#slots.location}: the running slot holds ${found}, the configuration says ${expected}.`;
    throw new TidegateError('slot-invalid', text, { found, expected });
  }

  #hostOf({ situation, memory }: Session): Host {
    const failedVersions = memory.givenUp
      .filter(({ release }) => release.variant === this.#host.variant && release.arch === this.#host.arch)
      .map(({ release }) => release.version);
    return { ...this.#host, version: situation.running.version, failedVersions };
  }

  #statusOf({ situation, memory }: Session): AgentStatus {
    return statusOf(situation, memory, this.#progress);
  }
}

function checkRecord(session: Session, choice: Choice, open: readonly Release[]): CheckRecord {
  const common = {
    running: session.situation.running,
    open: open.filter((one) => !isHeldOtherwise(session, one)).map(({ version }) => version),
    ...(choice.changesAt === undefined ? {} : { changesAt: choice.changesAt }),
  };
  if (choice.kind === 'update') {
    const { variant, arch, version, images } = choice.release;
    return { ...common, chosen: { variant, arch, version, images } };
  }
  const { reason, release } = choice;
  return {
    ...common,
    chosen: undefined,
    reason,
    ...(release === undefined ? {} : { version: release.version }),
  };
}

/** The inactive slot holds that version from other images: it was taken back and came again, as something else. */
function isHeldOtherwise({ held }: Session, { version, images }: Release): boolean {
  if (held?.release.version !== version) return false;
  return Object.entries(held.images).some(
    ([kind, { target }]) => target !== undefined && images[kind] !== target,
  );
}

/** The release that was chosen, as it is offered now. Code state-not-allowed when it is not, or not the same. */
function requireChosen(session: Session, open: readonly Release[]): Release {
  const chosen = session.memory.check?.chosen;
  const found = open.find(({ version }) => version === chosen?.version);
  if (chosen !== undefined && found !== undefined && hasSameImages(chosen, found)) return found;
  const state = stateOf(session.situation);
  const what = found === undefined ? 'is not offered any more' : 'is offered with other images than chosen';
  const text = `Cannot prepare while ${state}: ${chosen?.version} ${what}; check again.`;
  throw new TidegateError('state-not-allowed', text, { state, event: 'prepare' });
}

function hasSameImages(chosen: ChosenRelease, found: Release): boolean {
  const kinds = Object.keys(chosen.images);
  return (
    kinds.length === Object.keys(found.images).length &&
    kinds.every((kind) => chosen.images[kind] === found.images[kind])
  );
}
