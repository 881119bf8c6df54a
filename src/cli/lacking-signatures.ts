/** Roles whose keys are not at hand in number: how that is said, and what to type next. */
import { TidegateError } from '../errors.ts';
import type { Plan } from '../signer/publication/plan-publication.ts';

export type Lacking = Plan['signatures'][number];

/** The first role that would not get its signatures; to be asked before anybody is asked for a passphrase. */
export function lacking(signatures: Plan['signatures']): Lacking | undefined {
  return signatures.find(({ threshold, atHand, signed }) => !signed && atHand.length < threshold);
}

export function lackText({ role, threshold, keyNames, atHand }: Lacking): string {
  const found = atHand.length === 0 ? 'none' : atHand.join(', ');
  return `${role}: ${threshold} of ${keyNames.join(', ')} must sign, and ${found} is at hand in keys/`;
}

export function signaturesMissing(lack: Lacking): TidegateError {
  const { role, threshold, atHand } = lack;
  const next = hasPeople(role)
    ? `To have it signed elsewhere: ${proposeCommand(role)}`
    : 'Say where its key is in [keys] of tidegate.toml';
  const text = `${lackText(lack)}; nothing was published. ${next}`;
  return new TidegateError('signatures-missing', text, { role, threshold, atHand });
}

/** Roles that people sign together can be signed elsewhere; a job's cannot. */
export function hasPeople(role: string): boolean {
  return role !== 'snapshot' && role !== 'timestamp';
}

export function proposeCommand(role: string): string {
  return role === 'targets' ? 'tidegate targets propose' : `tidegate targets propose --role ${role}`;
}
