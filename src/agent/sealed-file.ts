/**
 * Small files of the agent that must be believed as a whole or not at all: JSON with a checksum over it, written by
 * temporary file and rename. A damaged one is an error of its own (state-damaged), never a guess.
 */
import { createHash } from 'node:crypto';
import { TidegateError } from '../errors.ts';
import { writeDurably } from '../storage/durable-file.ts';
import type { FileSystem } from '../storage/file-system.ts';
import { readPlainFile } from '../storage/plain-file.ts';

const SEALED_FILE_LIMIT = 1024 * 1024;

export interface SealedFile<T> {
  readonly path: string;
  /** What the file is and the version of its form, such as "tidegate boot flags 1". */
  readonly format: string;
  /** Makes the value out of parsed JSON, and throws on anything that it is not. */
  readonly parse: (value: unknown) => T;
  /** For the message when it is damaged: what to do about it. */
  readonly remedy: string;
}

/** Undefined when there is no file. Codes state-damaged, not-a-plain-file, disk-error. */
export async function readSealed<T>(fs: FileSystem, file: SealedFile<T>): Promise<T | undefined> {
  const found = await readPlainFile(fs, file.path, SEALED_FILE_LIMIT);
  if (found === undefined) return undefined;
  try {
    return unseal(new TextDecoder('utf-8', { fatal: true }).decode(found.bytes), file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const text = `${file.path} is damaged (${reason}). ${file.remedy}`;
    throw new TidegateError('state-damaged', text, { path: file.path, reason }, { cause: error });
  }
}

/** Writes or replaces the file. Codes disk-full, disk-error, not-a-plain-file. */
export async function writeSealed<T>(fs: FileSystem, file: SealedFile<T>, value: T): Promise<void> {
  const sealed = { format: file.format, checksum: checksumOf(file.format, value), value };
  const text = `${JSON.stringify(sealed, undefined, 2)}\n`;
  await writeDurably(fs, file.path, new TextEncoder().encode(text), { mode: 0o644 });
}

function unseal<T>(text: string, { format, parse }: SealedFile<T>): T {
  const { format: found, checksum, value } = members(JSON.parse(text));
  if (found !== format) throw new Error(`found format ${JSON.stringify(found)}, expected "${format}"`);
  if (checksum !== checksumOf(format, value)) throw new Error('the checksum does not fit');
  return parse(value);
}

/** Over the JSON text of the value: parsing and printing it again gives the same text. */
function checksumOf(format: string, value: unknown): string {
  return createHash('sha256')
    .update(`${format}\n${JSON.stringify(value)}`)
    .digest('hex');
}

/** The members of a JSON object; throws for anything else. */
export function members(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new Error('found no object where one is expected');
}

/** Throws unless the value is text. */
export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new Error('found no text where it is expected');
}

/** Throws unless the value is an integer in the range. */
export function integer(value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most)
    return value;
  throw new Error(`found ${JSON.stringify(value)}, expected an integer from ${least} to ${most}`);
}
