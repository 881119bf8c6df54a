/** Alarms about single keys: what stands under an id, and whether hosts can use it. */
import { type Alarm, alarm } from './alarm.ts';
import type { KeyChange } from './key-facts.ts';
import { keyName } from './key-name.ts';

export function keyAlarms({ state, key, before }: KeyChange): readonly Alarm[] {
  if (state !== 'added' && state !== 'changed') return [];
  const alarms: Alarm[] = [];
  if (before !== undefined) {
    const sentence = `key ${keyName(key)} keeps its id and gets other bytes: whoever made them signs from now on`;
    alarms.push(alarm('key-bytes-changed', sentence));
  }
  if (key.id !== key.hash) {
    const sentence = `key ${keyName(key)}: the id is not the hash of the key, which is ${key.hash}`;
    alarms.push(alarm('key-id-not-hash', sentence));
  }
  if (key.unusable !== undefined)
    alarms.push(alarm('key-unusable', `key ${keyName(key)} cannot sign: ${key.unusable}`));
  return alarms;
}
