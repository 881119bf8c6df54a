/** The state of the daemon as metrics, beside those of the expiration check. Pure. */
import { checkMetrics } from '../expiry/check-metrics.ts';
import type { ExpirationCheck } from '../expiry/expiration-check.ts';
import type { Metric } from '../expiry/exposition.ts';
import type { Alarm } from './alarms.ts';

export interface DaemonCounts {
  /** By repository, since the daemon began. */
  readonly renewals: ReadonlyMap<string, number>;
  readonly failures: ReadonlyMap<string, number>;
}

export interface DaemonState extends DaemonCounts {
  /** When it looked last, milliseconds since the epoch. */
  readonly now: number;
  readonly check: ExpirationCheck;
  readonly alarms: readonly Alarm[];
}

export function daemonMetrics({ now, check, alarms, renewals, failures }: DaemonState): readonly Metric[] {
  const perRepository = (counts: ReadonlyMap<string, number>): Metric['samples'] =>
    Array.from(counts, ([repository, value]) => ({ labels: { repository }, value }));
  return [
    ...checkMetrics(check),
    {
      name: 'tidegate_refresh_look_timestamp_seconds',
      help: 'When the refresh daemon looked last, in Unix time: alarm when it is hours old.',
      type: 'gauge',
      samples: [{ labels: {}, value: Math.floor(now / 1000) }],
    },
    {
      name: 'tidegate_refresh_alarms',
      help: 'Number of alarms that are up.',
      type: 'gauge',
      samples: [{ labels: {}, value: alarms.length }],
    },
    {
      name: 'tidegate_refresh_alarm',
      help: '1 for each alarm that is up.',
      type: 'gauge',
      samples: alarms.map(({ repository, role = '', region = '', code }) => ({
        labels: { repository, role, ...(region !== '' && { region }), code },
        value: 1,
      })),
    },
    {
      name: 'tidegate_refresh_renewals_total',
      help: 'Renewals since the daemon began.',
      type: 'counter',
      samples: perRepository(renewals),
    },
    {
      name: 'tidegate_refresh_failures_total',
      help: 'Failed looks since the daemon began.',
      type: 'counter',
      samples: perRepository(failures),
    },
  ];
}
