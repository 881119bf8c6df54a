/** What a simulation assumes: the fleet, how it polls, what is published when, and what goes wrong. */
import { TidegateError } from '../../errors.ts';
import type { Host } from '../choose.ts';
import type { Manifest } from '../release.ts';

/** Hosts that are alike but for their seed. */
export interface HostGroup {
  /** Of the fleet; the shares of all groups add up to 1. */
  readonly share: number;
  readonly host: Omit<Host, 'seed'>;
}

/** A manifest, and when it is published: a rollout has one, a pause or a withdrawal in the middle brings another. */
export interface Publication {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly manifest: Manifest;
}

export interface Polling {
  /** Milliseconds from one poll to the next. */
  readonly interval: number;
  /** Each poll is moved by up to this share of the interval, half of it to either side: 0 … 1. */
  readonly jitter: number;
  /**
   * `spread`: hosts stand anywhere in the interval, evenly. `synchronised`: all at its start, as with cron, but for
   * the error of their clocks.
   */
  readonly phase:
    | { readonly kind: 'spread' }
    | {
        readonly kind: 'synchronised';
        /** The standard deviation of clocks, in milliseconds. */ readonly clockError: number;
      };
}

/** Requests, and bytes with their headers. */
export interface Transfer {
  readonly requests: number;
  readonly bytes: number;
}

/** Caches between hosts and origin: a content delivery network, or a server of one's own. */
export interface Caches {
  /** That share nothing: one with an origin shield, about a dozen regional ones without. 1 … 1000. */
  readonly count: number;
  /** Milliseconds that each keeps the answer that something is not there, such as the next root. */
  readonly absentTime: number;
}

export interface Span {
  /** Milliseconds since the epoch; `until` is not part of it. */
  readonly from: number;
  readonly until: number;
}

export interface FleetModel {
  /** 1 … 2^31. */
  readonly hosts: number;
  /** Another number, another run of the same fleet. */
  readonly randomSeed: number;
  readonly start: number;
  /** Milliseconds. */
  readonly duration: number;
  readonly groups: readonly HostGroup[];
  /** In the order of their times. */
  readonly publications: readonly Publication[];
  readonly polling: Polling;
  /** Milliseconds that a cache may keep the timestamp: hosts learn of a publication up to so much later. */
  readonly cacheTime: number;
  readonly caches: Caches;
  /** A poll that finds nothing new asks twice: bytes of the timestamp, and of the answer that there is no newer root. */
  readonly refresh: { readonly timestamp: number; readonly absent: number };
  /** What comes on top when something was published. */
  readonly change: Transfer;
  readonly download: {
    /** Bytes of the images of one update. */
    readonly bytes: number;
    /** Images of one update. */
    readonly requests: number;
    /** Bits per second of one host. */
    readonly bandwidth: number;
    /** Milliseconds within which a host starts, drawn evenly. */
    readonly startWithin: number;
    /** The share of downloads that break, somewhere in the middle: 0 … below 1. */
    readonly failureRate: number;
  };
  readonly boot: {
    /** Milliseconds from the last byte to the confirmed new system. */
    readonly duration: number;
    /** The share of new systems that do not come up, after which the host reverts: 0 … 1. */
    readonly revertRate: number;
  };
  /** After the n-th failure in a row a host waits up to first * 2^n, at most cap: milliseconds, drawn evenly. */
  readonly retry: { readonly first: number; readonly cap: number };
  /** When the repository does not answer. */
  readonly outages: readonly Span[];
  /** How the timestamp is kept fresh. */
  readonly signing: Signing;
}

export interface Signing {
  /** Milliseconds that a timestamp is valid, and from one signature to the next. */
  readonly validity: number;
  readonly every: number;
  /** When nothing is signed; undefined: always in time. */
  readonly outage?: Span;
}

const maxHosts = 2 ** 31;
const maxCaches = 1000;
/** A run counts requests by the second. */
const maxDuration = 60 * 24 * 3_600_000;

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The assumptions that stand where nobody says another: polls six hours apart, metadata of a usual size. */
export const usualFleet = {
  randomSeed: 1,
  polling: { interval: 6 * hour, jitter: 0.2, phase: { kind: 'spread' } },
  cacheTime: 60_000,
  caches: { count: 13, absentTime: 10_000 },
  refresh: { timestamp: 1143, absent: 800 },
  change: { requests: 3, bytes: 62_898 },
  download: { bytes: 165_000_000, requests: 1, bandwidth: 100e6, startWithin: hour, failureRate: 0.001 },
  boot: { duration: 60_000, revertRate: 0 },
  retry: { first: 1000, cap: 1.5 * hour },
  outages: [],
  signing: { validity: 7 * day, every: 12 * hour },
} as const satisfies Partial<FleetModel>;

/** Bytes of a poll that finds nothing new, and how often it asks. */
export function refreshOf({ refresh }: Pick<FleetModel, 'refresh'>): Transfer {
  return { requests: 2, bytes: refresh.timestamp + refresh.absent };
}

/** @throws usage naming the assumption, what was found and what is possible */
export function checkModel(model: FleetModel): void {
  const { hosts, duration, groups, publications, polling, download, boot, caches, cacheTime, signing } =
    model;
  require(Number.isInteger(hosts) && hosts >= 1 && hosts <= maxHosts, 'hosts', hosts, `1 to ${maxHosts}`);
  require(duration >= minute && duration <= maxDuration, 'duration', inDays(
    duration,
  ), `a minute to ${inDays(maxDuration)}`);
  require(polling.interval >= 1000, 'poll interval', polling.interval / 1000, 'a second or more');
  require(isShare(polling.jitter), 'jitter', polling.jitter, 'a share, 0 to 1');
  require(download.bandwidth > 0, 'bandwidth', download.bandwidth, 'more than 0');
  require(download.bytes >= 0, 'image size', download.bytes, '0 or more');
  require(isShare(download.failureRate) &&
    download.failureRate < 1, 'failure rate', download.failureRate, 'below 1');
  require(isShare(boot.revertRate), 'revert rate', boot.revertRate, 'a share, 0 to 1');
  require(Number.isInteger(caches.count) &&
    caches.count >= 1 &&
    caches.count <= maxCaches, 'caches', caches.count, `1 to ${maxCaches}`);
  for (const cached of [cacheTime, caches.absentTime])
    require(cached >= 0 && cached <= day, 'cache time', inDays(cached), 'up to a day');
  require(signing.every >= minute, 'time between signatures', signing.every / minute, 'a minute or more');
  checkParts(groups, publications);
}

function checkParts(groups: FleetModel['groups'], publications: FleetModel['publications']): void {
  const sum = groups.reduce((total, { share }) => total + share, 0);
  require(Math.abs(sum - 1) < 1e-9, 'shares of the groups', sum, '1 together');
  const ordered = publications.every(
    ({ at }, index) => index === 0 || at > Number(publications[index - 1]?.at),
  );
  require(publications.length > 0 && ordered, 'publications', publications.length, 'one or more, in order');
}

function inDays(milliseconds: number): string {
  return `${Number((milliseconds / day).toPrecision(4))} days`;
}

function isShare(value: number): boolean {
  return value >= 0 && value <= 1;
}

function require(holds: boolean, what: string, found: number | string, expected: string): void {
  if (holds) return;
  throw new TidegateError('usage', `simulation: ${what}: found ${found}, expected ${expected}`, {
    what,
    found,
    expected,
  });
}
