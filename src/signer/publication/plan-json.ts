/**
 * The canonical form of a plan: what its id is the hash of, and so what whoever approves it has approved.
 *
 * 1. What hosts will see stands there in absolute times, in UTC: waves above all.
 * 2. When a plan was made does not: of roles that are signed here it says for how long, so that the same plan a second, or
 *    a day later has the same id. Only what begins when it is published differs, such as waves, unless a file says from
 *    when (plan-file.ts).
 */
import { canonicalBytes } from '../../metadata/canonical.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { isJsonObject, type JsonObject } from '../../metadata/json.ts';
import { jsonOf, type Plain } from '../../metadata/json-writer.ts';
import { formatTime } from '../../metadata/time.ts';
import { type Manifest, type Release, releaseKey } from '../../waves/release.ts';
import { steeringName } from '../release/steering-draft.ts';
import type { RepositoryPlan } from './plan.ts';
import type { PlannedRole, SignedRole } from './role-plan.ts';
import type { PlannedSteering } from './steering-plan.ts';

export function planDigest(
  plan: Omit<RepositoryPlan, 'json' | 'digest'>,
): Pick<RepositoryPlan, 'json' | 'digest'> {
  const { live, now, renew, roles, added, removed, releases, repository } = plan;
  const json = jsonOf({
    repository,
    folder: live.place.name,
    base:
      live.published === undefined
        ? null
        : { timestamp: live.published.sha256, version: live.published.timestamp.version },
    // Not which roots the store lacks: an interrupted run may have written them, and the plan is the same.
    root: { version: live.root.version, sha256: digestOf('sha256', live.roots.at(-1) ?? '') },
    renew: [...renew].sort(),
    roles: roles.map((role) => ({ ...roleJson(role, now), signed: signedJson(plan.signed.get(role.role)) })),
    targets: added.map(({ role, target, length, sha256, custom }) => ({
      target,
      length,
      sha256,
      custom,
      role: role === 'targets' ? undefined : role,
    })),
    removed: removed.length === 0 ? undefined : removed.map((removal) => ({ ...removal })),
    delegations: plan.delegationsChange ? plan.delegations : undefined,
    releases: releases.map((release) => ({
      ...releaseJson(release),
      readmitted: isWithdrawn(release, live.manifest) ? true : undefined,
    })),
    steering: plan.steered.length === 0 ? undefined : plan.steered.map(steeringJson),
  });
  const object: JsonObject = isJsonObject(json) ? json : new Map();
  return { json: object, digest: digestOf('sha256', canonicalBytes(object)) };
}

function isWithdrawn(release: Release, { withdrawn = [] }: Manifest): boolean {
  return withdrawn.some((one) => releaseKey(one) === releaseKey(release));
}

function steeringJson({ change, before, after, goal }: PlannedSteering): Plain {
  return {
    kind: change.kind,
    what: steeringName(change),
    reason: 'reason' in change ? change.reason : undefined,
    call_back: goal,
    before: before && releaseJson(before),
    after: after && releaseJson(after),
    migrations: 'migrations' in change ? change.migrations.map((hop) => ({ ...hop })) : undefined,
  };
}

function signedJson(signed: SignedRole | undefined): Plain | undefined {
  return signed && { sha256: digestOf('sha256', signed.bytes), planned_at: formatTime(signed.plannedAt) };
}

function roleJson(
  { role, from, to, expiresFrom, expires, keys, keyNames, signed }: PlannedRole,
  now: number,
) {
  return {
    role,
    from: from ?? null,
    to,
    expires_from: expiresFrom === undefined ? null : formatTime(expiresFrom),
    ...(signed
      ? { expires: formatTime(expires) }
      : { valid_for_seconds: Math.floor(expires / 1000) - Math.floor(now / 1000) }),
    threshold: keys.threshold,
    keys: keyNames,
    key_ids: keys.keyIds,
  };
}

/** A release as an approver reads it: every member that hosts decide by, in absolute times. */
export function releaseJson({
  waves,
  lastWaveEnds,
  spread,
  maxVersion,
  groups,
  pause,
  opened,
  unknown: _unknown,
  ...release
}: Release): { readonly [member: string]: Plain | undefined } {
  return {
    ...release,
    max_version: maxVersion,
    spread,
    ...scheduleJson({ waves, lastWaveEnds, groups }),
    opened: opened === undefined ? undefined : formatTime(opened),
    paused: pause && { at: formatTime(pause.at), ...scheduleJson(pause) },
  };
}

function scheduleJson({
  waves,
  lastWaveEnds,
  groups,
}: {
  readonly waves: Release['waves'];
  readonly lastWaveEnds?: number | undefined;
  readonly groups?: Release['groups'];
}): { readonly [member: string]: Plain | undefined } {
  return {
    waves: new Map(Array.from(waves, ([seed, time]) => [String(seed), formatTime(time)])),
    last_wave_ends: lastWaveEnds === undefined ? undefined : formatTime(lastWaveEnds),
    groups: groups?.map(({ labels, opens }) => ({ labels, opens: formatTime(opens) })),
  };
}
