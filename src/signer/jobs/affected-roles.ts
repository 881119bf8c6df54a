/**
 * What a stolen key could do, and which keys must go so that hosts forget what was forged with it. Pure.
 *
 * Hosts believe a file only with the signatures of every role above it, so that a thief of one key alone can do little
 * without the others, and nothing at all without a place from which hosts read:
 *
 * | stolen                     | without the others                  | what it takes to recover                          |
 * |----------------------------|-------------------------------------|---------------------------------------------------|
 * | timestamp                  | freeze, numbers run ahead           | timestamp                                         |
 * | snapshot (and timestamp)   | the same, mixed or hidden roles     | snapshot and timestamp                            |
 * | targets, or a delegated one| nothing                             | the role; with the two above also those           |
 * | root, fewer than needed    | nothing                             | root                                              |
 * | root, as many as needed    | everything                          | no command: a new first root by an OS image       |
 *
 * Version numbers of timestamp and snapshot are forgotten by hosts when a timestamp or snapshot key goes; those of
 * targets roles when a snapshot key goes. Some clients keep the snapshot's while its own key stays, so that whoever
 * wants to be sure of all clients lets every role go that stands above the highest forged one.
 */

import { topLevelRoles } from '../../metadata/role-name.ts';
import type { DelegationSetting } from '../workspace/delegation-settings.ts';
import type { RoleSetting } from '../workspace/key-names.ts';
import type { WorkspaceSettings } from '../workspace/workspace-file.ts';

export interface AffectedRole {
  readonly role: string;
  readonly keys: readonly string[];
  readonly threshold: number;
  /** What a thief of this one key can do in this role, in a sentence. */
  readonly outcome: string;
  /** What else has to be done for hosts that saw forged files. */
  readonly recovery: string;
}

/** The roles in which a key signs. */
export function rolesOfKey(
  settings: Pick<WorkspaceSettings, 'roles' | 'delegations'>,
  name: string,
): readonly AffectedRole[] {
  const all: readonly (readonly [string, RoleSetting | DelegationSetting])[] = [
    ...topLevelRoles.map((role) => [role, settings.roles[role]] as const),
    ...(settings.delegations ?? []).map((role) => [role.name, role] as const),
  ];
  return all
    .filter(([, { keys }]) => keys.includes(name))
    .map(([role, { keys, threshold }]) => ({ role, keys, threshold, ...consequences(role, threshold) }));
}

function consequences(role: string, threshold: number): Pick<AffectedRole, 'outcome' | 'recovery'> {
  const alone =
    threshold > 1
      ? `one key of ${threshold} that are needed: nothing by itself. With ${threshold} of them: `
      : '';
  switch (role) {
    case 'root':
      return {
        outcome: `${alone}${threshold > 1 ? 'everything, and only a new first root by an OS image helps' : 'everything; only a new first root by an OS image helps'}`,
        recovery: 'nothing more: hosts drop the key with the next root',
      };
    case 'timestamp':
      return {
        outcome: `${alone}hosts can be frozen until the snapshot expires, and version numbers run ahead; no file can be made up, none goes back`,
        recovery: 'nothing more: hosts forget forged numbers when the key goes',
      };
    case 'snapshot':
      return {
        outcome: `${alone}with the timestamp key too, hosts can be frozen, roles hidden and the numbers of every role run ahead; no file can be made up`,
        recovery: 'if the timestamp key may be stolen too: tidegate recover, which replaces both',
      };
    default:
      return {
        outcome: `${alone}with snapshot and timestamp keys too, any file that the role may list can be made up; without them nothing`,
        recovery:
          'if something forged was published, snapshot and timestamp keys were used as well: tidegate recover replaces all three, takes the files away and resets the numbers',
      };
  }
}

/** With a role every role goes whose signature stands above it: only then does every client forget its numbers. */
export function rolesToReplace(stolen: Iterable<string>): readonly string[] {
  const roles = new Set(stolen);
  roles.delete('root');
  if ([...roles].some((role) => role !== 'timestamp')) roles.add('snapshot');
  roles.add('timestamp');
  const order = (role: string): number => ['timestamp', 'snapshot', 'targets'].indexOf(role);
  return [...roles].sort((a, b) => order(b) - order(a));
}
