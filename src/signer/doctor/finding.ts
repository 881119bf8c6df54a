/** What an examination says: one sentence on what was found, and one on what to do. */

export const findingLevels = ['ok', 'warn', 'fail'] as const;
export type FindingLevel = (typeof findingLevels)[number];

/** What is looked at, in this order. */
export const checkNames = [
  'clock',
  'policy',
  'versioning',
  'lifecycle',
  'probe',
  'published',
  'version',
  'roots',
  'snapshots',
  'files',
  'client',
  'later',
  'headers',
  'absence',
  'regions',
  'garbage',
  'uploads',
] as const;
export type CheckName = (typeof checkNames)[number];

export interface Finding {
  readonly check: CheckName;
  readonly level: FindingLevel;
  /** The repository, store or address. */
  readonly where: string;
  readonly found: string;
  /** What to do; undefined: nothing. */
  readonly advice?: string;
}

export function ok(check: CheckName, where: string, found: string): Finding {
  return { check, level: 'ok', where, found };
}

export function warn(check: CheckName, where: string, found: string, advice: string): Finding {
  return { check, level: 'warn', where, found, advice };
}

export function fail(check: CheckName, where: string, found: string, advice: string): Finding {
  return { check, level: 'fail', where, found, advice };
}

/** 0, 1 or 2: the worst of all. */
export function worstLevel(findings: readonly Finding[]): number {
  return Math.max(0, ...findings.map(({ level }) => findingLevels.indexOf(level)));
}
