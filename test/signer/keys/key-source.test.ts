import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { mkdtempSync, openSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { developmentKeyFile, encryptKeyFile } from '../../../src/signer/keys/key-file.ts';
import { generatePrivateKey, type KeyType, keyTypes } from '../../../src/signer/keys/signing-key.ts';
import { copyKeyFixture, fixturePassphrase, keyFixture } from '../../support/key-fixtures.ts';
import { describeKeySource, type KeySourceScene } from '../../support/key-source-suite.ts';
import { pipeHolding } from '../../support/open-descriptors.ts';

const fixtureNames: Readonly<Record<KeyType, string>> = {
  ed25519: 'ed25519',
  'ecdsa-p256': 'ec',
  'rsa-pss': 'rsa',
};

function scratch(): { readonly folder: string; end(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-keys-'));
  return { folder, end: () => rmSync(folder, { recursive: true, force: true }) };
}

function secretsOf(key: KeyObject): readonly string[] {
  const { d = '' } = key.export({ format: 'jwk' });
  return [d.slice(0, 40), Buffer.from(d, 'base64url').toString('hex').slice(0, 40)];
}

const keys = new Map<KeyType, Promise<KeyObject>>();

/** One of each kind for all: RSA takes its time. */
function keyOf(type: KeyType): Promise<KeyObject> {
  const key = keys.get(type) ?? generatePrivateKey(type);
  keys.set(type, key);
  return key;
}

const files = new Map<KeyType, Uint8Array>();

async function encryptedFile(type: KeyType): Promise<Uint8Array> {
  const file =
    files.get(type) ?? (await encryptKeyFile(await keyOf(type), Buffer.from(fixturePassphrase), 'key'));
  files.set(type, file);
  return file;
}

describeKeySource('file:', {
  // The kind of key makes no difference to the lock, which costs its time.
  types: ['ed25519'],
  begin: async (type): Promise<KeySourceScene> => {
    const { folder, end } = scratch();
    writeFileSync(join(folder, 'release.key.json'), await encryptedFile(type), { mode: 0o600 });
    const key = await keyOf(type);
    return {
      uri: 'file:release.key.json',
      publicKey: createPublicKey(key),
      passphrase: fixturePassphrase,
      secrets: secretsOf(key),
      context: { directory: folder },
      end,
    };
  },
});

describeKeySource('file: of a development key', {
  types: keyTypes,
  begin: async (type): Promise<KeySourceScene> => {
    const { folder, end } = scratch();
    const key = await keyOf(type);
    const path = join(folder, 'release.key.json');
    writeFileSync(path, developmentKeyFile(key, path), { mode: 0o600 });
    return { uri: path, publicKey: createPublicKey(key), secrets: secretsOf(key), end };
  },
});

for (const [name, ending] of [
  ['as OpenSSL 3 writes it', ''],
  ['as OpenSSL 1 wrote it', '-legacy'],
] as const) {
  describeKeySource(`pkcs12: ${name}`, {
    types: keyTypes,
    begin: async (type): Promise<KeySourceScene> => {
      const { folder, end } = scratch();
      const file = copyKeyFixture(`${fixtureNames[type]}${ending}.p12`, join(folder, 'release.p12'));
      const key = createPrivateKey(keyFixture(`${fixtureNames[type]}-pkcs8.pem`));
      return {
        uri: `pkcs12:${file}`,
        publicKey: createPublicKey(key),
        passphrase: fixturePassphrase,
        secrets: secretsOf(key),
        end,
      };
    },
  });
}

describeKeySource('fd: of a pipe with PKCS#8', {
  types: keyTypes,
  opensAgain: false,
  begin: async (type): Promise<KeySourceScene> => {
    const pem = keyFixture(`${fixtureNames[type]}-pkcs8.pem`);
    const key = createPrivateKey(pem);
    const { descriptor, end } = pipeHolding(pem);
    return { uri: `fd:${descriptor}`, publicKey: createPublicKey(key), secrets: secretsOf(key), end };
  },
});

describeKeySource('fd: of a file without a name', {
  types: ['ecdsa-p256'],
  opensAgain: false,
  begin: async (): Promise<KeySourceScene> => {
    const { folder, end } = scratch();
    const file = join(folder, 'gone');
    writeFileSync(file, keyFixture('ec-encrypted-600000.pem'), { mode: 0o644 });
    const descriptor = openSync(file, 'r');
    unlinkSync(file);
    const key = createPrivateKey(keyFixture('ec-pkcs8.pem'));
    return {
      uri: `fd:${descriptor}`,
      publicKey: createPublicKey(key),
      passphrase: fixturePassphrase,
      secrets: secretsOf(key),
      end,
    };
  },
});
