/**
 * Private keys under the spelling in which documents list their public halves. The same key may be listed with other
 * members (its owner), in another form (a point, PEM without a last newline, key type "ecdsa") or under an id that is a
 * label; what other tools wrote stays as it is, so its id is not the one that we would give.
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { isUsable, loadPublicKey } from '../../metadata/crypto.ts';
import { isJsonObject, type JsonObject } from '../../metadata/json.ts';
import { publicHalfOf, type SigningKey } from './signing-key.ts';

/** The key with the id and the key object that a document lists, or undefined when that is another key. */
export function asListed(
  key: SigningKey,
  listed: { readonly id: string; readonly json: JsonObject },
): SigningKey | undefined {
  if (key.id === listed.id) return key;
  const [own, other] = [identityOf(key.json), identityOf(listed.json)];
  if (own === undefined || own !== other) return undefined;
  return { id: listed.id, json: listed.json, sign: (message, options) => key.sign(message, options) };
}

/** The id that our own tools give to a public key, whatever spelling it is listed in. */
export function ownKeyId(listed: JsonObject): string | undefined {
  try {
    return publicHalfOf(publicKeyIn(listed), 'key').id;
  } catch {
    // A kind of key that we do not make; nothing of ours opens it.
    return undefined;
  }
}

/** Equal for all spellings of one public key. */
function identityOf(json: JsonObject): string | undefined {
  const key = loadPublicKey(String(json.get('keytype')), String(json.get('scheme')), publicValueIn(json));
  return isUsable(key) ? key.identity : undefined;
}

function publicKeyIn(json: JsonObject): KeyObject {
  const value = publicValueIn(json);
  if (value.includes('PUBLIC KEY')) return createPublicKey(value);
  const base64 = (hex: string): string => Buffer.from(hex, 'hex').toString('base64url');
  const jwk =
    value.length === 64
      ? { kty: 'OKP', crv: 'Ed25519', x: base64(value) }
      : { kty: 'EC', crv: 'P-256', x: base64(value.slice(2, 66)), y: base64(value.slice(66)) };
  return createPublicKey({ key: jwk, format: 'jwk' });
}

function publicValueIn(json: JsonObject): string {
  const keyval = json.get('keyval');
  const value = isJsonObject(keyval) ? keyval.get('public') : undefined;
  return typeof value === 'string' ? value : '';
}
