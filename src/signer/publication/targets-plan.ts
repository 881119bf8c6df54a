/**
 * What the targets roles will list. Pure.
 *
 * 1. Everything that is listed stays listed, unless it is taken back by name.
 * 2. A name belongs to its first bytes, in whichever role it is listed; what else is attached to it may change.
 * 3. A target that stays keeps the members that are not known here.
 * 4. What hosts need does not go: the list of releases, and the images of releases that are in it.
 */
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import type { Delegations } from '../../metadata/delegations.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../metadata/json.ts';
import { jsonOf, withMembers } from '../../metadata/json-writer.ts';
import type { TargetPath } from '../../metadata/target-path.ts';
import type { Manifest } from '../../waves/release.ts';
import type { ImageFile } from '../release/image-file.ts';
import { checkNameFree, refuseManifestName, refuseReleaseImage, requireSearched } from './target-names.ts';

/** A target that is new, or whose bytes or attachments change. */
export interface PlannedTarget {
  /** The role that will list it. */
  readonly role: string;
  readonly target: TargetPath;
  readonly length: number;
  readonly sha256: string;
  /** What is attached; undefined: what there is stays. */
  readonly custom?: JsonObject;
  readonly source: ImageFile | Uint8Array;
}

export interface RemovedTarget {
  readonly role: string;
  readonly target: TargetPath;
}

export interface ContentInput {
  /** What each role lists now. */
  readonly before: ReadonlyMap<string, JsonObject>;
  readonly wanted: readonly PlannedTarget[];
  readonly removals: readonly RemovedTarget[];
  readonly delegations: Delegations | undefined;
  /** As it will be. */
  readonly manifest: Manifest;
}

export interface TargetsContents {
  /** What each role will list; roles that do not change are not among them. */
  readonly contents: ReadonlyMap<string, JsonObject>;
  readonly added: readonly PlannedTarget[];
  readonly removed: readonly RemovedTarget[];
}

/** @throws name-taken, config-invalid for a role that hosts would not ask, release-invalid for a removal that cannot be */
export function planContents(input: ContentInput): TargetsContents {
  const seen = new Map<string, PlannedTarget>();
  for (const image of input.wanted) {
    refuseManifestName(image.target);
    requireSearched(input.delegations, image.role, image.target);
    const other = seen.get(image.target);
    checkNameFree(image, other && { length: other.length, hashes: other }, 'another draft');
    if (other !== undefined && other.role !== image.role) throw twoRoles(image, other.role);
    for (const [role, targets] of input.before) checkListed(image, role, targets.get(image.target));
    seen.set(image.target, other === undefined ? image : { ...other, ...image });
  }
  const added = [...seen.values()].filter((image) => isNews(image, input.before.get(image.role)));
  const removed = input.removals.filter(({ role, target }) => input.before.get(role)?.has(target) === true);
  for (const { target } of removed) {
    refuseManifestName(target);
    refuseReleaseImage(target, input.manifest);
  }
  return { contents: changedContents(input, added, removed), added, removed };
}

function changedContents(
  { before }: ContentInput,
  added: readonly PlannedTarget[],
  removed: readonly RemovedTarget[],
): ReadonlyMap<string, JsonObject> {
  const contents = new Map<string, JsonObject>();
  for (const role of new Set([...added, ...removed].map((change) => change.role))) {
    const targets = new Map<string, JsonValue>(before.get(role) ?? []);
    for (const removal of removed) if (removal.role === role) targets.delete(removal.target);
    for (const image of added)
      if (image.role === role) targets.set(image.target, targetObject(image, targets.get(image.target)));
    contents.set(role, targets);
  }
  return contents;
}

/** As it stands in a document. One of the same bytes that is there keeps its hashes and unknown members. */
export function targetObject(
  { length, sha256, custom }: Pick<PlannedTarget, 'length' | 'sha256' | 'custom'>,
  before?: JsonValue,
): JsonValue {
  const same = isJsonObject(before) && sha256Of(before) === sha256;
  const object = same
    ? before
    : withMembers(isJsonObject(before) ? before : new Map(), { hashes: { sha256 }, length });
  return custom === undefined ? object : withMembers(object, { custom: jsonOf(custom, 'custom') });
}

function sha256Of(target: JsonObject): string | undefined {
  const hashes = target.get('hashes');
  const sha256 = isJsonObject(hashes) ? hashes.get('sha256') : undefined;
  return typeof sha256 === 'string' ? sha256 : undefined;
}

function checkListed(image: PlannedTarget, role: string, listed: JsonValue | undefined): void {
  if (!isJsonObject(listed)) return;
  const sha256 = sha256Of(listed);
  const length = listed.get('length');
  const where = role === 'targets' ? 'what is published' : `role ${role}`;
  checkNameFree(
    image,
    { length: typeof length === 'number' ? length : -1, hashes: sha256 === undefined ? {} : { sha256 } },
    where,
  );
}

/** False when the role lists exactly this already. */
export function isNews(image: PlannedTarget, targets: JsonObject | undefined): boolean {
  const listed = targets?.get(image.target);
  if (listed === undefined) return true;
  return !Buffer.from(canonicalBytes(listed)).equals(canonicalBytes(targetObject(image, listed)));
}

function twoRoles({ target, role }: PlannedTarget, other: string): TidegateError {
  const text = `target ${target}: two drafts put it into the roles ${other} and ${role}, expected one`;
  return new TidegateError('name-taken', text, { target });
}
