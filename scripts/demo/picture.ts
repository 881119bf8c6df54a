/** The fleet at one moment as a few lines of text, for a terminal that draws them again and again. Pure. */
import { formatDuration } from '../../src/terminal.ts';

export type HostStatus =
  | 'waiting'
  | 'updating'
  | 'restarting'
  | 'updated'
  | 'reverted'
  | 'locked'
  | 'attacked';

export interface HostView {
  readonly seed: number;
  readonly status: HostStatus;
  /** Of the update under way, 0 … 1. */
  readonly progress: number;
}

/** A wave owns the seeds above `above`, up to the next one's. */
export interface WaveView {
  readonly above: number;
  /** Milliseconds since the epoch. */
  readonly opens: number;
}

export interface FleetView {
  /** The new version. */
  readonly version: string;
  readonly now: number;
  readonly start: number;
  readonly end: number;
  readonly waves: readonly WaveView[];
  /** In the order of their seeds. */
  readonly hosts: readonly HostView[];
}

export type Look = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';
export type Styler = (look: Look, text: string) => string;

interface Sign {
  readonly sign: string;
  readonly look: Look;
  readonly meaning: string;
}

const signs: Readonly<Record<HostStatus, Sign>> = {
  waiting: { sign: '·', look: 'dim', meaning: 'waits' },
  updating: { sign: '↓', look: 'cyan', meaning: 'downloads, verifies, writes' },
  restarting: { sign: '↻', look: 'cyan', meaning: 'boots' },
  updated: { sign: '●', look: 'green', meaning: 'updated' },
  reverted: { sign: '✗', look: 'red', meaning: 'fell back' },
  locked: { sign: 'L', look: 'yellow', meaning: 'locked' },
  attacked: { sign: '!', look: 'yellow', meaning: 'attacked' },
};

const label = 15;
const barLength = 40;

/** @param columns the width of the terminal; no line is longer */
export function drawFleet(view: FleetView, columns: number, style: Styler): readonly string[] {
  const perRow = Math.max(8, Math.floor((columns - label - 3) / 2));
  const lines = [titleLine(view, columns, style)];
  for (let first = 0; first < view.hosts.length; first += perRow) {
    const hosts = view.hosts.slice(first, first + perRow);
    lines.push(hostLine(hosts, first === 0, style), waveLine(view, hosts, style));
  }
  return [...lines, legend(columns, style)];
}

function titleLine(view: FleetView, columns: number, style: Styler): string {
  const length = Math.max(10, Math.min(barLength, columns - 60));
  const share = Math.min(1, Math.max(0, (view.now - view.start) / (view.end - view.start)));
  const done = Math.round(share * length);
  const bar = `${style('cyan', '█'.repeat(done))}${style('dim', '░'.repeat(length - done))}`;
  const updated = view.hosts.filter(({ status }) => status === 'updated').length;
  const count = `${updated} of ${view.hosts.length} hosts run ${view.version}`;
  return `  ${style('bold', dayOf(view.now - view.start).padEnd(label - 2))} ${bar} ${style('bold', count)}`;
}

function hostLine(hosts: readonly HostView[], first: boolean, style: Styler): string {
  const cells = hosts.map(({ status }) => style(signs[status].look, signs[status].sign));
  return `  ${(first ? 'hosts by seed' : '').padEnd(label - 2)} ${cells.join(' ')}`;
}

/** The number of each host's wave: bright once it has opened. */
function waveLine(view: FleetView, hosts: readonly HostView[], style: Styler): string {
  const cells = hosts.map(({ seed }) => {
    const number = waveNumber(view.waves, seed);
    const isOpen = (view.waves[number - 1]?.opens ?? 0) <= view.now;
    return style(isOpen ? 'bold' : 'dim', String(number % 10));
  });
  return `  ${'wave'.padEnd(label - 2)} ${cells.join(' ')}`;
}

/** From 1; seeds below all waves go with the first. */
export function waveNumber(waves: readonly WaveView[], seed: number): number {
  return Math.max(1, waves.filter(({ above }) => above < seed).length);
}

function legend(columns: number, style: Styler): string {
  let text = '';
  let width = 2;
  for (const { sign, look, meaning } of Object.values(signs)) {
    width += meaning.length + 4;
    if (width > columns) break;
    text += `  ${style(look, sign)} ${style('dim', meaning)}`;
  }
  return text;
}

/** Time since the release's start for people: "day 2, 14:05". */
export function dayOf(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  const clock = [Math.floor(minutes / 60) % 24, minutes % 60].map((part) => String(part).padStart(2, '0'));
  return `day ${Math.floor(minutes / 1440)}, ${clock.join(':')}`;
}

/** Of real time, for people: "0.4 s", "12 s". */
export function secondsText(milliseconds: number): string {
  return milliseconds < 9950 ? `${(milliseconds / 1000).toFixed(1)} s` : formatDuration(milliseconds);
}
