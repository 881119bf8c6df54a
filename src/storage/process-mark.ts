/**
 * The mark of a process in the names of its locks and temporary files, so that others can tell whether it still
 * lives. A process number alone does not say it: numbers are reused, start again after a boot, and mean something
 * else in another container or on another machine that shares the folder.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** 'foreign': of another machine or container, whose processes cannot be seen from here. */
export type MarkState = 'own' | 'alive' | 'dead' | 'foreign';

interface Mark {
  readonly host: string;
  readonly boot: string;
  readonly space: string;
  readonly process: number;
  readonly start: string;
}

const MARK = /^([0-9a-f]{8})\.([0-9a-f]{8})\.(\d+)\.(\d+)\.(\d+)$/;

let own: string | undefined;

/** The mark of this process: letters, digits and dots. */
export function processMark(): string {
  own ??= [
    createHash('sha256').update(hostname()).digest('hex').slice(0, 8),
    (readProc('/proc/sys/kernel/random/boot_id') ?? '').slice(0, 8) || '00000000',
    processSpace(),
    process.pid,
    startOf(process.pid) ?? '0',
  ].join('.');
  return own;
}

/** The state of the process that made `mark`; text that is no mark is 'dead'. */
export function markState(mark: string): MarkState {
  const mine = parseMark(processMark());
  const other = parseMark(mark);
  if (other === undefined || mine === undefined) return 'dead';
  if (mark === processMark()) return 'own';
  if (other.boot !== mine.boot) return other.host === mine.host ? 'dead' : 'foreign';
  if (other.space !== mine.space) return 'foreign';
  return isRunning(other) ? 'alive' : 'dead';
}

/** The process number in a mark, for messages. */
export function markedProcess(mark: string): number | undefined {
  return parseMark(mark)?.process;
}

function parseMark(mark: string): Mark | undefined {
  const [, host, boot, space, process, start] = MARK.exec(mark) ?? [];
  if (host === undefined || boot === undefined || space === undefined || start === undefined)
    return undefined;
  return { host, boot, space, process: Number(process), start };
}

function isRunning(mark: Mark): boolean {
  const start = startOf(mark.process);
  if (start !== undefined) return mark.start === '0' || start === mark.start;
  if (mark.start !== '0') return false;
  try {
    process.kill(mark.process, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** When a process started, in ticks since the boot; undefined without /proc or without such a process. */
function startOf(process: number): string | undefined {
  const text = readProc(`/proc/${process}/stat`);
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

function processSpace(): string {
  try {
    return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0';
  } catch {
    return '0';
  }
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
