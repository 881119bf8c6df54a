/**
 * The file of a signing request: strict JSON, one value for each member of `RequestContent`, and beside it `sha256`
 * (checked) and `summary` (for whoever opens the file; never read). The same request gives the same bytes.
 */
import { isTidegateError, TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import {
  checkCount,
  inside,
  integerAt,
  invalid,
  listAt,
  objectAt,
  type Place,
  textAt,
} from '../../metadata/fields.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../metadata/json.ts';
import { formatJson, jsonOf, type Plain } from '../../metadata/json-writer.ts';
import { formatTime } from '../../metadata/time.ts';
import { checkLimit } from '../../trust/file-check.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { summaryOf } from './request-summary.ts';
import {
  type Delegator,
  maxRequestLength,
  type RequestContent,
  requestInvalid,
  type SigningRequest,
} from './signing-request.ts';
import { verifiedRequest } from './verified-request.ts';

const requestFormat = 'tidegate-signing-request';
const formatVersion = 1;
const members = [
  'format',
  'version',
  'summary',
  'repository',
  'role',
  'sha256',
  'payload',
  'signatures',
  'owners',
  'longest_validity',
  'planned_at',
  'base',
  'previous',
  'roots',
  'delegators',
  'attachments',
  'previous_attachments',
];
const fileLimits = { maxDepth: 8, maxValues: 100_000, maxDigits: 16 };

/**
 * Reads and verifies a request.
 *
 * @param where the file, for messages
 * @throws request-invalid naming what is wrong, length-limit, count-limit
 */
export function parseSigningRequest(bytes: Uint8Array, where: string): SigningRequest {
  checkLimit(bytes, maxRequestLength, where);
  try {
    const value = parseJson(bytes, fileLimits, where);
    if (!isJsonObject(value) || !isSigningRequest(value))
      throw requestInvalid(where, `found no "format": "${requestFormat}"`);
    return verifiedRequest(contentOf(value, { file: where, path: 'request' }), where);
  } catch (cause) {
    if (!isTidegateError(cause, 'json-invalid', 'document-invalid')) throw cause;
    throw requestInvalid(where, cause.message, cause);
  }
}

/** True for what says that it is a signing request. */
export function isSigningRequest(object: JsonObject): boolean {
  return object.get('format') === requestFormat;
}

function contentOf(object: JsonObject, place: Place): RequestContent {
  const at = (name: string): Place => inside(place, name);
  const text = (name: string): string => textAt(object.get(name), at(name));
  const unknown = [...object.keys()].find((name) => !members.includes(name));
  if (unknown !== undefined) throw invalid(place, 'an object without unknown members', unknown);
  if (object.get('version') !== formatVersion) throw invalid(at('version'), '1', object.get('version'));
  const payload = bytesAt(object.get('payload'), at('payload'));
  const sha256 = digestOf('sha256', payload);
  if (text('sha256') !== sha256)
    throw invalid(at('sha256'), `the digest of the payload, ${sha256}`, text('sha256'));
  const base = object.get('base') ?? null;
  const longest = object.get('longest_validity');
  const previous = object.get('previous');
  return {
    repository: text('repository'),
    role: text('role'),
    payload,
    roots: listAt(object.get('roots'), at('roots')).map((root, index) =>
      bytesAt(root, inside(at('roots'), index)),
    ),
    delegators: delegatorsAt(object.get('delegators') ?? [], at('delegators')),
    previous: previous === undefined ? undefined : bytesAt(previous, at('previous')),
    owners: new Map(textsAt(object.get('owners'), at('owners'))),
    longestValidity: longest === undefined ? undefined : integerAt(longest, 1, at('longest_validity')),
    plannedAt: momentAt(object.get('planned_at'), at('planned_at')),
    base: base === null ? undefined : textAt(base, at('base')),
    attachments: attachmentsAt(object, 'attachments', place),
    previousAttachments: attachmentsAt(object, 'previous_attachments', place),
    signatures: signaturesAt(object.get('signatures'), at('signatures')),
  };
}

function momentAt(value: JsonValue | undefined, place: Place): number {
  const moment = integerAt(value, 0, place);
  // Throws for what cannot be shown as a time.
  formatTime(moment);
  return moment;
}

function bytesAt(value: JsonValue | undefined, place: Place): Uint8Array {
  return encode(textAt(value, place));
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textsAt(value: JsonValue | undefined, place: Place): readonly (readonly [string, string])[] {
  return Array.from(objectAt(value, place), ([name, member]) => [name, textAt(member, inside(place, name))]);
}

function attachmentsAt(object: JsonObject, name: string, place: Place): ReadonlyMap<string, Uint8Array> {
  const texts = textsAt(object.get(name) ?? new Map(), inside(place, name));
  return new Map(texts.map(([path, text]) => [path, encode(text)]));
}

function delegatorsAt(value: JsonValue, place: Place): readonly Delegator[] {
  return listAt(value, place).map((item, index) => {
    const at = inside(place, index);
    const object = objectAt(item, at);
    return {
      role: textAt(object.get('role'), inside(at, 'role')),
      bytes: bytesAt(object.get('metadata'), inside(at, 'metadata')),
    };
  });
}

function signaturesAt(value: JsonValue | undefined, place: Place): RequestContent['signatures'] {
  const list = listAt(value, place);
  checkCount(list.length, defaultLimits.maxSignatures, 'signatures', place);
  return list.map((item, index) => {
    const at = inside(place, index);
    const object = objectAt(item, at);
    return {
      keyId: textAt(object.get('keyid'), inside(at, 'keyid')),
      hex: textAt(object.get('sig'), inside(at, 'sig')),
    };
  });
}

/** The file, for `parseSigningRequest`: indented, what people want to see first. */
export function formatSigningRequest(request: SigningRequest): Uint8Array {
  const { repository, role, delegators, previous, longestValidity } = request;
  const plain: { readonly [member: string]: Plain | undefined } = {
    format: requestFormat,
    version: formatVersion,
    summary: summaryOf(request),
    repository,
    role,
    sha256: request.sha256,
    payload: decode(request.payload),
    signatures: request.signatures.map(({ keyId, hex }) => ({ keyid: keyId, sig: hex })),
    owners: new Map([...request.owners].sort(byName)),
    longest_validity: longestValidity,
    planned_at: request.plannedAt,
    base: request.base ?? null,
    previous: previous && decode(previous),
    roots: request.roots.map(decode),
    delegators:
      delegators.length === 0
        ? undefined
        : delegators.map((one) => ({ role: one.role, metadata: decode(one.bytes) })),
    attachments: attachmentsJson(request.attachments),
    previous_attachments: attachmentsJson(request.previousAttachments),
  };
  const bytes = encode(formatJson(jsonOf(plain)));
  checkLimit(bytes, maxRequestLength, request.where);
  return bytes;
}

function attachmentsJson(attachments: SigningRequest['attachments']): Plain | undefined {
  if (attachments.size === 0) return undefined;
  return new Map([...attachments].sort(byName).map(([name, bytes]) => [name, decode(bytes)]));
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TidegateError(
      'document-invalid',
      'what is to be part of a request is not UTF-8 text',
      {},
      { cause },
    );
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
