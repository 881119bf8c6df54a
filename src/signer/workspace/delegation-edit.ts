/**
 * Edits `[[delegations]]` of tidegate.toml as text, so that comments and everything else stay as people wrote them. Pure.
 *
 * 1. A new block goes to the end, or before another block: the order is that of the search.
 * 2. A block that goes takes its own lines with it and no others.
 * 3. Where none is left, `delegations = []` says so: without the key, what is published would stay.
 */
import { TidegateError } from '../../errors.ts';
import { type DelegationSetting, parseDelegationSettings } from './delegation-settings.ts';
import { readToml } from './toml-reader.ts';
import { workspaceFileName } from './workspace-file.ts';

/** @param before the name of the block that shall follow; undefined: it becomes the last */
export function withDelegation(text: string, added: DelegationSetting, before?: string): string {
  const old = delegationsIn(text);
  if (old.some(({ name }) => name === added.name)) {
    throw unfit(`[[delegations]] has a role ${added.name} already, expected a new name`);
  }
  const at = before === undefined ? old.length : old.findIndex(({ name }) => name === before);
  if (at < 0) throw unfit(`[[delegations]] has no role ${before} to stand before`);
  const lines = text.replace(/^delegations = \[\]\n\n?/m, '').split('\n');
  const next = blocksIn(lines)[at];
  const block = blockOf(added);
  const whole =
    next === undefined
      ? `${lines.join('\n').trimEnd()}\n\n${block}`
      : [...lines.slice(0, next.from), ...block.split('\n'), ...lines.slice(next.from)].join('\n');
  return verified(text, whole, [...old.slice(0, at), added, ...old.slice(at)]);
}

export function withoutDelegation(text: string, name: string): string {
  const old = delegationsIn(text);
  const index = old.findIndex((setting) => setting.name === name);
  if (index < 0) throw unfit(`[[delegations]] has no role ${name}`);
  const lines = text.split('\n');
  const block = blocksIn(lines)[index];
  if (block === undefined) throw unfit('the delegations are not written as [[delegations]] blocks');
  const rest = [...lines.slice(0, block.from), ...lines.slice(block.to)];
  const left = old.toSpliced(index, 1);
  if (left.length === 0) rest.splice(topLevelEnd(rest), 0, 'delegations = []', '');
  return verified(text, `${rest.join('\n').trimEnd()}\n`, left);
}

function delegationsIn(text: string): readonly DelegationSetting[] {
  const table = readToml(text, workspaceFileName);
  return 'delegations' in table.members ? parseDelegationSettings(table) : [];
}

interface Block {
  readonly from: number;
  /** The line behind it. */
  readonly to: number;
}

function blocksIn(lines: readonly string[]): readonly Block[] {
  const headers = lines.flatMap((line, index) => (/^\s*\[/.test(line) ? [index] : []));
  return headers
    .filter((from) => /^\s*\[\[\s*delegations\s*\]\]/.test(lines[from] ?? ''))
    .map((from) => ({
      from,
      to: endOf(
        lines,
        from,
        headers.find((header) => header > from),
      ),
    }));
}

/** Comments directly above the next table are the next table's. */
function endOf(lines: readonly string[], from: number, next: number | undefined): number {
  let to = next ?? lines.length;
  while (next !== undefined && to > from + 1 && /^\s*#/.test(lines[to - 1] ?? '')) to -= 1;
  return to;
}

/** The line before the first table and the comments that belong to it. */
function topLevelEnd(lines: readonly string[]): number {
  let end = lines.findIndex((line) => /^\s*\[/.test(line));
  while (end > 0 && /^\s*#/.test(lines[end - 1] ?? '')) end -= 1;
  return Math.max(end, 0);
}

function blockOf({ name, keys, threshold, paths, terminating }: DelegationSetting): string {
  const list = (texts: readonly string[]): string =>
    `[${texts.map((text) => JSON.stringify(text)).join(', ')}]`;
  return [
    '[[delegations]]',
    `name = ${JSON.stringify(name)}`,
    `keys = ${list(keys)}`,
    `threshold = ${threshold}`,
    `paths = ${list(paths)}`,
    `terminating = ${terminating}`,
    '',
  ].join('\n');
}

/** TOML can be written in more ways than are looked for here: the result counts, or nothing is written. */
function verified(before: string, after: string, expected: readonly DelegationSetting[]): string {
  const rest = (text: string): string => {
    const { delegations: _delegations, ...others } = readToml(text, workspaceFileName).members;
    return JSON.stringify(others, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
  };
  const same =
    JSON.stringify(delegationsIn(after)) === JSON.stringify(expected) && rest(before) === rest(after);
  if (same) return after;
  throw unfit('the delegations are written in a way that cannot be edited here; edit the file by hand');
}

function unfit(problem: string): TidegateError {
  return new TidegateError('config-invalid', `${workspaceFileName}: ${problem}`, { file: workspaceFileName });
}
