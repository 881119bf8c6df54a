import assert from 'node:assert/strict';
import { createPublicKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { derOfRawSignature } from '../../../src/signer/keys/ecdsa-signature.ts';
import type { KeyContext } from '../../../src/signer/keys/key-context.ts';
import { parseKeyUri } from '../../../src/signer/keys/key-source.ts';
import { openPkcs11 } from '../../../src/signer/keys/pkcs11.ts';
import { parsePkcs11 } from '../../../src/signer/keys/pkcs11-address.ts';
import { attributes, mechanisms } from '../../../src/signer/keys/pkcs11-constants.ts';
import { numberIn, publicKeyIn, publicKeyInCertificate } from '../../../src/signer/keys/pkcs11-public-key.ts';
import { type SigningKey, signatureOf, signingKeyOf } from '../../../src/signer/keys/signing-key.ts';
import { nodeFileSystem } from '../../../src/storage/file-system.ts';
import { derOfRaw, ecdsaOverDigest } from '../../support/digest-signature.ts';
import { pipeHolding } from '../../support/open-descriptors.ts';
import { signingKey } from '../../support/signing-keys.ts';
import { keyObjects, type SimulatedToken, type Simulation, simulate } from '../../support/simulated-token.ts';

const message = Buffer.from('{"_type":"root"}');
const elliptic = signingKey('token', 'ecdsa-sha2-nistp256').privateKey;
const rsa = signingKey('token', 'rsa sha256').privateKey;
const edwards = signingKey('token').privateKey;
const serials = Array.from({ length: 1000 }, (_, index) => `${index}`);

/** A serial of its own for every token: wrong PINs are remembered for as long as the process lives. */
function token(more: Partial<SimulatedToken> = {}): SimulatedToken {
  const objects = [
    ...keyObjects({ label: 'elliptic', id: 1, privateKey: elliptic }),
    ...keyObjects({ label: 'rsa', id: 2, privateKey: rsa }),
    ...keyObjects({ label: 'edwards', id: 3, privateKey: edwards }),
  ];
  return { label: 'release', serial: serials.pop() ?? '', pin: '1234', objects, ...more };
}

let folder = '';

function open(simulation: Simulation, path: string, pins: readonly string[] = ['1234']): Promise<SigningKey> {
  const left = [...pins];
  const context: KeyContext = {
    fileSystem: nodeFileSystem,
    directory: folder,
    name: 'root-1',
    unlock: async ({ secret }) => {
      assert.equal(secret, 'PIN');
      return new TextEncoder().encode(left.shift() ?? assert.fail('asked for one PIN more'));
    },
  };
  const separator = path.includes('?') ? '&' : '?';
  const address = parsePkcs11(`${path}${separator}module-path=/simulated.so`, (reason) =>
    assert.fail(reason),
  );
  return openPkcs11(address, context, async () => simulation.library);
}

describe('keys on tokens', () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-pin-'));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('say how to install pkcs11js where it is not', async function () {
    const installed = await import('pkcs11js').then(
      () => true,
      () => false,
    );
    if (installed) this.skip();
    const context = { fileSystem: nodeFileSystem, directory: '/', unlock: async () => undefined };
    await assert.rejects(parseKeyUri('pkcs11:object=a?module-path=/x.so').open(context), {
      code: 'key-library-missing',
      message: /npm install pkcs11js@2/,
    });
  });

  it('have the key id of the same key in a file, share one login, and sign what hosts verify', async () => {
    const simulation = simulate([token()]);
    for (const [object, privateKey, pins] of [
      ['elliptic', elliptic, ['1234']],
      ['rsa', rsa, []],
      ['edwards', edwards, []],
    ] as const) {
      const key = await open(simulation, `token=release;object=${object}`, pins);
      assert.equal(key.id, signingKeyOf(privateKey, 'file').id);
      await signatureOf(key, message, 'root 1');
    }
    assert.equal(simulation.calls.filter((call) => call === 'C_Login').length, 1);
    assert.equal(simulation.openSessions(), 1);
  });

  it('opened at the same moment ask for the PIN once', async () => {
    const simulation = simulate([token()]);
    const pins = [['1234'], []];
    await Promise.all(
      ['elliptic', 'rsa'].map((object, index) => open(simulation, `object=${object}`, pins[index])),
    );
    assert.deepEqual(simulation.pins, ['1234']);
  });

  it('of RSA are used with the mechanism that the token has', async () => {
    const simulation = simulate([token({ mechanisms: [mechanisms.CKM_SHA256_RSA_PKCS_PSS] })]);
    await signatureOf(await open(simulation, 'object=rsa'), message, 'root 1');
    await assert.rejects(open(simulation, 'object=edwards', []), {
      code: 'key-unusable',
      message: /no mechanism for ed25519; expected CKM_EDDSA/,
    });
  });

  it('SGN-30: a signature that is none is caught before it is used', async () => {
    const bad: readonly ((signature: Buffer) => Buffer)[] = [
      (signature) => signature.subarray(1),
      () => Buffer.alloc(64),
      () => Buffer.alloc(64, 0xff),
      (signature) => Buffer.from(signature.with(9, (signature[9] ?? 0) ^ 1)),
    ];
    for (const alter of bad) {
      const key = await open(simulate([token({ alter })]), 'object=elliptic');
      await assert.rejects(signatureOf(key, message, 'root 1'), { code: 'key-unusable' });
    }
  });

  it('that want the PIN for every signature get it, and a step that failed blocks nobody', async () => {
    const more = new Map([[attributes.CKA_ALWAYS_AUTHENTICATE, Buffer.from([1])]]);
    const objects = keyObjects({ label: 'careful', privateKey: elliptic, more });
    const simulation = simulate([token({ objects })]);
    const key = await open(simulation, 'object=careful', ['1234', '1234', '9999', '1234']);
    await signatureOf(key, message, 'root 1');
    await assert.rejects(key.sign(message), { code: 'passphrase-wrong' });
    await signatureOf(key, message, 'root 1');
    assert.equal(simulation.openSessions(), 1);
  });

  it('whose PIN is typed at the device are not asked for it here', async () => {
    const simulation = simulate([token({ padAtDevice: true })]);
    await signatureOf(await open(simulation, 'object=elliptic', []), message, 'root 1');
    assert.deepEqual(simulation.pins, []);
  });

  it('SGN-08: a wrong PIN is never sent twice, and the message counts down with the token', async () => {
    const simulation = simulate([token({ tries: 4 })]);
    const attempt = (pin: string, text: RegExp): Promise<void> =>
      assert.rejects(open(simulation, 'object=elliptic', [pin]), { code: 'passphrase-wrong', message: text });
    await attempt('1', /the PIN is wrong$/);
    await attempt('1', /not sent again/);
    await attempt('2', /few tries are left/);
    await attempt('3', /ONE try is left/);
    await attempt('3', /not sent again/);
    await attempt('4', /has now locked/);
    await assert.rejects(open(simulation, 'object=elliptic', []), {
      code: 'key-service-denied',
      message: /has locked its PIN .* PUK/,
    });
    assert.deepEqual(simulation.pins, ['1', '2', '3', '4']);
    assert.equal(simulation.openSessions(), 0);
  });

  it('take the PIN from a private file, but do not risk the last try with it', async () => {
    const path = join(folder, 'pin');
    writeFileSync(path, '1234\nsecond line\n', { mode: 0o600 });
    await open(simulate([token({ tries: 2 })]), `object=elliptic?pin-source=${path}`, []);
    await open(simulate([token({ tries: 2 })]), 'object=elliptic?pin-source=file:pin', []);
    const last = simulate([token({ tries: 1 })]);
    await assert.rejects(open(last, 'object=elliptic?pin-source=pin', []), {
      code: 'key-service-denied',
      message: /one more wrong PIN locks/,
    });
    assert.deepEqual(last.pins, []);
    await open(last, 'object=elliptic');
    for (const [name, text, mode, code] of [
      ['empty', '\n1234\n', 0o600, 'key-file-invalid'],
      ['open', '1234\n', 0o644, 'key-file-permissions'],
    ] as const) {
      writeFileSync(join(folder, name), text, { mode });
      await assert.rejects(open(simulate([token()]), `object=elliptic?pin-source=${name}`, []), { code });
    }
    await assert.rejects(open(simulate([token()]), 'object=rsa?pin-source=none', []), { code: 'not-found' });
  });

  it('take the PIN from an open descriptor, and keep it for keys that ask again', async () => {
    const more = new Map([[attributes.CKA_ALWAYS_AUTHENTICATE, Buffer.from([1])]]);
    const objects = keyObjects({ label: 'careful', privateKey: elliptic, more });
    const { descriptor } = pipeHolding(Buffer.from('1234\n'));
    const simulation = simulate([token({ objects })]);
    const key = await open(simulation, `object=careful?pin-source=fd:${descriptor}`, []);
    await signatureOf(key, message, 'root 1');
    assert.deepEqual(simulation.pins, ['1234', '1234']);
  });

  it('that are absent or stand there twice are told from what is there', async () => {
    const twice = ['a', 'a'].flatMap((label, index) =>
      keyObjects({ label, id: index + 1, privateKey: elliptic }),
    );
    const simulation = simulate([token({ objects: twice })]);
    await assert.rejects(open(simulation, 'object=b'), {
      code: 'key-not-found',
      message:
        /^root-1 \(pkcs11 object "b"\): no such private key; the token has: object=a;id=01, object=a;id=02/,
    });
    await assert.rejects(open(simulation, 'object=a', []), {
      code: 'key-not-found',
      message: /2 private keys fit/,
    });
    assert.ok(await open(simulation, 'object=a;id=%02', []));
    await assert.rejects(open(simulation, 'id=%03', []), { code: 'key-not-found', message: /pkcs11 id 03/ });
  });

  it('are looked for on exactly one token', async () => {
    const tokens = [
      token({ serial: 'A1' }),
      token({ serial: 'B2' }),
      token({ label: 'backup', serial: 'C3' }),
    ];
    const simulation = simulate(tokens);
    await assert.rejects(open(simulation, 'token=release;object=rsa'), {
      code: 'key-not-found',
      message:
        /2 tokens fit: "release" \(serial A1, slot-id 0\), "release" \(serial B2, slot-id 1\); add serial/,
    });
    await assert.rejects(open(simulation, 'token=other;object=rsa'), {
      code: 'key-not-found',
      message: /no token fits; \/simulated.so shows: "release"/,
    });
    await assert.rejects(open(simulate([]), 'object=rsa'), { code: 'key-not-found', message: /shows: none/ });
    for (const path of ['serial=B2;object=rsa', 'slot-id=1;object=rsa', 'token=backup;object=rsa'])
      assert.ok(await open(simulation, path, path.startsWith('slot') ? [] : ['1234']));
    assert.ok(await open(simulate([token()]), 'model=Simulated;manufacturer=Tidegate;object=rsa'));
  });

  it('have their public half beside them, in themselves, or nowhere', async () => {
    const inside = keyObjects({ label: 'inside', privateKey: elliptic, publicHalf: 'info' });
    assert.equal(
      (await open(simulate([token({ objects: inside })]), 'object=inside')).id,
      signingKeyOf(elliptic, 'file').id,
    );
    const objects = keyObjects({ label: 'alone', privateKey: elliptic, publicHalf: 'none' });
    await assert.rejects(open(simulate([token({ objects })]), 'object=alone'), {
      code: 'key-unusable',
      message: /no public half/,
    });
  });

  it('that may not sign, or are of another kind, are refused by name', async () => {
    const shapes: readonly (readonly [number, number[], RegExp])[] = [
      [attributes.CKA_SIGN, [0], /CKA_SIGN is false/],
      [attributes.CKA_KEY_TYPE, [0x1f, 0, 0, 0], /CKA_KEY_TYPE 31, expected CKK_RSA/],
    ];
    for (const [type, value, text] of shapes) {
      const more = new Map([[type, Buffer.from(value)]]);
      const objects = keyObjects({ label: 'odd', privateKey: elliptic, more });
      const opened = open(simulate([token({ objects })]), 'object=odd');
      await assert.rejects(opened, { code: 'key-unusable', message: text });
    }
  });

  it('on a token that was pulled out fail by code, and open again when it is back', async () => {
    const pulled = token();
    const simulation = simulate([pulled]);
    const key = await open(simulation, 'object=elliptic');
    pulled.fault = 'CKR_DEVICE_REMOVED';
    await assert.rejects(key.sign(message), {
      code: 'key-service-unavailable',
      message: /the token was removed .*C_Sign: CKR_DEVICE_REMOVED/,
    });
    await assert.rejects(open(simulation, 'object=elliptic', []), { code: 'key-service-unavailable' });
    pulled.fault = undefined;
    await signatureOf(await open(simulation, 'object=elliptic'), message, 'root 1');
    pulled.fault = 'CKR_FUNCTION_CANCELED';
    await assert.rejects(key.sign(message), { code: 'cancelled' });
    pulled.fault = 'CKR_PIN_EXPIRED';
    await assert.rejects(key.sign(message), { code: 'key-service-denied' });
    pulled.fault = 'CKR_CRYPTOKI_ALREADY_INITIALIZED';
    await assert.rejects(key.sign(message), {
      code: 'key-unusable',
      message: /refused C_Sign: CKR_CRYPTOKI/,
    });
  });

  it('are not waited for by who gives up', async () => {
    const key = await open(simulate([token()]), 'object=elliptic');
    await assert.rejects(key.sign(message, { signal: AbortSignal.abort() }), { code: 'cancelled' });
    const later = new AbortController();
    const work = key.sign(message, { signal: later.signal });
    later.abort();
    await assert.rejects(work, { code: 'cancelled' });
    await signatureOf(key, message, 'root 1');
  });
});

describe('public keys in the attributes of tokens', () => {
  const reader = (values: ReadonlyMap<number, Buffer>) => (type: number) => values.get(type);
  const spki = (key: KeyObject | undefined): string | undefined =>
    key?.export({ format: 'der', type: 'spki' }).toString('hex');

  it('are read with and without the head of their points', () => {
    for (const privateKey of [elliptic, edwards]) {
      const [shown] = keyObjects({ label: 'x', privateKey });
      const values = new Map(shown?.attributes);
      assert.equal(spki(publicKeyIn(reader(values))), spki(createPublicKey(privateKey)));
      const point = values.get(attributes.CKA_EC_POINT) ?? assert.fail('no point');
      values.set(attributes.CKA_EC_POINT, point.subarray(2));
      assert.equal(spki(publicKeyIn(reader(values))), spki(createPublicKey(privateKey)));
    }
  });

  it('of other curves, of other forms and damaged ones are none', () => {
    const [shown] = keyObjects({ label: 'x', privateKey: elliptic });
    const changes: readonly (readonly [number, Buffer])[] = [
      [attributes.CKA_EC_PARAMS, Buffer.from('06052b81040022', 'hex')],
      [attributes.CKA_EC_POINT, Buffer.alloc(33, 2)],
      [attributes.CKA_EC_POINT, Buffer.alloc(65, 5)],
      [attributes.CKA_EC_POINT, Buffer.alloc(65, 4)],
      [attributes.CKA_KEY_TYPE, Buffer.from([0x10])],
      [attributes.CKA_KEY_TYPE, Buffer.from([0x40])],
      [attributes.CKA_KEY_TYPE, Buffer.from([0])],
      [attributes.CKA_PUBLIC_KEY_INFO, Buffer.from('no key')],
    ];
    for (const [type, value] of changes) {
      const values = new Map(shown?.attributes).set(type, value);
      assert.equal(publicKeyIn(reader(values)), undefined, `${type} ${value.toString('hex')}`);
    }
    assert.equal(publicKeyIn(reader(new Map())), undefined);
    assert.equal(publicKeyInCertificate(reader(new Map())), undefined);
    assert.equal(
      publicKeyInCertificate(reader(new Map([[attributes.CKA_VALUE, Buffer.from('x')]]))),
      undefined,
    );
  });

  it('numbers are read low byte first, as wide as they come', () => {
    assert.equal(numberIn(Buffer.from([0x40, 0, 0, 0, 0, 0, 0, 0])), 0x40);
    assert.equal(numberIn(Buffer.from([1, 2])), 513);
    assert.equal(numberIn(Buffer.alloc(0)), undefined);
    assert.equal(numberIn(undefined), undefined);
  });
});

describe('ECDSA signatures of tokens', () => {
  it('become the DER that another encoder makes', () => {
    const digest = Buffer.alloc(32, 7);
    for (let round = 0; round < 50; round += 1) {
      const raw = ecdsaOverDigest(elliptic, digest);
      assert.deepEqual(Buffer.from(derOfRawSignature(raw) ?? []), derOfRaw(raw));
    }
  });

  it('lose zeros in front and gain one before a high bit', () => {
    const raw = Buffer.alloc(64);
    raw[31] = 0x7f;
    raw[63] = 0x80;
    assert.equal(Buffer.from(derOfRawSignature(raw) ?? []).toString('hex'), '300702017f02020080');
  });

  it('of another length, or with numbers that cannot be, are none', () => {
    const order = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
    const one = '00'.repeat(31).concat('01');
    for (const hex of [
      order + one,
      one + order,
      one + '00'.repeat(32),
      '00'.repeat(32) + one,
      '',
      one,
      `${one}${one}00`,
    ])
      assert.equal(derOfRawSignature(Buffer.from(hex, 'hex')), undefined, hex);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const der = derOfRawSignature(bytes);
        assert.ok(der === undefined || (bytes.length === 64 && der.length >= 8 && der.length <= 72));
      }),
    );
  });
});
