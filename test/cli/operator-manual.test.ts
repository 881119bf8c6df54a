/** docs/operator-manual.md: its commands exist, and its table is what the code computes. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busySecond, meanPolls, originRates } from '../../src/waves/simulation/closed-form.ts';
import { listPrices, monthlyCost, priceDate } from '../../src/waves/simulation/cost.ts';
import { usualFleet } from '../../src/waves/simulation/fleet-model.ts';
import { expectedMonth } from '../../src/waves/simulation/month.ts';
import { commandLine } from '../support/command-line.ts';
import { requireReal } from '../support/written-commands.ts';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'operator-manual.md'), 'utf8');
const blocks = Array.from(text.matchAll(/^```(?:sh|bash)\n(.*?)^```$/gms), ([, block = '']) => block);
const lines = blocks
  .flatMap((block) => block.replaceAll('\\\n', '').split('\n'))
  .filter((line) => line.startsWith('tidegate '))
  .map((line) => line.replace(/ {2,}#.*$/, ''));
const inline = Array.from(text.matchAll(/`(tidegate [^`]+)`/g), ([, command = '']) => command);

/** As the manual says: the fleet that `waves simulate` assumes, and a month with one release, or with none. */
function rowOf(hosts: number): string {
  const manifest = { updates: [], migrations: [] };
  const groups = [{ share: 1, host: { variant: 'any', arch: 'any', version: '0.0.0' } }];
  const model = { ...usualFleet, hosts, groups, publications: [{ at: 0, manifest }], start: 0, duration: 1 };
  const polls = meanPolls(model);
  const { timestamps, absences } = originRates(model, polls);
  const [month, quiet] = [1, 0].map((updates) => expectedMonth(model, updates));
  assert.ok(month && quiet);
  const cost = monthlyCost(month.hosts, month.origin, listPrices);
  const dollars = (value: number): string => `$${Math.round(value).toLocaleString('en')}`;
  const cells = [
    hosts.toLocaleString('en'),
    rounded(polls * 2, 2),
    rounded(busySecond(polls) * 2, 2),
    rounded(timestamps + absences, 2),
    `${rounded(month.hosts.bytes / 1e12, 3)} TB`,
    dollars(cost.bare),
    dollars(cost.cached),
    dollars(monthlyCost(quiet.hosts, quiet.origin, listPrices).cached),
  ];
  return `| ${cells.join(' | ')} |`;
}

function rounded(value: number, digits: number): string {
  return Number(value.toPrecision(digits)).toLocaleString('en');
}

const everyoneAtOnce = '[[waves]]\nstart_after = "0 minutes"\nfleet_percentage = 100\n';

interface Simulated {
  readonly cost: { readonly expected: { readonly bare: number; readonly cached: number } };
  readonly formula: { readonly polls: number };
}

describe('docs/operator-manual.md', () => {
  it('types only what exists', async () => {
    assert.ok(lines.length > 20);
    const commands = [...lines, ...inline];
    await requireReal(commands.map((command) => command.slice('tidegate '.length)));
  });

  it('shows the costs that the code computes', () => {
    const rows = [1e3, 1e4, 1e5, 1e6, 1e7].map(rowOf);
    const table = text.slice(text.indexOf('| hosts |')).trim().split('\n').slice(2);
    assert.deepEqual(table, rows, rows.join('\n'));
    assert.ok(text.replaceAll(/\s+/g, ' ').includes(`list prices of ${priceDate}`));
  });

  it('shows what waves simulate shows', async () => {
    const session = commandLine();
    try {
      writeFileSync(join(session.directory, 'now.toml'), everyoneAtOnce);
      const { out } = await session.type('waves simulate --policy now.toml --hosts 1000 --for 2d --json');
      const { cost, formula } = JSON.parse(out) as Simulated;
      const cells = /\| 1,000 \|.*/.exec(text)?.[0].split(' | ') ?? [];
      assert.equal(rounded(formula.polls * 2, 2), cells[1]);
      assert.equal(`$${Math.round(cost.expected.bare)}`, cells[5]);
      assert.equal(`$${Math.round(cost.expected.cached)}`, cells[6]);
    } finally {
      session.end();
    }
  });
});
