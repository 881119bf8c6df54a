/** A refresh daemon in a world of its own: its clock moves only while it waits, so that weeks pass in a moment. */
import type { DaemonEvent } from '../../src/signer/daemon/daemon-event.ts';
import { runRefreshDaemon } from '../../src/signer/daemon/refresh-daemon.ts';
import type { Workspace } from '../../src/signer/workspace/workspace.ts';
import { checkCancelled } from '../../src/storage/cancel.ts';
import { unlock } from './workspace.ts';

export interface DaemonRun {
  /** Events with the milliseconds since the daemon began. */
  readonly events: readonly (DaemonEvent & { readonly at: number })[];
  /** In the order of its looks. */
  readonly pauses: readonly number[];
  readonly metrics: readonly string[];
}

export interface DaemonScene {
  readonly open: () => Promise<Workspace>;
  /** When it begins, milliseconds since the epoch. */
  readonly from: number;
  /** How long it runs, in milliseconds. */
  readonly during: number;
  readonly random?: () => number;
  /** What happens meanwhile: told the milliseconds since the start before each look but the first. */
  readonly meanwhile?: (elapsed: number) => unknown;
  /** Milliseconds by which the clock is wrong. */
  readonly clockError?: (elapsed: number) => number;
  readonly timestampDueAfter?: number;
  readonly keepMetrics?: (text: string) => Promise<void>;
}

export async function runDaemon(scene: DaemonScene): Promise<DaemonRun> {
  const {
    open,
    from,
    during,
    random = () => 0.5,
    meanwhile,
    clockError = () => 0,
    timestampDueAfter,
  } = scene;
  const abort = new AbortController();
  const events: (DaemonEvent & { readonly at: number })[] = [];
  const [pauses, metrics]: [number[], string[]] = [[], []];
  let elapsed = 0;
  await runRefreshDaemon(
    { unlock, signal: abort.signal, ...(timestampDueAfter !== undefined && { timestampDueAfter }) },
    {
      open,
      now: () => from + elapsed + clockError(elapsed),
      random,
      report: (event) => events.push({ ...event, at: elapsed }),
      keepMetrics: async (text) => {
        metrics.push(text);
        await scene.keepMetrics?.(text);
      },
      pause: async (milliseconds, what, signal) => {
        pauses.push(milliseconds);
        elapsed += milliseconds;
        await meanwhile?.(elapsed);
        if (elapsed >= during) abort.abort();
        checkCancelled(what, signal);
      },
    },
  );
  return { events, pauses, metrics };
}

/** "refreshed", or "alarm rollback": what happened, in a word or two. */
export function words({ events }: DaemonRun): readonly string[] {
  return events.map((event) => {
    if (event.event === 'alarm' || event.event === 'cleared') return `${event.event} ${event.code}`;
    return event.event === 'failed' ? `failed ${event.error.code}` : event.event;
  });
}
