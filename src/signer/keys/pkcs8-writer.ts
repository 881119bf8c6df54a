/**
 * PKCS#8 in two forms that Node.js does not write: version 2 with the public half (RFC 5958), the only form in which
 * tuftool reads ed25519, and encrypted with 600,000 rounds of PBKDF2 (RFC 8018), where Node.js has 2,048 and no way to
 * say more.
 */
import { createCipheriv, type KeyObject, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { TidegateError } from '../../errors.ts';
import { strongIterations } from './password-encryption.ts';

const sequence = 0x30;
const integer = 0x02;
const octets = 0x04;
const derive = promisify(pbkdf2);
const saltLength = 16;
const ivLength = 16;

/** Object identifiers, with tag and length. */
const oid = {
  ed25519: '06032b6570',
  pbes2: '06092a864886f70d01050d',
  pbkdf2: '06092a864886f70d01050c',
  hmacSha256: '06082a864886f70d0209',
  aes256Cbc: '060960864801650304012a',
} as const;
const nothing = Buffer.from('0500', 'hex');

/** OneAsymmetricKey, version 2, of an ed25519 key. */
export function ed25519Version2(key: KeyObject): Buffer {
  const { d, x } = key.export({ format: 'jwk' });
  if (key.asymmetricKeyType !== 'ed25519' || d === undefined || x === undefined)
    throw new TidegateError('internal', 'only an ed25519 key has this form');
  const seed = Buffer.from(d, 'base64url');
  return der(
    sequence,
    Buffer.from([integer, 1, 1]),
    der(sequence, Buffer.from(oid.ed25519, 'hex')),
    der(octets, der(octets, seed)),
    // [1] IMPLICIT BIT STRING without unused bits
    der(0x81, Buffer.from([0]), Buffer.from(x, 'base64url')),
  );
}

/** EncryptedPrivateKeyInfo in PEM: PBES2 with HMAC-SHA-256 and AES-256-CBC. */
export async function encryptedPkcs8Pem(key: KeyObject, passphrase: Uint8Array): Promise<string> {
  const salt = randomBytes(saltLength);
  const iv = randomBytes(ivLength);
  const derived = await derive(passphrase, salt, strongIterations, 32, 'sha256');
  const secret = key.export({ format: 'der', type: 'pkcs8' });
  const cipher = createCipheriv('aes-256-cbc', derived, iv);
  const content = Buffer.concat([cipher.update(secret), cipher.final()]);
  derived.fill(0);
  secret.fill(0);
  const prf = der(sequence, Buffer.from(oid.hmacSha256, 'hex'), nothing);
  const rounds = der(integer, Buffer.from(strongIterations.toString(16).padStart(6, '0'), 'hex'));
  const derivation = der(sequence, der(octets, salt), rounds, prf);
  const parameters = der(
    sequence,
    der(sequence, Buffer.from(oid.pbkdf2, 'hex'), derivation),
    der(sequence, Buffer.from(oid.aes256Cbc, 'hex'), der(octets, iv)),
  );
  const algorithm = der(sequence, Buffer.from(oid.pbes2, 'hex'), parameters);
  return pem('ENCRYPTED PRIVATE KEY', der(sequence, algorithm, der(octets, content)));
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function pem(label: string, content: Uint8Array): string {
  const lines =
    Buffer.from(content)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
