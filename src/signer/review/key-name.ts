/** How a key is called in a sentence: by its owner, and by the beginning of its id, which nobody can choose. */
import { escaped } from '../../metadata/printable.ts';
import type { KeyFacts } from './key-facts.ts';

const shownDigits = 12;

/** "alice (f3a4…)"; a name that only the file claims stands in quotation marks. */
export function keyName({ owner, id }: Pick<KeyFacts, 'owner' | 'id'>): string {
  const short = escaped(id).slice(0, shownDigits);
  if (owner === undefined) return short;
  return owner.confirmed ? `${escaped(owner.name)} (${short})` : `"${escaped(owner.name)}" (${short})`;
}
