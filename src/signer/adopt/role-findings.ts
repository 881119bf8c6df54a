/** What adopting finds in timestamp, snapshot and the targets roles. Pure. */
import { type Document, repositoryMember, writtenSpecVersion } from '../../metadata/document.ts';
import type { FileMeta } from '../../metadata/file-meta.ts';
import { printable } from '../../metadata/printable.ts';
import { topLevelRoles } from '../../metadata/role-name.ts';
import { formatTime } from '../../metadata/time.ts';
import type { TrustedSet } from '../../trust/trusted-set.ts';
import { delegationFindings } from './delegation-findings.ts';
import { type Finding, type FindingStep, someOf } from './finding.ts';

interface NamedDocument {
  readonly role: string;
  readonly document: Document;
}

/** Versions above this are Unix times: more than a billion publications are not. */
const oneBillion = 1_000_000_000;

/** @param now milliseconds since the epoch */
export function roleFindings(set: TrustedSet, now: number): readonly Finding[] {
  const { root, timestamp, snapshot, targets } = set;
  const named = [
    { role: 'root', document: root.document },
    ...(timestamp === undefined ? [] : [{ role: 'timestamp', document: timestamp.document }]),
    ...(snapshot === undefined ? [] : [{ role: 'snapshot', document: snapshot.document }]),
    ...Array.from(targets, ([role, { document }]) => ({ role, document })),
  ];
  return [
    ...named.flatMap(({ role, document }) => documentFindings(role, document, now)),
    ...specFinding(named),
    ...namelessFinding(named.filter(({ role }) => role !== 'root')),
    ...metaFindings(set),
    ...Array.from(targets).flatMap(([role, { document }]) => delegationFindings(role, document.delegations)),
  ];
}

/** Who signs a role next. */
function stepOf(role: string): FindingStep {
  if (role === 'root') return 'root';
  return (topLevelRoles as readonly string[]).includes(role) ? 'publish' : 'delegate';
}

const when: Readonly<Record<FindingStep, string>> = {
  root: 'the next root',
  publish: 'the first publication',
  delegate: 'the next signature of this role',
  people: 'nobody',
  none: 'nobody',
};

function documentFindings(role: string, document: Document, now: number): readonly Finding[] {
  const where = `${role} ${document.version}`;
  const step = stepOf(role);
  const findings: Finding[] = [];
  const expires = document.json.get('expires');
  if (document.expires <= now) {
    const found = `expired at ${formatTime(document.expires)}`;
    const change = step === 'publish' ? 'tidegate publish signs it anew' : `${when[step]} sets a new one`;
    const reason = 'no client takes updates from it until it is signed anew';
    findings.push({ level: 'must', where, found, reason, step, change });
  }
  if (typeof expires === 'string' && expires.includes('.')) {
    findings.push({
      level: 'should',
      where,
      found: `expires ${printable(expires)}`,
      reason: 'python-tuf cannot read fractions of a second',
      step,
      change: `${when[step]} writes whole seconds`,
    });
  }
  return [...findings, ...versionFindings(where, document), ...unknownFindings(where, document)];
}

function versionFindings(where: string, { version }: Document): readonly Finding[] {
  if (version < oneBillion) return [];
  return [
    {
      level: 'keep',
      where,
      found: 'a version that looks like a Unix time',
      reason: 'clients want a higher one each time, whatever it counts',
      step: 'none',
      change: `goes on with ${version + 1}`,
    },
  ];
}

const ownMembers = [
  '_type',
  'spec_version',
  'version',
  'expires',
  'consistent_snapshot',
  'keys',
  'roles',
  'meta',
  'targets',
  'delegations',
  repositoryMember,
];

function unknownFindings(where: string, { json }: Document): readonly Finding[] {
  const unknown = [...json.keys()].filter((member) => !ownMembers.includes(member));
  if (unknown.length === 0) return [];
  return [
    {
      level: 'keep',
      where,
      found: `members ${unknown.map(printable).join(', ')}`,
      reason: 'unknown to TUF and to Tidegate; clients pass over them',
      step: 'none',
      change: 'stay as they are, and are signed with the rest',
    },
  ];
}

function specFinding(named: readonly NamedDocument[]): readonly Finding[] {
  const others = named.filter(({ document }) => document.json.get('spec_version') !== writtenSpecVersion);
  if (others.length === 0) return [];
  const versions = new Set(
    others.map(({ document }) => printable(String(document.json.get('spec_version')))),
  );
  return [
    {
      level: 'keep',
      where: someOf(others.map(({ role }) => role)),
      found: `spec_version ${[...versions].join(', ')}`,
      reason: `${writtenSpecVersion} is what every client reads`,
      step: 'publish',
      change: `each is written with ${writtenSpecVersion} when it is signed next`,
    },
  ];
}

/** One finding for all roles: they get the name together. */
function namelessFinding(named: readonly NamedDocument[]): readonly Finding[] {
  const nameless = named.filter(({ document }) => document.repository === undefined).map(({ role }) => role);
  const own = nameless.filter((role) => stepOf(role) === 'publish');
  const delegated = nameless.filter((role) => stepOf(role) === 'delegate');
  const findings: Finding[] = [];
  const reason = 'a document without it could have been signed for another repository with the same keys';
  if (own.length > 0) {
    const change = 'the first publication signs all three with the name of the repository';
    const found = `no member ${repositoryMember}`;
    findings.push({ level: 'must', where: own.join(', '), found, reason, step: 'publish', change });
  }
  if (delegated.length > 0) {
    findings.push({
      level: 'should',
      where: someOf(delegated),
      found: `no member ${repositoryMember}`,
      reason: `${reason}; once the root names its repository, hosts of Tidegate refuse delegated roles that do not`,
      step: 'delegate',
      change:
        'published with the next root they are signed anew; for keys that are not at hand: tidegate targets propose --role NAME',
    });
  }
  return findings;
}

function metaFindings({ timestamp, snapshot }: TrustedSet): readonly Finding[] {
  const findings: Finding[] = [];
  const lacks = (meta: FileMeta): boolean => meta.length === undefined || meta.hashes?.sha256 === undefined;
  if (timestamp !== undefined && lacks(timestamp.document.snapshot)) {
    findings.push({
      level: 'should',
      where: `timestamp ${timestamp.document.version}, meta`,
      found: 'snapshot.json without length or sha256',
      reason: 'tough up to 0.18 (Bottlerocket before October 2024) refuses it',
      step: 'publish',
      change: 'the first publication states both',
    });
  }
  const without = [...(snapshot?.document.meta ?? [])]
    .filter(([, meta]) => lacks(meta))
    .map(([name]) => name);
  if (snapshot !== undefined && without.length > 0) {
    findings.push({
      level: 'should',
      where: `snapshot ${snapshot.document.version}, meta`,
      found: `${someOf(without)} without length or sha256`,
      reason: 'other bytes of the same version pass, and a host must read up to its own limit',
      step: 'publish',
      change:
        'the first publication states both for what it signs; of delegated roles when they are signed next',
    });
  }
  return findings;
}
