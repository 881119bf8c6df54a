/**
 * Where our verifier and tuf-js 6 come to different results on purpose. Whatever is not listed here is a bug of
 * one of them. Each entry has an example, and a test holds that the two still differ in it: an exception that
 * has become untrue must go.
 *
 * `stricter`: we refuse what tuf-js takes. `wider`: we take what tuf-js refuses. `sooner`: both refuse, we at
 * the document that is wrong, tuf-js at a later one or for want of signatures.
 */
import { signingKey } from '../support/signing-keys.ts';
import { hashesOf, type TopLevel } from '../support/simulated-documents.ts';
import { Raw } from '../support/written-json.ts';
import { repository } from './verdicts.ts';

export interface Exception {
  readonly side: 'stricter' | 'wider' | 'sooner';
  readonly reason: string;
  /** Members of the signed part, joined by "/" ("text" for the bytes of the file); a list's items as numbers. */
  readonly where: RegExp;
  /** What ours said (code and message; empty when it accepted) and what tuf-js said. */
  readonly ours: RegExp;
  readonly theirs: RegExp;
  readonly example: Example;
}

/** A member replaced (undefined: removed), or the bytes of a rightly signed file changed, one character each. */
export type Example =
  | { readonly role: TopLevel; readonly path: string; readonly value: unknown }
  | { readonly role: TopLevel; readonly text: (file: string) => string };

const accepted = /^$/;
const anything = /^/;
const invalid = /^document-invalid/;

export const exceptions: readonly Exception[] = [
  {
    side: 'stricter',
    reason:
      'The specification (4.2.3) fixes one form of a time; a date alone is read differently by each client.',
    where: /^expires$/,
    ours: /^document-invalid.*expires should be a time/,
    theirs: /^$|expired/,
    example: { role: 'timestamp', path: 'expires', value: '2030-06-01' },
  },
  {
    side: 'stricter',
    reason: 'A version is an integer from 1 (4.3), and one beyond 2^53 - 1 is not the same in every client.',
    where: /(^|\/)version$/,
    ours: /^(document-invalid.*version should be an integer|json-invalid)/,
    theirs: anything,
    example: { role: 'timestamp', path: 'version', value: 0 },
  },
  {
    side: 'stricter',
    reason: 'A length beyond 2^53 - 1 is rounded when it is read as a number.',
    where: /\/length$/,
    ours: /^document-invalid.*length should be an integer/,
    theirs: accepted,
    example: { role: 'targets', path: 'targets/manifest.json/length', value: 2 ** 53 },
  },
  {
    side: 'sooner',
    reason: 'A threshold that no number of keys can meet is refused where it stands.',
    where: /\/threshold$/,
    ours: /^document-invalid.*threshold should be an integer/,
    theirs: anything,
    example: { role: 'root', path: 'roles/timestamp/threshold', value: 2 ** 53 },
  },
  {
    side: 'stricter',
    reason:
      'With no usable hash any bytes of the right length pass for the target; a malformed one would be found only after the download.',
    where: /^targets\/.*\/hashes(\/|$)/,
    ours: /^document-invalid.*(hash|hexadecimal)/,
    theirs: accepted,
    example: { role: 'targets', path: 'targets/manifest.json/hashes', value: {} },
  },
  {
    side: 'stricter',
    reason: 'A hash in a parent that is empty or malformed protects nothing and is a mistake of the signer.',
    where: /^meta\/.*\/hashes(\/|$)/,
    ours: invalid,
    theirs: anything,
    example: { role: 'snapshot', path: 'meta/targets.json/hashes', value: {} },
  },
  {
    side: 'sooner',
    reason: 'A snapshot without targets.json is of no use; said of the snapshot, not of the targets.',
    where: /^meta(\/targets\.json)?$/,
    ours: /^document-invalid.*targets\.json/,
    theirs: /Missing targets\.json/,
    example: { role: 'snapshot', path: 'meta/targets.json', value: undefined },
  },
  {
    side: 'wider',
    reason: 'The specification has consistent_snapshot optional; absent means false (4.3).',
    where: /^consistent_snapshot$/,
    ours: accepted,
    theirs: /consistent_snapshot must be a boolean/,
    example: { role: 'root', path: 'consistent_snapshot', value: undefined },
  },
  {
    side: 'wider',
    reason: 'A key that cannot be used contributes nothing, and does not make the other keys useless.',
    where: /^(delegations\/)?keys\/[0-9a-f]+\/keyval(\/|$)/,
    ours: /^$|^threshold-not-met/,
    theirs: /keyval must be a string record/,
    example: { role: 'targets', path: 'delegations/keys/*/keyval/public', value: null },
  },
  {
    side: 'stricter',
    reason: 'keyval is an object (4.2.2); a list is none.',
    where: /^(delegations\/)?keys\/[0-9a-f]+\/keyval$/,
    ours: invalid,
    theirs: anything,
    example: { role: 'targets', path: 'delegations/keys/*/keyval', value: [] },
  },
  {
    side: 'stricter',
    reason:
      'The scheme says how to verify (TAP 9); a key with an unknown one is unusable, even if its type is known.',
    where: /^keys\/[0-9a-f]+\/scheme$/,
    ours: /^threshold-not-met/,
    theirs: accepted,
    example: { role: 'root', path: `keys/${signingKey('simulated-targets-1').id}/scheme`, value: 'x' },
  },
  {
    side: 'stricter',
    reason: 'Delegations have roles or succinct_roles (4.5); with neither, nobody can say what was meant.',
    where: /^delegations\/roles$/,
    ours: invalid,
    theirs: accepted,
    example: { role: 'targets', path: 'delegations/roles', value: undefined },
  },
  {
    side: 'stricter',
    reason: 'A role has exactly one of paths and path_hash_prefixes (4.5).',
    where: /^delegations\/roles\/\d+\/(paths|path_hash_prefixes)$/,
    ours: /^document-invalid.*(exactly one|prefixes of 1 to 64)/,
    theirs: accepted,
    example: { role: 'targets', path: 'delegations/roles/0/paths', value: undefined },
  },
  {
    side: 'stricter',
    reason:
      'What is not lower-case hexadecimal can never be a prefix of a hash; an empty one covers everything.',
    where: /\/path_hash_prefixes\/\d+$/,
    ours: invalid,
    theirs: accepted,
    example: { role: 'targets', path: 'delegations/roles/1/path_hash_prefixes/0', value: '' },
  },
  {
    side: 'stricter',
    reason: 'A role name becomes a file name: not empty, no control characters, bounded.',
    where: /^delegations\/roles\/\d+\/name$/,
    ours: /^role-name-invalid/,
    theirs: accepted,
    example: { role: 'targets', path: 'delegations/roles/0/name', value: '\u0001' },
  },
  {
    side: 'wider',
    reason:
      'tuf-js keeps roles in an object, which moves names that look like numbers to the front, so that the signature fails.',
    where: /^delegations\/roles\/\d+\/name$/,
    ours: accepted,
    theirs: /was signed by 0\/1 keys/,
    example: { role: 'targets', path: 'delegations/roles/1/name', value: '1' },
  },
  {
    side: 'stricter',
    reason: 'Target paths that could leave their folder are refused with the document.',
    where: /^targets$/,
    ours: /^document-invalid.*cannot leave/,
    theirs: accepted,
    example: {
      role: 'targets',
      path: 'targets',
      value: { '../x': { length: 1, hashes: { sha256: 'a'.repeat(64) } } },
    },
  },
  {
    side: 'wider',
    reason:
      'Other entries of a timestamp are signed like everything; tuf-js drops them and then finds a wrong signature.',
    where: /^meta$/,
    ours: accepted,
    theirs: /was signed by 0\/2 keys/,
    example: {
      role: 'timestamp',
      path: 'meta',
      value: { 'snapshot.json': { version: 5 }, 'x.json': { version: 1 } },
    },
  },
  {
    side: 'wider',
    reason:
      'Integers beyond 2^53 in members that we do not read are kept exactly; tuf-js rounds them, so that the signature fails.',
    where: /^x-more/,
    ours: accepted,
    theirs: /signed by 0\/\d keys/,
    example: { role: 'targets', path: 'x-more', value: new Raw('9007199254740993') },
  },
  {
    side: 'wider',
    reason: 'Canonical JSON orders names by code point; tuf-js orders them by UTF-16 unit.',
    where: /^x-more/,
    ours: accepted,
    theirs: /signed by 0\/\d keys/,
    example: { role: 'targets', path: 'x-more', value: { '\u{1F600}': 1, '\uff5e': 2 } },
  },
  {
    side: 'stricter',
    reason: 'Two parsers that keep different duplicates see two documents under one signature.',
    where: /^text$/,
    ours: /^json-invalid.*twice/,
    theirs: accepted,
    example: { role: 'timestamp', text: (file) => file.replace('"version":', '"version":1,"version":') },
  },
  {
    side: 'stricter',
    reason: 'Bytes behind a signature, and white space in it, are no hexadecimal.',
    where: /^text$/,
    ours: /^threshold-not-met.*not hexadecimal/,
    theirs: accepted,
    example: { role: 'snapshot', text: (file) => file.replace(/("sig":"[0-9a-f]+)"/, '$1 and more"') },
  },
  {
    side: 'wider',
    reason:
      'A hash of an algorithm that we do not know can neither replace nor weaken a known one beside it.',
    where: /^meta\/snapshot\.json/,
    ours: accepted,
    theirs: /Hash algorithm .* not supported/,
    example: {
      role: 'timestamp',
      path: 'meta/snapshot.json',
      value: { version: 5, hashes: { ...hashesOf(repository.written('snapshot')), 'blake-9': 'ab' } },
    },
  },
  {
    side: 'stricter',
    reason:
      'Bytes that are no UTF-8 are refused, in unsigned parts too; tuf-js reads each as the same character.',
    where: /^text$/,
    ours: /^json-invalid.*not UTF-8/,
    theirs: accepted,
    example: { role: 'root', text: (file) => file.replace(/"keyid":"./, '"keyid":"\u00ff') },
  },
];
