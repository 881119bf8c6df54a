/** Keys as lines: whose, of what kind, the id, and the words to read aloud. Those that stay are counted. */
import { escaped } from '../../metadata/printable.ts';
import { fingerprintWords } from '../keys/fingerprint.ts';
import type { KeyChange, KeyFacts } from './key-facts.ts';

/** @param hasBefore false where everything is new, and nothing can stay */
export function keyLines(changes: readonly KeyChange[], hasBefore: boolean): readonly string[] {
  if (changes.length === 0) return [];
  const kept = changes.filter(({ state }) => state === 'kept');
  const lines = changes.filter(({ state }) => state !== 'kept').flatMap(keyChangeLines);
  const stay = kept.length === 0 ? [] : [`    ${kept.map(({ key }) => ownerText(key)).join('; ')}`];
  return [hasBefore ? `keys: ${kept.length} stay` : `keys: ${changes.length}`, ...stay, ...lines];
}

function keyChangeLines({ state, key, before }: KeyChange): readonly string[] {
  if (before !== undefined) {
    return [
      `  ~ ${ownerText(key)}: OTHER BYTES under the id ${escaped(key.id)}`,
      ...keyFactLines('before: ', before),
      ...keyFactLines('after:  ', key),
    ];
  }
  return [`  ${state === 'added' ? '+' : '-'} ${ownerText(key)}`, ...keyFactLines('', key)];
}

/** The words are those of the key's bytes, so that no id can borrow another key's words. */
export function keyFactLines(label: string, key: KeyFacts): readonly string[] {
  const id = key.id === key.hash ? '' : `; under the id ${escaped(key.id)}`;
  return [
    `      ${label}${escaped(key.type)}${key.type === key.scheme ? '' : `, ${escaped(key.scheme)}`}`,
    `      ${label}key ${key.hash}${id}`,
    `      ${label}words ${fingerprintWords(key.hash)}`,
  ];
}

/** Whose key it is, and who says so. */
export function ownerText({ owner, id }: Pick<KeyFacts, 'owner' | 'id'>): string {
  if (owner === undefined) return `key ${escaped(id).slice(0, 12)}, nobody says whose`;
  if (owner.confirmed) return `${escaped(owner.name)} (as your own keys say)`;
  return `"${escaped(owner.name)}" (only the request says so)`;
}
