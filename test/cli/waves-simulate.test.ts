import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, commandLine } from '../support/command-line.ts';

const policy = `last_wave_lasts = "1 day"
[[groups]]
labels = ["canary"]
start_after = "0 minutes"
[[waves]]
start_after = "1 day"
fleet_percentage = 50
[[waves]]
start_after = "2 days"
fleet_percentage = 100
`;
const day = 24 * 3_600_000;
const start = Date.UTC(2030, 0, 1);
/** Quick hosts: what is seen is the plan, not the download. */
const fleet = '--hosts 4000 --poll 30min --start-within 1min --image-size 1MB --policy p.toml';

interface Row {
  readonly time: string;
  readonly updated: number;
  readonly expected?: number;
}

interface Result {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly updated: number;
  readonly deviation?: number;
  readonly reached: readonly { readonly share: number; readonly time: string | null }[];
  readonly written: readonly string[];
}

describe('tidegate waves simulate', () => {
  let session: CommandLine;

  beforeEach(() => {
    session = commandLine(start);
    writeFileSync(join(session.directory, 'p.toml'), policy);
  });

  afterEach(() => session.end());

  const simulate = async (more = ''): Promise<Result> => {
    const typed = await session.type(`waves simulate ${fleet} ${more} --json`.replaceAll(/ +/g, ' '));
    assert.equal(typed.status, 0, typed.beside);
    return typed.json() as Result;
  };
  const updatedAt = ({ rows }: Result, days: number): number =>
    rows.findLast(({ time }) => Date.parse(time) <= start + days * day)?.updated ?? 0;

  it('follows the plan, and the closed form where one holds', async () => {
    const result = await simulate();
    assert.equal(result.updated, 1);
    assert.ok((result.deviation ?? 1) < 0.03, `${result.deviation}`);
    assert.ok(Math.abs(updatedAt(result, 1.5) - 0.25) < 0.03);
    assert.deepEqual((await simulate()).rows, result.rows, 'the same seed, the same run');
  });

  it('lets labelled hosts go first', async () => {
    const result = await simulate('--group canary=10%');
    assert.ok(Math.abs(updatedAt(result, 0.5) - 0.1) < 0.02, `${updatedAt(result, 0.5)}`);
    assert.ok((result.deviation ?? 1) < 0.03);
  });

  it('stands still while it is paused, and comes later by that', async () => {
    const result = await simulate('--pause-at 1.5d --resume-at 3.5d');
    assert.ok(Math.abs(updatedAt(result, 3.4) - updatedAt(result, 1.6)) < 0.001, 'nobody comes');
    assert.ok(Math.abs(updatedAt(result, 4.5) - 0.75) < 0.04, `${updatedAt(result, 4.5)}`);
    assert.ok(Math.abs(updatedAt(result, 4) - 0.5) < 0.03);
    assert.equal(result.updated, 1);
  });

  it('stops for good when it is withdrawn, and ends early when it is accelerated', async () => {
    const withdrawn = await simulate('--withdraw-at 1.5d');
    assert.ok(Math.abs(withdrawn.updated - 0.25) < 0.03, `${withdrawn.updated}`);
    const fast = await simulate('--accelerate-at 1.5d --factor 3');
    const done = (result: Result): number => Date.parse(result.reached.at(-1)?.time ?? '');
    assert.ok(done(fast) < start + 2.1 * day && done(await simulate()) > start + 2.9 * day);
  });

  it('refuses scenarios and groups that cannot be', async () => {
    const refused = async (more: string): Promise<number> =>
      (await session.type(`waves simulate ${fleet} ${more}`)).status;
    assert.equal(await refused('--pause-at 1d --resume-at 1d'), 64);
    assert.equal(await refused('--group canary=60% --group rack=60%'), 64);
    assert.equal(await refused('--group Canary=1%'), 64);
    assert.equal(await refused('--group canary'), 64);
    assert.equal(await refused('--accelerate-at 1d --factor 0.5'), 64);
    assert.equal(await refused('--hosts many'), 64);
    assert.notEqual(await refused('--resume-at 1d'), 0);
    assert.equal((await session.type('waves simulate')).status, 64);
    assert.equal((await session.type('waves simulate demo x86_64')).status, 64);
    assert.equal((await session.type('waves simulate --policy gone.toml')).status, 64);
  });

  it('draws into the terminal, SVG, HTML and CSV, all of the same rows', async () => {
    const typed = await session.type(
      `waves simulate ${fleet} --pause-at 1.5d --resume-at 2d --svg r.svg --html r.html --csv r.csv`,
    );
    assert.equal(typed.status, 0, typed.beside);
    assert.match(typed.out, /^Rollout of policy p\.toml, 4,000 hosts\n/);
    assert.match(typed.out, /100\.0 % │ .*[▁▂▃▄▅▆▇█]/);
    assert.match(typed.out, /scenario +paused after 1 d 12 h, resumed after 2 d/);
    const read = (name: string): string => readFileSync(join(session.directory, name), 'utf8');
    const [head = '', ...lines] = read('r.csv').trimEnd().split('\n');
    assert.match(head, /^time,updated,reverted,expected,/);
    const { rows } = await simulate('--pause-at 1.5d --resume-at 2d');
    assert.deepEqual(
      lines.map((line) => line.split(',').slice(0, 2)),
      rows.map(({ time, updated }) => [time, updated.toFixed(6)]),
    );
    const svg = read('r.svg');
    assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 \d+ \d+"/);
    const points = /class="found" points="([^"]*)"/.exec(svg)?.[1]?.split(' ') ?? [];
    assert.equal(points.length, rows.length);
    for (const line of svg.match(/points="[^"]*"/g) ?? []) assert.doesNotMatch(line, /NaN|Infinity/);
    const html = read('r.html');
    assert.ok(html.includes(svg.trim().split('\n')[3] ?? 'none'), 'the page holds the curves');
    assert.doesNotMatch(html, /<script|<link|url\(|src=/, 'and needs nothing else');
    assert.match(html, /<th>scenario<\/th><td>paused after 1 d 12 h/);
  });

  it('takes a release that is published or waits', async () => {
    const options = '-w acme --hosts 500';
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'image');
    assert.equal((await session.type('init acme --insecure-development-keys')).status, 0);
    assert.equal((await session.type('release add disk-1.0.0.img --version 1.0.0 -w acme')).status, 0);
    const title = async (more = ''): Promise<string> =>
      (await session.type(`waves simulate demo x86_64 1.0.0 ${options}${more}`)).out.split('\n')[0] ?? '';
    assert.match(await title(), /demo x86_64 1\.0\.0, published then/);
    assert.equal((await session.type('publish -w acme')).status, 0);
    assert.match(await title(' --policy slow --spread shipped'), /demo x86_64 1\.0\.0, as published/);
    assert.equal((await session.type(`waves simulate demo x86_64 9.0.0 ${options}`)).status, 69);
  });
});
