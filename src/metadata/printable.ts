/** Text for messages and reviews: control, invisible and direction-changing characters are escaped. */

/** Cut short, for messages. */
export function printable(text: string): string {
  return escaped(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/**
 * Not seen, or shown in another place or as another thing than it is: control and format characters, those that no
 * font draws, parts of pairs, private ones, and every space but the common one.
 */
const unseen = /[\p{C}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800]|(?! )\p{Zs}/gu;

/** The whole text. */
export function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1).replaceAll(unseen, codeUnits);
}

/** The same for text that is a line already, with quotation marks and backslashes as they are. */
export function withoutUnseen(text: string): string {
  return text.replaceAll(unseen, codeUnits);
}

function codeUnits(character: string): string {
  return Array.from({ length: character.length }, (_, index) => character.charCodeAt(index))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('');
}
