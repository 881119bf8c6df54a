/** `--override NAME --reason TEXT`: what is weaker than the policies is accepted by name, for a reason, on record. */
import { TidegateError } from '../../errors.ts';
import { type Override, overridesFor } from './overrides.ts';
import { requireStrength, type Weakness, weaknessNames, weaknessText } from './role-strength.ts';

/** What a person answers for now. */
export interface OverrideWish {
  /** Of `weaknessNames`. */
  readonly names: readonly string[];
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The overrides that are to be recorded, beside those that are.
 *
 * @throws config-invalid naming a weakness that nobody accepts; usage for a name that is none, or that nothing needs, and
 *   for a reason that says nothing
 */
export function acceptedNow(
  weaknesses: readonly Weakness[],
  recorded: readonly Override[],
  wish: OverrideWish | undefined,
  file: string,
): readonly Override[] {
  const isRecorded = (weakness: Weakness): boolean =>
    recorded.some(({ name, what }) => name === weakness.name && what === weaknessText(weakness));
  const open = weaknesses.filter((weakness) => !isRecorded(weakness));
  if (wish !== undefined) requireSense(wish, open);
  const accepted = open.filter(({ name }) => wish?.names.includes(name) === true);
  const overrides = wish === undefined ? [] : overridesFor(accepted, wish);
  requireStrength(weaknesses, [...recorded, ...overrides], file);
  return overrides;
}

function requireSense({ names, reason }: OverrideWish, open: readonly Weakness[]): void {
  for (const name of names) {
    if (!(weaknessNames as readonly string[]).includes(name)) {
      throw new TidegateError('usage', `--override ${name}: expected one of ${weaknessNames.join(', ')}`);
    }
    if (open.some((weakness) => weakness.name === name)) continue;
    const text = `--override ${name}: nothing needs it; an override is recorded for just what is weak`;
    throw new TidegateError('usage', text, { override: name });
  }
  requireReason({ names, reason });
}

const shortestReason = 3;

/** @throws usage for a reason that says nothing */
export function requireReason({ names, reason }: Pick<OverrideWish, 'names' | 'reason'>): void {
  if (names.length === 0 || reason.trim().length >= shortestReason) return;
  const text = `--override needs --reason TEXT, of ${shortestReason} characters or more: whoever reads it later wants to know why`;
  throw new TidegateError('usage', text);
}
