/** What a file is: metadata of any role, a signing request, a key, a manifest. Nothing is believed by reading it. */
import { TidegateError } from '../../errors.ts';
import { type Envelope, parseEnvelope } from '../../metadata/envelope.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../metadata/json.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { parseManifest } from '../../waves/manifest.ts';
import type { Manifest } from '../../waves/release.ts';
import { isSigningRequest, parseSigningRequest } from '../ceremony/request-format.ts';
import type { SigningRequest } from '../ceremony/signing-request.ts';
import { type KeyFile, parseKeyFile } from '../keys/key-file.ts';
import { objectOrNothing } from '../review/change.ts';

export type GivenDocument =
  | { readonly kind: 'metadata'; readonly envelope: Envelope; readonly bytes: Uint8Array }
  | { readonly kind: 'request'; readonly request: SigningRequest }
  | { readonly kind: 'public-key'; readonly json: JsonObject }
  | { readonly kind: 'key-file'; readonly file: KeyFile; readonly json: JsonObject }
  | { readonly kind: 'manifest'; readonly manifest: Manifest; readonly bytes: Uint8Array };

/**
 * @param where the file, for messages
 * @throws not-metadata when it is none of these, json-invalid, and what is wrong with one of them
 */
export function readDocument(bytes: Uint8Array, where: string): GivenDocument {
  // Its own message is the best one for a web page, an empty file and the like.
  const value = looksLikeText(bytes) ? parseJson(bytes, defaultLimits, where) : undefined;
  if (isJsonObject(value)) {
    if (isSigningRequest(value)) return { kind: 'request', request: parseSigningRequest(bytes, where) };
    if (value.has('signed') && value.has('signatures'))
      return { kind: 'metadata', envelope: parseEnvelope(bytes, defaultLimits, where), bytes };
    if (value.has('keytype') && value.has('keyval')) return { kind: 'public-key', json: value };
    if (value.has('updates')) return { kind: 'manifest', manifest: parseManifest(bytes), bytes };
    if (value.get('format') === 'tidegate-private-key') return keyFile(bytes, where);
  }
  throw new TidegateError(
    'not-metadata',
    `${where}: found none of the documents that can be read: TUF metadata, a signing request, a public key, a key file, a manifest`,
    { file: where, bytes: bytes.length },
  );
}

function looksLikeText(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte > 0x20);
  return first === 0x7b;
}

/** Only the public half is looked at. */
function keyFile(bytes: Uint8Array, where: string): GivenDocument {
  const file = parseKeyFile(bytes, where);
  return { kind: 'key-file', file, json: objectOrNothing(file.document.get('key')) };
}
