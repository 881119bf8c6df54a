/** What the daemon says, one line for each thing that happens; that nothing was due is not said. Pure. */
import { formatTime } from '../../metadata/time.ts';
import type { Alarm, Failure } from './alarms.ts';

export type DaemonEvent =
  | {
      readonly event: 'started';
      readonly repositories: readonly string[];
      /** Milliseconds between looks. */
      readonly interval: number;
    }
  /** Roles with the versions that they have now. */
  | { readonly event: 'refreshed'; readonly repository: string; readonly roles: readonly string[] }
  /** Roles that are due and whose keys are not here. */
  | { readonly event: 'waiting'; readonly repository: string; readonly roles: readonly string[] }
  | ({ readonly event: 'failed' } & Failure)
  | ({ readonly event: 'alarm' | 'cleared' } & Alarm)
  | { readonly event: 'stopped' };

/** The event for people, without line feeds of its own. */
export function eventLine(event: DaemonEvent, time: number): string {
  return `${formatTime(time)} ${event.event}${said(event)}`;
}

function said(event: DaemonEvent): string {
  switch (event.event) {
    case 'started':
      return `: ${event.repositories.join(', ')}; looks every ${Math.round(event.interval / 1000)} s`;
    case 'refreshed':
      return `: ${event.repository}: ${event.roles.join(', ')}`;
    case 'waiting':
      return `: ${event.repository}: ${event.roles.join(', ')} must be signed, and the keys are not at hand`;
    case 'failed':
      return `: ${named(event.repository)}[${event.error.code}] ${event.error.message}`;
    case 'alarm':
    case 'cleared':
      return `: ${named(event.repository)}[${event.code}] ${event.sentence}`;
    case 'stopped':
      return '';
  }
}

function named(repository: string): string {
  return repository === '' ? '' : `${repository}: `;
}

/** The event as data, on one line of JSON. */
export function eventJson(event: DaemonEvent, time: number): string {
  const at = { time: formatTime(time), event: event.event };
  switch (event.event) {
    case 'started': {
      const { repositories, interval } = event;
      return JSON.stringify({ ...at, repositories, interval_seconds: interval / 1000 });
    }
    case 'failed': {
      const { repository, error } = event;
      return JSON.stringify({ ...at, repository, code: error.code, message: error.message });
    }
    case 'alarm':
    case 'cleared': {
      const { repository, role = null, region, code, sentence } = event;
      return JSON.stringify({
        ...at,
        repository,
        role,
        ...(region !== undefined && { region }),
        code,
        message: sentence,
      });
    }
    default:
      return JSON.stringify({ ...at, ...event });
  }
}
