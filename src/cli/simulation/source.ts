/** Which release a simulation rolls out: one that is published or waits in the workspace, or none but a policy. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { Workspace } from '../../signer/workspace/workspace.ts';
import { type Manifest, type Release, releaseName, type Schedule } from '../../waves/release.ts';
import { addRelease, emptyManifest } from '../../waves/releases.ts';
import type { Publication } from '../../waves/simulation/fleet-model.ts';
import type { Spread } from '../../waves/wave.ts';
import { parseWavePolicy, scheduleOf, type WavePolicy } from '../../waves/wave-policy.ts';
import type { Surroundings } from '../surroundings.ts';
import { openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

export interface SourceOptions extends WorkspaceOptions {
  readonly policy?: string;
  readonly spread?: Spread;
  readonly start?: (now: number) => number;
}

export interface SimulatedRelease {
  readonly release: Release;
  readonly publication: Publication;
  /** Bytes of its images; undefined when it has none yet. */
  readonly imageLength: number | undefined;
  /** For people: "policy slow", "demo x86_64 1.2.0, as published". */
  readonly title: string;
}

/** @throws usage, not-found for a release that there is none of, config-invalid, wave-policy-invalid */
export async function simulatedRelease(
  name: readonly string[],
  options: SourceOptions,
  surroundings: Surroundings,
): Promise<SimulatedRelease> {
  const now = surroundings.now();
  const start = options.start?.(now) ?? now;
  if (name.length === 0) return await fromPolicy(options, start, surroundings);
  const [variant, arch, version] = name;
  if (variant === undefined || arch === undefined || version === undefined) {
    const text = `a release is named VARIANT ARCH VERSION, found ${name.join(' ')}; without one give --policy`;
    throw new TidegateError('usage', text);
  }
  const workspace = await openChosenWorkspace(options, surroundings);
  const found = await findRelease(workspace, { variant, arch, version }, start);
  const policy = options.policy && (await policyOf(options.policy, workspace, surroundings));
  const schedule = policy ? scheduleOf(policy, start) : undefined;
  return rolledOut({ ...found, release: respread(found.release, options.spread, schedule) }, start);
}

async function fromPolicy(
  options: SourceOptions,
  start: number,
  surroundings: Surroundings,
): Promise<SimulatedRelease> {
  const { policy: name, spread = 'linear' } = options;
  if (name === undefined)
    throw new TidegateError(
      'usage',
      'nothing to simulate: name a release (VARIANT ARCH VERSION) or give --policy',
    );
  const workspace = /[./]/.test(name) ? undefined : await openChosenWorkspace(options, surroundings);
  const schedule = scheduleOf(await policyOf(name, workspace, surroundings), start);
  const images = { image: 'image.img' };
  const bare = { variant: 'any', arch: 'any', version: '2.0.0', images, waves: schedule.waves };
  const [release] = addRelease(emptyManifest, bare).updates;
  if (release === undefined) throw new TidegateError('internal', 'a release was added and is not there');
  const title = `policy ${name}`;
  return rolledOut({ release: respread(release, spread, schedule), imageLength: undefined, title }, start);
}

async function policyOf(
  name: string,
  workspace: Workspace | undefined,
  { directory }: Surroundings,
): Promise<WavePolicy> {
  if (workspace !== undefined && !/[./]/.test(name)) {
    const { readWavePolicy } = await import('../../signer/workspace/workspace.ts');
    return await readWavePolicy(workspace, name);
  }
  const path = resolve(directory, name);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new TidegateError('usage', `--policy: ${path} cannot be read`, { file: path }, { cause });
  });
  return parseWavePolicy(text, name);
}

type Found = Pick<SimulatedRelease, 'release' | 'imageLength' | 'title'>;

/** Among what is published, else among the drafts. */
async function findRelease(
  workspace: Workspace,
  id: { variant: string; arch: string; version: string },
  start: number,
): Promise<Found> {
  const { foreseenRelease } = await import('../../signer/release/foreseen-release.ts');
  const found = await foreseenRelease(workspace, id, start);
  if (found === undefined) {
    const text = `no release ${releaseName(id)} is published or waits; tidegate release list shows those that wait`;
    throw new TidegateError('not-found', text, { release: releaseName(id) });
  }
  return { ...found, title: `${releaseName(id)}, ${found.published ? 'as published' : 'not published yet'}` };
}

function respread(release: Release, spread: Spread | undefined, schedule: Schedule | undefined): Release {
  const { lastWaveEnds, groups: present, ...rest } = release;
  const chosen = spread ?? release.spread;
  const groups = schedule === undefined ? present : schedule.groups;
  const end = schedule === undefined ? lastWaveEnds : schedule.lastWaveEnds;
  return {
    ...rest,
    ...(schedule !== undefined && { waves: schedule.waves }),
    ...(groups !== undefined && { groups }),
    ...(chosen !== undefined && { spread: chosen }),
    ...(chosen === 'linear' && end !== undefined && { lastWaveEnds: end }),
  };
}

/** Alone in its manifest: hosts run the version before. */
function rolledOut(found: Found, at: number): SimulatedRelease {
  const manifest: Manifest = { updates: [found.release], migrations: [] };
  return { ...found, publication: { at, manifest } };
}
