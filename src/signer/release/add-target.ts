/**
 * Targets that belong to no release enter the workspace, or shall go: one at a time, each a draft until it is published.
 */
import { basename } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { JsonValue } from '../../metadata/json.ts';
import { checkPortableCustom } from '../../metadata/portable-value.ts';
import { parsePortableTargetPath, type TargetPath } from '../../metadata/target-path.ts';
import { targetOf } from '../../metadata/targets.ts';
import { plannedDelegations } from '../publication/delegation-plan.ts';
import { type LiveRepository, listedIn, listingIn, readLive } from '../publication/live-repository.ts';
import {
  checkNameFree,
  refuseManifestName,
  refuseReleaseImage,
  requireSearched,
} from '../publication/target-names.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace, whileLocked } from '../workspace/workspace.ts';
import { readDrafts } from './draft.ts';
import { readImage } from './image-file.ts';
import { readTargetDrafts, removeTargetDraft, type TargetDraft, writeTargetDraft } from './target-draft.ts';

export interface TargetOptions {
  /** The file. */
  readonly path: string;
  /** Default: the name of the file. */
  readonly name?: string;
  /** Default `targets`. */
  readonly role?: string;
  /** What is attached: an object of values that every client reads back alike. */
  readonly custom?: JsonValue;
  /** The repository by its metadata folder, where the workspace has several. */
  readonly repository?: string;
}

export interface TargetRun {
  readonly progress?: (bytes: number, total: number) => void;
  readonly dryRun?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Adds a draft, or replaces one of the same name. Nothing is written to the store.
 *
 * @throws target-path-invalid, name-taken, config-invalid for a role in which hosts would not look, document-invalid for a
 *   custom that is not portable, release-invalid for an empty file, not-found, not-a-plain-file, cancelled
 */
export async function addTarget(
  workspace: Workspace,
  options: TargetOptions,
  { dryRun, ...run }: TargetRun = {},
): Promise<TargetDraft> {
  const { role = 'targets', custom } = options;
  const target = parsePortableTargetPath(options.name ?? basename(options.path));
  refuseManifestName(target);
  const place = placeNamed(workspace, options.repository);
  const attached =
    custom === undefined ? undefined : checkPortableCustom(custom, { file: target, path: 'custom' });
  const live = await readLive(workspace, place, run.signal);
  const { settings, keys } = workspace;
  requireSearched(
    plannedDelegations(live.published, settings.delegations, keys.values()).parsed,
    role,
    target,
  );
  const image = await readImage(workspace.fileSystem, options.path, run);
  const draft = { repository: place.name, role, target, image, ...(attached && { custom: attached }) };
  const { length, sha256 } = image;
  for (const document of listingIn(live)) {
    checkNameFree({ target, length, sha256 }, targetOf(document, target), 'what is published');
  }
  if (dryRun === true) return draft;
  return await whileLocked(workspace, async () => {
    const releases = (await readDrafts(workspace)).flatMap(({ images }) => images);
    for (const other of releases.filter((one) => one.target === target))
      checkNameFree({ target, length, sha256 }, { length: other.length, hashes: other }, 'a draft');
    await writeTargetDraft(workspace, draft);
    return draft;
  });
}

export interface RemoveTargetOptions {
  readonly name: string;
  /** As in `TargetOptions`. */
  readonly repository?: string;
  readonly dryRun?: boolean;
}

/**
 * Takes a target back: a draft goes at once, what is published goes with the next publication.
 *
 * @throws target-not-found when there is neither, release-invalid and name-taken for what hosts need
 */
export async function removeTarget(
  workspace: Workspace,
  { name, repository, dryRun = false }: RemoveTargetOptions,
): Promise<'draft' | 'published'> {
  const target = parsePortableTargetPath(name);
  refuseManifestName(target);
  const place = placeNamed(workspace, repository);
  const live = await readLive(workspace, place);
  return await whileLocked(workspace, async () => {
    const drafts = await readTargetDrafts(workspace);
    const draft = drafts.find((one) => one.repository === place.name && one.target === target);
    if (draft !== undefined) {
      if (!dryRun) await removeTargetDraft(workspace, draft);
      return 'draft' as const;
    }
    const role = roleListing(live, target);
    if (role === undefined) {
      const text = `${place.name}: no target ${target} is published or waits (see tidegate target list)`;
      throw new TidegateError('target-not-found', text, { target });
    }
    refuseReleaseImage(target, live.manifest);
    const removal = { repository: place.name, role, target, image: undefined };
    if (!dryRun) await writeTargetDraft(workspace, removal);
    return 'published' as const;
  });
}

function roleListing(live: LiveRepository, target: TargetPath): string | undefined {
  const roles = ['targets', ...(live.published?.delegated.keys() ?? [])];
  return roles.find((role) => listedIn(live, role)?.targets.has(target) === true);
}

/** @throws config-invalid when there are several and none is named, or none of this name */
function placeNamed({ settings }: Workspace, name: string | undefined): RepositoryPlace {
  const places = repositoriesOf(settings);
  const [only, ...others] = places;
  const found =
    name === undefined && others.length === 0 ? only : places.find((place) => place.name === name);
  if (found !== undefined) return found;
  const known = places.map((place) => place.name).join(', ');
  throw new TidegateError('config-invalid', `repository: found ${name ?? 'none'}, expected one of ${known}`, {
    found: name ?? null,
  });
}
