/**
 * A fleet that polls, decides, downloads and boots, host by host. Each host is a walk through its own polls; nothing is
 * kept of it afterwards but what it added to the tally, so that memory does not grow with the fleet.
 *
 * 1. A host stands at its place in the interval and polls there, give or take its jitter. After a poll that fails it
 *    tries again after a drawn wait, and is back at its place with the next interval.
 * 2. It decides by `choose` (see Decisions), with the newest publication that had reached it.
 * 3. Before it downloads it refreshes again, as the agent does, and lets be what is no longer offered. A download that
 *    breaks, or finds no repository, begins again after a wait, from the start. While a host waits, downloads and
 *    boots it does not poll.
 * 4. A new system that does not come up is left; its version is not taken again.
 */
import type { Release } from '../release.ts';
import { MAX_SEED } from '../seed.ts';
import { Decisions, type State } from './decisions.ts';
import { checkModel, type FleetModel, type Span } from './fleet-model.ts';
import { normal, streamOf, uniform } from './random.ts';
import { count, countImage, emptyTally, minute, second, type Tally } from './tally.ts';

/** Draws of one host by their use; polls come after. */
const draws = {
  seed: 0,
  group: 1,
  phase: 2,
  clock: 3,
  cache: 5,
  start: 6,
  boot: 8,
  firstPoll: 64,
} as const;
/** Draws that one update may use, so that the next one has its own. */
const drawsOfUpdate = 1 << 20;

/**
 * Simulates the hosts from `from` up to, but without, `until`.
 *
 * @throws usage for a model that cannot be
 */
export function simulate(model: FleetModel, from = 0, until = model.hosts): Tally {
  checkModel(model);
  const decisions = new Decisions(model);
  let share = 0;
  const groups = model.groups.map((group) => {
    share += group.share;
    return { from: share - group.share, state: decisions.ofGroup(group) };
  });
  const run = { model, tally: emptyTally(model.duration), decisions, groups };
  for (let host = from; host < until; host += 1) simulateHost(run, host);
  return run.tally;
}

interface Run {
  readonly model: FleetModel;
  readonly tally: Tally;
  readonly decisions: Decisions;
  /** In the order of their shares; a draw of 0 … 1 falls into the last one that begins at or below it. */
  readonly groups: readonly { readonly from: number; readonly state: State }[];
}

interface SimulatedHost {
  readonly stream: number;
  readonly seed: number;
  /** How old the timestamp is that its cache gives it, in milliseconds. */
  readonly cached: number;
  state: State;
  /** The publication that it has seen last; -1: none. */
  seen: number;
  /** Until then it downloads or boots. */
  busyUntil: number;
  updates: number;
}

function simulateHost(run: Run, index: number): void {
  const { model } = run;
  const { polls } = run.tally;
  const { interval, jitter } = model.polling;
  const stream = streamOf(model.randomSeed, index);
  const host: SimulatedHost = {
    stream,
    seed: Math.floor(uniform(stream, draws.seed) * MAX_SEED),
    cached: uniform(stream, draws.cache) * model.cacheTime,
    state: groupOf(run, uniform(stream, draws.group)),
    seen: -1,
    busyUntil: 0,
    updates: 0,
  };
  const place = placeOf(model, stream);
  const timeOf = (poll: number): number =>
    place + (poll + (uniform(stream, draws.firstPoll + poll) - 0.5) * jitter) * interval;
  let quietUntil = 0;
  for (let poll = -1, time = timeOf(poll); time < model.duration; poll += 1, time = timeOf(poll)) {
    if (time < 0 || time < host.busyUntil) continue;
    if (time < quietUntil) count(polls, time, second);
    else {
      pollAt(run, host, time, place + (poll + 1 - jitter / 2) * interval);
      quietUntil = nextChange(run, host, time);
    }
  }
}

/** Until when polls can be counted without looking: nothing is published, opens, fails or expires before. */
function nextChange({ model, decisions }: Run, host: SimulatedHost, now: number): number {
  if (model.outages.length > 0 || model.signing.outage !== undefined) return 0;
  const { at } = model.publications[host.seen + 1] ?? { at: Number.POSITIVE_INFINITY };
  const published = at + host.cached - model.start;
  if (now < host.busyUntil) return 0;
  const steps = decisions.steps(host.seen, host.state, host.seed);
  const next = steps.find(({ from }) => from > model.start + now);
  return next === undefined ? published : Math.min(published, next.from - model.start);
}

function groupOf({ groups }: Run, draw: number): State {
  return groups.reduce((chosen, group) => (draw >= group.from ? group : chosen)).state;
}

function placeOf({ polling: { interval, phase } }: FleetModel, stream: number): number {
  if (phase.kind === 'spread') return uniform(stream, draws.phase) * interval;
  return normal(stream, draws.clock) * phase.clockError;
}

/** One poll, and the tries after it for as long as it fails and the next one has not come. */
function pollAt(run: Run, host: SimulatedHost, time: number, next: number): void {
  const { model } = run;
  let now = time;
  let answer = refresh(run, host, now);
  for (let failures = 0; answer === 'none'; failures += 1) {
    now += waitAfter(model, failures, uniform(host.stream, draws.firstPoll + Math.floor(now)));
    if (now >= next) return;
    answer = refresh(run, host, now);
  }
  if (answer === 'fresh') decide(run, host, now);
}

/** What the repository says to a refresh: nothing, what has expired, or what is to be believed. */
type Answer = 'none' | 'expired' | 'fresh';

function refresh(run: Run, host: SimulatedHost, now: number): Answer {
  const { model, tally } = run;
  if (isIn(model.outages, model.start + now)) {
    count(tally.unanswered, now, second);
    return 'none';
  }
  count(tally.polls, now, second);
  if (isExpired(model, now - host.cached, now)) {
    count(tally.expired, now, minute);
    return 'expired';
  }
  learn(run, host, now);
  return 'fresh';
}

function isIn(spans: readonly Span[], time: number): boolean {
  return spans.some(({ from, until }) => time >= from && time < until);
}

function waitAfter({ retry }: FleetModel, failures: number, draw: number): number {
  // A wait of nothing would never end.
  return 1 + draw * Math.min(retry.cap, retry.first * 2 ** failures);
}

/** Whether the timestamp that a cache took at `taken` has expired by `now`. */
function isExpired({ signing, start }: FleetModel, taken: number, now: number): boolean {
  if (signing.outage === undefined) return false;
  return start + now >= lastSigned(signing.every, signing.outage, start + taken) + signing.validity;
}

/** The last signature before `time`. The one before the outage is as old as it can be when the outage begins. */
function lastSigned(every: number, { from, until }: Span, time: number): number {
  if (time < from) return from - Math.ceil((from - time) / every) * every;
  return time < until ? from - every : until + Math.floor((time - until) / every) * every;
}

function learn({ model, tally }: Run, host: SimulatedHost, now: number): void {
  const { seen, cached } = host;
  for (const [index, { at }] of model.publications.entries()) {
    if (at + cached <= model.start + now) host.seen = Math.max(host.seen, index);
  }
  if (host.seen !== seen) count(tally.informed, now, second);
}

function decide(run: Run, host: SimulatedHost, now: number): void {
  const { model, tally, decisions } = run;
  const steps = decisions.steps(host.seen, host.state, host.seed);
  const release = steps.findLast(({ from }) => from <= model.start + now)?.release;
  if (release === undefined) return;
  const draw = draws.firstPoll + (host.updates + 1) * drawsOfUpdate;
  const { end, whole } = download(run, host, { release, now, draw });
  host.updates += 1;
  host.busyUntil = whole ? end + model.boot.duration : end;
  if (!whole) return;
  const reverts = uniform(host.stream, draw + draws.boot) < model.boot.revertRate;
  count(reverts ? tally.reverted : tally.updated, host.busyUntil, minute);
  host.state = reverts ? decisions.reverted(host.state, release) : decisions.updated(host.state, release);
}

interface Update {
  readonly release: Release;
  readonly now: number;
  readonly draw: number;
}

/** The moment of the last byte, or that at which there was nothing to be downloaded any more. */
function download(
  run: Run,
  host: SimulatedHost,
  { release, now, draw }: Update,
): { end: number; whole: boolean } {
  const { model, decisions } = run;
  const chosenBy = host.seen;
  let start = now + uniform(host.stream, draw + draws.start) * model.download.startWithin;
  for (let failures = 0; start < model.duration; failures += 1) {
    const one = draw + 16 + failures * 3;
    let end = start;
    if (refresh(run, host, start) === 'fresh') {
      const changed = host.seen !== chosenBy;
      if (changed && !decisions.stillOpen(host.seen, host.state, host.seed, release, model.start + start))
        return { end: start, whole: false };
      const transfer = transferOf(run, host, start, one);
      if (transfer.whole) return transfer;
      end = transfer.end;
    }
    start = end + waitAfter(model, failures, uniform(host.stream, one + 2));
  }
  return { end: start, whole: false };
}

/** One try, which may break in the middle, and does when the repository goes away. */
function transferOf(
  { model, tally }: Run,
  { stream }: SimulatedHost,
  start: number,
  draw: number,
): { end: number; whole: boolean } {
  const { bytes, bandwidth, failureRate } = model.download;
  const length = (bytes * 8000) / bandwidth;
  count(tally.downloads, start, second);
  const breaks = uniform(stream, draw) < failureRate;
  const planned = start + length * (breaks ? uniform(stream, draw + 1) : 1);
  const cut = model.outages
    .map(({ from }) => from - model.start)
    .filter((from) => from > start && from < planned);
  const end = Math.min(planned, ...cut);
  const part = length === 0 ? 1 : (end - start) / length;
  countImage(tally, start, end, Math.round(bytes * part));
  return { end, whole: !breaks && cut.length === 0 };
}
