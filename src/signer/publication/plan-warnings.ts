/** What a person should know before a plan is signed; nothing here stops it. */
import { formatTime } from '../../metadata/time.ts';
import { releaseName } from '../../waves/release.ts';
import { offeredAgain } from '../../waves/releases.ts';
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
  const sentences = [
    ...expiryWarnings(live, plan, now),
    ...sizeWarnings(plan),
    ...lateWarnings(plan, now),
    ...againWarnings(live, plan),
  ];
  return sentences.map((text) => `${live.place.name}: ${text}`);
}

/** What expires soon, or has, and is not signed anew by this plan. */
function expiryWarnings(
  { root, published }: LiveRepository,
  plan: RepositoryPlan | undefined,
  now: number,
): readonly string[] {
  const warnings: string[] = [];
  if (root.expires - now < rootNotice) {
    const verb = root.expires <= now ? 'expired' : 'expires';
    warnings.push(`root ${root.version} ${verb} at ${formatTime(root.expires)}: sign the next one`);
  }
  if (plan !== undefined) warnings.push(...clockWarnings(published, now));
  const signed = new Set(plan?.roles.map(({ role }) => role));
  for (const role of publishedRoles) {
    const document = published?.[role];
    if (signed.has(role) || document === undefined || document.expires > now) continue;
    warnings.push(`${role} ${document.version} expired at ${formatTime(document.expires)}: refresh it`);
  }
  for (const [role, { document }] of published?.delegated ?? []) {
    if (signed.has(role) || document.expires > now) continue;
    const since = formatTime(document.expires);
    warnings.push(`delegated role ${role} expired at ${since}; some clients refuse the whole repository`);
  }
  return warnings;
}

function sizeWarnings(plan: RepositoryPlan | undefined): readonly string[] {
  const targets = plan?.targets.size ?? 0;
  if (targets <= manyTargets) return [];
  return [`${targets} targets; some clients take seconds and more above ${manyTargets}`];
}

function lateWarnings(plan: RepositoryPlan | undefined, now: number): readonly string[] {
  return (plan?.releases ?? []).flatMap((release) => {
    const first = Math.min(...release.waves.values());
    if (first >= now) return [];
    const name = releaseName(release);
    return [`the first wave of ${name} opened at ${formatTime(first)}, before this plan`];
  });
}

/** A new release raises the highest version for those that are published, too. */
function againWarnings({ manifest }: LiveRepository, plan: RepositoryPlan | undefined): readonly string[] {
  return offeredAgain(manifest, plan?.manifest ?? manifest).map((release) => {
    const name = releaseName(release);
    return `${name} was above the highest version, ${release.maxVersion} from now on, and is offered again: withdraw it if it must not be`;
  });
}

/** A clock that is ahead shows itself in nothing else, where the store has no clock of its own. */
function clockWarnings(published: LiveRepository['published'], now: number): readonly string[] {
  const { version, expires } = published?.timestamp ?? { version: 0, expires: Number.POSITIVE_INFINITY };
  if (expires > now) return [];
  const found = `by this clock, ${formatTime(now)}, timestamp ${version} expired at ${formatTime(expires)}`;
  return [
    `${found}. If it was kept fresh, the clock is ahead: set it first, for what is signed now is dated by it`,
  ];
}
