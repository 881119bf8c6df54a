/** What adopting finds among the targets: names, hashes, custom, the list of releases. Pure. */

import { printable } from '../../metadata/printable.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import { isTargetPath, parsePortableTargetPath } from '../../metadata/target-path.ts';
import { type TargetsDocument, targetOf } from '../../metadata/targets.ts';
import type { Manifest } from '../../waves/release.ts';
import type { Finding } from './finding.ts';

/** @param manifest the list of releases, if there is one */
export function targetFindings(
  roles: ReadonlyMap<string, TargetsDocument>,
  manifest: Manifest | undefined,
): readonly Finding[] {
  return [
    ...manifestFindings(manifest),
    ...[...roles].flatMap(([role, document]) => roleFindings(`${role} ${document.version}`, document)),
  ];
}

function manifestFindings(manifest: Manifest | undefined): readonly Finding[] {
  const where = manifestTarget;
  if (manifest === undefined) {
    return [
      {
        level: 'should',
        where,
        found: 'no list of releases',
        reason: 'hosts of Tidegate choose from it; other clients ask for targets by name and do not mind it',
        step: 'publish',
        change: 'the first publication adds the target, empty until the first release',
      },
    ];
  }
  return [
    {
      level: 'keep',
      where,
      found: counted(manifest.updates.length, 'release'),
      reason: 'Bottlerocket’s format, which Tidegate reads and goes on writing',
      step: 'publish',
      change: 'written again in the same format; every release and wave stays',
    },
  ];
}

function roleFindings(where: string, document: TargetsDocument): readonly Finding[] {
  const paths = [...document.targets.keys()];
  const targets = paths.flatMap((path) => (isTargetPath(path) ? (targetOf(document, path) ?? []) : []));
  const findings: Finding[] = [];
  const note = (found: string, reason: string, change: string, level: 'keep' | 'should' = 'keep'): void => {
    findings.push({ level, where, found, reason, step: 'none', change });
  };
  if (targets.length > 0)
    note(
      counted(targets.length, 'target'),
      'hosts may still ask for them',
      'stay listed as they are, and their files stay',
    );
  const custom = targets.filter((target) => target.custom !== undefined).length;
  if (custom > 0)
    note(`custom in ${counted(custom, 'target')}`, 'signed data of yours', 'stays to the letter');
  const foldered = paths.filter((path) => path.includes('/'));
  if (foldered.length > 0)
    note(
      sample(foldered, 'names with folders'),
      'tough asks for HASH.folder/name, every other client for folder/HASH.name',
      'each file is stored under both names',
    );
  const odd = paths.filter((path) => !path.includes('/') && !isPortable(path));
  if (odd.length > 0)
    note(
      sample(odd, 'names that clients encode differently'),
      'some clients will not find them; as before',
      'kept; give new files names of letters, digits, ".", "_", "+" and "-"',
      'should',
    );
  const without = targets.filter(({ hashes }) => hashes.sha256 === undefined).map(({ path }) => path);
  if (without.length > 0)
    note(
      sample(without, 'targets without sha256'),
      'tough refuses the whole role',
      'kept; remove them, or add them again under new names',
      'should',
    );
  return findings;
}

function isPortable(path: string): boolean {
  try {
    return parsePortableTargetPath(path) === path;
  } catch {
    return false;
  }
}

function sample(paths: readonly string[], what: string): string {
  const shown = paths.slice(0, 3).map(printable).join(', ');
  return `${what}: ${shown}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
