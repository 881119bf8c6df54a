/**
 * Days pass, waves open, hosts move. Each host sleeps until the moment that its own check named, as a good agent does;
 * meanwhile the publisher signs anew every day. Time goes on while hosts are at work, unless a third would join them or
 * the day is over.
 */
import type { Manifest, Release } from '../../src/waves/release.ts';
import { spreadOf } from '../../src/waves/release.ts';
import { opensAt } from '../../src/waves/wave.ts';
import { type DemoClock, day } from './clock.ts';
import type { Connection, DemoHost } from './host.ts';
import { dayOf } from './picture.ts';
import { eachOf, Pool } from './pool.ts';
import type { Story } from './story.ts';
import { check, reasonOf, type UpdateSetting, update } from './update.ts';

export interface Rollout extends UpdateSetting {
  readonly story: Story;
  readonly clock: DemoClock;
  readonly hosts: readonly DemoHost[];
  readonly url: string;
  /** Signs anew what needs it; the version of a new timestamp, if there is one. */
  readonly renew: (now: number) => Promise<number | undefined>;
  /** What befalls the attacked host before its own update. */
  readonly attack: (host: DemoHost) => Promise<void>;
}

/** Every host's first check: none may move yet, and each knows when it may. */
export async function firstChecks(rollout: Rollout, release: Release): Promise<void> {
  const { hosts, story, url, signal, now } = rollout;
  await eachOf(hosts, async (host) => {
    await withConnection(host, url, async (connection) => {
      await check(host, connection, signal);
    });
  });
  for (const host of hosts) {
    if (host.part === 'locked') continue;
    const expected = opensAt(release.waves, host.seed, spreadOf(release), release.lastWaveEnds);
    const found = host.choice?.kind === 'none' ? host.choice.opensAt : undefined;
    story.checkEqual(`${host.name} waits for its place in its wave`, found, expected);
  }
  tellWaiting(rollout, hosts.at(-1));
  tellWaiting(rollout, hosts.at(Math.floor(hosts.length / 3)));
  const locked = hosts.find(({ part }) => part === 'locked');
  if (locked?.choice !== undefined) {
    const text = `${locked.name} (seed ${locked.seed}): ${reasonOf(locked.choice)}, whatever the waves say`;
    story.tell({ kind: 'host', host: locked.name, text, time: now() });
    story.checkEqual(`${locked.name} is locked`, reasonOf(locked.choice), 'locked');
  }
}

function tellWaiting({ story, start, now }: Rollout, host: DemoHost | undefined): void {
  if (host?.choice?.kind !== 'none' || host.choice.opensAt === undefined) return;
  const opens = new Date(host.choice.opensAt).toISOString().slice(0, 16).replace('T', ' ');
  const text = `${host.name} (seed ${host.seed}): wave opens at ${opens} UTC (${dayOf(host.choice.opensAt - start)})`;
  story.tell({ kind: 'host', host: host.name, text, time: now() });
}

/** Resolves when the last host has come to its end. */
export async function runRollout(rollout: Rollout): Promise<void> {
  const { hosts, clock, signal, start } = rollout;
  const queue = hosts.filter((host) => momentOf(host) !== undefined).sort((a, b) => turnOf(a) - turnOf(b));
  const pool = new Pool();
  try {
    for (let number = 1; queue.length > 0; ) {
      const [next] = queue;
      const midnight = start + number * day;
      if (next !== undefined && turnOf(next) < midnight) {
        queue.shift();
        await clock.advanceTo(turnOf(next), signal);
        // Nobody else changes anything while it is shown that an attack changes nothing.
        if (next.part === 'attacked') await pool.drain();
        await pool.run(() => takeTurn(rollout, next));
        if (next.part === 'attacked') await pool.drain();
      } else {
        await clock.advanceTo(midnight, signal);
        await pool.drain();
        await beginDay(rollout, number);
        number += 1;
      }
    }
    await pool.drain();
  } finally {
    await pool.settle();
  }
}

async function takeTurn(rollout: Rollout, host: DemoHost): Promise<void> {
  await withConnection(host, rollout.url, async (connection) => {
    if (host.part === 'attacked') await attackFirst(rollout, host, connection);
    await update(host, connection, rollout);
  });
}

async function attackFirst(rollout: Rollout, host: DemoHost, connection: Connection): Promise<void> {
  host.status = 'attacked';
  rollout.changed();
  await check(host, connection, rollout.signal);
  await rollout.attack(host);
}

async function beginDay(
  { story, renew, hosts, now, start, version }: Rollout,
  number: number,
): Promise<void> {
  const timestamp = await renew(now());
  const updated = hosts.filter((host) => host.status === 'updated').length;
  const signed = timestamp === undefined ? 'nothing was due' : `timestamp ${timestamp} signed`;
  const text = `${dayOf(now() - start)}  ${updated} of ${hosts.length} hosts run ${version}; ${signed}`;
  story.tell({ kind: 'day', text, time: now(), data: { day: number, updated, timestamp } });
}

export async function withConnection(
  host: DemoHost,
  url: string,
  work: (connection: Connection) => Promise<void>,
): Promise<void> {
  const connection = host.connect(url);
  try {
    await work(connection);
  } finally {
    await connection.client.close();
  }
}

/** When a host's wave opens; undefined when it waits for none. */
function momentOf({ choice }: DemoHost): number | undefined {
  return choice?.kind === 'none' ? choice.opensAt : undefined;
}

function turnOf(host: DemoHost): number {
  return momentOf(host) ?? Number.POSITIVE_INFINITY;
}

/** The release that the fleet is to reach, as hosts read it. */
export function releaseIn(manifest: Manifest, version: string): Release {
  const release = manifest.updates.find((update) => update.version === version);
  if (release === undefined) throw new Error(`the manifest does not list ${version}`);
  return release;
}
