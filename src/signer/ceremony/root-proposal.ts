/**
 * The next root, as tidegate.toml wants it: version one higher, keys and thresholds of the file, expiry of the policy.
 * Only keys that a role uses stand in it, and whatever else the root before said is kept. Pure.
 */
import { TidegateError } from '../../errors.ts';
import type { JsonObject } from '../../metadata/json.ts';
import type { RoleKeys } from '../../metadata/keys.ts';
import { type TopLevelRole, topLevelRoles } from '../../metadata/role-name.ts';
import type { RootDocument } from '../../metadata/root.ts';
import type { NamedKey } from '../keys/key-ring.ts';
import { rootDocument } from '../publication/documents.ts';
import type { WorkspaceSettings } from '../workspace/workspace-file.ts';

export interface RootWish {
  readonly settings: Pick<WorkspaceSettings, 'name' | 'roles'>;
  readonly keys: Iterable<NamedKey>;
  /** The root in force; undefined: this is the first one. */
  readonly before: RootDocument | undefined;
  /** Milliseconds since the epoch; written in whole seconds. */
  readonly expires: number;
}

/** @throws workspace-invalid for a name without a key, which `openWorkspace` has refused before */
export function proposedRoot({ settings, keys, before, expires }: RootWish): JsonObject {
  const byName = new Map(Array.from(keys, (key) => [key.name, key]));
  const used = new Map<string, JsonObject>();
  const idOf = (name: string): string => {
    const key = byName.get(name);
    if (key === undefined) throw new TidegateError('workspace-invalid', `key ${name} has no public half`);
    used.set(key.id, key.json);
    return key.id;
  };
  const roleOf = (role: TopLevelRole): RoleKeys => {
    const { keys: names, threshold } = settings.roles[role];
    return { keyIds: names.map(idOf), threshold };
  };
  const [root, timestamp, snapshot, targets] = topLevelRoles;
  const roles = {
    root: roleOf(root),
    timestamp: roleOf(timestamp),
    snapshot: roleOf(snapshot),
    targets: roleOf(targets),
  };
  const head = {
    repository: settings.name,
    version: (before?.version ?? 0) + 1,
    expires,
    base: before?.json,
  };
  return rootDocument(head, used, roles);
}
