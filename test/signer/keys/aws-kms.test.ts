import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { isTidegateError, type TidegateError } from '../../../src/errors.ts';
import { openAwsKms } from '../../../src/signer/keys/aws-kms.ts';
import { type AwsDevices, awsLimits, pauseBefore } from '../../../src/signer/keys/aws-service.ts';
import type { KeyContext } from '../../../src/signer/keys/key-context.ts';
import {
  generatePrivateKey,
  type SigningKey,
  signatureOf,
  signingKeyOf,
} from '../../../src/signer/keys/signing-key.ts';
import { pause } from '../../../src/storage/cancel.ts';
import { nodeFileSystem } from '../../../src/storage/file-system.ts';
import {
  type AwsEndpoint,
  type AwsEndpointOptions,
  type AwsRequest,
  awsCredentials,
  awsRegion,
  deniedBy,
  type EndpointKey,
  failed,
  startAwsEndpoint,
  throttled,
} from '../../support/aws-endpoint.ts';
import { signingKey } from '../../support/signing-keys.ts';

const context: KeyContext = {
  fileSystem: nodeFileSystem,
  directory: '/',
  name: 'timestamp-1',
  unlock: async () => assert.fail('a key service asks for no passphrase'),
};
const message = Buffer.from('{"_type":"timestamp"}');

describe('keys of AWS KMS', () => {
  const elliptic = signingKey('kms', 'ecdsa-sha2-nistp256').privateKey;
  const rsa = signingKey('kms', 'rsa sha256').privateKey;
  const keys = new Map<string, EndpointKey>();
  const endpoints: AwsEndpoint[] = [];
  const pauses: number[] = [];
  const devices: AwsDevices = {
    credentials: awsCredentials,
    random: () => 0.5,
    pause: async (milliseconds) => {
      pauses.push(milliseconds);
    },
  };

  async function start(options: AwsEndpointOptions = {}): Promise<AwsEndpoint> {
    const endpoint = await startAwsEndpoint({ keys, ...options });
    endpoints.push(endpoint);
    return endpoint;
  }

  function open(
    { origin }: AwsEndpoint,
    keyId = 'elliptic',
    more: AwsDevices & { readonly signal?: AbortSignal } = {},
  ): Promise<SigningKey> {
    const { signal, ...rest } = more;
    return openAwsKms(
      { scheme: 'awskms', keyId, region: awsRegion, endpoint: origin },
      { ...context, ...(signal !== undefined && { signal }) },
      { ...devices, ...rest },
    );
  }

  beforeEach(() => {
    pauses.length = 0;
    keys.clear();
    keys.set('elliptic', { privateKey: elliptic, spec: 'ECC_NIST_P256' });
    keys.set('rsa', { privateKey: rsa, spec: 'RSA_2048' });
  });

  afterEach(async () => {
    await Promise.all(endpoints.splice(0).map((endpoint) => endpoint.close()));
  });

  it('have the key id that the same key has in a file, and sign what hosts verify', async () => {
    const endpoint = await start();
    for (const [keyId, privateKey] of [
      ['elliptic', elliptic],
      ['rsa', rsa],
    ] as const) {
      const key = await open(endpoint, keyId);
      assert.equal(key.id, signingKeyOf(privateKey, 'file').id);
      assert.match(await signatureOf(key, message, 'timestamp 1'), /^[0-9a-f]+$/);
    }
    assert.deepEqual(
      endpoint.requests.map(({ action }) => action),
      ['GetPublicKey', 'Sign', 'GetPublicKey', 'Sign'],
    );
  });

  it('SGN-28: sign documents of 4,095, 4,096, 4,097 bytes and of 1 MB, because digests alone are sent', async () => {
    const endpoint = await start();
    for (const keyId of ['elliptic', 'rsa']) {
      const key = await open(endpoint, keyId);
      for (const length of [0, 4095, 4096, 4097, 1_000_000])
        await signatureOf(key, new Uint8Array(length).fill(0x20), 'targets 1');
    }
    const sent = endpoint.requests.filter(({ action }) => action === 'Sign').map(({ input }) => input);
    assert.equal(sent.length, 10);
    for (const { MessageType, Message } of sent) {
      assert.equal(MessageType, 'DIGEST');
      assert.equal(Buffer.from(`${Message}`, 'base64').length, 32);
    }
  });

  it('SGN-28: that cannot sign digests, or by no scheme of ours, are refused by name', async () => {
    const p384 = signingKey('kms', 'ecdsa p384').privateKey;
    const ed25519 = signingKey('kms').privateKey;
    const refused: readonly (readonly [EndpointKey, RegExp])[] = [
      [{ privateKey: ed25519, spec: 'ECC_NIST_EDWARDS25519' }, /ECC_NIST_EDWARDS25519 .* 4,096 bytes/],
      [{ privateKey: p384, spec: 'ECC_NIST_P384' }, /ECC_NIST_P384/],
      [{ privateKey: elliptic, spec: 'ECC_SECG_P256K1' }, /ECC_SECG_P256K1/],
      [{ privateKey: elliptic, spec: 'ML_DSA_65' }, /ML_DSA_65/],
      [
        { privateKey: rsa, spec: 'RSA_2048', usage: 'ENCRYPT_DECRYPT' },
        /ENCRYPT_DECRYPT, expected SIGN_VERIFY/,
      ],
      [{ privateKey: rsa, spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' }, /GENERATE_VERIFY_MAC/],
      [
        { privateKey: rsa, spec: 'RSA_2048', algorithms: ['RSASSA_PKCS1_V1_5_SHA_256'] },
        /RSASSA_PSS_SHA_256/,
      ],
      [{ privateKey: elliptic, spec: 'RSA_2048' }, /ecdsa-p256, not RSA_2048/],
      [{ privateKey: rsa, spec: 'RSA_2048', publicKey: Buffer.from('no key') }, /no public key/],
    ];
    const endpoint = await start();
    for (const [key, text] of refused) {
      keys.set('elliptic', key);
      await assert.rejects(open(endpoint), { code: 'key-unusable', message: text });
    }
    assert.ok(endpoint.requests.every(({ action }) => action === 'GetPublicKey'));
  });

  it('SGN-30: a flipped bit, raw r and s, and another public key are caught before a signature is used', async () => {
    const stranger = signingKey('stranger', 'ecdsa-sha2-nistp256').privateKey;
    const spec = 'ECC_NIST_P256';
    const bad: readonly EndpointKey[] = [
      { privateKey: elliptic, spec, alter: (signature) => signature.with(-1, (signature.at(-1) ?? 0) ^ 1) },
      { privateKey: elliptic, spec, alter: (_, raw) => raw ?? assert.fail('no raw form') },
      { privateKey: elliptic, spec, alter: () => new Uint8Array() },
      { privateKey: elliptic, spec, publicKey: publicDer(stranger) },
      { privateKey: rsa, spec: 'RSA_2048', alter: (signature) => signature.subarray(0, -1) },
    ];
    const endpoint = await start();
    for (const key of bad) {
      keys.set('elliptic', key);
      await assert.rejects(signatureOf(await open(endpoint), message, 'timestamp 1'), {
        code: 'key-unusable',
      });
    }
  });

  it('SGN-27: throttling, failures and broken connections are asked again, with bounded, jittered pauses', async () => {
    for (const trouble of [throttled, failed, 'reset'] as const) {
      pauses.length = 0;
      const endpoint = await start({ trouble: ({ count }) => (count <= 2 ? trouble : undefined) });
      await signatureOf(await open(endpoint), message, 'timestamp 1');
      assert.deepEqual(pauses, [150, 300, 150, 300]);
    }
  });

  it('SGN-27: twenty documents are signed by a service that throttles two requests of three', async () => {
    const trouble = ({ count }: AwsRequest) => (count % 3 === 0 ? undefined : throttled);
    const endpoint = await start({ trouble });
    const key = await open(endpoint);
    for (let version = 1; version <= 20; version += 1)
      await signatureOf(key, Buffer.from(`{"version":${version}}`), `timestamp ${version}`);
    assert.equal(endpoint.requests.filter(({ action }) => action === 'Sign').length, 60);
    assert.equal(pauses.length, 42);
  });

  it('SGN-27: it ends, and says which key failed at what, after how many attempts', async () => {
    for (const [trouble, text] of [
      [throttled, /throttles \(ThrottlingException\)/],
      [failed, /status 500/],
      ['reset', /ECONNRESET/],
    ] as const) {
      const endpoint = await start({ trouble: ({ action }) => (action === 'Sign' ? trouble : undefined) });
      const key = await open(endpoint);
      const error = await faultOf(key.sign(message));
      assert.equal(error.code, 'key-service-unavailable');
      assert.match(error.message, text);
      assert.match(
        error.message,
        /^timestamp-1 \(awskms:elliptic in eu-central-1\): kms:Sign failed, after 6/,
      );
      assert.equal(endpoint.requests.filter(({ action }) => action === 'Sign').length, awsLimits.attempts);
    }
  });

  it('SGN-27: a service that never answers is given up', async () => {
    const endpoint = await start({ trouble: ({ action }) => (action === 'Sign' ? 'stall' : undefined) });
    const key = await open(endpoint, 'elliptic', { stall: 20 });
    const error = await faultOf(key.sign(message));
    assert.equal(error.code, 'key-service-unavailable');
    assert.match(error.message, /no answer within 20 ms/);
    assert.equal(endpoint.requests.filter(({ action }) => action === 'Sign').length, awsLimits.attempts);
  });

  it('SGN-27: whoever waits can cancel, in a request and in a pause', async () => {
    const cancel = new AbortController();
    const stalling = await start({
      trouble: () => {
        cancel.abort();
        return 'stall';
      },
    });
    await assert.rejects(open(stalling, 'elliptic', { signal: cancel.signal }), { code: 'cancelled' });
    await assert.rejects(open(stalling, 'elliptic', { signal: cancel.signal }), { code: 'cancelled' });
    const endpoint = await start({ trouble: ({ action }) => (action === 'Sign' ? throttled : undefined) });
    const key = await open(endpoint);
    const later = new AbortController();
    const pausing = await open(endpoint, 'elliptic', {
      pause: async (_, what, signal) => {
        later.abort();
        return await pause(1, what, signal);
      },
    });
    await assert.rejects(pausing.sign(message, { signal: later.signal }), { code: 'cancelled' });
    await assert.rejects(key.sign(message, { signal: AbortSignal.abort() }), { code: 'cancelled' });
  });

  it('SGN-27: denial, absence, and keys that are disabled or about to be deleted are final, each with its code', async () => {
    const words = 'User: arn:aws:iam::111122223333:user/ci is not authorized to perform: kms:Sign';
    const final: readonly (readonly [string, string, string, RegExp])[] = [
      ['AccessDeniedException', words, 'key-service-denied', /may not do it .*user\/ci is not authorized/],
      ['ExpiredTokenException', 'x', 'key-service-denied', /expired; renew/],
      ['UnrecognizedClientException', 'x', 'key-service-denied', /not accepted/],
      ['NotFoundException', 'Alias x is not found', 'key-not-found', /Alias x/],
      ['DisabledException', 'key is disabled.', 'key-unusable', /disabled/],
      ['KMSInvalidStateException', 'key is pending deletion.', 'key-unusable', /pending deletion/],
      ['InvalidKeyUsageException', 'x', 'key-unusable', /InvalidKeyUsageException/],
      ['UnsupportedOperationException', 'x', 'key-unusable', /UnsupportedOperationException/],
      ['ValidationException', 'x', 'key-uri-invalid', /ValidationException/],
      ['SomethingNew', 'secret', 'key-service-unavailable', /SomethingNew\)$/],
    ];
    for (const [type, said, code, text] of final) {
      const endpoint = await start({ trouble: () => ({ status: 400, type, message: said }) });
      const error = await faultOf(open(endpoint));
      assert.equal(error.code, code, type);
      assert.match(error.message, text);
      assert.equal(endpoint.requests.length, 1, type);
    }
    assert.deepEqual(pauses, []);
  });

  it('SGN-27: one of several keys that is denied is the one that is named', async () => {
    const endpoint = await start({
      trouble: ({ action, input }) =>
        action === 'Sign' && input.KeyId === 'rsa' ? deniedBy('not authorized') : undefined,
    });
    const good = await open(endpoint, 'elliptic');
    const denied = await open(endpoint, 'rsa');
    assert.match(await signatureOf(good, message, 'timestamp 1'), /^30/);
    await assert.rejects(signatureOf(denied, message, 'timestamp 1'), {
      code: 'key-service-denied',
      message: /awskms:rsa/,
    });
  });

  it('SGN-07: errors hold neither secret, nor token, nor signature, nor the request that was signed', async () => {
    const sessionToken = `${'IQoJb3JpZ2luX2VjE'.repeat(12)}/+=`;
    const credentials = { ...awsCredentials, sessionToken };
    const known = new Map([[awsCredentials.accessKeyId, credentials]]);
    const texts: string[] = [];
    const note = async (work: Promise<unknown>): Promise<void> => {
      const error = await faultOf(work);
      assert.equal(error.cause, undefined);
      texts.push(error.message, `${error.stack}`, JSON.stringify(error));
    };
    const other = await start({
      credentials: new Map([[awsCredentials.accessKeyId, { secretAccessKey: 'x' }]]),
    });
    await note(open(other, 'elliptic', { credentials }));
    const wrong = { ...credentials, secretAccessKey: 'loopback/wrong+key' };
    await note(open(await start({ credentials: known }), 'elliptic', { credentials: wrong }));
    for (const message of [`token ${sessionToken}`, `Signature=${'ab'.repeat(32)}`]) {
      const endpoint = await start({ credentials: known, trouble: () => deniedBy(message) });
      await note(open(endpoint, 'elliptic', { credentials }));
    }
    for (const secret of [
      awsCredentials.secretAccessKey,
      'loopback/wrong',
      'IQoJb3',
      'abababab',
      'AWS4-HMAC',
    ])
      assert.ok(!texts.some((text) => text.includes(secret)), secret);
  });

  it('are reached with a clock that is an hour off, once the service has told the time', async () => {
    const endpoint = await start({ now: () => Date.now() + 3_600_000 });
    await signatureOf(await open(endpoint), message, 'timestamp 1');
    assert.equal(pauses.length, 1);
  });

  it('wait longer from try to try, never past the limit, and never all at the same moment', () => {
    assert.deepEqual(
      [2, 3, 4, 5, 6].map((attempt) => pauseBefore(attempt, 0)),
      [100, 200, 400, 800, 1600],
    );
    assert.deepEqual(
      [2, 3, 4, 5, 6].map((attempt) => pauseBefore(attempt, 1)),
      [200, 400, 800, 1600, 3200],
    );
    assert.equal(pauseBefore(60, 1), awsLimits.longestPause);
  });

  it('of every size of RSA are taken', async () => {
    const endpoint = await start();
    const large: KeyObject = await generatePrivateKey('rsa-pss');
    for (const spec of ['RSA_3072', 'RSA_4096']) {
      keys.set('large', { privateKey: large, spec });
      assert.match(await signatureOf(await open(endpoint, 'large'), message, 'root 1'), /^[0-9a-f]{768}$/);
    }
  });
});

function publicDer(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({
    format: 'der',
    type: 'spki',
  });
}

async function faultOf(work: Promise<unknown>): Promise<TidegateError> {
  const error = await work.then(
    () => assert.fail('expected an error'),
    (reason: unknown) => reason,
  );
  assert.ok(isTidegateError(error), `${error}`);
  return error;
}
