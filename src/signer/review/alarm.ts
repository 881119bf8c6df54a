/** What an alarm is. alarms.ts says when there is one. */
import { shown } from './shown.ts';

export const alarmKinds = [
  // The request as a whole
  'first-root',
  'root-not-compared',
  'no-previous',
  'previous-unverified',
  'delegator-unsigned',
  'owner-contradicted',
  // The document
  'version-jump',
  'repository-renamed',
  'consistent-snapshot-off',
  'expiry-past',
  'expiry-soon',
  'expiry-late',
  'expiry-earlier',
  // Keys
  'key-bytes-changed',
  'key-id-not-hash',
  'key-unusable',
  'key-missing',
  'key-twice',
  'key-shared',
  // Roles
  'threshold-lowered',
  'threshold-one',
  'threshold-unreachable',
  'no-spare-key',
  'fewer-keys',
  'delegation-order',
  'delegation-wide',
  'delegation-terminating',
  // Targets and what is listed
  'target-changed',
  'target-not-delegated',
  'manifest-unseen',
  'image-not-listed',
  'entry-older',
  'look-alike',
] as const;
export type AlarmKind = (typeof alarmKinds)[number];

/**
 * What says that a request is not what it should be, that hosts would refuse it, or that trust gets weaker: nobody signs
 * these unseen. The others come with some ceremonies by their nature, such as a first root or the loss of a key.
 */
const graveKinds: ReadonlySet<AlarmKind> = new Set([
  'root-not-compared',
  'no-previous',
  'previous-unverified',
  'owner-contradicted',
  'version-jump',
  'repository-renamed',
  'consistent-snapshot-off',
  'expiry-past',
  'expiry-late',
  'key-bytes-changed',
  'key-id-not-hash',
  'key-unusable',
  'key-missing',
  'key-twice',
  'key-shared',
  'threshold-lowered',
  'threshold-unreachable',
  'delegation-wide',
  'target-changed',
  'manifest-unseen',
  'entry-older',
  'look-alike',
]);

export function isGrave(kind: AlarmKind): boolean {
  return graveKinds.has(kind);
}

export interface Alarm {
  readonly kind: AlarmKind;
  /** For people, without a full stop. */
  readonly sentence: string;
}

export function alarm(kind: AlarmKind, sentence: string): Alarm {
  return { kind, sentence };
}

/** Letters that look like others, or are not seen at all, can hide a second target or role beside the right one. */
export function lookAlike(what: string, name: string): readonly Alarm[] {
  if (/^[\x20-\x7e]*$/.test(name)) return [];
  return [
    alarm(
      'look-alike',
      `the ${what} ${shown(name)} has characters that can look like others: ${codePoints(name)}`,
    ),
  ];
}

function codePoints(name: string): string {
  const odd = [...name].filter((character) => !/[\x20-\x7e]/.test(character));
  return [...new Set(odd)]
    .map((character) => `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`)
    .join(', ');
}
