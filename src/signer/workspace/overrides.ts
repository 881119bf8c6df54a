/**
 * `overrides.jsonl`: what people have accepted though it is weaker than the policies, one line for each, the oldest first.
 * Nothing is ever taken out: a line is the answer to "who allowed this, when, and why". An override holds for just what
 * it names; when that changes in tidegate.toml, it must be accepted anew.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../metadata/json.ts';
import { jsonOf } from '../../metadata/json-writer.ts';
import { formatTime, parseTime } from '../../metadata/time.ts';
import { writeDurably } from '../../storage/durable-file.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { readPlainFile } from '../../storage/plain-file.ts';
import { userName } from './user-name.ts';

export const overridesFileName = 'overrides.jsonl';

export interface Override {
  /** Milliseconds since the epoch; whole seconds in the file. */
  readonly time: number;
  /** The user of the operating system. */
  readonly who: string;
  /** A name of `weaknessNames` or `violationNames`. */
  readonly name: string;
  /** What was accepted, as `weaknessText` says it. */
  readonly what: string;
  readonly reason: string;
}

const maxLength = 1024 * 1024;
const limits = { maxDepth: 4, maxValues: 32, maxDigits: 16 };

/** What somebody answers for: a weakness of the workspace, or something that a plan breaks. */
interface Accepted {
  readonly name: string;
  readonly place: string;
  readonly found: string;
}

/** What was accepted, as overrides by whoever runs this, for one reason. */
export function overridesFor(
  accepted: readonly Accepted[],
  { now, reason }: { readonly now: number; readonly reason: string },
): readonly Override[] {
  const who = userName();
  return accepted.map(({ name, place, found }) => {
    return { time: now, who, name, what: `${place}: ${found}`, reason };
  });
}

/** None when there is no file. @throws state-damaged naming the line */
export async function readOverrides(fs: FileSystem, folder: string): Promise<readonly Override[]> {
  const path = join(folder, overridesFileName);
  const file = await readPlainFile(fs, path, maxLength, { within: folder });
  const lines = new TextDecoder().decode(file?.bytes ?? new Uint8Array()).split('\n');
  return lines.flatMap((line, index) =>
    line === '' ? [] : [overrideIn(line, `${path}, line ${index + 1}`)],
  );
}

/** Adds lines at the end; the file is the old one or the new one, whatever happens. */
export async function recordOverrides(
  fs: FileSystem,
  folder: string,
  overrides: readonly Override[],
): Promise<void> {
  if (overrides.length === 0) return;
  const path = join(folder, overridesFileName);
  const before = (await readPlainFile(fs, path, maxLength, { within: folder }))?.bytes ?? new Uint8Array();
  const added = new TextEncoder().encode(formatOverrides(overrides));
  await writeDurably(fs, path, Buffer.concat([before, added]), { within: folder });
}

export function formatOverrides(overrides: readonly Override[]): string {
  const line = (override: Override): string => {
    const json = jsonOf({ ...override, time: formatTime(override.time) });
    return `${new TextDecoder().decode(canonicalBytes(json))}\n`;
  };
  return overrides.map(line).join('');
}

function overrideIn(line: string, where: string): Override {
  const json = jsonIn(line, where);
  const text = (name: string): string => {
    const value = json.get(name);
    if (typeof value === 'string') return value;
    throw damaged(where);
  };
  const time = parseTime(text('time'));
  if (time === undefined) throw damaged(where);
  return { time, who: text('who'), name: text('name'), what: text('what'), reason: text('reason') };
}

function jsonIn(line: string, where: string): JsonObject {
  try {
    const json = parseJson(new TextEncoder().encode(line), limits, where);
    if (isJsonObject(json)) return json;
  } catch (cause) {
    throw damaged(where, { cause });
  }
  throw damaged(where);
}

function damaged(where: string, options?: ErrorOptions): TidegateError {
  const text = `${where}: no override; expected {"name": …, "reason": …, "time": …, "what": …, "who": …}`;
  return new TidegateError('state-damaged', text, { where }, options);
}
