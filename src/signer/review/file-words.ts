/** Targets, and what snapshot and timestamp list, as lines: length, every hash, custom. */
import type { Change } from './change.ts';
import { memberLines, signs, valueIn } from './change-words.ts';
import type { FileChange, FileChanges } from './file-change.ts';
import { shown } from './shown.ts';

/**
 * @param title `targets` or `lists`
 * @param hasBefore false where everything is new, and nothing can stay
 */
export function fileLines(
  title: string,
  { changes, kept }: FileChanges,
  hasBefore: boolean,
): readonly string[] {
  if (changes.length === 0 && kept === 0) return [];
  if (!hasBefore) return [`${title}: ${changes.length}`, ...changes.flatMap(fileChangeLines)];
  const count = (state: FileChange['state']): number =>
    changes.filter((change) => change.state === state).length;
  const parts = (['added', 'changed', 'removed'] as const).map((state) => `${count(state)} ${state}`);
  return [`${title}: ${parts.join(', ')}, ${kept} stay`, ...changes.flatMap(fileChangeLines)];
}

function fileChangeLines(change: FileChange): readonly string[] {
  const { name, state, version, length, hashes, custom, others } = change;
  const value = (label: string, part: Change): readonly string[] =>
    part.before === undefined && part.after === undefined ? [] : [`      ${label} ${valueIn(state, part)}`];
  return [
    `  ${signs[state]} ${shown(name)}`,
    ...value('version', version),
    ...value('bytes', length),
    ...hashes.flatMap((hash) => value(shown(hash.name), hash)),
    ...value('custom', custom),
    ...memberLines(others, '      '),
  ];
}
