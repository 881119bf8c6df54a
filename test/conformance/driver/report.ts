/** What the driver prints. */
import { groupOf } from './case.ts';
import type { CaseResult } from './run.ts';

export function failureText({ name, error }: CaseResult): string {
  const text = error instanceof Error ? error.message : String(error);
  return `FAILED ${name}\n${text.trim().replaceAll(/^/gm, '    ')}`;
}

/** One line for each group: cases, failures, seconds. */
export function groupTable(results: readonly CaseResult[]): string {
  const rows = [...Map.groupBy(results, ({ name }) => groupOf(name))].map(([group, members]) => [
    group,
    String(members.length),
    String(members.filter(({ error }) => error !== undefined).length),
    (members.reduce((sum, { duration }) => sum + duration, 0) / 1000).toFixed(1),
  ]);
  const table = [['group', 'cases', 'failed', 'seconds'], ...rows];
  return table
    .map(([group = '', ...numbers]) => group.padEnd(32) + numbers.map((text) => text.padStart(9)).join(''))
    .join('\n');
}
