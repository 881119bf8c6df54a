/** An expiration check as metrics. Pure. */
import type { CheckedRole, ExpirationCheck } from './expiration-check.ts';
import type { Metric } from './exposition.ts';
import { levels } from './thresholds.ts';

const seconds = (milliseconds: number): number => Math.floor(milliseconds / 1000);

/** Prefixed `tidegate_`; labels `repository` and `role`. */
export function checkMetrics({ at, level, roles, faults }: ExpirationCheck): readonly Metric[] {
  const single = (name: string, help: string, value: number): Metric => ({
    name: `tidegate_${name}`,
    help,
    type: 'gauge',
    samples: [{ labels: {}, value }],
  });
  return [
    ...roleMetrics(roles),
    {
      name: 'tidegate_repository_fault',
      help: '1 for a repository that could not be read or does not verify; the code says why.',
      type: 'gauge',
      samples: faults.map(({ repository, error }) => ({
        labels: { repository, code: error.code },
        value: 1,
      })),
    },
    single(
      'check_level',
      'The worst of all roles and faults: 0 ok, 1 warning, 2 critical.',
      levels.indexOf(level),
    ),
    single('check_timestamp_seconds', 'The time that was asked about, in Unix time.', seconds(at)),
  ];
}

function roleMetrics(roles: readonly CheckedRole[]): readonly Metric[] {
  const gauge = (name: string, help: string, value: (role: CheckedRole) => number): Metric => ({
    name: `tidegate_${name}`,
    help,
    type: 'gauge',
    samples: roles.map((role) => ({
      labels: { repository: role.repository, role: role.role },
      value: value(role),
    })),
  });
  return [
    gauge('role_version', 'Version of the published role.', ({ version }) => version),
    gauge('role_expires_timestamp_seconds', 'When the role expires, in Unix time.', ({ expires }) =>
      seconds(expires),
    ),
    gauge(
      'role_remaining_seconds',
      'Seconds until the role expires, negative when it has.',
      ({ remaining }) => seconds(remaining),
    ),
    gauge('role_warning_seconds', 'The role is a warning when fewer seconds are left.', ({ warn }) =>
      seconds(warn),
    ),
    gauge('role_critical_seconds', 'The role is critical when fewer seconds are left.', ({ critical }) =>
      seconds(critical),
    ),
    gauge('role_level', 'How near the end is: 0 ok, 1 warning, 2 critical.', ({ level: of }) =>
      levels.indexOf(of),
    ),
    gauge('role_too_long', '1 when the role lives longer than the policy allows.', ({ tooLong }) =>
      Number(tooLong),
    ),
  ];
}
