/** docs/operator-manual.md: its commands exist, and its table is what the code computes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { busySecond, meanPolls } from '../../src/waves/simulation/closed-form.ts';
import { daysOfMonth, monthlyCost } from '../../src/waves/simulation/cost.ts';
import { requireReal } from '../support/written-commands.ts';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'operator-manual.md'), 'utf8');
const blocks = Array.from(text.matchAll(/^```sh\n(.*?)^```$/gms), ([, block = '']) => block);
const lines = blocks.flatMap((block) => block.split('\n')).filter(Boolean);
const inline = Array.from(text.matchAll(/`(tidegate [^`]+)`/g), ([, command = '']) => command);

const hour = 3_600_000;

/** As the manual says: polls each hour with two requests, one image a month with four more. */
function rowOf(hosts: number): string {
  const polling = { interval: hour, jitter: 0.1, phase: { kind: 'spread' } } as const;
  const polls = meanPolls({ hosts, polling });
  const pollsOfMonth = hosts * daysOfMonth * 24;
  const bytes = pollsOfMonth * 2000 + hosts * 500_000_000;
  const cost = monthlyCost(pollsOfMonth * 2 + hosts * 4, bytes);
  const cells = [
    hosts.toLocaleString('en'),
    rounded(polls, 2),
    rounded(busySecond(polls), 2),
    `${rounded(bytes / 1e12, 3)} TB`,
    `$ ${Math.round(cost).toLocaleString('en')}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function rounded(value: number, digits: number): string {
  return Number(value.toPrecision(digits)).toLocaleString('en');
}

describe('docs/operator-manual.md', () => {
  it('types only what exists', async () => {
    assert.ok(lines.length > 20);
    const commands = [...lines, ...inline];
    for (const command of commands) assert.match(command, /^tidegate /);
    await requireReal(commands.map((command) => command.slice('tidegate '.length)));
  });

  it('shows the costs that the code computes', () => {
    const rows = [1e3, 1e4, 1e5, 1e6, 1e7].map(rowOf);
    const table = text.slice(text.indexOf('| hosts |')).trim().split('\n').slice(2);
    assert.deepEqual(table, rows, rows.join('\n'));
  });
});
