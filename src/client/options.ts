/** What a client is made from, and the values of what is left out. */
import { TidegateError } from '../errors.ts';
import { type FileSystem, nodeFileSystem } from '../storage/file-system.ts';
import type { HttpOptions } from '../storage/http.ts';
import type { ReadableStore } from '../storage/store.ts';
import { defaultLimits, type Limits } from '../trust/limits.ts';
import type { TrustPolicy } from '../trust/policy.ts';

/** `http(s)://…`, `file://…`, the path of a folder, or a store. */
export type Location = string | ReadableStore;

/** `auto` is `on` unless a role lists more than 2,000 entries, which the second verifier reads in quadratic time. */
export type SecondVerifierMode = 'on' | 'auto' | 'off';

export interface ClientOptions {
  /**
   * The trust anchor: the bytes of a root that came with the host, not from the network and not from the state
   * directory. Every refresh starts from it.
   */
  readonly trustedRoot: Uint8Array;
  /** Where metadata lies; of several, mirrors in the order in which they are asked. */
  readonly metadata: Location | readonly Location[];
  /** Where targets lie; mirrors likewise. */
  readonly targets: Location | readonly Location[];
  /** A folder of this client's own, one for each repository; made when missing. */
  readonly stateDirectory: string;
  readonly limits?: Partial<Limits>;
  /** Milliseconds since the epoch. */
  readonly clock?: () => number;
  /** Default `auto`. */
  readonly secondVerifier?: SecondVerifierMode;
  /** Refuse repositories whose files are overwritten in place. Default true. */
  readonly requireConsistentSnapshot?: boolean;
  /** Default true. */
  readonly allowDelegations?: boolean;
  /** A time that has certainly passed, such as that of the host's build; in milliseconds since the epoch. */
  readonly earliestTime?: number;
  /**
   * How far the clock may read before a time known to have passed, in milliseconds; within it the known time
   * counts, beyond it work is refused (clock-behind). Default five minutes. `Infinity` trusts the clock alone.
   */
  readonly clockTolerance?: number;
  /** Milliseconds to wait for another process on the same state, then code locked. Default 30,000. */
  readonly lockWait?: number;
  /** For locations given as `http(s)://…`: headers, stall limit, minimum rate, agent. */
  readonly http?: HttpOptions;
  readonly fileSystem?: FileSystem;
}

export interface Settings
  extends Required<Omit<ClientOptions, 'metadata' | 'targets' | 'limits' | 'fileSystem'>> {
  readonly metadata: readonly Location[];
  readonly targets: readonly Location[];
  readonly limits: Limits;
  readonly fileSystem: FileSystem;
}

/** @throws usage when no location is given */
export function settle(options: ClientOptions): Settings {
  const settings: Settings = {
    clock: Date.now,
    secondVerifier: 'auto',
    requireConsistentSnapshot: true,
    allowDelegations: true,
    earliestTime: 0,
    clockTolerance: 5 * 60_000,
    lockWait: 30_000,
    http: {},
    fileSystem: nodeFileSystem,
    ...options,
    metadata: listOf(options.metadata),
    targets: listOf(options.targets),
    limits: { ...defaultLimits, ...options.limits },
  };
  for (const name of ['metadata', 'targets'] as const) {
    if (settings[name].length > 0) continue;
    throw new TidegateError('usage', `${name}: found no location, expected at least one`, { option: name });
  }
  return settings;
}

/** The rules of one refresh, whose time is fixed at its start. */
export function policyOf(settings: Settings, now: number): TrustPolicy {
  const { limits, requireConsistentSnapshot, allowDelegations } = settings;
  return { now, limits, requireConsistentSnapshot, allowDelegations, requireHashedKeyIds: false };
}

function listOf(locations: Location | readonly Location[]): readonly Location[] {
  return isList(locations) ? locations : [locations];
}

function isList(locations: Location | readonly Location[]): locations is readonly Location[] {
  return Array.isArray(locations);
}
