/**
 * Verifies each signature once, for tests that read the same signed bytes thousands of times: the answers are those of
 * Node, remembered by key, message and signature.
 */
import crypto, { type KeyObject } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

type Verify = typeof crypto.verify;

/** @returns what puts Node's own back */
export function rememberVerifications(): () => void {
  const own: Verify = crypto.verify;
  const known = new WeakMap<KeyObject, Map<string, boolean>>();
  const remembered = (...args: Parameters<Verify>): boolean => {
    const [, message, options, signature] = args;
    const key = typeof options === 'object' && 'key' in options ? (options.key as KeyObject) : undefined;
    if (key === undefined) return own(...args) as unknown as boolean;
    const id = crypto.hash(
      'sha256',
      Buffer.concat([message as Uint8Array, signature as Uint8Array]),
      'base64',
    );
    const answers = known.get(key) ?? new Map<string, boolean>();
    known.set(key, answers);
    const answer = answers.get(id) ?? (own(...args) as unknown as boolean);
    if (answers.size > 10_000) answers.clear();
    answers.set(id, answer);
    return answer;
  };
  crypto.verify = remembered as unknown as Verify;
  syncBuiltinESMExports();
  return () => {
    crypto.verify = own;
    syncBuiltinESMExports();
  };
}
