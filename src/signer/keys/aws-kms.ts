/**
 * Keys of AWS KMS: the private half never leaves the service.
 *
 * 1. Only digests are sent: the service takes at most 4,096 bytes of a raw message, and metadata grows beyond. A key
 *    that signs nothing but raw messages (Ed25519) is therefore refused, whatever the size of today's document.
 * 2. The key id is that of the same public key in a file.
 * 3. What the service gives is not believed: `signatureOf` verifies it. So an alias that was moved meanwhile to
 *    another key is found, and the alias is sent as it was stated, since policies may demand one (kms:RequestAlias).
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { TidegateError } from '../../errors.ts';
import { digestOf } from '../../metadata/crypto.ts';
import type { AwsKmsAddress } from './aws-address.ts';
import { type AwsDevices, askAws, awsClientOptions, awsPlaceName } from './aws-service.ts';
import type { KeyContext } from './key-context.ts';
import { type KeyType, type PublicHalf, publicHalfOf, type SigningKey } from './signing-key.ts';

interface Fitting {
  readonly type: KeyType;
  readonly algorithm: 'ECDSA_SHA_256' | 'RSASSA_PSS_SHA_256';
}

const rsa: Fitting = { type: 'rsa-pss', algorithm: 'RSASSA_PSS_SHA_256' };
const fittings: ReadonlyMap<string, Fitting> = new Map<string, Fitting>([
  ['ECC_NIST_P256', { type: 'ecdsa-p256', algorithm: 'ECDSA_SHA_256' }],
  ['RSA_2048', rsa],
  ['RSA_3072', rsa],
  ['RSA_4096', rsa],
]);

/** What people may try, and why it cannot be. */
const refusals: ReadonlyMap<string, string> = new Map([
  ['ECC_NIST_EDWARDS25519', 'signs raw messages of at most 4,096 bytes alone, and metadata grows beyond'],
  ['ECC_NIST_P384', 'is on a curve that not every client can read'],
  ['ECC_NIST_P521', 'is on a curve that not every client can read'],
  ['ECC_SECG_P256K1', 'is on a curve that no client can read'],
]);

/** What GetPublicKey tells; the service may leave anything out. */
interface PublicKeyAnswer {
  readonly PublicKey?: Uint8Array | undefined;
  readonly KeySpec?: string | undefined;
  readonly KeyUsage?: string | undefined;
  readonly SigningAlgorithms?: readonly string[] | undefined;
}

/**
 * @throws key-unusable for a key that cannot sign digests by a scheme that hosts know; key-not-found,
 *   key-service-denied, key-service-unavailable, key-uri-invalid, cancelled
 */
export async function openAwsKms(
  address: AwsKmsAddress,
  context: KeyContext,
  devices: AwsDevices = {},
): Promise<SigningKey> {
  const { KMSClient, GetPublicKeyCommand, SignCommand } = await import('@aws-sdk/client-kms');
  const where = awsPlaceName(`awskms:${address.keyId}`, address, context);
  const client = new KMSClient(awsClientOptions(address, devices));
  const KeyId = address.keyId;
  const answer = await askAws(
    { where, action: 'kms:GetPublicKey', signal: context.signal },
    (options) => client.send(new GetPublicKeyCommand({ KeyId }), options),
    devices,
  );
  const { algorithm, half } = usableKey(answer, where);
  return {
    id: half.id,
    json: half.json,
    sign: async (message, { signal = context.signal } = {}) => {
      const digest = Buffer.from(digestOf('sha256', message), 'hex');
      const input = { KeyId, Message: digest, MessageType: 'DIGEST', SigningAlgorithm: algorithm } as const;
      const { Signature } = await askAws(
        { where, action: 'kms:Sign', signal },
        (options) => client.send(new SignCommand(input), options),
        devices,
      );
      return Signature ?? new Uint8Array();
    },
  };
}

function usableKey(
  answer: PublicKeyAnswer,
  where: string,
): { readonly algorithm: Fitting['algorithm']; readonly half: PublicHalf } {
  const {
    KeySpec: spec = 'unknown',
    KeyUsage: usage = 'unknown',
    SigningAlgorithms: algorithms = [],
  } = answer;
  if (usage !== 'SIGN_VERIFY') throw unusable(where, `its KeyUsage is ${usage}, expected SIGN_VERIFY`);
  const fitting = fittings.get(spec);
  if (fitting === undefined) {
    const why = refusals.get(spec) ?? 'cannot sign metadata';
    throw unusable(where, `its KeySpec ${spec} ${why}; expected one of ${[...fittings.keys()].join(', ')}`);
  }
  if (!algorithms.includes(fitting.algorithm)) {
    const found = algorithms.join(', ') || 'none';
    throw unusable(where, `its SigningAlgorithms are ${found}, expected ${fitting.algorithm} among them`);
  }
  const half = publicHalfOf(publicKeyOf(answer.PublicKey, where), where);
  if (half.type !== fitting.type)
    throw unusable(where, `its public key is of type ${half.type}, not ${spec}`);
  return { algorithm: fitting.algorithm, half };
}

function publicKeyOf(der: Uint8Array | undefined, where: string): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(der ?? []), format: 'der', type: 'spki' });
  } catch {
    throw unusable(where, 'the service gave no public key that can be read');
  }
}

function unusable(where: string, reason: string): TidegateError {
  return new TidegateError('key-unusable', `${where}: ${reason}`, { key: where });
}
