/** What a person should know before a plan is signed; nothing here stops it. */
import { formatTime } from '../../metadata/time.ts';
import { releaseName } from '../../waves/release.ts';
import { chainOf, rootDifferences } from '../workspace/roots.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { LiveRepository } from './live-repository.ts';
import type { RepositoryPlan } from './plan.ts';
import { publishedRoles } from './role-plan.ts';

/** A new root needs people and safes: eight weeks, in milliseconds. */
const rootNotice = 8 * 7 * 24 * 3_600_000;

/** tuf-js, the second verifier of hosts, needs quadratic time for the entries of one role. */
const manyTargets = 1000;

/** What tidegate.toml wants and no root says yet; nothing while there is no root at all. */
export function rootWarnings({ roots, settings, keys }: Workspace): readonly string[] {
  if (roots.length === 0) return [];
  const root = chainOf(roots, 'roots').root.document;
  return rootDifferences(root, settings, keys).map((text) => `${text}. Next: tidegate root propose`);
}

/** What is declared of the store that nothing can check. */
export function storeWarnings({ settings, store }: Workspace): readonly string[] {
  if (!settings.singleWriter) return [];
  return [
    `single_writer is declared for ${store.location}: only this machine's lock keeps two publications apart; never publish from a second one`,
  ];
}

/** Sentences, each naming the repository. */
export function planWarnings(
  live: LiveRepository,
  plan: RepositoryPlan | undefined,
  now: number,
): readonly string[] {
  const warnings: string[] = [];
  const at = live.place.name;
  const { root, published } = live;
  if (root.expires - now < rootNotice) {
    const verb = root.expires <= now ? 'expired' : 'expires';
    warnings.push(`${at}: root ${root.version} ${verb} at ${formatTime(root.expires)}: sign the next one`);
  }
  if (plan !== undefined) warnings.push(...clockWarnings(live, now));
  for (const role of publishedRoles) {
    const signed = plan?.roles.some((planned) => planned.role === role) ?? false;
    const document = published?.[role];
    if (signed || document === undefined || document.expires > now) continue;
    warnings.push(
      `${at}: ${role} ${document.version} expired at ${formatTime(document.expires)}: refresh it`,
    );
  }
  for (const [role, { document }] of published?.delegated ?? []) {
    const signed = plan?.roles.some((planned) => planned.role === role) ?? false;
    if (signed || document.expires > now) continue;
    const since = formatTime(document.expires);
    warnings.push(
      `${at}: delegated role ${role} expired at ${since}; some clients refuse the whole repository`,
    );
  }
  const targets = plan?.targets.size ?? 0;
  if (targets > manyTargets) {
    warnings.push(`${at}: ${targets} targets; some clients take seconds and more above ${manyTargets}`);
  }
  for (const release of plan?.releases ?? []) {
    const [first] = [...release.waves.values()].sort((a, b) => a - b);
    if (first !== undefined && first < now) {
      warnings.push(
        `${at}: the first wave of ${releaseName(release)} opened at ${formatTime(first)}, before this plan`,
      );
    }
  }
  return warnings;
}

/** A clock that is ahead shows itself in nothing else, where the store has no clock of its own. */
function clockWarnings({ place, published }: LiveRepository, now: number): readonly string[] {
  const { version, expires } = published?.timestamp ?? { version: 0, expires: Number.POSITIVE_INFINITY };
  if (expires > now) return [];
  const found = `by this clock, ${formatTime(now)}, timestamp ${version} expired at ${formatTime(expires)}`;
  return [
    `${place.name}: ${found}. If it was kept fresh, the clock is ahead: set it first, for what is signed now is dated by it`,
  ];
}
