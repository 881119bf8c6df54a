/**
 * Reading PKCS#12 files (RFC 7292), and how an encrypted PKCS#8 is locked. node-forge splits ASN.1 and knows RC2;
 * everything else of cryptography is node:crypto, and a private key becomes a KeyObject of node:crypto at once.
 *
 * 1. The MAC is checked before anything is decrypted; a file without one is refused, for nothing would tell damage.
 * 2. What opening costs is bounded before it is paid, at every level of the file.
 * 3. A file holds exactly one private key. Certificates and chains are not looked at: nothing here trusts them.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { TidegateError } from '../../errors.ts';
import {
  Asn1Error,
  type Asn1Node,
  explicitOf,
  implicitOctetsOf,
  integerOf,
  isInteger,
  octetsOf,
  oidOf,
  sequenceOf,
} from './asn1-reader.ts';
import { encryptionOf, hashOf, oids, UnsupportedError } from './password-algorithms.ts';
import {
  checkMac,
  decryptContent,
  excessOf,
  type PasswordEncryption,
  type PasswordMac,
  type Rc2,
  strongIterations,
  weaknessOf,
} from './password-encryption.ts';

const maxContents = 32;

type Forge = typeof import('node-forge');

export interface Pkcs12Key {
  readonly privateKey: KeyObject;
  /** Why a thief of the file gets at the key by guessing; undefined when guesses are dear. */
  readonly weakness: string | undefined;
}

/**
 * The private key of a PKCS#12 file.
 *
 * @param passphrase UTF-8; the bytes stay the caller's to wipe
 * @throws key-file-invalid when it is damaged, locked by something unknown, or holds no private key or several;
 *   passphrase-wrong; key-unusable when its key is none that Node.js knows
 */
export async function readPkcs12(
  bytes: Uint8Array,
  passphrase: Uint8Array,
  path: string,
): Promise<Pkcs12Key> {
  return await readable(path, 'PKCS#12', async () => {
    const reader = new Reader(await loadForge(), passphrase, path);
    return await reader.read(bytes);
  });
}

/** How an encrypted PKCS#8 (DER) is locked. @throws key-file-invalid */
export async function readPkcs8Encryption(der: Uint8Array, path: string): Promise<PasswordEncryption> {
  return await readable(path, 'encrypted PKCS#8', async () => {
    const [algorithm] = sequenceOf(parse(await loadForge(), der), 2);
    return payable(encryptionOf(algorithm));
  });
}

async function loadForge(): Promise<Forge> {
  return (await import('node-forge')).default;
}

/** What a reader throws, in words; causes are left out, for they could describe the key. */
async function readable<T>(path: string, format: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof TidegateError) throw error;
    const reason = error instanceof UnsupportedError ? error.message : 'it is damaged or altered';
    throw new TidegateError('key-file-invalid', `${path}: ${format}: ${reason}`, { path });
  }
}

function parse(forge: Forge, der: Uint8Array): Asn1Node {
  return forge.asn1.fromDer(Buffer.from(der).toString('latin1'));
}

function payable(encryption: PasswordEncryption): PasswordEncryption {
  const excess = excessOf(encryption);
  if (excess === undefined) return encryption;
  throw new UnsupportedError(excess);
}

class Reader {
  readonly #forge: Forge;
  readonly #passphrase: Uint8Array;
  readonly #path: string;
  readonly #weaknesses: string[] = [];

  constructor(forge: Forge, passphrase: Uint8Array, path: string) {
    this.#forge = forge;
    this.#passphrase = passphrase;
    this.#path = path;
  }

  async read(bytes: Uint8Array): Promise<Pkcs12Key> {
    const [version, authSafe, macData] = sequenceOf(parse(this.#forge, bytes), 2);
    if (integerOf(version) !== 3) throw new UnsupportedError('found another version than 3');
    const [type, content] = sequenceOf(authSafe, 2);
    if (oidOf(type) !== oids.data) throw new UnsupportedError('found a file that is signed, not locked');
    const authenticated = octetsOf(explicitOf(content, 0));
    this.#checkMac(macData, authenticated);
    const contents = sequenceOf(parse(this.#forge, authenticated));
    if (contents.length > maxContents) throw new UnsupportedError(`found over ${maxContents} parts`);
    const keys: KeyObject[] = [];
    for (const info of contents) keys.push(...(await this.#keysOf(await this.#contentOf(info))));
    const [privateKey] = keys;
    if (privateKey !== undefined && keys.length === 1)
      return { privateKey, weakness: this.#weaknesses.at(0) };
    throw new UnsupportedError(`found ${keys.length} private keys, expected one`);
  }

  #checkMac(macData: Asn1Node | undefined, content: Uint8Array): void {
    if (macData === undefined)
      throw new UnsupportedError('found no MAC, which tells damage; make the file without -nomac');
    const mac = macOf(macData);
    const derivation = { kdf: 'pkcs12', salt: mac.salt, iterations: mac.iterations } as const;
    payable({ derivation, cipher: 'des-ede3-cbc' });
    if (mac.iterations < strongIterations) this.#weaknesses.push(`${mac.iterations} rounds for its MAC`);
    if (checkMac(mac, content, this.#passphrase)) return;
    const text = `${this.#path}: this passphrase does not open the file (or the file was altered)`;
    throw new TidegateError('passphrase-wrong', text, { path: this.#path });
  }

  async #contentOf(info: Asn1Node): Promise<Asn1Node> {
    const [type, content] = sequenceOf(info, 2);
    const inner = explicitOf(content, 0);
    if (oidOf(type) === oids.data) return parse(this.#forge, octetsOf(inner));
    if (oidOf(type) !== oids.encryptedData)
      throw new UnsupportedError('found a part that is locked by a certificate, expected a passphrase');
    const [, encrypted] = sequenceOf(inner, 2);
    const [, algorithm, cipherText] = sequenceOf(encrypted, 3);
    return parse(this.#forge, await this.#decrypt(algorithm, implicitOctetsOf(cipherText, 0)));
  }

  async #keysOf(safe: Asn1Node): Promise<readonly KeyObject[]> {
    const keys: KeyObject[] = [];
    const bags = sequenceOf(safe);
    if (bags.length > maxContents) throw new UnsupportedError(`found over ${maxContents} parts`);
    for (const bag of bags) {
      const [type, value] = sequenceOf(bag, 2);
      if (oidOf(type) === oids.keyBag) {
        this.#weaknesses.push('no encryption at all');
        keys.push(this.#keyOf(this.#encode(explicitOf(value, 0))));
      } else if (oidOf(type) === oids.shroudedKeyBag) {
        const [algorithm, cipherText] = sequenceOf(explicitOf(value, 0), 2);
        keys.push(this.#keyOf(await this.#decrypt(algorithm, octetsOf(cipherText))));
      }
    }
    return keys;
  }

  #encode(node: Asn1Node): Uint8Array {
    // Only what this parser made comes here.
    const der = this.#forge.asn1.toDer(node as ReturnType<Forge['asn1']['fromDer']>);
    return Buffer.from(der.getBytes(), 'latin1');
  }

  async #decrypt(algorithm: Asn1Node | undefined, cipherText: Uint8Array): Promise<Uint8Array> {
    const encryption = payable(encryptionOf(algorithm));
    const weakness = weaknessOf(encryption);
    if (weakness !== undefined) this.#weaknesses.push(weakness);
    const plain = await decryptContent(encryption, cipherText, this.#passphrase, rc2With(this.#forge));
    if (plain !== undefined) return plain;
    throw new Asn1Error('a part does not decrypt');
  }

  #keyOf(der: Uint8Array): KeyObject {
    try {
      return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
    } catch {
      const text = `${this.#path}: its private key is damaged, or of a kind that cannot sign here`;
      throw new TidegateError('key-unusable', text, { path: this.#path });
    } finally {
      der.fill(0);
    }
  }
}

function macOf(macData: Asn1Node): PasswordMac {
  const [digestInfo, salt, iterations] = sequenceOf(macData, 2);
  const [algorithm, value] = sequenceOf(digestInfo, 2);
  return {
    digest: hashOf(algorithm),
    salt: octetsOf(salt),
    iterations: isInteger(iterations) ? integerOf(iterations) : 1,
    value: octetsOf(value),
  };
}

function rc2With(forge: Forge): Rc2 {
  return (key, iv, content) => {
    const cipher = forge.rc2.createDecryptionCipher(Buffer.from(key).toString('latin1'), 8 * key.length);
    cipher.start(Buffer.from(iv).toString('latin1'));
    cipher.update(forge.util.createBuffer(Buffer.from(content).toString('latin1')));
    return cipher.finish() ? Buffer.from(cipher.output.getBytes(), 'latin1') : undefined;
  };
}
