/**
 * Whose keys they are. A request claims names, and whoever can edit it can claim any: only the signer's own copies of
 * public keys confirm one. Where the two contradict each other, somebody is wrong or lies.
 */
import type { KeySet } from '../../metadata/keys.ts';
import { keyIdOf } from '../../metadata/keys.ts';
import { escaped } from '../../metadata/printable.ts';
import { type Alarm, alarm, lookAlike } from './alarm.ts';
import type { Owner, OwnerNames } from './key-facts.ts';

/**
 * @param claimed names by key id, as a file has them
 * @param confirmed names by the hash of the key, from the signer's own public keys
 */
export function ownerNames(
  claimed: ReadonlyMap<string, string>,
  confirmed: ReadonlyMap<string, string>,
): OwnerNames {
  const entry =
    (isConfirmed: boolean) =>
    ([id, name]: readonly [string, string]): readonly [string, Owner] => [
      id,
      { name, confirmed: isConfirmed },
    ];
  return new Map([...[...claimed].map(entry(false)), ...[...confirmed].map(entry(true))]);
}

/** @param keySets the keys of every side and of the document; their ids are how names are claimed */
export function ownerAlarms(
  claimed: ReadonlyMap<string, string>,
  confirmed: ReadonlyMap<string, string>,
  keySets: readonly KeySet[],
): readonly Alarm[] {
  const hashes = new Map<string, string>();
  for (const keys of keySets) for (const { id, json } of keys.values()) hashes.set(id, keyIdOf(json));
  const own = new Map(Array.from(confirmed, ([hash, name]) => [name, hash]));
  const alarms: Alarm[] = [];
  const first = new Map<string, string>();
  for (const [id, name] of claimed) {
    const hash = hashes.get(id);
    if (hash === undefined) continue;
    const known = confirmed.get(hash);
    if (known === name) continue;
    const said = `the request calls key ${escaped(id).slice(0, 12)} "${escaped(name)}"`;
    if (known !== undefined)
      alarms.push(
        alarm('owner-contradicted', `${said}, and by your own keys it is that of ${escaped(known)}`),
      );
    else if (own.has(name))
      alarms.push(
        alarm('owner-contradicted', `${said}, and the key that you have under this name is another one`),
      );
    else if (first.has(name))
      alarms.push(alarm('owner-contradicted', `${said}, and another key by the same name`));
    first.set(name, id);
    alarms.push(...lookAlike('name', name));
  }
  return alarms;
}
