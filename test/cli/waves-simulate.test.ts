import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
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

interface Rates {
  readonly requestsPerSecond: number;
  readonly bitsPerSecond: number;
}

interface Row {
  readonly time: string;
  readonly updated: number;
  readonly hosts: Rates;
  readonly origin: Rates;
  readonly expected?: Rates & { readonly updated: number };
}

interface Result {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly updated: number;
  readonly deviation?: number;
  readonly reached: readonly { readonly share: number; readonly time: string | null }[];
  readonly written: readonly string[];
  readonly hosts: Rates & { readonly bytes: number };
  readonly origin: Rates;
  readonly formula: Readonly<Record<string, number>>;
  readonly cost: { readonly found: Cost; readonly expected: Cost };
  readonly expired: number;
  readonly unanswered: number;
  readonly headline: readonly string[];
}

interface Cost {
  readonly bare: number;
  readonly cached: number;
  readonly origin: number;
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
    assert.match(html, /<th scope="row">scenario<\/th><td>paused after 1 d 12 h/);
  });

  it('shows what reaches the origin, bare and behind caches, and what a month costs', async () => {
    const many = await simulate('--caches 13 --cache-time 1min');
    assert.ok(many.origin.requestsPerSecond < many.hosts.requestsPerSecond / 3);
    const shield = await simulate('--caches 1 --cache-time 10min --absent-cache-time 10min');
    assert.ok(shield.origin.requestsPerSecond < 2.2 / 600 + 0.001, `${shield.origin.requestsPerSecond}`);
    const none = await simulate('--cache-time 0s --absent-cache-time 0s');
    const copied = 13 * 4;
    const seconds = (Date.parse(none.rows.at(-1)?.time ?? '') - start) / 1000;
    // Every poll asks for two files; what is new, or an image, caches ask for once.
    const polls = (none.origin.requestsPerSecond * seconds - copied) / 2;
    assert.ok(Math.abs(polls - (4000 * seconds) / 1800 - 4000) < 200, String(polls));
    for (const { found, expected } of [many.cost, shield.cost, none.cost]) {
      assert.ok(Math.abs(found.bare / expected.bare - 1) < 0.03);
      assert.ok(Math.abs(found.cached / expected.cached - 1) < 0.03);
    }
    const free = await simulate(
      '--edge-price 0 --edge-request-price 0 --origin-price 1024 --origin-request-price 0',
    );
    assert.ok(free.cost.found.cached === free.cost.found.origin);
    assert.ok(free.cost.found.bare * 1024 ** 2 >= free.hosts.bytes, 'a dollar for each MiB');
    assert.match(many.headline.join(' '), /behind 13 caches .* \(list prices of [A-Z][a-z]+ 20\d\d\)/);
    assert.match(free.headline.join(' '), /\(given prices, else list prices/);
  });

  it('lets the repository fall silent, and its signatures grow old', async () => {
    const out = await simulate('--outage 1d..1.25d --outage 2d..2.1d');
    assert.ok(out.unanswered > 4000 && out.deviation === undefined);
    assert.ok(Math.abs((out.formula.triesPerSecond ?? 0) - 4000 / 225) < 0.1);
    assert.equal(updatedAt(out, 1.25), updatedAt(out, 1.02));
    assert.equal(out.updated, 1);
    const unsigned = await simulate('--unsigned 0.5d..3d --timestamp-life 1d --sign-every 2h --for 5d');
    assert.ok(unsigned.expired > 4000);
    assert.equal(updatedAt(unsigned, 3), updatedAt(unsigned, 1.5));
    assert.equal(unsigned.updated, 1);
    const broken = await simulate('--revert-rate 10%');
    assert.match(
      broken.headline[0] ?? '',
      /, (89|90)\.\d % at the end, after 4 d, (9|10)\.\d % fell back\.$/,
    );
    const typed = await session.type(
      `waves simulate ${fleet} --unsigned 1d..3d --outage 1d..2d --timestamp-life 1d`,
    );
    assert.match(typed.out, /\noutage +\d+ tries without answer; by formula 17\.8\/s/);
    assert.match(typed.out, /\nexpired +met by \d+ refreshes/);
    assert.match(typed.out, /\nwithout signing +.* after 11 h 2\d min\n/);
    for (const wrong of ['1d', '2d..1d', '1d..2d..3d', '1..2', 'x..y'])
      assert.equal((await session.type(`waves simulate ${fleet} --outage ${wrong}`)).status, 64, wrong);
    for (const wrong of [
      '--edge-price -1',
      '--origin-price cheap',
      '--caches 0',
      '--caches 1001',
      '--sign-every 0s',
    ])
      assert.equal((await session.type(`waves simulate ${fleet} ${wrong}`)).status, 64, wrong);
  });

  it('fits the terminal, however wide', async () => {
    for (const columns of [40, 80, 200]) {
      session.columns = columns;
      const { out } = await session.type(`waves simulate ${fleet} --hosts 50`);
      const lines = stripVTControlCharacters(out).split('\n');
      const plots = lines.filter((line) => /[│└]/.test(line));
      assert.equal(plots.length, 3 * 9);
      for (const line of lines) assert.ok(line.length <= columns, `${columns}: ${line}`);
      assert.ok(plots.some((line) => line.length > Math.min(columns, 110) - 10));
      assert.equal(/\n {2}hosts ask +\d/.test(out), columns < 80, 'a table where it fits');
      assert.match(out, /\u001b\[1mRollout of policy p\.toml, 50 hosts\u001b\[22m\n/);
    }
    session.columns = undefined;
    const { out } = await session.type(`waves simulate ${fleet} --hosts 1`);
    assert.match(out, /^Rollout of policy p\.toml, 1 host\nUpdated: half of the fleet after /);
  });

  it('says first at what moment the rollout ends', async () => {
    const { headline, reached } = await simulate();
    const end = reached.find(({ share }) => share === 1)?.time;
    assert.match(end ?? '', /^\d{4}-\d\d-\d\dT[\d:]+Z$/);
    assert.ok(headline[0]?.endsWith(`, at ${end}.`), headline[0]);
    const { out } = await session.type(`waves simulate ${fleet} --hosts 40 --for 1min`);
    assert.match(out.replaceAll(/\s+/g, ' '), /Updated: 0\.0 % at the end, after 1 min\./);
  });

  it('writes a row with every column, and an image that says what it shows', async () => {
    const typed = await session.type(`waves simulate ${fleet} --svg r.svg --html r.html --csv r.csv`);
    assert.equal(typed.status, 0, typed.beside);
    const read = (name: string): string => readFileSync(join(session.directory, name), 'utf8');
    const lines = read('r.csv').trimEnd().split('\n');
    const { rows, headline } = await simulate();
    for (const [index, { hosts, origin, expected }] of rows.entries()) {
      const [, , , share, requests, , bits, byFormula, bitsByFormula, ...rest] =
        lines[index + 1]?.split(',') ?? [];
      assert.equal(share, expected?.updated.toFixed(6));
      assert.equal(requests, hosts.requestsPerSecond.toFixed(3));
      assert.equal(bits, String(Math.round(hosts.bitsPerSecond)));
      assert.equal(byFormula, expected?.requestsPerSecond.toFixed(3));
      assert.equal(bitsByFormula, String(Math.round(expected?.bitsPerSecond ?? -1)));
      assert.equal(rest[0], origin.requestsPerSecond.toFixed(3));
      assert.equal(rest[2], String(Math.round(origin.bitsPerSecond)));
      assert.equal(rest.length, 3);
    }
    assert.equal(lines[0]?.split(',').length, 12);
    const svg = read('r.svg');
    assert.match(
      svg,
      /<svg [^>]*role="img" aria-labelledby="t d">\n<title id="t">Rollout .*<\/title>\n<desc id="d">Updated: /,
    );
    assert.equal(svg.match(/<polyline class="(found|expected|origin)"/g)?.length, 3 + 3 + 2);
    assert.match(svg, /prefers-color-scheme:dark/);
    const html = read('r.html');
    for (const sentence of headline) assert.ok(html.includes(`<p>${sentence}</p>`));
    assert.match(html, /<caption>Load and cost<\/caption>[\s\S]*<th scope="row">requests per second<\/th>/);
  });

  it('takes a release that is published or waits', async () => {
    const options = '-w acme --hosts 500';
    writeFileSync(join(session.directory, 'disk-1.0.0.img'), 'image');
    assert.equal((await session.type('init acme --insecure-development-keys')).status, 0);
    assert.equal((await session.type('release add disk-1.0.0.img --version 1.0.0 -w acme')).status, 0);
    const title = async (more = ''): Promise<string> =>
      (await session.type(`waves simulate demo x86_64 1.0.0 ${options}${more}`)).out.split('\n')[0] ?? '';
    assert.match(await title(), /demo x86_64 1\.0\.0, not published yet/);
    assert.equal((await session.type('publish -w acme')).status, 0);
    assert.match(await title(' --policy slow --spread shipped'), /demo x86_64 1\.0\.0, as published/);
    assert.equal((await session.type(`waves simulate demo x86_64 9.0.0 ${options}`)).status, 69);
  });
});
