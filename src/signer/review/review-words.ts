/** A review as lines for people. Alarms come first, the digest to read aloud last, where the eye is when it asks. */
import type { DelegatedRole } from '../../metadata/delegations.ts';
import { formatTime, parseTime } from '../../metadata/time.ts';
import type { SideProgress } from '../ceremony/request-signatures.ts';
import type { RequestSide, SigningRequest } from '../ceremony/signing-request.ts';
import { requestTitle } from '../ceremony/verified-request.ts';
import { fingerprintWords } from '../keys/fingerprint.ts';
import { objectOrNothing } from './change.ts';
import { keyFacts, type OwnerNames } from './key-facts.ts';
import { keyName } from './key-name.ts';
import { manifestLines } from './manifest-words.ts';
import type { Review } from './request-review.ts';
import { listed, shown } from './shown.ts';
import { differenceLines } from './words.ts';

/** What lines of alarms begin with. */
export const alarmLabel = 'ALARM:';

export function reviewLines(review: Review): readonly string[] {
  const { request, alarms, difference, manifest, manifestBefore, now } = review;
  const before =
    request.before === undefined ? '' : `, against ${request.role} ${shown(request.before.get('version'))}`;
  return [
    `${shown(requestTitle(request))} of ${request.repository === '' ? 'a repository without a name' : shown(request.repository)}`,
    ...originLines(review),
    ...alarms.map(({ sentence }) => `${alarmLabel} ${sentence}`),
    `what it says${before}:`,
    ...differenceLines(difference, { now }).map((line) => `  ${line}`),
    ...(manifest === undefined ? [] : manifestLines(manifestBefore, manifest).map((line) => `  ${line}`)),
    ...signerLines(review),
    ...digestLines(request),
  ];
}

function originLines({ request, trustedRoot, now }: Review): readonly string[] {
  const { plannedAt, rootVersion } = request;
  const chain =
    rootVersion === undefined
      ? []
      : [
          trustedRoot === undefined
            ? `  root ${rootVersion} in force: NOT compared with a root of your own (--root FILE)`
            : `  root ${rootVersion} in force: your own root ${trustedRoot} leads to it`,
        ];
  return [
    `  planned at ${formatTime(plannedAt)}, as the request says`,
    ...chain,
    ...expiredLines(request, now),
  ];
}

/** An expired root can still be followed by the next one; until then hosts take nothing. */
function expiredLines({ role, before }: SigningRequest, now: number): readonly string[] {
  const expires = role === 'root' ? before?.get('expires') : undefined;
  const time = typeof expires === 'string' ? parseTime(expires) : undefined;
  if (time === undefined || time > now) return [];
  return [
    `  the root in force expired at ${formatTime(time)}: hosts refuse updates until the next one is published`,
  ];
}

function signerLines({ request, progress, dropped, names }: Review): readonly string[] {
  const lines = progress.map((side, index) => `  ${sideLine(side, request.sides[index], names)}`);
  return [
    'who signs:',
    ...scopeLines(request.sides[0]),
    ...lines,
    ...dropped.map(
      ({ keyId, why }) => `  does not count: a signature by ${shown(keyId).slice(0, 12)} (${why})`,
    ),
  ];
}

/** What a delegated role may sign for, as whoever delegates to it says. */
function scopeLines(side: RequestSide | undefined): readonly string[] {
  if (side === undefined || !('paths' in side.role)) return [];
  const { paths, pathHashPrefixes, terminating } = side.role as DelegatedRole;
  const scope = paths.length > 0 ? listed(paths) : `path hash prefixes ${listed(pathHashPrefixes)}`;
  return [`  the role may sign for ${scope}; the search ${terminating ? 'ends' : 'goes on'} behind it`];
}

function sideLine(
  { by, have, need, signed, missing }: SideProgress,
  side: RequestSide | undefined,
  names: OwnerNames,
): string {
  const list = (ids: readonly string[]): string =>
    ids.map((id) => keyName(keyFacts(id, objectOrNothing(side?.keys.get(id)?.json), names))).join(', ');
  const done = signed.length === 0 ? '' : `; signed by ${list(signed)}`;
  const open = missing.length === 0 ? '' : `; not by ${list(missing)}`;
  return `${have} of ${need} by ${shown(by)}${done}${open}`;
}

/** The digest of exactly the bytes that are signed. */
function digestLines({ payload, sha256 }: Pick<SigningRequest, 'payload' | 'sha256'>): readonly string[] {
  return [
    `digest (SHA-256) of the ${payload.length} bytes that are signed; compare it with the others by voice:`,
    `  ${groups(sha256)}`,
    `  ${fingerprintWords(sha256)}`,
  ];
}

function groups(hex: string): string {
  return (hex.match(/.{8}/g) ?? []).join(' ');
}
