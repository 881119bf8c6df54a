/**
 * Writes docs/interoperability.md from the lines that a run of .ci/interop leaves.
 *
 *     node test/interop/write-table.ts RESULTS > docs/interoperability.md
 */
import { readFileSync } from 'node:fs';
import type { Part, Result } from './results.ts';

interface Version {
  readonly peer: string;
  readonly version: string;
}

interface Tally {
  readonly part: string;
  readonly passed: number;
  readonly failed: number;
}

const lines: readonly (Result | Version | Tally)[] = readFileSync(process.argv[2] ?? '/dev/stdin', 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line));
const results = lines.filter((line): line is Result => 'verdict' in line);
const versions = lines.filter((line): line is Version => 'version' in line);
const tallies = lines.filter((line): line is Tally => 'passed' in line);

const shown: Readonly<Record<string, string>> = {
  Tidegate: 'the client of this package',
  'tuf-js': 'npm; what sigstore-js and npm itself verify with',
  'python-tuf': 'PyPI; the reference implementation',
  'go-tuf': 'Go modules; a program of a page around its updater: `test/interop/go`',
  tuftool: 'crates.io; the newest',
  'tuftool-old': 'crates.io; of October 2024, with the tough that updog read with then',
};

/** Rows and columns in the order in which they were seen. */
function table(part: Part): string {
  const seen = results.filter((result) => result.part === part);
  const rows = [...new Set(seen.map(({ row }) => row))];
  const columns = [...new Set(seen.map(({ peer }) => peer))].toSorted(
    (one, other) => Number(one === 'tidegate-agent') - Number(other === 'tidegate-agent'),
  );
  const cell = (row: string, peer: string): string => {
    const verdicts = seen.filter((result) => result.row === row && result.peer === peer);
    if (verdicts.length === 0) return '';
    return verdicts.every(({ verdict }) => verdict === 'yes') ? 'yes' : 'no';
  };
  return [
    `| | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---|').join('')}`,
    ...rows.map((row) => `| ${row} | ${columns.map((peer) => cell(row, peer)).join(' | ')} |`),
  ].join('\n');
}

/** Why not, by reason. */
function reasons(part: Part): string {
  const by = new Map<string, Set<string>>();
  for (const result of results) {
    const why = /^no: (.*)$/.exec(result.verdict)?.[1];
    if (why !== undefined && result.part === part) by.set(why, (by.get(why) ?? new Set()).add(result.peer));
  }
  return [...by].map(([why, who]) => `- ${[...who].join(' and ')}: ${why}`).join('\n');
}

const day = new Date().toISOString().slice(0, 10);
const adopted = tallies.find(({ part }) => part === 'adopt');

process.stdout.write(`# Interoperability

What was measured with the clients and tools of others, on ${day}. \`.ci/interop --write\` installs them, runs all of it, and
writes this page anew; no verdict is typed by hand. What a repository must look like for all of them is in
[the portable profile](portable-profile.md).

| peer | version | |
|---|---|---|
${versions.map(({ peer, version }) => `| ${peer} | ${version} | ${shown[peer] ?? ''} |`).join('\n')}

## What Tidegate writes, read by others

Repositories that the commands made, as a user types them; handed out by \`tidegate serve\`. "yes": from every root that a
host may trust, the first as well as the last, the client came to the newest root and got every target, those of delegated
roles too, byte for byte; and it refused each copy in which somebody without keys altered one thing, in words that name
it: a byte of the target, the expiry of targets, of a delegated role, of the snapshot, of the timestamp, a signature, and
a next root that nobody signed. All of them pass the profiles \`bottlerocket\`, \`portable\` and \`strict\`.

${table('ours')}

\`tidegate delegate\` writes delegations by paths, one level deep: no hash bins, which go-tuf does not find, and no
\`succinct_roles\`, which tough cannot read. Deeper ones, and both kinds of bins, are read and kept where they are adopted.

## What others write, read by Tidegate

Repositories that tuftool and python-tuf make on the spot. "no" stands where a client is known to be unable, and was; for
each of them \`tidegate verify --profile portable\` names the client and why. The rows with \`tidegate-agent\` are a host
that takes a release of tuftool's, three LZ4 frames, and the next one after \`tidegate adopt\`.

${table('theirs')}

${reasons('theirs')}

## Taken over

\`tidegate adopt\` of what tuftool, pubsys and python-tuf make on the spot, and of repositories in the styles of tuf-on-ci
and RSTUF: then a release is added, a new root made, and the tools that made it, the others that can, and tuf-js read
it from every root that they ever trusted (\`test/interop/adopt.test.ts\`): ${adopted?.passed ?? 0} passed, ${adopted?.failed ?? 0} failed.

## Keys

What \`tidegate key export --for tuftool\` writes and tuftool signs with; every client above read the outcome.

${table('keys')}

${reasons('keys')}

\`tuftool root gen-rsa-key\` leaves a private key that everybody on the machine can read; \`tidegate key import\` takes it
after \`chmod 600\`.

## Bottlerocket hosts

updog is built into images of Bottlerocket, and its crate \`update_metadata\` is on no registry, so it was not run. What
it reads with, tough ${versions.find(({ peer }) => peer === 'tuftool-old')?.version.match(/tough ([\d.]+)/)?.[1] ?? '0.19'}, was (tuftool-old). What it makes of \`manifest.json\` is written anew, from the description of the
format, in \`test/interop/read-manifest.py\`: a strict reader that shares nothing with \`src/\`. For 5,376 hosts
(14 seeds, 6 running versions, 16 moments around the edges of the default waves, 4 locks) it takes what \`src/waves\` takes.

${table('manifest')}
`);
