/**
 * What a publisher does in the middle of a simulated rollout: the manifests that come of it, by the code that plans them.
 */
import { InvalidArgumentError } from 'commander';
import { TidegateError } from '../../errors.ts';
import { formatDuration } from '../../terminal.ts';
import { isLabel, labelForm } from '../../waves/own-members.ts';
import type { Release } from '../../waves/release.ts';
import type { HostGroup, Publication } from '../../waves/simulation/fleet-model.ts';
import { accelerateRelease, pauseRelease, resumeRelease, withdrawRelease } from '../../waves/steering.ts';
import { share } from '../number-option.ts';

/** Milliseconds after the start of the rollout. */
export interface ScenarioOptions {
  readonly pauseAt?: number;
  readonly resumeAt?: number;
  readonly accelerateAt?: number;
  readonly factor: number;
  readonly withdrawAt?: number;
}

export interface Scenario {
  readonly publications: readonly Publication[];
  /** For people: "paused after 2 d". */
  readonly events: readonly string[];
}

/** @throws usage for two events at one moment; release-invalid for what cannot be done then, such as to pause twice */
export function scenarioOf(start: Publication, release: Release, options: ScenarioOptions): Scenario {
  const { pauseAt, resumeAt, accelerateAt, withdrawAt, factor } = options;
  const steps = [
    { after: pauseAt, word: 'paused', step: pauseRelease },
    { after: resumeAt, word: 'resumed', step: (manifest, id, { at }) => resumeRelease(manifest, id, at) },
    {
      after: accelerateAt,
      word: `${factor} times as fast`,
      step: (manifest, id, { at }) => accelerateRelease(manifest, id, { at, factor }),
    },
    { after: withdrawAt, word: 'withdrawn', step: withdrawRelease },
  ] as const satisfies readonly Step[];
  const ordered = (steps as readonly Step[])
    .flatMap((one) => (one.after === undefined ? [] : [{ ...one, after: one.after }]))
    .sort((a, b) => a.after - b.after);
  const publications: Publication[] = [start];
  for (const [index, { after, step, word }] of ordered.entries()) {
    if (after <= (ordered[index - 1]?.after ?? 0))
      throw new TidegateError('usage', `${word}: found two events at one moment, expected one after another`);
    const at = start.at + after;
    const before = publications.at(-1) ?? start;
    publications.push({ at, manifest: step(before.manifest, release, { at }) });
  }
  return { publications, events: ordered.map(({ after, word }) => `${word} after ${formatDuration(after)}`) };
}

interface Step {
  readonly after: number | undefined;
  readonly word: string;
  step(
    manifest: Publication['manifest'],
    id: Release,
    options: { readonly at: number },
  ): Publication['manifest'];
}

/** How much longer a rollout takes by a pause, in milliseconds. */
export function pauseLength({ pauseAt, resumeAt }: ScenarioOptions): number {
  return pauseAt === undefined ? 0 : Math.max(0, (resumeAt ?? pauseAt) - pauseAt);
}

export interface LabelledShare {
  readonly labels: readonly string[];
  readonly share: number;
}

/** For `--group`: "canary=2%", "canary,rack-7=0.5%". */
export function labelledShare(text: string, before: readonly LabelledShare[]): readonly LabelledShare[] {
  const [names = '', size, ...rest] = text.split('=');
  const labels = names.split(',');
  if (size === undefined || rest.length > 0 || !labels.every(isLabel))
    throw new InvalidArgumentError(`expected LABEL=SHARE such as canary=2%; ${labelForm}`);
  return [...before, { labels, share: share(size) }];
}

/** Hosts with labels, and all others. @throws usage when there are more than all */
export function groupsOf(labelled: readonly LabelledShare[], host: HostGroup['host']): readonly HostGroup[] {
  const rest = 1 - labelled.reduce((sum, one) => sum + one.share, 0);
  if (rest < 0) throw new TidegateError('usage', '--group: found shares of more than 100 % together');
  return [
    ...labelled.map(({ labels, share: part }) => ({ share: part, host: { ...host, labels } })),
    { share: rest, host },
  ];
}
