/**
 * What a server or a CDN says beside the bytes, and what it answers where there is nothing. Pure.
 *
 * 1. Versioned names never change: they are kept long. The timestamp is kept for a minute, or hosts see it late.
 * 2. Each host asks for the next root, which is not there until there is one: a remembered absence hides it.
 * 3. Bytes go through as they are: clients that hash what they get refuse a recompressed file.
 * 4. A download that broke goes on where it was: that needs ranges, and an etag that says of every byte whether it is the
 *    same.
 */
import { type Finding, fail, ok, warn } from './finding.ts';

export interface HeaderAnswer {
  /** The address. */
  readonly where: string;
  readonly status: number;
  /** Where a redirect led to; undefined: there was none. */
  readonly redirected?: string | undefined;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

export type ServedKind = 'timestamp' | 'versioned' | 'target';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

export function headerFindings(kind: ServedKind, answer: HeaderAnswer): readonly Finding[] {
  const { where, status, headers } = answer;
  if (status !== 200)
    return [
      fail(
        'headers',
        where,
        `answered ${status}`,
        'hosts cannot get it: look at the path and the permissions',
      ),
    ];
  const findings = [
    encodingFinding(answer),
    redirectFinding(answer),
    typeFinding(kind, answer),
    cacheFinding(kind, answer),
  ];
  const troubles = findings.filter((each) => each !== undefined);
  const said = `${headers['content-type']}; ${headers['cache-control'] ?? 'no Cache-Control'}`;
  return troubles.length > 0 ? troubles : [ok('headers', where, said)];
}

function encodingFinding({ where, headers }: HeaderAnswer): Finding | undefined {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return undefined;
  const advice = 'switch compression off for these paths: signed hashes are of the plain bytes';
  return fail('headers', where, `Content-Encoding ${encoding}`, advice);
}

function redirectFinding({ where, redirected }: HeaderAnswer): Finding | undefined {
  if (redirected === undefined) return undefined;
  const advice =
    'give hosts the address that it leads to: each file costs two requests, and another host is refused';
  return warn('headers', where, `is answered by a redirect to ${redirected}`, advice);
}

/** Of the answer to a request for the first byte of a target. */
export function rangeFinding({ where, status, headers }: HeaderAnswer): Finding {
  if (status !== 206)
    return warn(
      'headers',
      where,
      `answered ${status} when asked for one byte`,
      'let ranges through: a download that broke begins anew without them',
    );
  const { etag = '' } = headers;
  if (etag === '' || etag.startsWith('W/'))
    return warn(
      'headers',
      where,
      etag === '' ? 'no ETag' : `a weak ETag, ${etag}`,
      'send a strong one: without it a download that broke is not gone on with',
    );
  return ok('headers', where, 'ranges, and a strong ETag');
}

function typeFinding(kind: ServedKind, { where, headers }: HeaderAnswer): Finding | undefined {
  const expected =
    kind === 'target' ? ['application/octet-stream', 'application/json'] : ['application/json'];
  const [found = ''] = (headers['content-type'] ?? '').split(';');
  if (expected.includes(found.trim().toLowerCase())) return undefined;
  const advice = `let it be ${expected[0]}; some proxies rewrite what they take for text`;
  return warn('headers', where, `Content-Type ${found === '' ? 'missing' : found}`, advice);
}

/** Seconds that shared caches may keep it; undefined: they guess. */
export function cacheLife(control: string | undefined): number | undefined {
  const words = (control ?? '')
    .toLowerCase()
    .split(',')
    .map((word) => word.trim());
  if (words.some((word) => ['no-store', 'no-cache', 'private'].includes(word))) return 0;
  for (const name of ['s-maxage', 'max-age']) {
    const found = words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
    if (found !== undefined && /^\d{1,10}$/.test(found)) return Number(found);
  }
  return undefined;
}

function cacheFinding(kind: ServedKind, { where, headers }: HeaderAnswer): Finding | undefined {
  const life = cacheLife(headers['cache-control']);
  if (kind === 'timestamp') {
    if (life === undefined)
      return warn(
        'headers',
        where,
        'no Cache-Control: caches guess',
        'send public, max-age=60, stale-if-error=3600',
      );
    if (life > hour)
      return fail(
        'headers',
        where,
        `caches keep it for ${life} s`,
        'send max-age=60: until it is asked again hosts see nothing new, and then it expires',
      );
    return life > 5 * minute
      ? warn('headers', where, `caches keep it for ${life} s`, 'send max-age=60: hosts see updates late')
      : undefined;
  }
  if (life !== undefined && life >= day) return undefined;
  const found = life === undefined ? 'no Cache-Control: caches guess' : `caches keep it for ${life} s`;
  return warn(
    'headers',
    where,
    found,
    'send public, max-age=31536000, immutable: it never changes, and the origin answers for each miss',
  );
}

/**
 * Of the answer to a name that does not exist yet, the next root.
 *
 * @param isEverythingThere true when the server has an answer for whatever it is asked for
 */
export function absenceFinding(answer: HeaderAnswer, isEverythingThere = false): Finding {
  const { where, status } = answer;
  if (status === 200) return presenceFinding(where, isEverythingThere);
  if (status === 404 || status === 410) return memoryFinding(answer);
  if (status !== 403)
    return fail(
      'absence',
      where,
      `answered ${status} for a file that is absent`,
      'let it answer 404: hosts stop at anything else',
    );
  const advice =
    'allow s3:ListBucket to whoever reads for the public: a firewall that blocks looks just the same, and then nobody sees a new root';
  return warn('absence', where, '403 for a file that is absent', advice);
}

function presenceFinding(where: string, isEverythingThere: boolean): Finding {
  if (isEverythingThere)
    return fail(
      'absence',
      where,
      'answered 200, as for any name that does not exist: a fallback page',
      'let it answer 404: hosts take any answer for the next root, and stop when it is none',
    );
  const advice =
    'somebody published a root that this workspace does not have: tidegate verify, and find out who';
  return fail('absence', where, 'there is a root after the last one of this workspace', advice);
}

/** For how long an absence is remembered on the way. */
function memoryFinding({ where, status, headers }: HeaderAnswer): Finding {
  const life = cacheLife(headers['cache-control']);
  if (life === undefined)
    return warn(
      'absence',
      where,
      `${status}, and no Cache-Control: the CDN's own setting decides`,
      'set the error caching of the CDN to 10 to 60 s',
    );
  if (life > minute)
    return warn(
      'absence',
      where,
      `${status}, kept for ${life} s`,
      'keep it for 10 to 60 s: after a rotation hosts would see the new timestamp and not the new root',
    );
  return ok('absence', where, `${status}, kept for ${life} s`);
}
