/** Text for messages and reviews: control, invisible and direction-changing characters are escaped. */

/** Cut short, for messages. */
export function printable(text: string): string {
  return escaped(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** The whole text. */
export function escaped(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(
      /[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
}
