/** What the second verifier is spared, and why. Pure. */
import type { Delegations } from '../metadata/delegations.ts';
import type { TrustedSet } from '../trust/trusted-set.ts';

/** Entries of one role beyond which `auto` leaves the second verifier out: 2,000 take it about a second. */
const maxEntries = 2_000;

/** Why `auto` leaves it out, or undefined when it does not. */
export function tooLargeForSecond({ root, snapshot, targets }: TrustedSet): string | undefined {
  const counts: [string, number][] = [
    ['root', root.document.keys.size],
    ['snapshot', snapshot?.document.meta.size ?? 0],
  ];
  for (const [role, { document }] of targets) {
    const delegations = document.delegations;
    const delegated = delegations === undefined ? 0 : delegations.roles.length + delegations.keys.size;
    counts.push([role, document.targets.size + delegated]);
  }
  const large = counts.find(([, count]) => count > maxEntries);
  if (large === undefined) return undefined;
  return `role ${large[0]} lists ${large[1]} entries, more than ${maxEntries}`;
}

/** What minimatch gives a meaning besides `*` and `?` in one segment, and more stars than it handles quickly. */
const foreign = /[[\]{}()|\\]|(?:^|\/)[!#]|(?:\*[^*/]*){4}/;

/** The first pattern of these delegations that minimatch reads otherwise, or in exponential time. */
export function foreignPattern({ roles }: Delegations): string | undefined {
  for (const { paths } of roles) {
    const found = paths.find((pattern) => foreign.test(pattern));
    if (found !== undefined) return found;
  }
  return undefined;
}
