/**
 * What every place of private keys must do alike, whatever stands behind it: a file, a descriptor, a token, a service.
 * `begin` makes a place that is really there, with a key of its own.
 */
import assert from 'node:assert/strict';
import { constants, type KeyObject, verify } from 'node:crypto';
import { inspect } from 'node:util';
import type { KeyContext } from '../../src/signer/keys/key-context.ts';
import { KeyRing } from '../../src/signer/keys/key-ring.ts';
import { parseKeyUri } from '../../src/signer/keys/key-source.ts';
import {
  generatePrivateKey,
  type KeyType,
  publicHalfOf,
  type SigningKey,
  signatureOf,
} from '../../src/signer/keys/signing-key.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';

export interface KeySourceScene {
  readonly uri: string;
  readonly publicKey: KeyObject;
  /** What is asked for, when something is. */
  readonly passphrase?: string;
  /** Texts that must appear nowhere, beside the passphrase: the private half in hexadecimal or base64. */
  readonly secrets?: readonly string[];
  readonly context?: Partial<KeyContext>;
  end?(): Promise<void> | void;
}

export interface KeySourceSuite {
  /** Of which kinds keys can be there. */
  readonly types: readonly KeyType[];
  /** False for what can be read once, such as a pipe. Default true. */
  readonly opensAgain?: boolean;
  begin(type: KeyType): Promise<KeySourceScene>;
}

const message = Buffer.from('{"_type":"timestamp"}');
/** Around what key services take in one piece. */
const lengths = [0, 1, 4095, 4096, 4097, 1_000_000];

/** By node:crypto alone, with exactly the parameters that TUF asks for. */
function isSignature(type: KeyType, key: KeyObject, bytes: Uint8Array, signature: Uint8Array): boolean {
  switch (type) {
    case 'ed25519':
      return verify(undefined, bytes, key, signature);
    case 'ecdsa-p256':
      return verify('sha256', bytes, { key, dsaEncoding: 'der' }, signature);
    case 'rsa-pss': {
      const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
      return verify('sha256', bytes, { key, ...padding }, signature);
    }
  }
}

export function describeKeySource(name: string, suite: KeySourceSuite): void {
  describe(`key source ${name}`, () => {
    for (const type of suite.types) describe(type, () => defineBehaviours(type, suite));
  });
}

function defineBehaviours(type: KeyType, { begin, opensAgain = true }: KeySourceSuite): void {
  let scene: KeySourceScene;
  let asked = 0;

  beforeEach(async () => {
    asked = 0;
    scene = await begin(type);
  });

  afterEach(async () => await scene.end?.());

  const context = (): KeyContext => ({
    fileSystem: nodeFileSystem,
    directory: '/',
    unlock: async () => {
      asked += 1;
      assert.ok(scene.passphrase !== undefined, 'asked for a passphrase that does not exist');
      return Buffer.from(scene.passphrase);
    },
    ...scene.context,
  });
  const open = (): Promise<SigningKey> => parseKeyUri(scene.uri).open(context());

  it('opens under the id and the key object that hosts see', async () => {
    const { id, json } = publicHalfOf(scene.publicKey, 'test');
    const key = await open();
    assert.equal(key.id, id);
    assert.deepEqual(key.json, json);
  });

  it('SGN-28: signs documents of every length with the parameters of TUF', async () => {
    const key = await open();
    for (const length of lengths) {
      const bytes = Buffer.alloc(length, 'x');
      assert.ok(isSignature(type, scene.publicKey, bytes, await key.sign(bytes)), `${length} bytes`);
    }
  });

  it('SGN-30: gives what its own public key verifies, also several at once', async () => {
    const key = await open();
    const messages = Array.from({ length: 5 }, (_, index) => Buffer.from(`document ${index}`));
    const signatures = await Promise.all(messages.map((bytes) => signatureOf(key, bytes, 'test')));
    for (const [index, hex] of signatures.entries()) {
      const bytes = messages[index] ?? message;
      assert.ok(isSignature(type, scene.publicKey, bytes, Buffer.from(hex, 'hex')));
    }
  });

  it('is opened by a ring from its address, once, and asks at most once', async () => {
    const { id, json } = publicHalfOf(scene.publicKey, 'test');
    const { unlock, directory, fileSystem } = context();
    const places = new Map([['release-1', scene.uri]]);
    const ring = new KeyRing(fileSystem, '/nowhere', unlock, { places, directory });
    const named = { name: 'release-1', id, json };
    assert.equal((await ring.open(named))?.id, id);
    assert.equal(await ring.open(named), await ring.open(named));
    assert.equal(asked, scene.passphrase === undefined ? 0 : 1);
  });

  it('is refused by a ring that looks for another key', async () => {
    const { id, json } = publicHalfOf(await generatePrivateKey('ed25519'), 'test');
    const { unlock, directory, fileSystem } = context();
    const places = new Map([['release-1', scene.uri]]);
    const ring = new KeyRing(fileSystem, '/nowhere', unlock, { places, directory });
    const other = { name: 'release-1', id, json };
    await assert.rejects(ring.open(other), (error: Error & { code?: string }) => {
      assert.match(error.code ?? '', /^key-(?:unusable|file-invalid)$/);
      assert.match(error.message, /release-1/);
      return true;
    });
  });

  it('is left out by a ring when its passphrase is not given', async function () {
    if (scene.passphrase === undefined) this.skip();
    const { id, json } = publicHalfOf(scene.publicKey, 'test');
    const { directory, fileSystem } = context();
    const places = new Map([['release-1', scene.uri]]);
    const ring = new KeyRing(fileSystem, '/nowhere', async () => undefined, { places, directory });
    assert.equal(await ring.open({ name: 'release-1', id, json }), undefined);
  });

  it('SGN-08: ten wrong passphrases get one and the same answer, and the right one still opens', async function () {
    if (scene.passphrase === undefined || !opensAgain) this.skip();
    this.timeout(20_000);
    const messages = new Set<string>();
    for (let guess = 0; guess < 10; guess += 1) {
      const unlock = async () => Buffer.from(`guess number ${guess}`);
      const opened = parseKeyUri(scene.uri).open({ ...context(), unlock });
      await assert.rejects(opened, (error: Error & { code?: string }) => {
        messages.add(error.message);
        return error.code === 'passphrase-wrong';
      });
    }
    assert.equal(messages.size, 1);
    await open();
  });

  it('SGN-07: shows no secret, however it is printed', async () => {
    const source = parseKeyUri(scene.uri);
    const key = await source.open(context());
    const printed = [source, key].flatMap((value) => [
      inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true }),
      JSON.stringify(value),
    ]);
    for (const secret of [...(scene.secrets ?? []), scene.passphrase ?? []].flat())
      assert.ok(!printed.join('\n').includes(secret), 'a secret is printed');
  });
}
