/** The assumptions of `waves simulate` as options, and the fleet that they describe. */
import { type Command, InvalidArgumentError } from 'commander';
import { listPrices, type PriceList, type Prices } from '../../waves/simulation/cost.ts';
import { type FleetModel, type Span, usualFleet } from '../../waves/simulation/fleet-model.ts';
import { bitRate, byteSize, dollars, share, wholeNumber } from '../number-option.ts';
import { duration, durationForm, readDuration } from '../time-option.ts';
import { groupsOf, type LabelledShare, labelledShare, type Scenario } from './scenario.ts';
import type { SimulatedRelease } from './source.ts';

export interface FleetOptions {
  readonly hosts: number;
  readonly group: readonly LabelledShare[];
  readonly poll: number;
  readonly jitter: number;
  readonly synchronised?: number;
  readonly bandwidth: number;
  readonly imageSize?: number;
  readonly startWithin: number;
  readonly failureRate: number;
  readonly revertRate: number;
  readonly outage: readonly Span[];
  readonly unsigned?: Span;
  readonly timestampLife: number;
  readonly signEvery: number;
  readonly randomSeed: number;
}

export interface CacheOptions {
  readonly caches: number;
  readonly cacheTime: number;
  readonly absentCacheTime: number;
  readonly edgePrice?: number;
  readonly edgeRequestPrice?: number;
  readonly originPrice?: number;
  readonly originRequestPrice?: number;
}

const { polling, signing, caches, download } = usualFleet;

export function addFleetOptions(command: Command): Command {
  return command
    .optionsGroup('Fleet:')
    .option('--hosts <number>', 'how many', wholeNumber, 10_000)
    .option('--group <label=share>', 'hosts with this label; may be repeated', labelledShare, [])
    .option('--poll <duration>', 'from one poll of a host to the next', duration, polling.interval)
    .option('--jitter <share>', 'how far a poll moves, as a share of that', share, polling.jitter)
    .option(
      '--synchronised <duration>',
      'hosts poll at one moment, with clocks that are off by this',
      duration,
    )
    .option('--bandwidth <rate>', 'of one host', bitRate, download.bandwidth)
    .option('--image-size <size>', 'of one update (default: that of the release, else 165MB)', byteSize)
    .option(
      '--start-within <duration>',
      'hosts wait up to so long before they download',
      duration,
      download.startWithin,
    )
    .option('--random-seed <number>', 'another number, another run', wholeNumber, usualFleet.randomSeed)
    .optionsGroup('What goes wrong:')
    .option('--failure-rate <share>', 'of downloads that break', share, download.failureRate)
    .option('--revert-rate <share>', 'of new systems that do not come up', share, usualFleet.boot.revertRate)
    .option('--outage <from..until>', 'nobody answers, such as 1d..1.5d; may be repeated', span, [])
    .option('--unsigned <from..until>', 'nothing is signed, such as 1d..8d', (text) => span(text, [])[0])
    .option('--timestamp-life <duration>', 'how long a timestamp is valid', duration, signing.validity)
    .option('--sign-every <duration>', 'how often it is signed anew', duration, signing.every);
}

export function addCacheOptions(command: Command): Command {
  const list = (prices: PriceList): string => prices.transfer.map(([, price]) => price).join(', ');
  return command
    .optionsGroup('Caches and prices (US dollars):')
    .option('--caches <number>', 'that share nothing; 1 with an origin shield', wholeNumber, caches.count)
    .option('--cache-time <duration>', 'how long they keep the timestamp', duration, usualFleet.cacheTime)
    .option('--absent-cache-time <duration>', 'and that something is not there', duration, caches.absentTime)
    .option('--edge-price <price>', `of a GiB from the caches (default: ${list(listPrices.edge)})`, dollars)
    .option(
      '--edge-request-price <price>',
      `of 10,000 requests (default: ${listPrices.edge.requests})`,
      dollars,
    )
    .option(
      '--origin-price <price>',
      `of a GiB from the origin (default: ${list(listPrices.origin)})`,
      dollars,
    )
    .option(
      '--origin-request-price <price>',
      `of 10,000 requests (default: ${listPrices.origin.requests})`,
      dollars,
    );
}

/** "1d..1.5d" after the start; the start is added later. */
function span(text: string, before: readonly Span[]): readonly Span[] {
  const [from, until, ...rest] = text.split('..').map(readDuration);
  if (from === undefined || until === undefined || rest.length > 0 || until <= from)
    throw new InvalidArgumentError(`expected FROM..UNTIL after the start, each ${durationForm}`);
  return [...before, { from, until }];
}

/** @param length of the run, in milliseconds */
export function modelOf(
  { release, publication, imageLength }: SimulatedRelease,
  options: FleetOptions & CacheOptions,
  { scenario, length }: { readonly scenario: Scenario; readonly length: number },
): FleetModel {
  const { variant, arch } = release;
  const start = publication.at;
  const moved = ({ from, until }: Span): Span => ({ from: start + from, until: start + until });
  return {
    ...usualFleet,
    hosts: options.hosts,
    randomSeed: options.randomSeed,
    start,
    duration: length,
    groups: groupsOf(options.group, { variant, arch, version: '0.0.0' }),
    publications: scenario.publications,
    polling: {
      interval: options.poll,
      jitter: options.jitter,
      phase:
        options.synchronised === undefined
          ? { kind: 'spread' }
          : { kind: 'synchronised', clockError: options.synchronised },
    },
    cacheTime: options.cacheTime,
    caches: { count: options.caches, absentTime: options.absentCacheTime },
    download: {
      bytes: options.imageSize ?? imageLength ?? download.bytes,
      requests: Object.keys(release.images).length,
      bandwidth: options.bandwidth,
      startWithin: options.startWithin,
      failureRate: options.failureRate,
    },
    boot: { ...usualFleet.boot, revertRate: options.revertRate },
    retry: { ...usualFleet.retry, cap: options.poll / 4 },
    outages: options.outage.map(moved),
    signing: {
      validity: options.timestampLife,
      every: options.signEvery,
      ...(options.unsigned !== undefined && { outage: moved(options.unsigned) }),
    },
  };
}

/** The list prices, but for those that are given. */
export function pricesOf(options: CacheOptions): { readonly prices: Prices; readonly listed: boolean } {
  const { edgePrice, edgeRequestPrice, originPrice, originRequestPrice } = options;
  const given = (list: PriceList, price: number | undefined, requests: number | undefined): PriceList => ({
    requests: requests ?? list.requests,
    transfer: price === undefined ? list.transfer : [[Number.POSITIVE_INFINITY, price]],
  });
  const all = [edgePrice, edgeRequestPrice, originPrice, originRequestPrice];
  return {
    prices: {
      edge: given(listPrices.edge, edgePrice, edgeRequestPrice),
      origin: given(listPrices.origin, originPrice, originRequestPrice),
    },
    listed: all.every((price) => price === undefined),
  };
}
