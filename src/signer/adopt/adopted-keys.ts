/**
 * Names for the keys of an adopted repository. Pure.
 *
 * 1. The owner that tuf-on-ci or RSTUF wrote into the key, when there is one; "online" for a key with an online address.
 * 2. Else the role, in the order root, targets, snapshot, timestamp, with a number where it has several keys.
 * 3. Each name once; a key object is kept to the letter, so that its id stays.
 */
import type { Delegations } from '../../metadata/delegations.ts';
import type { JsonObject } from '../../metadata/json.ts';
import { type Key, type KeySet, keyIdOf } from '../../metadata/keys.ts';
import type { TopLevelRole } from '../../metadata/role-name.ts';
import type { RootDocument } from '../../metadata/root.ts';
import type { NamedKey } from '../keys/key-ring.ts';

export interface AdoptedKey extends NamedKey {
  /** Ids under which documents list it; the hash of the key object is `id`. */
  readonly listedAs: ReadonlySet<string>;
  /** Names of roles that it may sign. */
  readonly roles: readonly string[];
}

const ownerMembers = ['x-tuf-on-ci-keyowner', 'x-rstuf-key-name', 'x-rstuf-key-label'];
const onlineMembers = ['x-tuf-on-ci-online-uri', 'x-rstuf-online-key-uri'];
const rolesInOrder: readonly TopLevelRole[] = ['root', 'targets', 'snapshot', 'timestamp'];
const longestName = 64;

interface Use {
  readonly role: string;
  /** What the key is called when it names no owner. */
  readonly name: string;
  readonly key: Key;
}

/** The keys that a role uses, of the root in force and of all delegations. */
export function adoptedKeys(root: RootDocument, delegations: Iterable<Delegations>): readonly AdoptedKey[] {
  const uses = [
    ...rolesInOrder.flatMap((role) => usesOf(role, root.roles[role].keyIds, root.keys)),
    ...[...delegations].flatMap(({ roles, succinct, keys }) => [
      ...roles.flatMap(({ name, keyIds }) => usesOf(name, keyIds, keys)),
      ...(succinct === undefined ? [] : usesOf(succinct.namePrefix, succinct.keyIds, keys)),
    ]),
  ];
  const keys = new Map<string, AdoptedKey>();
  const taken = new Set<string>();
  for (const { role, name, key } of uses) {
    const id = keyIdOf(key.json);
    const known = keys.get(id);
    const wanted = known?.name ?? free(nameIn(key.json) ?? fileName(name) ?? 'key', taken);
    taken.add(wanted);
    const roles = [...new Set([...(known?.roles ?? []), role])];
    const listedAs = new Set([...(known?.listedAs ?? []), key.id]);
    keys.set(id, { id, name: wanted, json: key.json, roles, listedAs });
  }
  return [...keys.values()];
}

function usesOf(role: string, keyIds: readonly string[], keys: KeySet): readonly Use[] {
  return keyIds.flatMap((id, index) => {
    const key = keys.get(id);
    return key === undefined
      ? []
      : [{ role, name: keyIds.length === 1 ? role : `${role}-${index + 1}`, key }];
  });
}

function nameIn(key: JsonObject): string | undefined {
  if (onlineMembers.some((member) => key.has(member))) return 'online';
  for (const member of ownerMembers) {
    const owner = key.get(member);
    const name = typeof owner === 'string' ? fileName(owner) : undefined;
    if (name !== undefined) return name;
  }
  return undefined;
}

/** As the file of a key may be called, or undefined when nothing of the text can stay. */
function fileName(text: string): string | undefined {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|-+$/g, '')
    .slice(0, longestName - 3);
  return plain === '' ? undefined : plain;
}

function free(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  for (let number = 2; ; number += 1) {
    if (!taken.has(`${name}-${number}`)) return `${name}-${number}`;
  }
}
