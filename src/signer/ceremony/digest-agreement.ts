/** Whether a digest that somebody types, or heard by telephone, is that of a request. */
import { fingerprintWords } from '../keys/fingerprint.ts';

/** 64 bits: who can change the payload tries others until half as many agree, in minutes. */
const leastWords = 4;
const leastDigits = 16;

/**
 * Takes the first words or hexadecimal digits, at least four of the one or 16 of the other,
 * however they are parted.
 */
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
