/** What is answered to a request for a file that exists: status, headers and which bytes. Pure. */
import { type ByteSpan, parseRange } from './byte-range.ts';
import { type ConditionHeaders, checkConditions, rangeApplies } from './conditions.ts';
import type { ServedName } from './served-name.ts';

export interface FileFacts {
  readonly served: ServedName;
  /** Bytes of the whole file. */
  readonly length: number;
  /** Strong, with its quotation marks; undefined when the store has none. */
  readonly etag: string | undefined;
}

export interface FileRequest {
  readonly method?: string | undefined;
  readonly headers: ConditionHeaders & { readonly range?: string | undefined };
}

/** Headers are names and values in turn. */
export interface WholeFile {
  readonly status: 200;
  readonly headers: readonly string[];
  readonly span: ByteSpan;
}

export type FileAnswer =
  | WholeFile
  | { readonly status: 206; readonly headers: readonly string[]; readonly span: ByteSpan }
  | { readonly status: 304; readonly headers: readonly string[] }
  | { readonly status: 412 }
  | { readonly status: 416; readonly contentRange: string };

export function answerFile(facts: FileFacts, { method, headers }: FileRequest): FileAnswer {
  const failed = checkConditions(headers, facts.etag);
  if (failed === 412) return { status: 412 };
  if (failed === 304) return { status: 304, headers: validators(facts) };
  // Range is defined for GET alone (RFC 9110, 14.2).
  const asked = method === 'GET' && rangeApplies(headers, facts.etag) ? headers.range : undefined;
  const span = asked === undefined ? undefined : parseRange(asked, facts.length);
  if (span === undefined) return wholeFile(facts);
  if (span === 'unsatisfiable') return { status: 416, contentRange: `bytes */${facts.length}` };
  const contentRange = `bytes ${span.start}-${span.start + span.length - 1}/${facts.length}`;
  return { status: 206, headers: ['Content-Range', contentRange, ...bodyHeaders(facts, span.length)], span };
}

/** The answer without conditions and range, which is by far the most frequent one. */
export function wholeFile(facts: FileFacts): WholeFile {
  const { length } = facts;
  return { status: 200, headers: bodyHeaders(facts, length), span: { start: 0, length } };
}

/** True when neither a condition nor a range can change the answer. */
export function isPlain({ headers }: FileRequest): boolean {
  return (
    headers.range === undefined && headers['if-none-match'] === undefined && headers['if-match'] === undefined
  );
}

function bodyHeaders(facts: FileFacts, length: number): readonly string[] {
  return [
    'Content-Type',
    facts.served.contentType,
    'Content-Length',
    String(length),
    'Accept-Ranges',
    'bytes',
    ...validators(facts),
  ];
}

function validators({ served, etag }: FileFacts): readonly string[] {
  const tag = etag === undefined ? [] : ['ETag', etag];
  return [...tag, 'Cache-Control', served.cacheControl, 'X-Content-Type-Options', 'nosniff'];
}
