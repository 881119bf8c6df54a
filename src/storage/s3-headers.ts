/**
 * What a bucket says to browsers, proxies and CDNs about a stored file. Pure.
 * - Only `timestamp.json` changes: it is kept for a minute, and longer only while the origin is down. Its signature
 *   and expiry protect whoever gets an old one.
 * - Every name with a version or a hash in it is immutable.
 * - What is neither (a note of the publisher, a probe) is not kept at all.
 * - Never a Content-Encoding: hosts hash the bytes that they get.
 */
import { posix } from 'node:path';

export interface StoredHeaders {
  readonly contentType: string;
  readonly cacheControl: string;
}

/** A year, the longest that caches honour. */
const immutable = 'public, max-age=31536000, immutable';
const shortLived = 'public, max-age=60, stale-if-error=3600';
const unkept = 'no-store';

const versioned = /^[1-9]\d*\.[^/]+\.json$/;
const hashed = /^(?:[0-9a-f]{64}|[0-9a-f]{128})\./;

export function headersFor(name: string): StoredHeaders {
  const file = posix.basename(name);
  if (name.startsWith('.publish/')) return { contentType: 'application/json', cacheControl: unkept };
  return {
    contentType:
      file.endsWith('.json') && !hashed.test(file) ? 'application/json' : 'application/octet-stream',
    cacheControl: cacheControlFor(file),
  };
}

function cacheControlFor(file: string): string {
  if (file === 'timestamp.json') return shortLived;
  return versioned.test(file) || hashed.test(file) ? immutable : unkept;
}
