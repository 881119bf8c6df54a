/**
 * What the agent remembers beside the slots: the last check, the last command, the last failure, and the releases it
 * has given up. Losing it costs a check and lets a failed release be tried once more; so a damaged file is put aside
 * as empty and told as the last failure, and bricks nothing.
 */
import { join } from 'node:path';
import { isTidegateError } from '../errors.ts';
import type { FileSystem } from '../storage/file-system.ts';
import type { ReleaseId } from '../waves/release.ts';
import type { Offer } from './machine.ts';
import { integer, members, readSealed, type SealedFile, text, writeSealed } from './sealed-file.ts';
import { parseReleaseId } from './slots.ts';

const commandTypes = ['refresh', 'prepare', 'activate', 'deactivate', 'revert', 'confirm'] as const;
export type CommandType = (typeof commandTypes)[number];

/** What was chosen, exactly: the images too, so that nothing else is prepared under its name. */
export interface ChosenRelease extends ReleaseId {
  readonly images: Readonly<Record<string, string>>;
}

export interface CheckRecord extends Offer {
  /** What ran then: a check says nothing about another system. */
  readonly running: ReleaseId;
  readonly chosen: ChosenRelease | undefined;
  /** Why nothing was chosen, as in `Choice`. */
  readonly reason?: string;
  /** The version that waits, is barred or has failed. */
  readonly version?: string;
  /** Milliseconds since the epoch: when the answer changes by itself. */
  readonly changesAt?: number;
}

export interface CommandRecord {
  readonly type: CommandType;
  /** Unknown while it runs, and after it was cut. */
  readonly status: 'Success' | 'Failed' | 'Unknown';
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly exitStatus?: number;
  readonly message?: string;
}

export interface Failure {
  readonly command: CommandType | 'start';
  readonly code: string;
  readonly message: string;
  readonly time: number;
}

export interface GivenUp {
  readonly release: ReleaseId;
  readonly reason: 'fell-back' | 'reverted';
  readonly time: number;
}

export interface AgentMemory {
  readonly check?: CheckRecord | undefined;
  readonly command?: CommandRecord | undefined;
  readonly failure?: Failure | undefined;
  readonly givenUp: readonly GivenUp[];
}

export const noMemory: AgentMemory = { givenUp: [] };

/** @param now for the failure that tells of a damaged file */
export async function readMemory(fs: FileSystem, directory: string, now: number): Promise<AgentMemory> {
  try {
    return (await readSealed(fs, memoryFile(directory))) ?? noMemory;
  } catch (error) {
    if (!isTidegateError(error, 'state-damaged')) throw error;
    return {
      givenUp: [],
      failure: { command: 'start', code: error.code, message: error.message, time: now },
    };
  }
}

export async function writeMemory(fs: FileSystem, directory: string, memory: AgentMemory): Promise<void> {
  await writeSealed(fs, memoryFile(directory), memory);
}

function memoryFile(directory: string): SealedFile<AgentMemory> {
  return {
    path: join(directory, 'agent.json'),
    format: 'tidegate agent 1',
    parse: parseMemory,
    remedy: 'It is treated as empty: check again. Releases that failed here may be tried once more.',
  };
}

function parseMemory(value: unknown): AgentMemory {
  const { check, command, failure, givenUp } = members(value);
  if (!Array.isArray(givenUp)) throw new Error('found no list of given-up releases');
  return {
    check: check === undefined ? undefined : parseCheck(check),
    command: command === undefined ? undefined : parseCommand(command),
    failure: failure === undefined ? undefined : parseFailure(failure),
    givenUp: givenUp.map(parseGivenUp),
  };
}

function parseCheck(value: unknown): CheckRecord {
  const { running, chosen, open, reason, version, changesAt } = members(value);
  if (!Array.isArray(open)) throw new Error('found no list of open versions');
  return {
    running: parseReleaseId(running),
    chosen: chosen === undefined ? undefined : parseChosen(chosen),
    open: open.map(text),
    ...(reason === undefined ? {} : { reason: text(reason) }),
    ...(version === undefined ? {} : { version: text(version) }),
    ...(changesAt === undefined ? {} : { changesAt: integer(changesAt, 0) }),
  };
}

function parseChosen(value: unknown): ChosenRelease {
  const images = Object.entries(members(members(value).images)).map(([kind, path]) => [kind, text(path)]);
  return { ...parseReleaseId(value), images: Object.fromEntries(images) };
}

function parseCommand(value: unknown): CommandRecord {
  const { type, status, time, exitStatus, message } = members(value);
  const knownType = commandTypes.find((known) => known === type);
  const knownStatus = (['Success', 'Failed', 'Unknown'] as const).find((known) => known === status);
  if (knownType === undefined || knownStatus === undefined) throw new Error('found an unknown command');
  return {
    type: knownType,
    status: knownStatus,
    time: integer(time, 0),
    ...(exitStatus === undefined ? {} : { exitStatus: integer(exitStatus, 0) }),
    ...(message === undefined ? {} : { message: text(message) }),
  };
}

function parseFailure(value: unknown): Failure {
  const { command, code, message, time } = members(value);
  const known = commandTypes.find((type) => type === command) ?? 'start';
  return { command: known, code: text(code), message: text(message), time: integer(time, 0) };
}

function parseGivenUp(value: unknown): GivenUp {
  const { release, reason, time } = members(value);
  if (reason !== 'fell-back' && reason !== 'reverted') throw new Error('found an unknown reason');
  return { release: parseReleaseId(release), reason, time: integer(time, 0) };
}
