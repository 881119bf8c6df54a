/** The private key that an address means, among the objects of a token, and its public half. */
import type { KeyObject } from 'node:crypto';
import type { Attribute, Handle } from 'pkcs11js';
import { TidegateError } from '../../errors.ts';
import { printable } from '../../metadata/printable.ts';
import type { Pkcs11Address } from './pkcs11-address.ts';
import { attributes, keyKinds, objectClasses } from './pkcs11-constants.ts';
import type { TokenLibrary } from './pkcs11-library.ts';
import { type AttributeReader, numberIn, publicKeyIn, publicKeyInCertificate } from './pkcs11-public-key.ts';
import { atToken } from './pkcs11-token.ts';

export interface TokenKey {
  readonly handle: Handle;
  readonly publicKey: KeyObject;
  /** The token wants its PIN again for every signature. */
  readonly asksAlways: boolean;
}

/** More than these are not looked at. */
const maxObjects = 64;

/** @throws key-not-found naming the keys that are there, key-unusable */
export function findKey(
  library: TokenLibrary,
  session: Handle,
  address: Pkcs11Address,
  where: string,
): TokenKey {
  const find = (template: readonly Attribute[]): readonly Handle[] =>
    objectsOf(library, session, template, where);
  const reader = (object: Handle): AttributeReader => readerOf(library, session, object);
  const keys = find([classOf('CKO_PRIVATE_KEY'), ...namesIn(address)]);
  const [handle] = keys;
  if (handle === undefined || keys.length > 1) {
    const all = keys.length > 1 ? keys : find([classOf('CKO_PRIVATE_KEY')]);
    throw notOne(keys.length, all.map(reader).map(nameOf), where);
  }
  const read = reader(handle);
  checkUsable(read, where);
  const id = read(attributes.CKA_ID);
  const same: readonly Attribute[] =
    id !== undefined && id.length > 0
      ? [{ type: attributes.CKA_ID, value: Buffer.from(id) }]
      : namesIn(address);
  const publicKey =
    firstOf(find([classOf('CKO_PUBLIC_KEY'), ...same]), (object) => publicKeyIn(reader(object))) ??
    publicKeyIn(read) ??
    firstOf(find([classOf('CKO_CERTIFICATE'), ...same]), (object) => publicKeyInCertificate(reader(object)));
  if (publicKey === undefined) {
    const text = `${where}: the token shows no public half that can be used (P-256, RSA or Ed25519): neither a public key, nor a certificate with the CKA_ID of the private one`;
    throw new TidegateError('key-unusable', text, { key: where });
  }
  return { handle, publicKey, asksAlways: read(attributes.CKA_ALWAYS_AUTHENTICATE)?.[0] === 1 };
}

function classOf(name: keyof typeof objectClasses): Attribute {
  return { type: attributes.CKA_CLASS, value: objectClasses[name] };
}

function namesIn({ object, id }: Pkcs11Address): readonly Attribute[] {
  return [
    ...(object === undefined ? [] : [{ type: attributes.CKA_LABEL, value: object }]),
    ...(id === undefined ? [] : [{ type: attributes.CKA_ID, value: Buffer.from(id) }]),
  ];
}

function objectsOf(
  { api }: TokenLibrary,
  session: Handle,
  template: readonly Attribute[],
  where: string,
): readonly Handle[] {
  return atToken(where, 'C_FindObjects', () => {
    api.C_FindObjectsInit(session, [...template]);
    try {
      return api.C_FindObjects(session, maxObjects);
    } finally {
      api.C_FindObjectsFinal(session);
    }
  });
}

/** One attribute at a time: an unknown one among several would hide the others. */
function readerOf({ api }: TokenLibrary, session: Handle, object: Handle): AttributeReader {
  return (type) => {
    try {
      return api.C_GetAttributeValue(session, object, [{ type }])[0]?.value;
    } catch {
      return undefined;
    }
  };
}

function checkUsable(read: AttributeReader, where: string): void {
  const kind = numberIn(read(attributes.CKA_KEY_TYPE));
  if (!Object.values<number | undefined>(keyKinds).includes(kind)) {
    const text = `${where}: found a key of CKA_KEY_TYPE ${kind}, expected ${Object.keys(keyKinds).join(', ')}`;
    throw new TidegateError('key-unusable', text, { key: where });
  }
  if (read(attributes.CKA_SIGN)?.[0] === 0)
    throw new TidegateError('key-unusable', `${where}: the key may not sign (CKA_SIGN is false)`, {
      key: where,
    });
}

function firstOf(
  objects: readonly Handle[],
  read: (object: Handle) => KeyObject | undefined,
): KeyObject | undefined {
  for (const object of objects) {
    const found = read(object);
    if (found !== undefined) return found;
  }
  return undefined;
}

function nameOf(read: AttributeReader): string {
  const label = Buffer.from(read(attributes.CKA_LABEL) ?? []).toString();
  return `object=${printable(label)};id=${Buffer.from(read(attributes.CKA_ID) ?? []).toString('hex')}`;
}

function notOne(count: number, names: readonly string[], where: string): TidegateError {
  const list = names.join(', ') || 'none';
  const text =
    count > 1
      ? `${where}: ${count} private keys fit: ${list}; state both object and id`
      : `${where}: no such private key; the token has: ${list}`;
  return new TidegateError('key-not-found', text, { key: where, found: names });
}
