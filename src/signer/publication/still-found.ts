/**
 * Delegations decide where hosts look for a target. What a release or a migration of the list needs, and hosts find now,
 * they must find afterwards, with the same bytes: to take a role out, to give it other paths, or to put another before it
 * takes images away as surely as removing them. Pure.
 */
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import type { Delegations } from '../../metadata/delegations.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../metadata/json.ts';
import { parseTargetPath, type TargetPath } from '../../metadata/target-path.ts';
import { neededTargets } from '../../waves/needed-targets.ts';
import type { Manifest } from '../../waves/release.ts';
import { type LiveRepository, listedIn } from './live-repository.ts';
import { searchSteps } from './search-order.ts';

export interface PlannedListing {
  readonly live: Pick<LiveRepository, 'published'>;
  /** Of the top-level role, as they will stand. */
  readonly delegations: Delegations | undefined;
  /** What each role will list. */
  readonly contents: ReadonlyMap<string, JsonObject>;
  /** As it will be. */
  readonly manifest: Manifest;
}

/** @throws release-invalid naming the first target that hosts would miss, or find with other bytes */
export function requireStillFound({ live, delegations, contents, manifest }: PlannedListing): void {
  const listed = (role: string): JsonObject | undefined => listedIn(live, role)?.targets;
  const planned = (role: string): JsonObject | undefined => contents.get(role);
  const published = live.published?.targets.delegations;
  for (const [target, use] of neededTargets(manifest)) {
    const path = parseTargetPath(target);
    const before = found(searchSteps(published, live, path, listed), listed, path);
    if (before === undefined) continue;
    const after = found(searchSteps(delegations, live, path, planned), planned, path);
    if (after?.bytes === before.bytes) continue;
    const where = after === undefined ? 'nowhere' : `in role ${after.role}, with other bytes`;
    const text = `target ${target} is ${use}, which hosts may still want: they find it in role ${before.role}, and with these delegations ${where}. Withdraw the release first, or let the role go on listing it`;
    throw new TidegateError('release-invalid', text, { target, role: before.role });
  }
}

interface Found {
  readonly role: string;
  /** What identifies its bytes. */
  readonly bytes: string;
}

function found(
  steps: ReturnType<typeof searchSteps>,
  listed: (role: string) => JsonObject | undefined,
  path: TargetPath,
): Found | undefined {
  const last = steps.at(-1);
  if (last?.lists !== true) return undefined;
  return { role: last.role, bytes: bytesOf(listed(last.role)?.get(path)) };
}

function bytesOf(target: JsonValue | undefined): string {
  const object: JsonObject = isJsonObject(target) ? target : new Map();
  const identity = new Map(['hashes', 'length'].map((member) => [member, object.get(member) ?? null]));
  return new TextDecoder().decode(canonicalBytes(identity));
}
