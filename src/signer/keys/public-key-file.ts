/** `NAME.pub`: the key object of a public key as it stands in metadata, as JSON for people. */
import { TidegateError } from '../../errors.ts';
import { isUsable, loadPublicKey } from '../../metadata/crypto.ts';
import { isJsonObject, type JsonObject, parseJson } from '../../metadata/json.ts';
import { keyIdOf } from '../../metadata/keys.ts';
import { checkFormat } from './key-format.ts';

/** A public key; its kind is `keytype` of TUF or one of ours. */
export interface PublicKey {
  readonly id: string;
  readonly json: JsonObject;
  readonly type: string;
}

/**
 * The key object stays as it is written: its id covers every member. A kind that is not known is read all the same.
 *
 * @throws key-file-invalid naming the format that was found
 */
export function parsePublicKeyFile(bytes: Uint8Array, path: string): PublicKey {
  checkFormat(bytes, ['public-file'], path);
  try {
    const json = parseJson(bytes, { maxDepth: 8, maxValues: 64, maxDigits: 16 }, path);
    if (isJsonObject(json)) return { id: keyIdOf(json), json, type: String(json.get('keytype')) };
  } catch (cause) {
    throw damaged(path, 'it is no strict JSON', { cause });
  }
  throw damaged(path, 'it is no JSON object');
}

/** @throws key-unusable for a kind of key that hosts could not verify */
export function requireUsable({ json }: PublicKey, path: string): void {
  const keyval = json.get('keyval');
  const value = isJsonObject(keyval) ? keyval.get('public') : undefined;
  const [type, scheme, text] = [json.get('keytype'), json.get('scheme'), value].map(String);
  const key = loadPublicKey(type ?? '', scheme ?? '', text ?? '');
  if (!isUsable(key)) throw new TidegateError('key-unusable', `${path}: ${key.unusable}`, { path });
}

function damaged(path: string, reason: string, options?: ErrorOptions): TidegateError {
  return new TidegateError('key-file-invalid', `${path} is no public key: ${reason}`, { path }, options);
}
