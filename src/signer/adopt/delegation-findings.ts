/** What adopting finds where a targets role delegates to others. Pure. */
import type { Delegations } from '../../metadata/delegations.ts';
import { hasHashedId } from '../../metadata/keys.ts';
import { printable } from '../../metadata/printable.ts';
import { type Finding, someOf } from './finding.ts';

/** @param role the one that delegates */
export function delegationFindings(role: string, delegations: Delegations | undefined): readonly Finding[] {
  if (delegations === undefined) return [];
  return [...labelFindings(role, delegations), ...keptFindings(`${role}, delegations`, delegations)];
}

function labelFindings(role: string, { keys, succinct }: Delegations): readonly Finding[] {
  const labels = [...keys.values()].filter((key) => !hasHashedId(key)).map(({ id }) => id);
  if (labels.length === 0) return [];
  const finding = {
    level: 'must' as const,
    where: `${role}, delegations`,
    found: `key ids that are labels: ${someOf(labels)}`,
    reason: 'tough and hosts of Tidegate refuse the role that delegates like this',
  };
  // What lies deeper is signed by others, and bins by nobody here: their files carry the label.
  if (role !== 'targets' || succinct !== undefined) {
    const change = 'not adopted: have the tool that made it list the keys under their hashes first';
    return [{ ...finding, step: 'people', change }];
  }
  const change =
    'the first publication lists the same keys under their hashes and has these roles signed anew; for keys that are not at hand: tidegate targets propose --role NAME';
  return [{ ...finding, step: 'delegate', change }];
}

function keptFindings(where: string, { roles, succinct }: Delegations): readonly Finding[] {
  const findings: Finding[] = [];
  const keep = (found: string, reason: string, level: 'keep' | 'should' = 'keep'): void => {
    const change = 'kept as it is; a role of your own with paths can take its place';
    findings.push({ level, where, found, reason, step: 'people', change });
  };
  if (succinct !== undefined) {
    keep(
      `2^${succinct.bitLength} succinct hash bins "${printable(succinct.namePrefix)}" (TAP 15)`,
      'tough cannot read succinct roles; Tidegate reads them and signs none, so what they list lives until they expire',
      'should',
    );
  }
  const prefixed = roles.filter(({ pathHashPrefixes }) => pathHashPrefixes.length > 0);
  if (prefixed.length > 0) {
    const found = `path_hash_prefixes in ${someOf(prefixed.map(({ name }) => name))}`;
    keep(found, 'go-tuf before its fix of 2026 searches the wrong role');
  }
  if (roles.length > 0) {
    const found = `delegates to ${someOf(roles.map(({ name }) => name))}`;
    keep(found, 'their keys and documents are theirs; the snapshot goes on listing them');
  }
  return findings;
}
