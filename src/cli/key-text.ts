/** What commands say of a key that they made or took over. */
import { InvalidArgumentError } from 'commander';
import { TidegateError } from '../errors.ts';
import { printableLine } from '../terminal.ts';

interface ShownKey {
  readonly name: string;
  readonly id: string;
  readonly type: string;
  readonly words: string;
  readonly publicFile?: string;
  readonly privateFile?: string;
}

/** @param lock what is said of the private half */
export function keyLines(key: ShownKey, lock: string): readonly string[] {
  return [
    `key ${key.name} (${key.type})`,
    `  key id        ${key.id}`,
    `  words         ${key.words} (to read aloud)`,
    ...(key.publicFile === undefined ? [] : [`  public half   ${key.publicFile} (every command takes it)`]),
    ...(key.privateFile === undefined ? [] : [`  private half  ${key.privateFile} (${lock})`]),
  ].map(printableLine);
}

/** @throws usage for a name that no key can have */
export async function checkKeyName(name: string): Promise<string> {
  const { isKeyName, keyNameForm } = await import('../signer/workspace/key-names.ts');
  if (isKeyName(name)) return name;
  throw new TidegateError('usage', `key name ${JSON.stringify(name)}: expected ${keyNameForm}`);
}

/** `--cost`: binary logarithm of scrypt's N. */
export function parseCost(text: string): number {
  const cost = /^\d{2}$/.test(text) ? Number(text) : 0;
  if (cost >= 17 && cost <= 20) return cost;
  throw new InvalidArgumentError('expected 17, 18, 19 or 20.');
}
