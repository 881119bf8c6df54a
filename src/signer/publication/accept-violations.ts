/** `--override NAME --reason TEXT` for a plan that breaks `[policy]`: by whom and why goes into overrides.jsonl. */
import { TidegateError } from '../../errors.ts';
import { type OverrideWish, requireReason } from '../workspace/accept-weaknesses.ts';
import { type Override, overridesFor } from '../workspace/overrides.ts';
import { isAccepted, type Violation, violationNames } from './publication-policy.ts';

/**
 * The overrides that are to be recorded, beside those that are.
 *
 * @throws usage for a name that is none, or that nothing needs, and for a reason that says nothing
 */
export function violationsAccepted(
  violations: readonly Violation[],
  recorded: readonly Override[],
  wish: OverrideWish | undefined,
): readonly Override[] {
  if (wish === undefined) return [];
  const open = violations.filter((violation) => !isAccepted(violation, recorded));
  for (const name of wish.names) {
    if (!(violationNames as readonly string[]).includes(name))
      throw new TidegateError('usage', `--override ${name}: expected one of ${violationNames.join(', ')}`);
    if (violations.some((violation) => violation.name === name)) continue;
    throw new TidegateError('usage', `--override ${name}: nothing in this plan needs it`, { override: name });
  }
  requireReason(wish);
  return overridesFor(
    open.filter(({ name }) => wish.names.includes(name)),
    wish,
  );
}
