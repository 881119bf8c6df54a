/**
 * Refreshes a workspace's repositories again and again, until it is told to stop.
 *
 * 1. Each look begins anew: the workspace is opened again, so that a new root or another policy counts from then on, and
 *    what is published is read again. So nothing has to be mended by hand after an outage.
 * 2. A failure of one repository touches no other, and none ends the daemon: it says so, looks again soon, and raises
 *    an alarm by the rules of `alarms.ts`. Only a workspace that cannot be opened at the start, or a key, is thrown.
 * 3. Any number of daemons and jobs may run beside each other: the store lets one of them renew, the others find
 *    nothing due.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import {
  checkExpirations,
  type ExpirationCheck,
  placesOfWorkspace,
  readPlaces,
  type WatchedRepository,
} from '../expiry/expiration-check.ts';
import { formatExposition } from '../expiry/exposition.ts';
import { noThresholds } from '../expiry/thresholds.ts';
import type { KeyUnlocker } from '../keys/key-context.ts';
import { type RefreshResult, refreshRepositories } from '../refresh.ts';
import { repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { hasPrivateKey, openKeyRing } from '../workspace/workspace-keys.ts';
import { type Alarm, alarmChanges, alarmsOf, type Failure } from './alarms.ts';
import type { DaemonEvent } from './daemon-event.ts';
import { daemonMetrics } from './daemon-metrics.ts';
import { lookInterval, pauseBefore } from './look-schedule.ts';
import { type Lag, lagsAfter } from './region-lag.ts';

export interface DaemonOptions {
  readonly unlock: KeyUnlocker;
  /** As in `RefreshOptions`. */
  readonly timestampDueAfter?: number;
  /** Ends it: what is begun is finished or can be taken up again. */
  readonly signal: AbortSignal;
}

/** The world, so that a test can be one. */
export interface DaemonSurroundings {
  readonly open: () => Promise<Workspace>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Waits; code cancelled when the signal comes first. */
  readonly pause: (milliseconds: number, what: string, signal: AbortSignal) => Promise<void>;
  readonly report: (event: DaemonEvent, time: number) => void;
  /** Takes the metrics after each look, in Prometheus' text format. */
  readonly keepMetrics?: (text: string) => Promise<void>;
}

/** @throws what opening the workspace and the keys of the timestamp throws, at the start alone */
export async function runRefreshDaemon(
  options: DaemonOptions,
  surroundings: DaemonSurroundings,
): Promise<void> {
  const workspace = await surroundings.open();
  await tryKeys(workspace, options);
  await new RefreshDaemon(options, surroundings, workspace).run();
}

/** A wrong passphrase is found out while somebody looks on, and is asked for then, not at the first renewal. */
async function tryKeys(workspace: Workspace, { unlock, signal }: DaemonOptions): Promise<void> {
  const ring = openKeyRing(workspace, unlock, signal);
  const { keys } = workspace.settings.roles.timestamp;
  for (const key of workspace.keys.values()) {
    if (keys.includes(key.name) && (await hasPrivateKey(workspace, key.name))) await ring.open(key);
  }
}

class RefreshDaemon {
  readonly #options: DaemonOptions;
  readonly #world: DaemonSurroundings;
  /** As it was opened last. */
  #workspace: Workspace;
  #alarms: ReadonlyMap<string, Alarm> = new Map();
  /** What was seen of each repository last. */
  #seen: ReadonlyMap<string, WatchedRepository> = new Map();
  /** Roles that wait for keys, by repository, as they were said last. */
  #waiting = new Map<string, string>();
  #strangeRoots = new Map<string, string>();
  #lags: readonly Lag[] = [];
  #failedLooks = 0;
  readonly #renewals = new Map<string, number>();
  readonly #failures = new Map<string, number>();

  constructor(options: DaemonOptions, surroundings: DaemonSurroundings, workspace: Workspace) {
    this.#options = options;
    this.#world = surroundings;
    this.#workspace = workspace;
  }

  async run(): Promise<void> {
    const { signal } = this.#options;
    const repositories = repositoriesOf(this.#workspace.settings).map(({ name }) => name);
    this.#say({ event: 'started', repositories, interval: lookInterval(this.#workspace.expiration) });
    try {
      for (;;) {
        await this.#look();
        const interval = lookInterval(this.#workspace.expiration);
        const wait = pauseBefore(interval, this.#failedLooks, this.#world.random());
        await this.#world.pause(wait, 'waiting for the next look', signal);
      }
    } catch (error) {
      if (!isTidegateError(error, 'cancelled') || !signal.aborted) throw error;
    }
    this.#say({ event: 'stopped' });
  }

  async #look(): Promise<void> {
    const failures: Failure[] = [];
    const seen = await this.#attempt('', failures, async () => {
      this.#workspace = await this.#world.open();
      await this.#refresh(failures);
      return await readPlaces(await placesOfWorkspace(this.#workspace, this.#options.signal));
    });
    if (seen !== undefined) this.#remember(seen);
    this.#failedLooks = failures.length === 0 ? 0 : this.#failedLooks + 1;
    const validity = this.#workspace.expiration;
    const at = this.#world.now();
    const check = checkExpirations([...this.#seen.values()], { at, validity, ...noThresholds });
    const found = alarmsOf({
      ...{ check, failures, validity },
      ...{ strangeRoots: this.#strangeRoots, lags: this.#lags },
    });
    // Of what could not be looked at nobody knows that it has passed.
    const alarms = seen === undefined ? new Map([...this.#alarms, ...found]) : found;
    const { raised, cleared } = alarmChanges(this.#alarms, alarms);
    for (const alarm of raised) this.#say({ event: 'alarm', ...alarm });
    for (const alarm of cleared) this.#say({ event: 'cleared', ...alarm });
    this.#alarms = alarms;
    await this.#keepMetrics(check);
  }

  /** A repository that cannot be read goes on to expire: what was seen of it last still counts. */
  #remember(seen: readonly WatchedRepository[]): void {
    const before = this.#seen;
    this.#seen = new Map(
      seen.map((found) => {
        const known = found.fault === undefined ? undefined : before.get(found.repository);
        return [found.repository, known === undefined ? found : { ...found, roles: known.roles }];
      }),
    );
  }

  async #refresh(failures: Failure[]): Promise<void> {
    const { unlock, signal, timestampDueAfter } = this.#options;
    const results = await refreshRepositories(this.#workspace, {
      now: this.#world.now(),
      clock: this.#world.now,
      unlock,
      signal,
      ...(timestampDueAfter !== undefined && { timestampDueAfter }),
      onFailure: (repository, error) => this.#fail(failures, { repository, error }),
    });
    for (const result of results) this.#tell(result);
    const states = results.flatMap(({ regions = [] }) => regions);
    this.#lags = await lagsAfter(this.#lags, states, {
      store: this.#workspace.store,
      now: this.#world.now(),
    });
  }

  #tell({ repository, outcome, roles, versions, waiting, strangeRoot }: RefreshResult): void {
    if (strangeRoot === undefined) this.#strangeRoots.delete(repository);
    else this.#strangeRoots.set(repository, strangeRoot);
    if (outcome === 'refreshed') {
      const signed = roles.map((role) => `${role} ${versions?.[role]}`);
      this.#renewals.set(repository, (this.#renewals.get(repository) ?? 0) + 1);
      this.#say({ event: 'refreshed', repository, roles: signed });
    }
    const names = waiting.join(', ');
    if (names !== (this.#waiting.get(repository) ?? '') && names !== '')
      this.#say({ event: 'waiting', repository, roles: waiting });
    this.#waiting.set(repository, names);
  }

  async #keepMetrics(check: ExpirationCheck): Promise<void> {
    const { keepMetrics, now } = this.#world;
    if (keepMetrics === undefined) return;
    const state = { now: now(), check, alarms: [...this.#alarms.values()] };
    const counts = { renewals: this.#renewals, failures: this.#failures };
    // A monitor that gets no new numbers notices by the time in the old ones.
    await this.#attempt('', [], () => keepMetrics(formatExposition(daemonMetrics({ ...state, ...counts }))));
  }

  /** Runs a part of a look; whatever it throws, a defect too, is reported and does not end the daemon. */
  async #attempt<T>(repository: string, failures: Failure[], part: () => Promise<T>): Promise<T | undefined> {
    try {
      return await part();
    } catch (cause) {
      if (isTidegateError(cause, 'cancelled') && this.#options.signal.aborted) throw cause;
      const error = isTidegateError(cause)
        ? cause
        : new TidegateError('internal', String(cause), {}, { cause });
      this.#fail(failures, { repository, error });
      return undefined;
    }
  }

  #fail(failures: Failure[], failure: Failure): void {
    failures.push(failure);
    const { repository } = failure;
    this.#failures.set(repository, (this.#failures.get(repository) ?? 0) + 1);
    this.#say({ event: 'failed', ...failure });
  }

  #say(event: DaemonEvent): void {
    this.#world.report(event, this.#world.now());
  }
}
