/** The checklist of a job, for people: what is done, what is due, who has to do it, and what to type. Pure. */
import { relative } from 'node:path';
import { formatTime } from '../../metadata/time.ts';
import type { Job, JobMarks } from './job.ts';
import type { WaitingRequest } from './role-requests.ts';
import { clockSkew, isOverlapping, type Stage } from './stages.ts';

export interface ChecklistInput {
  readonly job: Job;
  readonly stage: Stage;
  readonly waiting: readonly WaitingRequest[];
  /** Milliseconds since the epoch. */
  readonly from: number | undefined;
}

export interface ChecklistItem {
  readonly text: string;
  readonly state: 'done' | 'due' | 'later';
  /** When it was done, or from when on it may be. */
  readonly time: number | undefined;
  /** Lines below it: who has to sign what. */
  readonly details: readonly string[];
}

/** What continues a job. */
export function commandOf({ kind, name }: Pick<Job, 'kind' | 'name'>): string {
  const rest = name.slice(kind.length + 1);
  return kind === 'recover'
    ? 'tidegate recover'
    : `tidegate ${kind} ${rest}${kind === 'revoke' ? ' --compromised' : ''}`;
}

export function checklistItems(
  { job, stage, waiting, from }: ChecklistInput,
  directory: string,
): readonly ChecklistItem[] {
  const { marks } = job;
  const keys = job.changes.map(
    ({ role, before, after }) => `${role}: ${before.join(', ')} → ${after.join(', ')}`,
  );
  const requests = waiting.map((request) => requestLine(request, directory));
  const item = (
    own: Stage,
    text: string,
    mark: keyof JobMarks,
    more: readonly string[] = [],
  ): ChecklistItem => {
    const time = marks[mark];
    if (time !== undefined) return { text, state: 'done', time, details: more };
    if (own !== stage) return { text, state: 'later', time: undefined, details: more };
    return { text, state: 'due', time: from, details: [...more, ...requests] };
  };
  const first: ChecklistItem = { text: 'Begin', state: 'done', time: marks.started, details: keys };
  if (!isOverlapping(job)) return [first, item('replace', replaceText(job), 'done')];
  return [
    first,
    item('introduce', 'Publish a root that lists old and new keys; the old keys go on signing', 'introduced'),
    item(
      'switch',
      `Sign with the new keys, once no cache shows hosts the root before (${minutes(job.wait)} min)`,
      'switched',
    ),
    item(
      'withdraw',
      `Publish a root without the old keys, once their last signature has expired (and ${minutes(clockSkew)} min for clocks)`,
      'done',
      expiryLines(marks),
    ),
  ];
}

function requestLine({ path, role, version, progress, missing }: WaitingRequest, directory: string): string {
  const file = relative(directory, path);
  return `${role} ${version}: ${progress}; still to sign: ${missing.join(', ')}. Each types: tidegate sign ${file} --key KEY`;
}

function expiryLines({ oldExpires }: JobMarks): readonly string[] {
  return oldExpires === undefined
    ? []
    : [`the last signature by an old key expires at ${formatTime(oldExpires)}`];
}

function replaceText({ kind, remove = [] }: Job): string {
  if (kind !== 'recover')
    return 'Publish a root with the new keys, and everything that they have to sign anew';
  const gone = remove.length === 0 ? '' : `, without ${remove.join(', ')}`;
  return `Publish a root with the new keys, and the honest state again${gone}`;
}

function minutes(milliseconds: number): number {
  return Math.round(milliseconds / 60_000);
}

/** Markdown. */
export function checklistOf(input: ChecklistInput, directory: string): string {
  const lines = checklistItems(input, directory).flatMap(({ text, state, time, details }) => [
    `- [${state === 'done' ? 'x' : ' '}] ${text}${timeText(state, time)}`,
    ...details.map((detail) => `  - ${detail}`),
  ]);
  const next =
    input.stage === 'done'
      ? 'Done. Nothing is left to do.'
      : `Next: \`${commandOf(input.job)}\`${waitText(input)}`;
  return [`# ${input.job.name}`, '', ...lines, '', next, ''].join('\n');
}

function timeText(state: ChecklistItem['state'], time: number | undefined): string {
  if (state === 'done') return time === undefined ? '' : ` — ${formatTime(time)}`;
  if (state === 'later') return '';
  return time === undefined ? ' — **due now**' : ` — not before ${formatTime(time)}`;
}

function waitText({ waiting, from }: ChecklistInput): string {
  if (waiting.length > 0) return ', once the requests are signed';
  return from === undefined ? '' : `, at ${formatTime(from)} or later`;
}
