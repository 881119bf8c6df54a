/** The end of the story: for people as text, for machines as data. Pure. */
import { formatTable } from '../../src/terminal.ts';
import { dayOf, type HostStatus, secondsText, type WaveView, waveNumber } from './picture.ts';
import type { Check, Phase, StoryEvent } from './story.ts';

export interface HostReport {
  readonly name: string;
  readonly seed: number;
  readonly status: HostStatus;
  readonly part: string;
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly updatedAt: number | undefined;
  /** The answer to its last check. */
  readonly reason: string;
}

export interface RefusalReport {
  readonly name: string;
  readonly how: string;
  readonly expected: string;
  readonly code: string;
  readonly unchanged: boolean;
}

export interface Outcome {
  readonly images: readonly {
    readonly version: string;
    readonly description: string;
    readonly size: string;
  }[];
  readonly start: number;
  readonly version: string;
  readonly waves: readonly WaveView[];
  readonly hosts: readonly HostReport[];
  readonly refusals: readonly RefusalReport[];
  readonly checks: readonly Check[];
  readonly phases: readonly Phase[];
  /** Real milliseconds. */
  readonly duration: number;
  /** What, and where it lies. */
  readonly files: readonly (readonly [string, string])[];
  /** What to type next, with what it does. */
  readonly next: readonly (readonly [string, string])[];
}

/** Beyond, the table would hide what follows it. */
const mostRows = 40;

export function summaryLines(outcome: Outcome): readonly string[] {
  return [
    ...section('What happened', happened(outcome)),
    ...section('The fleet', hostTable(outcome)),
    ...section('Attacks, each refused by a host that kept what it had', attackTable(outcome)),
    ...section('How long it took', phaseTable(outcome)),
    ...section('Where the files lie', rows(outcome.files)),
    ...section('What to type next', rows(outcome.next)),
    '',
    ...verdict(outcome),
  ];
}

/** For `--json`. */
export function summaryData(outcome: Outcome, events: readonly StoryEvent[]): unknown {
  return {
    ok: outcome.checks.every(({ passed }) => passed),
    release: outcome.version,
    start: new Date(outcome.start).toISOString(),
    images: outcome.images,
    hosts: outcome.hosts.map((host) => ({
      ...host,
      wave: waveNumber(outcome.waves, host.seed),
      updatedAt: host.updatedAt === undefined ? null : new Date(host.updatedAt).toISOString(),
    })),
    attacks: outcome.refusals,
    checks: outcome.checks,
    phases: outcome.phases,
    duration: outcome.duration,
    files: Object.fromEntries(outcome.files),
    next: outcome.next.map(([command, purpose]) => ({ command, purpose })),
    events,
  };
}

function section(title: string, text: string): readonly string[] {
  return ['', title, ...text.split('\n').map((line) => `  ${line}`)];
}

function happened({ images, hosts, version, refusals }: Outcome): string {
  const count = (status: HostStatus): number => hosts.filter((host) => host.status === status).length;
  const lines = images.map((image) => `release ${image.version}: ${image.size} (${image.description})`);
  lines.push(
    `${count('updated')} of ${hosts.length} hosts downloaded, verified, wrote and booted ${version}, each when its wave let it`,
  );
  for (const { name, status, version: runs } of hosts) {
    if (status === 'reverted')
      lines.push(`${name} got an image that does not boot, runs ${runs} again and will not try it again`);
    if (status === 'locked') lines.push(`${name} is locked to ${runs} and stayed there`);
  }
  const refused = refusals.filter(({ code, expected, unchanged }) => code === expected && unchanged).length;
  return [...lines, `${refused} of ${refusals.length} attacks were refused by name and changed nothing`].join(
    '\n',
  );
}

function hostTable({ hosts, waves, start }: Outcome): string {
  const cells = hosts.map((host) => [
    host.name,
    String(host.seed),
    String(waveNumber(waves, host.seed)),
    host.updatedAt === undefined ? '-' : dayOf(host.updatedAt - start),
    host.version,
    host.part === 'attacked' ? `${host.status}, attacked before` : host.status,
    host.reason,
  ]);
  const shown = cells.slice(0, mostRows);
  const table = formatTable([['host', 'seed', 'wave', 'update began', 'runs', 'is', 'last check'], ...shown]);
  const rest = cells.length - shown.length;
  return rest > 0 ? `${table}\nand ${rest} more (see --json)` : table;
}

function attackTable({ refusals }: Outcome): string {
  return formatTable(refusals.map(({ name, how, code }) => [name, code, how]));
}

function phaseTable({ phases, duration }: Outcome): string {
  return formatTable([
    ...phases.map((phase) => [phase.name, secondsText(phase.duration)]),
    ['all of it', secondsText(duration)],
  ]);
}

function rows(pairs: readonly (readonly [string, string])[]): string {
  return formatTable(pairs);
}

function verdict({ checks }: Outcome): readonly string[] {
  const failures = checks.filter(({ passed }) => !passed);
  if (failures.length === 0) return [`All ${checks.length} checks passed.`];
  return [
    `${failures.length} of ${checks.length} checks FAILED:`,
    ...failures.map(({ name, found }) => `  ${name}: ${found}`),
  ];
}
