/** A fleet for the tests of the simulation, with one release by a policy of the templates. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../../src/waves/release.ts';
import { addRelease, emptyManifest } from '../../../src/waves/releases.ts';
import { type FleetModel, usualFleet } from '../../../src/waves/simulation/fleet-model.ts';
import type { Spread } from '../../../src/waves/wave.ts';
import { parseWavePolicy, scheduleOf } from '../../../src/waves/wave-policy.ts';

export const start = Date.UTC(2030, 0, 7);
export const hour = 3_600_000;
export const day = 24 * hour;

export const host = { variant: 'demo', arch: 'x86_64', version: '1.0.0' };

const templates = join(import.meta.dirname, '..', '..', '..', 'repo-templates', 'waves');

/** @param policy a name of repo-templates/waves; none: open to everyone */
export function manifestOf(version: string, policy?: string, spread: Spread = 'linear'): Manifest {
  const schedule =
    policy === undefined
      ? { waves: new Map<number, number>() }
      : scheduleOf(parseWavePolicy(readFileSync(join(templates, `${policy}.toml`), 'utf8'), policy), start);
  return addRelease(emptyManifest, {
    variant: host.variant,
    arch: host.arch,
    version,
    waves: schedule.waves,
    images: { image: `demo-${version}.img` },
    spread,
    ...(spread === 'linear' &&
      'lastWaveEnds' in schedule &&
      schedule.lastWaveEnds !== undefined && { lastWaveEnds: schedule.lastWaveEnds }),
  });
}

export function fleetOf(changes: Partial<FleetModel> = {}): FleetModel {
  return {
    ...usualFleet,
    hosts: 20_000,
    start,
    duration: 8 * day,
    groups: [{ share: 1, host }],
    publications: [{ at: start, manifest: manifestOf('1.1.0', 'default') }],
    download: { ...usualFleet.download, failureRate: 0 },
    ...changes,
  };
}

export { sum as total } from '../../../src/waves/simulation/tally.ts';
