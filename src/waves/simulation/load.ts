/**
 * What a run asks of the side that hands the files out, minute by minute: of whoever answers the hosts, which is the
 * origin itself where there are no caches, and of the origin where there are.
 */
import { releaseKey } from '../release.ts';
import { type FleetModel, refreshOf } from './fleet-model.ts';
import { behindCaches, behindCachesSince } from './origin.ts';
import { add, imageBytes, minute, second, sum, type Tally, valueAt } from './tally.ts';

export interface Load {
  /** By minute. */
  readonly requests: Float64Array;
  /** The busiest second of each minute. */
  readonly peaks: Float64Array;
  /** Of metadata and images, by minute. */
  readonly bytes: Float64Array;
}

export interface LoadSummary {
  /** Requests per second, in the mean of the run. */
  readonly requestsPerSecond: number;
  /** Requests in the busiest second. */
  readonly peakRequestsPerSecond: number;
  readonly bitsPerSecond: number;
  /** In the busiest minute. */
  readonly peakBitsPerSecond: number;
  /** Of the whole run. */
  readonly requests: number;
  readonly bytes: number;
}

/** What the hosts ask. */
export function loadOfHosts(model: FleetModel, tally: Tally): Load {
  const { change, download } = model;
  const refresh = refreshOf(model);
  const load = { ...emptyLoad(tally), bytes: imageBytes(tally) };
  for (const [at, polls] of tally.polls.entries()) {
    const informed = valueAt(tally.informed, at);
    const images = valueAt(tally.downloads, at) * download.requests;
    const metadata = polls * refresh.requests + informed * change.requests;
    const bytes = polls * refresh.bytes + informed * change.bytes;
    record(load, at, metadata + images + valueAt(tally.unanswered, at), bytes);
  }
  return load;
}

/** What of that the caches cannot answer. Tries of a repository that does not answer are kept as long as an absence. */
export function loadOfOrigin(model: FleetModel, tally: Tally): Load {
  const { caches, change, download, publications, refresh, start, randomSeed } = model;
  const { count } = caches;
  const kept = (milliseconds: number, place: number) => ({
    count,
    seconds: Math.ceil(milliseconds / second),
    randomSeed: randomSeed + place,
  });
  const moments = publications.map(({ at }) => Math.floor((at - start) / second));
  const timestamps = behindCaches(tally.polls, kept(model.cacheTime, 1));
  const absences = behindCaches(tally.polls, kept(caches.absentTime, 2));
  const failures = behindCaches(tally.unanswered, kept(caches.absentTime, 3));
  const changes = behindCachesSince(tally.informed, moments, { count, randomSeed: randomSeed + 100 });
  const newImages = moments.filter((_, index) => bringsRelease(publications, index));
  const images = behindCachesSince(tally.downloads, newImages, { count, randomSeed: randomSeed + 200 });
  const load = emptyLoad(tally);
  for (const at of tally.polls.keys()) {
    const changed = valueAt(changes, at);
    const fetched = valueAt(images, at);
    const small = valueAt(timestamps, at) + valueAt(absences, at) + valueAt(failures, at);
    const bytes = valueAt(timestamps, at) * refresh.timestamp + valueAt(absences, at) * refresh.absent;
    record(
      load,
      at,
      small + changed * change.requests + fetched * download.requests,
      bytes + changed * change.bytes + fetched * download.bytes,
    );
  }
  return load;
}

/** Whether this publication lists a release that the one before did not. */
function bringsRelease(publications: FleetModel['publications'], index: number): boolean {
  const before = new Set(publications[index - 1]?.manifest.updates.map(releaseKey));
  return publications[index]?.manifest.updates.some((release) => !before.has(releaseKey(release))) === true;
}

export function summaryOf({ requests, peaks, bytes }: Load): LoadSummary {
  const seconds = (requests.length * minute) / second;
  const [asked, sent] = [sum(requests), sum(bytes)];
  return {
    requestsPerSecond: asked / seconds,
    peakRequestsPerSecond: greatest(peaks),
    bitsPerSecond: (sent * 8) / seconds,
    peakBitsPerSecond: (greatest(bytes) * 8 * second) / minute,
    requests: asked,
    bytes: sent,
  };
}

export function greatest(values: Float64Array): number {
  let most = 0;
  for (const value of values) if (value > most) most = value;
  return most;
}

function emptyLoad({ updated }: Tally): Load {
  const minutes = (): Float64Array => new Float64Array(updated.length);
  return { requests: minutes(), peaks: minutes(), bytes: minutes() };
}

function record({ requests, peaks, bytes }: Load, at: number, asked: number, sent: number): void {
  const index = Math.floor((at * second) / minute);
  add(requests, index, asked);
  add(bytes, index, sent);
  peaks[index] = Math.max(valueAt(peaks, index), asked);
}
