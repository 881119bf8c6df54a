/** What a file is and says, as lines for people. */
import { digestOf } from '../../metadata/crypto.ts';
import { escaped } from '../../metadata/printable.ts';
import { keyFacts, type OwnerNames } from '../review/key-facts.ts';
import { keyFactLines, ownerText } from '../review/key-words.ts';
import { manifestLines } from '../review/manifest-words.ts';
import { shown } from '../review/shown.ts';
import { differenceLines } from '../review/words.ts';
import type { GivenDocument } from './document-kind.ts';
import type { InspectedSignature, MetadataInspection } from './metadata-inspection.ts';

export function metadataLines(inspection: MetadataInspection, now: number): readonly string[] {
  const { where, length, sha256, signedLength, signedSha256, content, unsound } = inspection;
  return [
    `${escaped(where)}: TUF metadata of the type ${shown(content.head.type.after)}`,
    `  file: ${length} bytes, sha256 ${sha256}`,
    `  signed part: ${signedLength} bytes, sha256 ${signedSha256}`,
    ...(unsound === undefined ? [] : [`  NOT SOUND: ${escaped(unsound)}`]),
    ...differenceLines(content, { now }).map((line) => `  ${line}`),
    ...signatureLines(inspection),
  ];
}

function signatureLines({ signatures, progress }: MetadataInspection): readonly string[] {
  if (signatures.length === 0) return ['  signatures: none'];
  return [
    '  signatures:',
    ...signatures.map((signature) => `    ${escaped(signature.keyId)} ${outcomeText(signature)}`),
    ...progress
      .filter(({ have, by }) => have > 0 || !by.includes(' delegates '))
      .map(({ have, need, by }) => `    ${have} of ${need} by ${shown(by)}`),
  ];
}

function outcomeText({ outcome, by }: InspectedSignature): string {
  if (outcome === 'verifies') return `verifies: ${by.map(shown).join(', ')}`;
  return outcome === 'wrong' ? 'DOES NOT VERIFY' : 'not checked: no key at hand (--root, --delegator)';
}

export function keyDocumentLines(
  document: GivenDocument & { readonly kind: 'public-key' | 'key-file' },
  where: string,
  names: OwnerNames,
): readonly string[] {
  const key = keyFacts('', document.json, names);
  const what = document.kind === 'public-key' ? 'a public key' : 'a private key file';
  const lock =
    document.kind === 'key-file' ? `, ${document.file.encrypted ? 'encrypted' : 'NOT ENCRYPTED'}` : '';
  const owner = key.owner === undefined ? '' : `, of ${ownerText(key)}`;
  return [
    `${escaped(where)}: ${what}${lock}${owner}`,
    ...keyFactLines('', { ...key, id: key.hash }).map((line) => line.replace(/^ {4}/, '')),
    ...(key.unusable === undefined ? [] : [`  NOT USABLE: ${key.unusable}`]),
  ];
}

export function manifestDocumentLines(
  { manifest, bytes }: GivenDocument & { readonly kind: 'manifest' },
  where: string,
): readonly string[] {
  return [
    `${escaped(where)}: a manifest of releases`,
    `  file: ${bytes.length} bytes, sha256 ${digestOf('sha256', bytes)}`,
    ...manifestLines(undefined, manifest).map((line) => `  ${line}`),
  ];
}
