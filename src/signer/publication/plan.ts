/**
 * What a publication would change: computed from what is published, the drafts and the policies alone. Writes nothing.
 *
 * 1. Drafts of releases, targets and delegations decide what targets roles list (release-plan.ts, targets-plan.ts,
 *    delegation-plan.ts); what they change decides which roles are signed (role-plan.ts).
 * 2. A role that was signed elsewhere stands for the moment at which that was planned; everything else for now.
 * 3. The digest covers everything that decides what will be signed, but not who could sign here and now.
 */
import type { JsonObject } from '../../metadata/json.ts';
import { requireMigrations } from '../../waves/migration-rules.ts';
import { type Manifest, type Release, releaseKey } from '../../waves/release.ts';
import type { NamedKey } from '../keys/key-ring.ts';
import type { TargetDraft } from '../release/target-draft.ts';
import type { DelegationSetting } from '../workspace/delegation-settings.ts';
import type { Expiration } from '../workspace/expiration.ts';
import {
  type DelegatedPlace,
  delegatedPlaces,
  type PlannedDelegations,
  plannedDelegations,
} from './delegation-plan.ts';
import type { LiveRepository } from './live-repository.ts';
import { planDigest } from './plan-json.ts';
import { manifestAsTarget, type PlannedReleases, planReleases, type ScheduledDraft } from './release-plan.ts';
import { type PlannedRole, planRoles, type SignedRole } from './role-plan.ts';
import { type PlannedSteering, planSteering, type ScheduledSteering } from './steering-plan.ts';
import { requireStillFound } from './still-found.ts';
import {
  isNews,
  type PlannedTarget,
  planContents,
  type RemovedTarget,
  targetObject,
} from './targets-plan.ts';

export interface PlanInput {
  /** The name of the repository, as it is signed. */
  readonly repository: string;
  readonly live: LiveRepository;
  readonly drafts: readonly ScheduledDraft[];
  /** Changes to releases that are published, and the moment from which they count, in milliseconds. */
  readonly steering: readonly ScheduledSteering[];
  readonly steeredAt: number;
  /** Targets that wait, and those that shall go. */
  readonly targets: readonly TargetDraft[];
  /** As in tidegate.toml; undefined: what is published stays. */
  readonly delegations: readonly DelegationSetting[] | undefined;
  readonly expiration: Expiration;
  /** Names of keys, by id. */
  readonly names: ReadonlyMap<string, NamedKey>;
  /** Roles to sign again though nothing in them changes. */
  readonly renew: ReadonlySet<string>;
  /** Files that were signed elsewhere, by role. */
  readonly signed: ReadonlyMap<string, SignedRole>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** From when waves count that shall begin when they are published. Default: `now`. */
  readonly wavesFrom?: number | undefined;
}

export interface RepositoryPlan {
  readonly live: LiveRepository;
  readonly repository: string;
  readonly now: number;
  /** As it was given, to plan the same again. */
  readonly wavesFrom: number | undefined;
  /** From when it counts, in milliseconds: when its list of releases was signed, or will be. */
  readonly steeredAt: number;
  readonly renew: ReadonlySet<string>;
  readonly signed: ReadonlyMap<string, SignedRole>;
  /** Children first: delegated roles, targets, snapshot, timestamp. */
  readonly roles: readonly PlannedRole[];
  readonly added: readonly PlannedTarget[];
  readonly removed: readonly RemovedTarget[];
  readonly releases: readonly Release[];
  readonly steered: readonly PlannedSteering[];
  readonly manifest: Manifest;
  /** All target objects of the new top-level targets role. */
  readonly targets: JsonObject;
  /** What each targets role will list, changed or not. */
  readonly contents: ReadonlyMap<string, JsonObject>;
  /** The delegations of the top-level targets role as they will stand. */
  readonly delegations: JsonObject | undefined;
  readonly delegationsChange: boolean;
  /** Every delegated role, published or not. */
  readonly places: readonly DelegatedPlace[];
  readonly json: JsonObject;
  /** SHA-256 of the canonical form of `json`. */
  readonly digest: string;
}

/**
 * The plan of one repository; undefined when nothing would change.
 *
 * @throws name-taken, release-invalid, config-invalid
 */
export function planRepository(input: PlanInput): RepositoryPlan | undefined {
  const { live, now, wavesFrom, renew, repository, signed } = input;
  const list = planList(input);
  const listing = planListing(input, list);
  const { delegations, places, changed } = listing;
  const roles = planRoles({ ...input, places, changed, delegationsChange: delegations.changed });
  if (roles.length === 0) return undefined;
  const { manifest, releases, steered } = list;
  const { contents, added, removed } = listing;
  const plan = {
    ...{ live, repository, now, wavesFrom, renew, signed, roles, releases, steered, manifest },
    ...{ contents, added, removed, places, steeredAt: input.steeredAt },
    targets: contents.get('targets') ?? new Map(),
    delegations: delegations.json,
    delegationsChange: delegations.changed,
  };
  return { ...plan, ...planDigest(plan) };
}

type PlannedList = PlannedReleases & Pick<RepositoryPlan, 'steered'>;

interface PlannedListing extends Pick<RepositoryPlan, 'contents' | 'added' | 'removed' | 'places'> {
  readonly delegations: PlannedDelegations;
  /** Targets roles whose content changes. */
  readonly changed: ReadonlySet<string>;
}

/** What each targets role will list, the list of releases among it, and who is asked for what. */
function planListing(input: PlanInput, { manifest, images, ...list }: PlannedList): PlannedListing {
  const { live } = input;
  const delegations = plannedDelegations(live.published, input.delegations, input.names.values());
  const places = delegatedPlaces(delegations.parsed, live.published);
  const before = listedBefore(live, places);
  const content = planContents({
    before,
    wanted: [...images, ...wantedTargets(input.targets)],
    removals: input.targets.flatMap(({ role, target, image }) =>
      image === undefined ? [{ role, target }] : [],
    ),
    delegations: delegations.parsed,
    manifest,
  });
  const file = plannedManifest(manifest, before.get('targets'));
  const contents = new Map([...before, ...content.contents]);
  const targets = new Map(contents.get('targets'));
  for (const target of file) targets.set(target.target, targetObject(target, targets.get(target.target)));
  contents.set('targets', targets);
  requireChains(manifest, contents, list);
  if (delegations.changed) requireStillFound({ live, delegations: delegations.parsed, contents, manifest });
  const changed = new Set([...content.contents.keys(), ...file.map(({ role }) => role)]);
  return {
    ...{ delegations, places, contents, changed },
    added: [...content.added, ...file],
    removed: content.removed,
  };
}

/** The list of releases: what is published, as it was steered, and what is new. */
function planList(input: PlanInput): PlannedList {
  const { live, steeredAt: at, steering } = input;
  const { manifest, steered } = planSteering({ manifest: live.manifest, steering, at });
  return { ...planReleases(input.drafts, live, manifest), steered };
}

/** Hosts must be able to migrate to what is new, and to everything where the list of migrations is. */
function requireChains(
  manifest: Manifest,
  contents: ReadonlyMap<string, JsonObject>,
  { releases, steered }: Pick<RepositoryPlan, 'releases' | 'steered'>,
): void {
  const whole = steered.some(({ change }) => change.kind === 'migrations');
  if (!whole && releases.length === 0) return;
  const listed = [...contents.values()];
  const news = whole ? undefined : new Set(releases.map(releaseKey));
  requireMigrations(manifest, (path) => listed.some((targets) => targets.has(path)), news);
}

function listedBefore(
  { published }: LiveRepository,
  places: readonly DelegatedPlace[],
): ReadonlyMap<string, JsonObject> {
  const nothing: JsonObject = new Map();
  return new Map([
    ['targets', published?.targets.targets ?? nothing],
    ...places.map((place) => [place.name, place.published?.document.targets ?? nothing] as const),
  ]);
}

function wantedTargets(drafts: readonly TargetDraft[]): readonly PlannedTarget[] {
  return drafts.flatMap(({ role, target, image, custom }) => {
    if (image === undefined) return [];
    const { length, sha256 } = image;
    return [{ role, target, length, sha256, source: image, ...(custom !== undefined && { custom }) }];
  });
}

/** The list of releases, where it changes. */
function plannedManifest(manifest: Manifest, before: JsonObject | undefined): readonly PlannedTarget[] {
  const list = manifestAsTarget(manifest);
  return isNews(list, before) ? [list] : [];
}
