/** An audit in words, as data, and as an exit status. */
import { TidegateError } from '../errors.ts';
import { formatTime } from '../metadata/time.ts';
import type { Problem } from '../signer/audit/problems.ts';
import { type ProfileFinding, sentenceOf } from '../signer/audit/profile/finding.ts';
import type { AuditedRole, AuditReport } from '../signer/audit/report.ts';
import {
  countOf,
  formatBytes,
  formatDuration,
  formatTable,
  printableLine,
  type Terminal,
} from '../terminal.ts';

/** When only the profile finds fault: readable for hosts of Tidegate, not for everybody. */
const profileStatus = 77;

export function reportLines(report: AuditReport, now: number, terminal: Terminal): readonly string[] {
  const { repository, origin, roots, stranded, files, releases, problems, profile } = report;
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const faults =
    countOf(errors, 'error') +
    (problems.length > errors ? `, ${countOf(problems.length - errors, 'warning')}` : '');
  const verdict =
    errors > 0
      ? terminal.style('red', faults)
      : terminal.style('green', problems.length === 0 ? 'good' : faults);
  const trust =
    origin === 'proven'
      ? 'trust begins with the root that was given'
      : 'trust begins with the first root found: consistent with itself, not proven to be whose it claims';
  const manifest = releases === undefined ? 'no manifest' : countOf(releases, 'release');
  return [
    `${printableLine(repository)}: ${verdict}`,
    `  ${trust}`,
    `  roots ${rangeOf(roots)}${stranded.length === 0 ? ', each leads to the last' : `; from ${rangeOf(stranded)} no host comes to the last`}`,
    ...formatTable(report.roles.map((role) => roleRow(role, now)))
      .split('\n')
      .map(printableLine),
    `  ${countOf(files.listed, 'file')} of targets listed, ${files.present} there, ${files.verified} read whole (${formatBytes(files.bytes)}); ${manifest}`,
    ...problems.map((problem) => `  ${problemLine(problem, terminal)}`),
    ...profile.map(
      (finding) => `  ${terminal.style('yellow', 'profile')} ${printableLine(sentenceOf(finding))}`,
    ),
  ];
}

function problemLine({ severity, code, message }: Problem, terminal: Terminal): string {
  const label = terminal.style(severity === 'error' ? 'red' : 'yellow', `${severity} [${code}]`);
  return `${label} ${printableLine(message)}`;
}

function roleRow({ role, version, expires }: AuditedRole, now: number): readonly string[] {
  const remaining = expires - now;
  const left = remaining > 0 ? `${formatDuration(remaining)} left` : `${formatDuration(-remaining)} ago`;
  return [`  ${role}`, `version ${version}`, `expires ${formatTime(expires)}`, left];
}

/** "1 to 4", "1, 3 to 5". */
function rangeOf(versions: readonly number[]): string {
  const parts: string[] = [];
  let first: number | undefined;
  for (const [index, version] of versions.entries()) {
    first ??= version;
    if (versions[index + 1] === version + 1) continue;
    parts.push(first === version ? String(version) : `${first} to ${version}`);
    first = undefined;
  }
  return parts.length === 0 ? 'none' : parts.join(', ');
}

export function fileLines(
  name: string,
  profile: string,
  findings: readonly ProfileFinding[],
): readonly string[] {
  const verdict = findings.length === 0 ? 'nothing found' : countOf(findings.length, 'finding');
  const head = `${name}: ${verdict} (profile ${profile}; only its form was looked at, nothing was verified)`;
  return [head, ...findings.map((finding) => `  ${sentenceOf(finding)}`)].map(printableLine);
}

/** Times as people and programs elsewhere write them. */
export function reportData({ roles, files, problems, profile, releases, ...report }: AuditReport): unknown {
  return {
    ...report,
    roles: roles.map(({ expires, ...role }) => ({ ...role, expires: formatTime(expires) })),
    files,
    releases: releases ?? null,
    problems,
    profile: profile.map(profileData),
  };
}

export function profileData(finding: ProfileFinding): unknown {
  return { ...finding, message: sentenceOf(finding) };
}

/** The status of the first error, in the order of the report. */
export function auditStatus(reports: readonly AuditReport[]): number {
  const problems = reports.flatMap((report) => report.problems);
  const first = problems.find(({ severity }) => severity === 'error');
  if (first !== undefined) return new TidegateError(first.code, first.message).exitStatus;
  return reports.some(({ profile }) => profile.length > 0) ? profileStatus : 0;
}

export function fileStatus(findings: readonly ProfileFinding[]): number {
  return findings.length > 0 ? profileStatus : 0;
}
