/** Whether a digest that somebody types, or heard by telephone, is that of a request. */
import { fingerprintWords } from '../keys/fingerprint.ts';

const leastWords = 2;
const leastDigits = 8;

/** Takes the first words or hexadecimal digits, at least two of the one or eight of the other, however they are parted. */
export function agreesWithDigest(text: string, sha256: string): boolean {
  const parts = text
    .trim()
    .toLowerCase()
    .split(/[\s-]+/);
  const words = fingerprintWords(sha256).split('-');
  if (parts.length >= leastWords && parts.every((part, index) => part === words[index])) return true;
  const digits = parts.join('');
  return digits.length >= leastDigits && sha256.startsWith(digits);
}

/** What to type, for the question. */
export const digestForm = `the first ${leastWords} words of the digest`;
