/** The payload of a request: canonical bytes, read back exactly. */
import { canonicalBytes } from '../../metadata/canonical.ts';
import type { Envelope } from '../../metadata/envelope.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../metadata/json.ts';
import { jsonOf } from '../../metadata/json-writer.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { requestInvalid } from './signing-request.ts';

/**
 * The document that canonical bytes stand for.
 *
 * @throws request-invalid when they are not the one canonical form of a document, json-invalid, count-limit
 */
export function readPayload(payload: Uint8Array, where: string): JsonObject {
  const value = parseJson(strictForm(payload), defaultLimits, `${where}: payload`);
  if (!isJsonObject(value)) throw requestInvalid(where, 'the payload is no JSON object');
  if (Buffer.compare(canonicalBytes(value, payload.length), payload) !== 0)
    throw requestInvalid(
      where,
      'the payload is not in canonical form, so that it is not what hosts would check',
    );
  // Throws for what can be signed but is not read alike by every client.
  jsonOf(value, 'payload');
  return value;
}

/** A document and what signatures cover, in the form in which the readers of `metadata/` take them. */
export function envelopeOf(document: JsonObject, payload: Uint8Array, file: string): Envelope {
  return { file, signed: document, canonical: payload, signatures: [] };
}

/** Canonical JSON leaves control characters in texts as they are (every PEM has some); JSON wants them escaped. */
function strictForm(payload: Uint8Array): Uint8Array {
  if (!payload.some((byte) => byte < 0x20)) return payload;
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload);
  const escaped = text.replaceAll(
    /[\u0000-\u001f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return new TextEncoder().encode(escaped);
}
