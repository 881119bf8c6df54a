/**
 * Words by which two people compare a key over the telephone: the first 128 bits of its id as eight pronounceable
 * syllable pairs (proquints, arXiv:0901.4016), each worth 16 bits. No list has to be shipped or agreed upon, every
 * word has one spelling, and finding another key with the same words takes as long as breaking the key.
 */
import { TidegateError } from '../../errors.ts';

const consonants = 'bdfghjklmnprstvz';
const vowels = 'aiou';
const wordCount = 8;

/**
 * @param keyId 64 lower-case hexadecimal characters
 * @throws internal for anything else: ids are computed, never typed
 */
export function fingerprintWords(keyId: string): string {
  if (!/^[0-9a-f]{64}$/.test(keyId)) throw new TidegateError('internal', 'a key id is no SHA-256');
  return Array.from({ length: wordCount }, (_, index) =>
    wordOf(Number.parseInt(keyId.slice(4 * index, 4 * index + 4), 16)),
  ).join('-');
}

/** 16 bits, the highest first: consonant 4, vowel 2, consonant 4, vowel 2, consonant 4. */
function wordOf(value: number): string {
  const consonant = (shift: number): string => consonants.charAt((value >> shift) & 15);
  const vowel = (shift: number): string => vowels.charAt((value >> shift) & 3);
  return `${consonant(12)}${vowel(10)}${consonant(6)}${vowel(4)}${consonant(0)}`;
}
