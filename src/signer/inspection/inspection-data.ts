/** The same as data, for programs. */

import { digestOf } from '../../metadata/crypto.ts';
import { formatTime, parseTime } from '../../metadata/time.ts';
import type { Release } from '../../waves/release.ts';
import { keyFacts, type OwnerNames } from '../review/key-facts.ts';
import { keyData, plain } from '../review/review-data.ts';
import type { GivenDocument } from './document-kind.ts';
import type { MetadataInspection } from './metadata-inspection.ts';

type Data = { readonly [member: string]: unknown };

const day = 24 * 3_600_000;

export function metadataData(inspection: MetadataInspection, signed: unknown, now: number): Data {
  const { where, length, sha256, signedLength, signedSha256, content, unsound, signatures, progress } =
    inspection;
  const expires = content.head.expires.after;
  const time = typeof expires === 'string' ? parseTime(expires) : undefined;
  return {
    kind: 'metadata',
    file: where,
    length,
    sha256,
    signed_length: signedLength,
    signed_sha256: signedSha256,
    ...(unsound !== undefined && { unsound }),
    ...(time !== undefined && { expires: formatTime(time), days_left: Math.floor((time - now) / day) }),
    keys: content.keys.map(({ key }) => ({ ...keyData(key), id_matches: key.id === key.hash })),
    signatures: signatures.map(({ keyId, outcome, by }) => ({ keyid: keyId, outcome, by })),
    thresholds: progress,
    signed: plain(signed),
  };
}

export function keyDocumentData(
  document: GivenDocument & { readonly kind: 'public-key' | 'key-file' },
  where: string,
  names: OwnerNames,
): Data {
  const key = keyFacts('', document.json, names);
  return {
    kind: document.kind,
    file: where,
    ...keyData({ ...key, id: key.hash }),
    ...(document.kind === 'key-file' && { encrypted: document.file.encrypted }),
  };
}

export function manifestDocumentData(
  { manifest, bytes }: GivenDocument & { readonly kind: 'manifest' },
  where: string,
): Data {
  return {
    kind: 'manifest',
    file: where,
    length: bytes.length,
    sha256: digestOf('sha256', bytes),
    releases: manifest.updates.map(({ waves, lastWaveEnds, groups, pause, opened, ...release }) => ({
      ...(plain(release) as Data),
      ...scheduleData({ waves, lastWaveEnds, groups }),
      ...(pause && { paused: { at: formatTime(pause.at), ...scheduleData(pause) } }),
      ...(opened !== undefined && { opened: formatTime(opened) }),
    })),
    withdrawn: (manifest.withdrawn ?? []).map(({ at, ...rest }) => ({ ...rest, at: formatTime(at) })),
  };
}

function scheduleData({
  waves,
  lastWaveEnds,
  groups,
}: {
  readonly waves: Release['waves'];
  readonly lastWaveEnds?: number | undefined;
  readonly groups?: Release['groups'];
}): Data {
  return {
    waves: Object.fromEntries(Array.from(waves, ([seed, time]) => [seed, formatTime(time)])),
    ...(lastWaveEnds !== undefined && { lastWaveEnds: formatTime(lastWaveEnds) }),
    ...(groups && { groups: groups.map(({ labels, opens }) => ({ labels, opens: formatTime(opens) })) }),
  };
}
