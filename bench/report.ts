/** Results as tables of ratios, with the goals and whether they were met. */
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { formatBytes, formatTable } from '../src/terminal.ts';
import type { Missing } from './contender.ts';
import type { Result } from './rounds.ts';

export type Goal =
  /** How many times as long `of` takes as `than`. */
  | { readonly of: string; readonly than: string; readonly atLeast: number }
  /** Seconds, on any machine that is not starved. */
  | { readonly secondsOf: string; readonly atMost: number }
  /** Bytes. */
  | { readonly peakMemoryOf: string; readonly atMost: number }
  /** Something that was counted. */
  | { readonly counted: string; readonly found: number; readonly atMost: number };

export interface Table {
  readonly title: string;
  /** Bytes of work, for rates; undefined when a rate says nothing. */
  readonly bytes: number | undefined;
  /** Ours first: the ratios are those to it. */
  readonly results: readonly Result[];
  readonly missing: readonly Missing[];
  readonly goals: readonly Goal[];
}

export interface Verdict {
  readonly goal: string;
  readonly found: string;
  readonly met: boolean;
}

/** What the digits were measured on: they say nothing without it. */
export function machineFacts(): Readonly<Record<string, string | number>> {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memory: formatBytes(totalmem()),
    system: `${platform()} ${release()}`,
    node: process.version,
    openssl: process.versions.openssl,
    load: loadavg()[0]?.toFixed(1) ?? '',
  };
}

export function formatReport(table: Table): string {
  const { title, results, missing } = table;
  const [ours] = results;
  const rows = results.map((result) => rowOf(result, ours, table));
  const header = ['', 'wall', 'processor', 'rate', 'peak memory', 'ratio of wall'];
  const lines = [title];
  if (rows.length > 0) lines.push(formatTable([header, ...rows]));
  for (const peer of missing) lines.push(`${peer.name}: skipped, ${peer.missing}`);
  for (const { goal, found, met } of verdictsOf(table))
    lines.push(`${met ? 'met' : 'MISSED'}: ${goal}; found ${found}`);
  return lines.join('\n');
}

function rowOf(result: Result, ours: Result | undefined, { bytes }: Table): string[] {
  const { name, seconds, cpuSeconds, peakMemory, stoppedAfter } = result;
  if (stoppedAfter !== undefined) {
    const own = ours?.seconds;
    return [
      name,
      `stopped after ${stoppedAfter} s`,
      '',
      '',
      '',
      own ? `> ${(stoppedAfter / own).toFixed(1)}` : '',
    ];
  }
  return [
    name,
    formatSeconds(seconds),
    formatSeconds(cpuSeconds),
    bytes === undefined || seconds === undefined ? '' : `${formatBytes(bytes / seconds)}/s`,
    peakMemory === undefined ? '' : formatBytes(peakMemory),
    ratio(result, ours)?.toFixed(2) ?? '',
  ];
}

function formatSeconds(seconds: number | undefined): string {
  if (seconds === undefined) return '';
  return seconds < 1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(2)} s`;
}

/** How many times as long the first one takes; at least that when it was stopped. */
function ratio(of: Result | undefined, than: Result | undefined): number | undefined {
  const duration = of?.seconds ?? of?.stoppedAfter;
  return duration === undefined || than?.seconds === undefined ? undefined : duration / than.seconds;
}

/** Goals whose contenders were measured. */
export function verdictsOf({ results, goals }: Table): readonly Verdict[] {
  const find = (name: string): Result | undefined => results.find((result) => result.name === name);
  const verdicts: Verdict[] = [];
  for (const goal of goals) {
    if ('secondsOf' in goal) {
      const { seconds, stoppedAfter } = find(goal.secondsOf) ?? {};
      const found = seconds ?? stoppedAfter;
      if (found === undefined) continue;
      const text = `${goal.secondsOf} takes at most ${goal.atMost} s`;
      verdicts.push({ goal: text, found: formatSeconds(found), met: found <= goal.atMost });
    } else if ('peakMemoryOf' in goal) {
      const found = find(goal.peakMemoryOf)?.peakMemory;
      if (found === undefined) continue;
      const text = `peak memory of ${goal.peakMemoryOf} at most ${formatBytes(goal.atMost)}`;
      verdicts.push({ goal: text, found: formatBytes(found), met: found <= goal.atMost });
    } else if ('counted' in goal) {
      const { counted, found, atMost } = goal;
      verdicts.push({
        goal: `${counted} at most ${atMost.toFixed(2)}`,
        found: found.toFixed(2),
        met: found <= atMost,
      });
    } else {
      const found = ratio(find(goal.of), find(goal.than));
      if (found === undefined) continue;
      const text = `${goal.of} takes at least ${goal.atLeast.toFixed(2)} times as long as ${goal.than}`;
      verdicts.push({ goal: text, found: found.toFixed(2), met: found >= goal.atLeast });
    }
  }
  return verdicts;
}
