/** What adopting finds in a repository that others made, and what becomes of it. */
import { printable } from '../../metadata/printable.ts';

/**
 * - `must`: hosts of Tidegate, or clients that trusted the old root, could not go on without the change.
 * - `should`: some client stumbles over it, or it is weaker than Tidegate would make it.
 * - `keep`: it differs from what Tidegate writes, and stays.
 */
export type FindingLevel = 'must' | 'should' | 'keep';

/** Who makes the change: the first publication by itself, a new root, the signer of a delegated role, people, nobody. */
export type FindingStep = 'publish' | 'root' | 'delegate' | 'people' | 'none';

export interface Finding {
  readonly level: FindingLevel;
  /** File or member: "root 3, roles.timestamp". */
  readonly where: string;
  readonly found: string;
  /** Why it matters, naming the client that stumbles. */
  readonly reason: string;
  readonly step: FindingStep;
  /** What is done, or what to type. */
  readonly change: string;
}

const order: readonly FindingLevel[] = ['must', 'should', 'keep'];

export function inOrder(findings: readonly Finding[]): readonly Finding[] {
  return [...findings].sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

/** Names for people, the first of them where there are many. */
export function someOf(names: readonly string[]): string {
  const most = 8;
  const shown = names.slice(0, most).map(printable).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}
