/**
 * What a client is made from, and the values of what is left out. An option that is `undefined` is left out: it must
 * not switch a rule off. What JavaScript passes without a type checker is refused by name.
 */
import { types } from 'node:util';
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

/** @throws usage for an option that is missing or of the wrong type */
export function settle(options: ClientOptions): Settings {
  const given = withoutUndefined(options);
  const settings: Settings = {
    clock: Date.now,
    secondVerifier: 'auto',
    requireConsistentSnapshot: true,
    allowDelegations: true,
    earliestTime: 0,
    clockTolerance: 5 * 60_000,
    lockWait: 30_000,
    fileSystem: nodeFileSystem,
    ...given,
    http: withoutUndefined(given.http ?? {}),
    metadata: listOf(given.metadata),
    targets: listOf(given.targets),
    limits: { ...defaultLimits, ...withoutUndefined(given.limits ?? {}) },
  };
  const { trustedRoot, stateDirectory, secondVerifier } = settings;
  if (!types.isUint8Array(trustedRoot))
    refuse('trustedRoot', trustedRoot, 'the bytes of a root (Uint8Array)');
  if (typeof stateDirectory !== 'string' || stateDirectory === '')
    refuse('stateDirectory', stateDirectory, 'the path of a folder');
  if (!['on', 'auto', 'off'].includes(secondVerifier))
    refuse('secondVerifier', secondVerifier, 'on, auto or off');
  for (const name of ['metadata', 'targets'] as const) checkLocations(name, settings[name]);
  return settings;
}

function checkLocations(name: string, locations: readonly unknown[]): void {
  if (locations.length === 0) refuse(name, undefined, 'at least one location');
  for (const one of locations) {
    const isStore = typeof one === 'object' && one !== null;
    if (!isStore && (typeof one !== 'string' || one === ''))
      refuse(name, one, 'an address, a path or a store');
  }
}

function withoutUndefined<T extends object>(options: T): T {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as T;
}

/** Says the type of what was found, and no more: it may hold anything. */
function refuse(option: string, value: unknown, expected: string): never {
  const found =
    value === undefined ? 'nothing' : value === '' ? 'an empty text' : `a value of type ${typeof value}`;
  throw new TidegateError('usage', `${option}: found ${found}, expected ${expected}`, { option, expected });
}

/** The rules of one refresh, whose time is fixed at its start. */
export function policyOf(settings: Settings, now: number): TrustPolicy {
  const { limits, requireConsistentSnapshot, allowDelegations } = settings;
  return { now, limits, requireConsistentSnapshot, allowDelegations, requireHashedKeyIds: false };
}

function listOf(locations: Location | readonly Location[] | undefined): readonly Location[] {
  if (locations === undefined) return [];
  return isList(locations) ? locations : [locations];
}

function isList(locations: Location | readonly Location[]): locations is readonly Location[] {
  return Array.isArray(locations);
}
