/**
 * What hosts decide over time, by their own code: `choose` is asked for a host at the start, and again whenever it
 * says that its answer changes. What comes out holds for every host with the same seed in the same state, so a fleet
 * of millions asks a few thousand times.
 */
import { choose, type Host, openReleases } from '../choose.ts';
import { type Manifest, type Release, releaseKey } from '../release.ts';
import { MAX_SEED } from '../seed.ts';
import type { FleetModel, HostGroup } from './fleet-model.ts';

/** From a moment on, the release that a host takes; times ascend. */
export interface Step {
  readonly from: number;
  readonly release: Release;
}

/** How a host stands, whatever its seed. */
export interface State {
  /** A number for each state. */
  readonly index: number;
  readonly host: Omit<Host, 'seed'>;
}

export class Decisions {
  readonly #model: FleetModel;
  readonly #byText = new Map<string, State>();
  readonly #steps = new Map<number, readonly Step[]>();

  constructor(model: FleetModel) {
    this.#model = model;
  }

  /** The state of hosts of a group that have not changed yet. */
  ofGroup({ host }: HostGroup): State {
    return this.#stateOf(host);
  }

  /** A host that runs the release now. */
  updated(state: State, { version }: Release): State {
    return this.#stateOf({ ...state.host, version });
  }

  /** A host that has tried the release and fell back. */
  reverted(state: State, { version }: Release): State {
    const { failedVersions: failed = [] } = state.host;
    return this.#stateOf({ ...state.host, failedVersions: [...failed, version] });
  }

  /** @param publication its place in the model; -1: none was seen yet, and nothing is decided */
  steps(publication: number, state: State, seed: number): readonly Step[] {
    const { publications } = this.#model;
    if (publication < 0) return [];
    const key = (state.index * publications.length + publication) * (MAX_SEED + 1) + seed;
    const known = this.#steps.get(key);
    if (known !== undefined) return known;
    const steps = publications
      .slice(publication, publication + 1)
      .flatMap(({ manifest }) => stepsOf(manifest, { ...state.host, seed }, this.#model));
    this.#steps.set(key, steps);
    return steps;
  }

  /** Whether a host that chose the release may still install it: the agent asks again before it downloads. */
  stillOpen(publication: number, { host }: State, seed: number, release: Release, now: number): boolean {
    const key = releaseKey(release);
    return this.#model.publications
      .slice(publication, publication + 1)
      .flatMap(({ manifest }) => openReleases(manifest, { ...host, seed }, now))
      .some((one) => releaseKey(one) === key);
  }

  #stateOf(host: Omit<Host, 'seed'>): State {
    const text = JSON.stringify(host);
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const state = { index: this.#byText.size, host };
    this.#byText.set(text, state);
    return state;
  }
}

function stepsOf(manifest: Manifest, host: Host, { start, duration }: FleetModel): readonly Step[] {
  const steps: Step[] = [];
  for (let now: number | undefined = start; now !== undefined && now < start + duration; ) {
    const choice = choose(manifest, host, now);
    if (choice.kind === 'update') steps.push({ from: now, release: choice.release });
    now = choice.changesAt;
  }
  return steps;
}
