/** A plan for people: what hosts will see, who signs, what is uploaded, what to look at twice. */
import { formatTime } from '../metadata/time.ts';
import type { Plan, PlannedSignature } from '../signer/publication/plan-publication.ts';
import type { PlannedChange } from '../signer/publication/planned-change.ts';
import { isAccepted, type Violation } from '../signer/publication/publication-policy.ts';
import { countOf, formatBytes, formatDuration, formatTable, printableLine } from '../terminal.ts';
import type { Release } from '../waves/release.ts';
import { releaseName } from '../waves/release.ts';
import { releaseData, scheduleRows, steeringData, steeringLines } from './steering-text.ts';

const shownTargets = 50;

export function planText(plan: Plan, now: number): readonly string[] {
  if (plan.repositories.length === 0)
    return ['nothing to publish: what is published is current', ...warningLines(plan)];
  return [
    'what hosts will see:',
    ...plan.changes
      .filter((change) => change.kind !== 'target')
      .flatMap((change) => changeLines(change, now)),
    ...targetLines(plan),
    'what must be signed:',
    indent(formatTable(plan.signatures.map((signature) => signatureRow(signature, now)))),
    uploadLine(plan),
    ...warningLines(plan),
    `plan ${plan.id}`,
  ].map(printableLines);
}

function changeLines(change: Exclude<PlannedChange, { kind: 'target' }>, now: number): readonly string[] {
  if (change.kind === 'root') return [`  ${change.repository}: root ${change.version}`];
  if (change.kind === 'removal')
    return [`  ${change.repository}: ${change.target} goes${inRole(change.role)}`];
  if (change.kind === 'delegation')
    return [`  ${change.repository}: delegation to ${change.role} ${change.change}`];
  if (change.kind === 'steering') {
    const [first = '', ...rest] = steeringLines(change, now);
    return [`  ${change.repository}: ${first}`, ...rest];
  }
  return [`  ${change.repository}: release ${releaseName(change.release)}`, ...waveLines(change.release)];
}

function inRole(role: string): string {
  return role === 'targets' ? '' : ` (role ${role})`;
}

/** Each wave with the seeds that it ends at, in absolute times. */
function waveLines(release: Release): readonly string[] {
  const rows = scheduleRows(release).map(([from, ...rest]) => [`    ${from}`, ...rest]);
  return rows.length === 0 ? ['    open to every host at once'] : formatTable(rows).split('\n');
}

function targetLines({ changes }: Plan): readonly string[] {
  const targets = changes.filter((change) => change.kind === 'target');
  const rows = targets
    .slice(0, shownTargets)
    .map(({ repository, target, role, length, sha256 }) => [
      `  ${repository}:`,
      `${target}${inRole(role)}`,
      formatBytes(length),
      `sha256 ${sha256}`,
    ]);
  const more = targets.length - shownTargets;
  const table = rows.length === 0 ? [] : formatTable(rows).split('\n');
  return more > 0 ? [...table, `  and ${more} more`] : table;
}

function signatureRow(signature: PlannedSignature, now: number): readonly string[] {
  const { repository, role, from, to, expires, threshold, keyNames, atHand, signed } = signature;
  const missing = signed
    ? ', signed already'
    : atHand.length < threshold
      ? `, only ${atHand.length} at hand`
      : '';
  return [
    repository,
    role,
    from === undefined ? `new, version ${to}` : `version ${from} → ${to}`,
    `expires ${formatTime(expires)} (in ${formatDuration(expires - now)})`,
    `${threshold} of ${keyNames.join(', ')}${missing}`,
  ];
}

function uploadLine({ uploads }: Plan): string {
  const open = uploads.filter(({ present }) => !present);
  const bytes = open.reduce((sum, { length }) => sum + length, 0);
  const present = uploads.length - open.length;
  return `what is uploaded: ${countOf(open.length, 'file')}, ${formatBytes(bytes)}${present > 0 ? `; ${present} are there already` : ''}`;
}

function warningLines({ warnings, violations, overrides }: Plan): readonly string[] {
  return [
    ...warnings.map((warning) => `warning: ${warning}`),
    ...violations.map((violation) => violationLine(violation, isAccepted(violation, overrides))),
  ];
}

export function violationLine({ name, place, found, expected }: Violation, accepted: boolean): string {
  return `${accepted ? 'accepted' : 'refused'} (${name}): ${place}: ${found}; expected ${expected}`;
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}

function printableLines(text: string): string {
  return text.split('\n').map(printableLine).join('\n');
}

/** The same as data, with times as people and programs elsewhere write them. */
export function planData(plan: Plan): unknown {
  const { id, changes, signatures, uploads, warnings, violations, overrides } = plan;
  return {
    plan: id,
    changes: changes.map(changeData),
    signatures: signatures.map(({ expires, expiresFrom, ...signature }) => ({
      ...signature,
      ...(expiresFrom !== undefined && { expiresFrom: formatTime(expiresFrom) }),
      expires: formatTime(expires),
    })),
    uploads,
    warnings,
    violations: violations.map((one) => ({ ...one, accepted: isAccepted(one, overrides) })),
    canonical: JSON.parse(plan.json),
  };
}

function changeData(change: PlannedChange): unknown {
  if (change.kind === 'release') return { ...change, release: releaseData(change.release) };
  if (change.kind !== 'steering') return change;
  return { kind: change.kind, repository: change.repository, ...steeringData(change) };
}
