/**
 * Keys on a real PKCS#11 token (SoftHSM), through its real library. `.ci/pkcs11` installs what is needed, makes the
 * token, and runs this with TIDEGATE_TOKEN_MODULE (the library), TIDEGATE_TOKEN (its label) and
 * TIDEGATE_TOKEN_PIN_FILE set. Without them everything here is skipped, and says so.
 */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnvelope } from '../../src/metadata/envelope.ts';
import { isJsonObject, type JsonObject } from '../../src/metadata/json.ts';
import { jsonOf } from '../../src/metadata/json-writer.ts';
import { type Key, parseKeySet } from '../../src/metadata/keys.ts';
import { documentLimits } from '../../src/metadata/limits.ts';
import type { KeyContext } from '../../src/signer/keys/key-context.ts';
import { parseKeyUri } from '../../src/signer/keys/key-source.ts';
import { signWith } from '../../src/signer/keys/signing.ts';
import { type SigningKey, signatureOf } from '../../src/signer/keys/signing-key.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { requireThreshold } from '../../src/trust/threshold.ts';
import { describeKeySource, type KeySourceScene } from '../support/key-source-suite.ts';

const {
  TIDEGATE_TOKEN_MODULE: module,
  TIDEGATE_TOKEN: label = '',
  TIDEGATE_TOKEN_PIN_FILE: pinFile = '',
} = process.env;

describe('keys on a real token', () => {
  let folder = '';
  let asked: string[] = [];

  before(function () {
    if (module === undefined) {
      process.stderr.write('  keys on a real token: skipped, no token is here; run .ci/pkcs11\n');
      this.skip();
    }
    folder = mkdtempSync(join(tmpdir(), 'tidegate-token-'));
  });

  after(() => {
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    asked = [];
  });

  function uri(object: string, more = ''): string {
    const token = encodeURIComponent(label);
    return `pkcs11:token=${token};object=${object}?module-path=${module}${more}`;
  }

  const fromFile = `&pin-source=${pinFile}`;

  function open(text: string, pin?: string): Promise<SigningKey> {
    const context: KeyContext = {
      fileSystem: nodeFileSystem,
      directory: folder,
      unlock: async ({ secret, path }) => {
        asked.push(`${secret} ${path}`);
        return pin === undefined ? undefined : new TextEncoder().encode(pin);
      },
    };
    return parseKeyUri(text).open(context);
  }

  // First, because a login lasts as long as the process.
  it('SGN-08: a wrong PIN says so, and how many tries are left; it is never sent again', async () => {
    await assert.rejects(open(uri('elliptic'), '000000'), {
      code: 'passphrase-wrong',
      message: /the PIN is wrong; the token counts: few tries are left/,
    });
    await assert.rejects(open(uri('elliptic'), '000000'), {
      code: 'passphrase-wrong',
      message: /not sent again/,
    });
    await assert.rejects(open(uri('elliptic'), '0'), { code: 'passphrase-wrong' });
    assert.match(asked[0] ?? '', /^PIN pkcs11 object "elliptic"/);
  });

  it('nobody gives a PIN: the key is left out', async () => {
    await assert.rejects(open(uri('elliptic')), { code: 'signatures-missing' });
  });

  it('a PIN file that others can read is refused', async () => {
    const path = join(folder, 'open-pin');
    writeFileSync(path, '000000\n', { mode: 0o644 });
    await assert.rejects(open(uri('elliptic', `&pin-source=${path}`)), { code: 'key-file-permissions' });
  });

  it('one document is signed by P-256, RSA-PSS and Ed25519 keys, and believed with all three', async () => {
    const keys = [];
    for (const object of ['elliptic', 'rsa', 'edwards']) keys.push(await open(uri(object, fromFile)));
    assert.deepEqual(
      keys.map(({ json }) => json.get('scheme')),
      ['ecdsa-sha2-nistp256', 'rsassa-pss-sha256', 'ed25519'],
    );
    await believe(keys, 1);
    assert.deepEqual(asked, []);
  });

  it('SGN-28: documents of 4,097 bytes and of 1 MB are signed by every kind of key', async () => {
    for (const object of ['elliptic', 'rsa', 'edwards']) {
      const key = await open(uri(object, fromFile));
      for (const length of [2, 4097, 1_000_000])
        await signatureOf(key, new Uint8Array(length).fill(0x20), `${object} ${length}`);
    }
  });

  it('the signatures of many threads at once do not mix', async () => {
    const keys = await Promise.all(
      ['elliptic', 'rsa', 'edwards'].map((object) => open(uri(object, fromFile))),
    );
    const work = Array.from({ length: 60 }, (_, index) => {
      const key = keys[index % 3];
      return key && signatureOf(key, Buffer.from(`document ${index}`), `document ${index}`);
    });
    assert.equal(new Set(await Promise.all(work)).size, 60);
  });

  it('keys that want the PIN for every signature get it', async () => {
    const pin = readFileSync(pinFile, 'utf8').trim();
    const key = await open(uri('careful'), pin);
    for (const text of ['one', 'two']) await signatureOf(key, Buffer.from(text), text);
    assert.equal(asked.length, 2);
    const wrong = await open(uri('careful'), '999999');
    await assert.rejects(wrong.sign(Buffer.from('three')), { code: 'passphrase-wrong' });
    // The failed step blocks nobody.
    await signatureOf(key, Buffer.from('four'), 'four');
  });

  it('a key that is not there, or there twice, or on another curve, is refused by name', async () => {
    await assert.rejects(open(uri('missing', fromFile)), {
      code: 'key-not-found',
      message: /no such private key; the token has: .*object=elliptic;id=01/,
    });
    await assert.rejects(open(uri('twice', fromFile)), {
      code: 'key-not-found',
      message: /2 private keys fit/,
    });
    assert.ok(await open(uri('twice;id=%07', fromFile)));
    await assert.rejects(open(uri('p384', fromFile)), { code: 'key-unusable' });
    const other = uri('elliptic', fromFile).replace(encodeURIComponent(label), 'other');
    await assert.rejects(open(other), { code: 'key-not-found', message: /no token fits; .* shows: "/ });
  });

  it('a library that is none is refused', async () => {
    const text = uri('elliptic', fromFile).replace(`${module}`, pinFile);
    await assert.rejects(open(text), { code: 'key-library-missing', message: /cannot be loaded/ });
  });
});

if (module !== undefined)
  describeKeySource('pkcs11: on a real token', {
    // Ed25519 is left to the tests above: SoftHSM takes no empty message with it.
    types: ['ecdsa-p256', 'rsa-pss'],
    begin: async (type): Promise<KeySourceScene> => {
      const token = `pkcs11:token=${encodeURIComponent(label)};object=${type === 'rsa-pss' ? 'rsa' : 'elliptic'}`;
      const uri = `${token}?module-path=${module}&pin-source=${pinFile}`;
      const context = { fileSystem: nodeFileSystem, directory: '/', unlock: async () => undefined };
      const { json } = await parseKeyUri(uri).open(context);
      const keyval = json.get('keyval');
      const pem = isJsonObject(keyval) ? keyval.get('public') : undefined;
      const secrets = [readFileSync(pinFile, 'utf8').trim()];
      return { uri, publicKey: createPublicKey(`${pem}`), secrets };
    },
  });

/** Signs a document with the keys, and lets trust/ believe it with all of them as threshold. */
async function believe(keys: readonly SigningKey[], version: number): Promise<void> {
  const document = objectOf({ _type: 'timestamp', version });
  const file = await signWith({ document, what: `timestamp ${version}` }, keys);
  const envelope = parseEnvelope(file, documentLimits, 'timestamp.json');
  const set = parseKeySet(new Map(keys.map(({ id, json }) => [id, json])), documentLimits, {
    file: 'root.json',
    path: 'keys',
  });
  const known: Key[] = [...set.values()];
  const role = { keyIds: known.map(({ id }) => id), threshold: keys.length };
  assert.equal(requireThreshold(envelope, role, set, 'the token').signedBy.length, keys.length);
}

function objectOf(value: Record<string, string | number>): JsonObject {
  const json = jsonOf(value);
  assert.ok(isJsonObject(json));
  return json;
}
