/**
 * Preconditions of a request (RFC 9110, section 13), in the order of 13.2.2. Pure. Files carry no dates here, so
 * the conditions by date never apply.
 *
 * 1. If-Match, compared strongly: no match, or not understood: 412.
 * 2. If-None-Match, compared weakly: a match is 304; not understood is as if it were not there.
 * 3. If-Range, compared strongly: no match, and the range is not looked at.
 */
export interface ConditionHeaders {
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
  readonly 'if-range'?: string | string[] | undefined;
}

/** @param etag with its quotation marks; undefined when the file has no strong one */
export function checkConditions(headers: ConditionHeaders, etag: string | undefined): 304 | 412 | undefined {
  const match = headers['if-match'];
  if (match !== undefined && !matches(match, etag, 'strong')) return 412;
  const noneMatch = headers['if-none-match'];
  return noneMatch !== undefined && matches(noneMatch, etag, 'weak') ? 304 : undefined;
}

/** Whether a Range header still speaks of these bytes. */
export function rangeApplies(headers: ConditionHeaders, etag: string | undefined): boolean {
  const condition = headers['if-range'];
  return condition === undefined || (etag !== undefined && condition === etag);
}

function matches(header: string, etag: string | undefined, comparison: 'strong' | 'weak'): boolean {
  if (header.trim() === '*') return true;
  const tags = parseEntityTags(header);
  if (tags === undefined || etag === undefined) return false;
  return tags.some(({ weak, opaque }) => opaque === etag && (comparison === 'weak' || !weak));
}

interface EntityTag {
  readonly weak: boolean;
  readonly opaque: string;
}

/** Undefined unless the whole header is a list of entity tags; empty elements are allowed (5.6.1.2). */
function parseEntityTags(header: string): readonly EntityTag[] | undefined {
  const element = /[ \t]*(?:(W\/)?("[!\u0023-\u007e\u0080-\u00ff]*"))?[ \t]*(,|$)/y;
  const tags: EntityTag[] = [];
  for (;;) {
    const found = element.exec(header);
    if (found === null) return undefined;
    const [, weak, opaque, end] = found;
    if (opaque !== undefined) tags.push({ weak: weak !== undefined, opaque });
    if (end === '') return tags;
  }
}
