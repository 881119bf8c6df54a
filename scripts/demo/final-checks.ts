/** After the roll-out: every host asks once more, and its running slot is held against the image without the agent. */
import type { Release } from '../../src/waves/release.ts';
import { spreadOf } from '../../src/waves/release.ts';
import { opensAt } from '../../src/waves/wave.ts';
import type { Refusal } from './attacks.ts';
import type { Content } from './compression.ts';
import type { PlannedHost } from './fleet-plan.ts';
import type { DemoHost } from './host.ts';
import { eachOf } from './pool.ts';
import { type Rollout, withConnection } from './rollout.ts';
import { check, reasonOf, slotHolds } from './update.ts';

export interface FinalChecks extends Rollout {
  readonly contents: ReadonlyMap<string, Content>;
  readonly release: Release;
  readonly refusals: readonly Refusal[];
}

/** @param releases how many there are; of three, one is left for a host on which the highest failed */
function expectedAnswer(part: PlannedHost['part'], releases: number): string {
  if (part === 'locked') return 'locked';
  if (part === 'failing') return releases > 2 ? 'update' : 'failed';
  return 'current';
}

/** Fewer would not be worth the title. */
const fewestAttacks = 5;

export async function finalChecks(checks: FinalChecks): Promise<void> {
  const { story, hosts, refusals, version } = checks;
  await eachOf(hosts, (host) => finalCheck(checks, host));
  const updated = hosts.filter((host) => host.status === 'updated');
  const stayed = hosts.filter(({ part }) => part === 'locked' || part === 'failing');
  story.checkEqual(
    'all hosts but those two run the new release',
    updated.length,
    hosts.length - stayed.length,
  );
  for (const host of stayed) story.check(`${host.name} stayed`, host.version !== version, host.version);
  const refused = refusals.filter(({ code, expected, unchanged }) => code === expected && unchanged);
  story.check(
    'at least five attacks were refused by name',
    refused.length >= fewestAttacks && refused.length === refusals.length,
    `${refused.length} of ${refusals.length}`,
  );
  story.note(`${story.checks.length - story.failures.length} of ${story.checks.length} checks passed`);
}

async function finalCheck(checks: FinalChecks, host: DemoHost): Promise<void> {
  const { story, url, signal, contents, release } = checks;
  await withConnection(host, url, async (connection) => {
    const choice = await check(host, connection, signal);
    const expected = expectedAnswer(host.part, contents.size);
    story.checkEqual(`${host.name} has the right answer in the end`, reasonOf(choice), expected);
    const status = await connection.agent.status();
    story.checkEqual(`${host.name} boots again what it runs`, status.active_partition, {
      image: { arch: release.arch, version: host.version, variant: release.variant },
      next_to_boot: true,
    });
  });
  if (host.updatedAt !== undefined) checkMoment(checks, host, host.updatedAt);
  // The others' slots were held against the image when they booted from them.
  if (host.part === 'plain') return;
  const content = contents.get(host.version);
  const holds = content !== undefined && (await slotHolds(host, content));
  story.check(
    `${host.name}'s running slot holds the image of ${host.version}`,
    holds,
    holds ? 'same' : 'other bytes',
  );
}

function checkMoment({ story, release }: FinalChecks, host: DemoHost, updatedAt: number): void {
  const opened = opensAt(release.waves, host.seed, spreadOf(release), release.lastWaveEnds);
  const inTime = opened === 'always' || updatedAt >= opened;
  story.check(`${host.name} did not move before its wave`, inTime, `${updatedAt} against ${opened}`);
}
