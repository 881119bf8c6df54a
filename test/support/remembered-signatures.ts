/**
 * Makes and verifies each signature once, for tests that sign and read the same bytes thousands of times: the answers are
 * those of Node, remembered by key, message and signature. Of signatures only those of Ed25519, which are always the same.
 */
import crypto, { type KeyObject } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

const mostRemembered = 10_000;

/** @returns what puts Node's own back */
export function rememberSignatures(): () => void {
  const { verify, sign } = crypto;
  const verified = new Memory<boolean>();
  const made = new Memory<Buffer>();
  crypto.verify = ((...args: Parameters<typeof verify>) => {
    const [, message, options, signature] = args;
    const key = keyIn(options);
    const own = () => verify(...args) as unknown as boolean;
    if (key === undefined) return own();
    return verified.get(key, [message as Uint8Array, signature as Uint8Array], own);
  }) as unknown as typeof verify;
  crypto.sign = ((...args: Parameters<typeof sign>) => {
    const [, message, options] = args;
    const key = keyIn(options);
    const own = () => sign(...args) as unknown as Buffer;
    if (key?.asymmetricKeyType !== 'ed25519') return own();
    return made.get(key, [message as Uint8Array], own);
  }) as unknown as typeof sign;
  syncBuiltinESMExports();
  return () => {
    Object.assign(crypto, { verify, sign });
    syncBuiltinESMExports();
  };
}

function keyIn(options: unknown): KeyObject | undefined {
  if (typeof options !== 'object' || options === null || !('key' in options)) return undefined;
  return options.key as KeyObject;
}

class Memory<T> {
  readonly #known = new WeakMap<KeyObject, Map<string, T>>();

  get(key: KeyObject, parts: readonly Uint8Array[], make: () => T): T {
    const id = crypto.hash('sha256', Buffer.concat(parts), 'base64');
    const answers = this.#known.get(key) ?? new Map<string, T>();
    this.#known.set(key, answers);
    const answer = answers.get(id) ?? make();
    if (answers.size > mostRemembered) answers.clear();
    answers.set(id, answer);
    return answer;
  }
}
