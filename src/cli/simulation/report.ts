/** What a forecast says in words and tables, for the terminal and for the page. */
import { formatTime } from '../../metadata/time.ts';
import { countOf, formatBytes, formatDuration } from '../../terminal.ts';
import { priceDate } from '../../waves/simulation/cost.ts';
import type { FleetModel } from '../../waves/simulation/fleet-model.ts';
import type { Forecast, Milestone } from '../../waves/simulation/forecast.ts';
import { formatBits, formatDollars, formatRate, formatShare } from './series.ts';

/** The first row is the head. */
export type Table = readonly (readonly string[])[];

export interface Report {
  readonly title: string;
  /** What matters, a sentence each. */
  readonly headline: readonly string[];
  readonly milestones: Table;
  readonly load: Table;
  /** Label and value: what was assumed, and what else came out. */
  readonly facts: readonly (readonly [string, string])[];
}

export interface ReportSource {
  /** "policy default", "demo x86_64 1.2.0, as published" */
  readonly title: string;
  readonly spread: string;
  /** "paused after 2 d" */
  readonly events: readonly string[];
  readonly listPrices: boolean;
}

export function reportOf(model: FleetModel, forecast: Forecast, source: ReportSource): Report {
  return {
    title: `Rollout of ${source.title}, ${countOf(model.hosts, 'host').replace(/^\d+/, model.hosts.toLocaleString('en'))}`,
    headline: headlineOf(model, forecast, source),
    milestones: milestonesOf(model, forecast),
    load: loadTable(model, forecast),
    facts: factsOf(model, forecast, source),
  };
}

function headlineOf(model: FleetModel, forecast: Forecast, source: ReportSource): readonly string[] {
  const { reached, updated, reverted, hosts, origin, cost } = forecast;
  const after = (share: number): string | undefined => {
    const time = reached.find((one) => one.share === share)?.time;
    return time === undefined ? undefined : formatDuration(time - model.start);
  };
  const [half, most, all] = [after(0.5), after(0.99), after(1)];
  const parts = [
    ...(half === undefined ? [] : [`half of the fleet after ${half}`]),
    ...(most === undefined ? [] : [`99 % after ${most}`]),
    all === undefined
      ? `${formatShare(updated)} at the end, after ${formatDuration(model.duration)}`
      : `all of it after ${all}, at ${endOf(reached)}`,
    ...(reverted === 0 ? [] : [`${formatShare(reverted)} fell back`]),
  ];
  const caches = countOf(model.caches.count, 'cache');
  return [
    `Updated: ${parts.join(', ')}.`,
    `Hosts ask ${timesOf(hosts.peakRequestsPerSecond)} in the busiest second and take ` +
      `${formatBits(hosts.peakBitsPerSecond)} in the busiest minute; behind ${caches} the origin is asked ` +
      `${timesOf(origin.peakRequestsPerSecond)} in its busiest second, ${formatRate(origin.requestsPerSecond)} in the mean.`,
    `A month with this in it costs about ${formatDollars(cost.found.cached)} with these caches, ` +
      `${formatDollars(cost.found.bare)} without (${pricesOf(source)}).`,
  ];
}

function timesOf(count: number): string {
  return count === 1 ? 'once' : `${count.toLocaleString('en')} times`;
}

/** When the last host has it: the first question of all. */
function endOf(reached: Forecast['reached']): string {
  return formatTime(reached.find(({ share }) => share === 1)?.time ?? Number.NaN);
}

function pricesOf({ listPrices }: ReportSource): string {
  return listPrices ? `list prices of ${priceDate}` : `given prices, else list prices of ${priceDate}`;
}

function milestonesOf({ start }: FleetModel, { reached }: Forecast): Table {
  const after = (time: number | undefined): string =>
    time === undefined ? '–' : formatDuration(time - start);
  const row = ({ share, time, expected }: Milestone): readonly string[] => [
    formatShare(share),
    time === undefined ? 'not in this time' : formatTime(time),
    after(time),
    after(expected),
  ];
  return [['updated', 'at', 'after', 'by formula'], ...reached.map(row)];
}

function loadTable({ duration }: FleetModel, { hosts, origin, formula, cost }: Forecast): Table {
  const seconds = duration / 1000;
  const or = (value: number | undefined, format: (value: number) => string): string =>
    value === undefined ? '–' : format(value);
  const whole = (value: number): string => Math.round(value).toLocaleString('en');
  return [
    ['', 'hosts ask', 'by formula', 'at the origin', 'by formula'],
    [
      'requests per second',
      formatRate(hosts.requestsPerSecond),
      or(formula.requestsPerSecond, formatRate),
      formatRate(origin.requestsPerSecond),
      or(formula.originRequestsPerSecond, formatRate),
    ],
    [
      'in the busiest second',
      whole(hosts.peakRequestsPerSecond),
      or(formula.peakRequestsPerSecond, whole),
      whole(origin.peakRequestsPerSecond),
      '–',
    ],
    [
      'egress',
      formatBits(hosts.bitsPerSecond),
      or(formula.bitsPerSecond, formatBits),
      formatBits(origin.bitsPerSecond),
      or(formula.originBytes, (bytes) => formatBits((bytes * 8) / seconds)),
    ],
    [
      'in the busiest minute',
      formatBits(hosts.peakBitsPerSecond),
      or(formula.peakBitsPerSecond, formatBits),
      formatBits(origin.peakBitsPerSecond),
      '–',
    ],
    [
      'in all',
      formatBytes(hosts.bytes),
      or(formula.bytes, formatBytes),
      formatBytes(origin.bytes),
      or(formula.originBytes, formatBytes),
    ],
    [
      'a month with caches',
      formatDollars(cost.found.cached - cost.found.origin),
      formatDollars(cost.expected.cached - cost.expected.origin),
      formatDollars(cost.found.origin),
      formatDollars(cost.expected.origin),
    ],
    ['a month without caches', formatDollars(cost.found.bare), formatDollars(cost.expected.bare), '–', '–'],
  ];
}

function factsOf(model: FleetModel, forecast: Forecast, source: ReportSource): Report['facts'] {
  const { polling, download, caches, cacheTime, boot } = model;
  const { formula, deviation, expired, unanswered, reverted } = forecast;
  const rate = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return [
    ...(source.events.length === 0 ? [] : [['scenario', source.events.join(', ')] as const]),
    ['polls', `every ${formatDuration(polling.interval)}, ${formatRate(formula.polls)} in the mean`],
    ['spread', source.spread],
    ['one update', `${formatBytes(download.bytes)} at ${formatBits(download.bandwidth)}`],
    [
      'what fails',
      `${rate(download.failureRate)} of downloads break, ${rate(boot.revertRate)} of new systems do not come up`,
    ],
    ['reverted', formatShare(reverted)],
    [
      'caches',
      `${caches.count}, for ${formatDuration(cacheTime)}; what is not there for ${formatDuration(caches.absentTime)}; polls: ≤ ${formatRate(formula.originLimit)}`,
    ],
    ['prices', pricesOf(source)],
    ...(unanswered === 0
      ? []
      : [
          [
            'outage',
            `${countOf(unanswered, 'try', 'tries')} without answer; by formula ` +
              `${formatRate(formula.triesPerSecond ?? 0)} in a long one`,
          ] as const,
        ]),
    ...(model.signing.outage === undefined
      ? []
      : [['expired', `met by ${countOf(expired, 'refresh', 'refreshes')}`] as const]),
    [
      'without signing',
      `the first timestamp may expire on a host after ${formatDuration(forecast.signingSlack)}`,
    ],
    [
      'by formula',
      deviation === undefined
        ? 'none holds for the share updated'
        : `the share updated is within ${(deviation * 100).toFixed(2)} % of the fleet`,
    ],
    ['busiest', 'by formula: what 99.9 % of seconds and minutes stay below'],
  ];
}
