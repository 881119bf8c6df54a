/** What adopting finds in the roots: chain, keys, thresholds, the form that hosts need. Pure. */
import { isUsable } from '../../metadata/crypto.ts';
import { repositoryMember } from '../../metadata/document.ts';
import { isJsonObject } from '../../metadata/json.ts';
import { hasHashedId, type Key, verificationKey } from '../../metadata/keys.ts';
import { printable } from '../../metadata/printable.ts';
import { topLevelRoles } from '../../metadata/role-name.ts';
import type { RootDocument } from '../../metadata/root.ts';
import type { Weakness } from '../workspace/role-strength.ts';
import type { AdoptedKey } from './adopted-keys.ts';
import type { Finding } from './finding.ts';

const newRoot = 'the next root does: tidegate root propose, then collect the old root keys’ signatures';

export function rootFindings(
  roots: readonly RootDocument[],
  keys: readonly AdoptedKey[],
  weaknesses: readonly Weakness[],
): readonly Finding[] {
  const last = roots.at(-1);
  if (last === undefined) return [];
  return [
    ...formFindings(last),
    ...chainFindings(roots, last),
    ...keys.flatMap((key) => keyFindings(last, key)),
    ...weaknesses.map(weaknessFinding),
  ];
}

function formFindings(root: RootDocument): readonly Finding[] {
  const where = `root ${root.version}`;
  const findings: Finding[] = [];
  if (!root.consistentSnapshot) {
    findings.push({
      level: 'must',
      where,
      found: `consistent_snapshot ${root.json.has('consistent_snapshot') ? 'is false' : 'is absent'}`,
      reason:
        'files are overwritten in place, so a host would mix old and new ones; hosts of Tidegate refuse it',
      step: 'root',
      change: `${newRoot}; until then nothing can be published`,
    });
  }
  const roles = root.json.get('roles');
  const extra = isJsonObject(roles) ? [...roles.keys()].filter((role) => !isKnownRole(role)) : [];
  if (extra.length > 0) {
    findings.push({
      level: 'should',
      where: `${where}, roles`,
      found: `a role ${extra.map(printable).join(', ')}`,
      reason: 'tough and python-tuf refuse a root with other roles than the four',
      step: 'root',
      change: 'the next root leaves it out',
    });
  }
  if (root.repository === undefined) findings.push(namelessRoot(where));
  return findings;
}

function isKnownRole(role: string): boolean {
  return (topLevelRoles as readonly string[]).includes(role);
}

function namelessRoot(where: string): Finding {
  return {
    level: 'should',
    where,
    found: `no member ${repositoryMember}`,
    reason:
      'the root does not say to which repository it belongs, so hosts cannot tell another one signed with the same keys',
    step: 'root',
    change:
      'targets, snapshot and timestamp name it from the first publication on, the root when the next one is made; clients of other kinds pass over the member',
  };
}

function chainFindings(roots: readonly RootDocument[], last: RootDocument): readonly Finding[] {
  const first = roots[0] ?? last;
  if (first.version === 1) return [];
  return [
    {
      level: 'keep',
      where: `roots 1 to ${first.version - 1}`,
      found: 'not to be had',
      reason: `hosts that trust an earlier root than ${first.version} cannot walk to the present one, here as before`,
      step: 'people',
      change: `the chain begins at root ${first.version} (first_root in tidegate.toml); put older roots into roots/ if you have them`,
    },
  ];
}

function keyFindings(root: RootDocument, { name, listedAs, id }: AdoptedKey): readonly Finding[] {
  const findings: Finding[] = [];
  for (const listed of listedAs) {
    const key = root.keys.get(listed);
    if (key === undefined) continue;
    const where = `root ${root.version}, key ${name}`;
    if (!hasHashedId(key)) {
      findings.push({
        level: 'must',
        where,
        found: `key id ${printable(listed).slice(0, 24)} is a label, not the SHA-256 of the key object (TAP 12)`,
        reason: 'tough (tuftool, updog) and hosts of Tidegate refuse such a root as a whole',
        step: 'root',
        change: `the next root lists the same key as ${id.slice(0, 12)}…, signed under both ids; clients that trust the old one go on${/^(?:[0-9a-f]{2})+$/.test(listed) ? '' : ', and tough begins with the root after it, for want of hexadecimal'}`,
      });
    }
    findings.push(...formOfKey(key, where));
  }
  return findings;
}

function formOfKey(key: Key, where: string): readonly Finding[] {
  const usable = verificationKey(key);
  if (!isUsable(usable)) {
    const found = `${printable(key.type)} with ${printable(key.scheme)}: ${usable.unusable}`;
    const reason = 'it counts for no threshold; tough and python-tuf may refuse the whole root for it';
    return [
      { level: 'should', where, found, reason, step: 'root', change: 'replace the key in the next root' },
    ];
  }
  const value = key.publicValue ?? '';
  const trouble = troublesOfKey(key.type, key.scheme, value.includes('PUBLIC KEY'));
  return trouble.map(({ found, reason }) => ({
    level: 'should' as const,
    where,
    found,
    reason,
    step: 'root' as const,
    change: 'kept; another key in the next root if such clients read this repository',
  }));
}

function troublesOfKey(
  type: string,
  scheme: string,
  isPem: boolean,
): readonly { readonly found: string; readonly reason: string }[] {
  const troubles: { found: string; reason: string }[] = [];
  if (scheme.startsWith('ecdsa') && !isPem)
    troubles.push({ found: 'a point in hexadecimal', reason: 'python-tuf and go-tuf read PEM alone' });
  if (type === 'ed25519' && isPem)
    troubles.push({
      found: 'an ed25519 key in PEM',
      reason: 'python-tuf, go-tuf and tough read hexadecimal alone',
    });
  if (type === 'ecdsa' && scheme === 'ecdsa-sha2-nistp256')
    troubles.push({
      found: 'key type ecdsa',
      reason: 'tough 0.12.1 to 0.17.0 (Bottlerocket before March 2024) cannot read it',
    });
  if (scheme === 'ecdsa-sha2-nistp384')
    troubles.push({ found: 'a key on curve P-384', reason: 'tough cannot read the root at all' });
  if (/^rsassa-pss-sha(384|512)$/.test(scheme))
    troubles.push({ found: `scheme ${scheme}`, reason: 'tough and go-tuf know rsassa-pss-sha256 alone' });
  return troubles;
}

function weaknessFinding({ name, place, found, expected }: Weakness): Finding {
  return {
    level: 'should',
    where: place,
    found,
    reason: `Tidegate asks for ${expected}: ${name.endsWith('-expiration') ? 'what is frozen is believed for so long' : 'no one lost or stolen key shall decide'}`,
    step: name.endsWith('-expiration') ? 'people' : 'root',
    change: `kept as it is, on record as override ${name}; tidegate.toml says it otherwise when you want it`,
  };
}
