/**
 * A plan as a file: what `tidegate plan --output` writes, somebody approves, and `publish --plan` does.
 *
 *     {"format": "tidegate-plan", "version": 1, "plan": "<id>", "planned_at": <milliseconds>, "content": {…}}
 *
 * The id is the SHA-256 of the canonical form of `content`. `planned_at` says from when waves count that were to begin
 * when published; what they come to stands in `content`, in absolute times, so that nobody can move them by it. How long
 * roles are valid stands there too, and counts from when they are signed. Nothing else may stand in `content`: what an
 * approver reads there is what is compared with what would be published.
 */
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import { digestOf } from '../../metadata/crypto.ts';
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../../metadata/json.ts';
import { formatJson, jsonOf } from '../../metadata/json-writer.ts';
import { manifestTarget } from '../../metadata/repository-layout.ts';
import type { Plan } from './plan-publication.ts';

export const maxPlanLength = 64 * 1024 * 1024;

const limits = { maxDepth: 32, maxValues: 2_000_000, maxDigits: 16 };

export interface PlanFile {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly plannedAt: number;
  /** The part of each repository, by the name of its place. */
  readonly parts: ReadonlyMap<string, JsonObject>;
}

/** @param plannedAt milliseconds since the epoch: the time that the plan was made for */
export function formatPlanFile({ id, json }: Plan, plannedAt: number): Uint8Array {
  const content = parseJson(new TextEncoder().encode(json), limits, 'plan');
  const file = jsonOf({ format: 'tidegate-plan', version: 1, plan: id, planned_at: plannedAt, content });
  return new TextEncoder().encode(formatJson(file));
}

/** @throws plan-invalid */
export function parsePlanFile(bytes: Uint8Array, where: string): PlanFile {
  const json = read(bytes, where);
  const [id, plannedAt, content] = [json.get('plan'), json.get('planned_at'), json.get('content')];
  if (json.get('format') !== 'tidegate-plan' || json.get('version') !== 1)
    throw invalid(where, 'is no plan of this version');
  if (typeof plannedAt !== 'number' || !isJsonObject(content)) throw invalid(where, 'lacks a member');
  const found = digestOf('sha256', canonicalBytes(content));
  if (found !== id) throw invalid(where, `says plan ${String(id)}, and its content is plan ${found}`);
  return { id: found, plannedAt, parts: partsIn(content, where) };
}

/** One for each repository, and nothing beside them that nobody would compare. */
function partsIn(content: JsonObject, where: string): PlanFile['parts'] {
  const repositories = content.get('repositories');
  if (content.get('tidegate_plan') !== 1 || !isJsonArray(repositories))
    throw invalid(where, 'holds no plan of this version');
  const other = [...content.keys()].find((member) => !['tidegate_plan', 'repositories'].includes(member));
  if (other !== undefined)
    throw invalid(where, `has an unknown member ${JSON.stringify(other)} in its content`);
  const parts = new Map<string, JsonObject>();
  for (const part of repositories) {
    const folder = isJsonObject(part) ? part.get('folder') : undefined;
    if (!isJsonObject(part) || typeof folder !== 'string')
      throw invalid(where, 'has a part of no repository');
    if (parts.has(folder)) throw invalid(where, `has two parts of the repository ${folder}`);
    parts.set(folder, part);
  }
  return parts;
}

function read(bytes: Uint8Array, where: string): JsonObject {
  try {
    const json = parseJson(bytes, limits, where);
    if (isJsonObject(json)) return json;
  } catch (cause) {
    throw invalid(where, 'is not JSON', { cause });
  }
  throw invalid(where, 'is no plan');
}

function invalid(where: string, found: string, options?: ErrorOptions): TidegateError {
  return new TidegateError('plan-invalid', `${where} ${found}`, { file: where }, options);
}

/** How a part of a plan that was approved stands to what would be done now. */
export type Standing = 'same' | 'moved' | 'changed';

/** What follows from what is replaced: the numbers of a role, and how long that one was valid. */
const followingMembers = ['from', 'to', 'expires_from'];

export function standingOf(approved: JsonObject, now: JsonObject | undefined): Standing {
  if (now === undefined) return 'moved';
  if (isSame(approved, now)) return 'same';
  return isSame(approved.get('base'), now.get('base')) ? 'changed' : 'moved';
}

/** True when the same change is made, perhaps upon another base. */
export function saysTheSame(approved: JsonObject, now: JsonObject): boolean {
  return isSame(changeIn(approved), changeIn(now));
}

/**
 * The list of releases is another file upon another base; what comes to it stands in `releases`. Root, keys, thresholds
 * and validities are those that were approved.
 */
function changeIn(part: JsonObject): JsonObject {
  const said = new Map([...part].filter(([member]) => member !== 'base'));
  const [roles, targets] = [said.get('roles'), said.get('targets')];
  if (isJsonArray(roles)) said.set('roles', roles.map(withoutNumbers));
  const isList = (target: JsonValue): boolean =>
    isJsonObject(target) && target.get('target') === manifestTarget;
  if (isJsonArray(targets))
    said.set(
      'targets',
      targets.filter((target) => !isList(target)),
    );
  return said;
}

function withoutNumbers(role: JsonValue): JsonValue {
  if (!isJsonObject(role)) return role;
  return new Map([...role].filter(([member]) => !followingMembers.includes(member)));
}

function isSame(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  return Buffer.compare(canonicalBytes(one ?? null), canonicalBytes(other ?? null)) === 0;
}
