/**
 * The envelope of a signed document (TUF specification 4.2.1): `signatures` over the canonical form of
 * `signed`. Reading it believes nothing yet. The canonical bytes are made once, whatever the number of keys.
 */
import { TidegateError } from '../errors.ts';
import { canonicalBytes, inCanonicalOrder } from './canonical.ts';
import { signatureBytes } from './crypto.ts';
import { checkCount, inside, listAt, objectAt, type Place, textAt } from './fields.ts';
import { type JsonObject, type JsonValue, parseJsonWithCanonical } from './json.ts';
import { formatJson, jsonOf } from './json-writer.ts';
import type { DocumentLimits } from './limits.ts';
import { printable } from './printable.ts';

export interface SignatureEntry {
  readonly keyId: string;
  /** undefined when it is not hexadecimal or empty, as placeholders for absent signers are. */
  readonly signature: Uint8Array | undefined;
}

export interface Envelope {
  readonly file: string;
  readonly signed: JsonObject;
  /** What the signatures cover. */
  readonly canonical: Uint8Array;
  readonly signatures: readonly SignatureEntry[];
}

/**
 * @param file the name for messages
 * @throws not-metadata for an answer that is no TUF metadata at all; json-invalid, count-limit,
 *   document-invalid for a damaged one; duplicate-signature when two entries carry one key id
 */
export function parseEnvelope(bytes: Uint8Array, limits: DocumentLimits, file: string): Envelope {
  refuseWebPage(bytes, file);
  const place: Place = { file, path: 'document' };
  const { value, canonical } = parseJsonWithCanonical(bytes, limits, file, 'signed');
  const document = objectAt(value, place);
  const signed = objectAt(document.get('signed'), { file, path: 'signed' });
  const signatures = parseSignatures(document.get('signatures'), limits, { file, path: 'signatures' });
  return { file, signed, canonical: canonical ?? canonicalBytes(signed, bytes.length), signatures };
}

function parseSignatures(
  value: JsonValue | undefined,
  limits: DocumentLimits,
  place: Place,
): readonly SignatureEntry[] {
  const entries = listAt(value, place);
  checkCount(entries.length, limits.maxSignatures, 'signatures', place);
  const seen = new Set<string>();
  return entries.map((entry, index) => {
    const at = inside(place, index);
    const object = objectAt(entry, at);
    const keyId = textAt(object.get('keyid'), inside(at, 'keyid'));
    const signature = signatureBytes(textAt(object.get('sig'), inside(at, 'sig')));
    if (seen.has(keyId)) {
      throw new TidegateError(
        'duplicate-signature',
        `${place.file}: two signatures carry key id ${printable(keyId)}`,
        {
          file: place.file,
          keyId: printable(keyId),
        },
      );
    }
    seen.add(keyId);
    return { keyId, signature };
  });
}

/** A captive portal answers every address with a page of its own; say so instead of "not JSON". */
function refuseWebPage(bytes: Uint8Array, file: string): void {
  // As UTF-8 a byte order mark goes away here, and bytes of any kind become text.
  if (!new TextDecoder().decode(bytes.subarray(0, 256)).trimStart().startsWith('<')) return;
  throw new TidegateError(
    'not-metadata',
    `${file}: the answer is a web page, not TUF metadata; it looks like a captive portal or a wrong address`,
    { file, bytes: bytes.length },
  );
}

/** A signature to be written: lower-case hexadecimal. */
export interface WrittenSignature {
  readonly keyId: string;
  readonly hex: string;
}

/**
 * The file of a signed document: what `parseEnvelope` reads. Indented for people, with a newline at the end; members in
 * canonical order, which halves what its readers have to do.
 */
export function formatEnvelope(signed: JsonObject, signatures: readonly WrittenSignature[]): Uint8Array {
  const entries = signatures.map(({ keyId, hex }) => ({ keyid: keyId, sig: hex }));
  const document = jsonOf({ signatures: entries, signed });
  return new TextEncoder().encode(formatJson(inCanonicalOrder(document)));
}
