/** What `tidegate adopt` prints: the plan in its three parts for people, and the same as JSON. */
import type { AdoptionPlan } from '../signer/adopt/adopt.ts';
import type { Finding, FindingLevel } from '../signer/adopt/finding.ts';
import type { Terminal } from '../terminal.ts';

const headings: Readonly<Record<FindingLevel, string>> = {
  must: 'must change',
  should: 'should change',
  keep: 'stays',
};

export function reportPlan(
  { found, keys, findings, targets, settings }: AdoptionPlan,
  terminal: Terminal,
): void {
  const bytes = targets.reduce((sum, { length }) => sum + length, 0);
  const versions = found.roots.map(({ document }) => document.version);
  const chain = versions.length === 1 ? `root ${versions[0]}` : `roots ${versions[0]} to ${versions.at(-1)}`;
  terminal.print(
    `repository "${settings.name}" (${settings.layout}): ${chain}, ${targets.length} target files, ${bytes} bytes, all verified`,
  );
  for (const { name, id, roles } of keys)
    terminal.print(`  key ${name}  ${id.slice(0, 12)}  ${roles.join(', ')}`);
  for (const level of ['must', 'should', 'keep'] as const) {
    const own = findings.filter((finding) => finding.level === level);
    if (own.length > 0) terminal.print(`${headings[level]}:`);
    for (const finding of own) printFinding(finding, terminal);
  }
}

function printFinding({ where, found, reason, change }: Finding, terminal: Terminal): void {
  terminal.print(`  ${where}: ${found}`);
  terminal.print(`      ${reason}`);
  terminal.print(`      → ${change}`);
}

export function reportDone({ directory, findings }: AdoptionPlan, copied: number, terminal: Terminal): void {
  terminal.print(`workspace is ready in ${directory}; ${copied} bytes of images were copied to the store`);
  terminal.print('  bring the private keys: tidegate key import, or [keys] in tidegate.toml');
  const root = findings.some(({ level, step }) => level === 'must' && step === 'root');
  terminal.print(root ? 'next: tidegate root propose' : 'next: tidegate plan, then tidegate publish');
}

export function adoptionData({ directory, settings, keys, findings, found, targets }: AdoptionPlan): object {
  return {
    directory,
    name: settings.name,
    layout: settings.layout,
    roots: found.roots.map(({ document }) => document.version),
    repositories: found.places.map(({ fleet, repository: { set } }) => ({
      ...fleet,
      timestamp: set.timestamp?.document.version,
      snapshot: set.snapshot?.document.version,
      roles: Object.fromEntries(Array.from(set.targets, ([role, { document }]) => [role, document.version])),
    })),
    targets: { files: targets.length, bytes: targets.reduce((sum, { length }) => sum + length, 0) },
    keys: keys.map(({ name, id, roles, listedAs }) => ({ name, id, roles, listed_as: [...listedAs] })),
    findings,
  };
}
