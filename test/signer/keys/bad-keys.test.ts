/** What people put in the place of a private key, by every way in: each a coded error that says what was found. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ErrorCode } from '../../../src/errors.ts';
import { openDescriptor } from '../../../src/signer/keys/descriptor-source.ts';
import type { KeyContext } from '../../../src/signer/keys/key-context.ts';
import { encryptKeyFile } from '../../../src/signer/keys/key-file.ts';
import { parseKeyUri } from '../../../src/signer/keys/key-source.ts';
import { generatePrivateKey } from '../../../src/signer/keys/signing-key.ts';
import { type FileSystem, nodeFileSystem } from '../../../src/storage/file-system.ts';
import { copyKeyFixture, fixturePassphrase, keyFixture } from '../../support/key-fixtures.ts';
import { makePipe, pipeHolding } from '../../support/open-descriptors.ts';

/** The disk, as somebody else's. */
function ownedBy(owner: number): FileSystem {
  const { open } = nodeFileSystem;
  return {
    ...nodeFileSystem,
    open: async (path, flags, mode) => {
      const handle = await open(path, flags, mode);
      return { ...handle, status: async () => ({ ...(await handle.status()), owner }) };
    },
  };
}

describe('private keys that cannot be used', () => {
  let folder = '';
  let file: Uint8Array = new Uint8Array();

  before(async () => {
    file = await encryptKeyFile(await generatePrivateKey('ed25519'), Buffer.from(fixturePassphrase), 'key');
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-bad-keys-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function at(name: string): string {
    return join(folder, name);
  }

  function open(uri: string, more: Partial<KeyContext> = {}) {
    const unlock = async () => Buffer.from(fixturePassphrase);
    return parseKeyUri(uri).open({ fileSystem: nodeFileSystem, directory: folder, unlock, ...more });
  }

  async function refused(uri: string, code: ErrorCode, message: RegExp, more: Partial<KeyContext> = {}) {
    await assert.rejects(open(uri, more), (error: Error & { code?: string }) => {
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });
  }

  for (const [scheme, name, right] of [
    ['file', 'a.key.json', () => file],
    ['pkcs12', 'a.p12', () => keyFixture('ec.p12')],
  ] as const) {
    describe(`${scheme}:`, () => {
      const uri = `${scheme}:${name}`;

      it('does not exist', async () => {
        await refused(uri, 'not-found', /a\.(?:key\.json|p12) does not exist/);
      });

      it('SGN-01: can be read by others, or belongs to somebody else', async () => {
        writeFileSync(at(name), right(), { mode: 0o600 });
        await open(uri);
        for (const mode of [0o640, 0o604, 0o620, 0o666]) {
          chmodSync(at(name), mode);
          await refused(uri, 'key-file-permissions', new RegExp(`has mode 0${mode.toString(8)}.*chmod 600`));
        }
        chmodSync(at(name), 0o600);
        await refused(uri, 'key-file-permissions', /belongs to user 65534/, { fileSystem: ownedBy(65_534) });
      });

      it('is a folder, a link, a pipe, a device', async () => {
        mkdirSync(at(name));
        await refused(uri, 'not-a-plain-file', /is a folder; expected a plain file/);
        rmSync(at(name), { recursive: true });
        writeFileSync(at('real'), right(), { mode: 0o600 });
        symlinkSync(at('real'), at(name));
        await refused(uri, 'not-a-plain-file', /is a symbolic link/);
        rmSync(at(name));
        makePipe(at(name));
        await refused(uri, 'not-a-plain-file', /a device, pipe or socket/);
        await refused(`${scheme}:/dev/null`, 'not-a-plain-file', /a device/);
      });

      it('is a gigabyte long', async () => {
        writeFileSync(at(name), '', { mode: 0o600 });
        truncateSync(at(name), 2 ** 30);
        await refused(uri, 'length-limit', /is larger than \d+ bytes/);
      });

      it('has a wrong passphrase, and is left as it is', async () => {
        writeFileSync(at(name), right(), { mode: 0o600 });
        const unlock = async () => Buffer.from('something else');
        await refused(uri, 'passphrase-wrong', /this passphrase does not open/, { unlock });
        await open(uri);
      });

      it('is of another format, which is named beside the expected one', async () => {
        for (const [fixture, found] of [
          ['ec-pkcs8.pem', /found PKCS#8 in PEM, expected/],
          ['ec-encrypted-2048.pem', /found encrypted PKCS#8 in PEM, expected/],
          ['rsa-pkcs1.pem', /found PKCS#1 \(RSA\) in PEM, expected/],
          ['rsa-pkcs1-encrypted.pem', /found PKCS#1 .* encrypted as OpenSSL did/],
          ['ec-sec1.pem', /found SEC1 \(EC\) in PEM, expected/],
          ['ec-sec1-parameters.pem', /found SEC1/],
          ['ed25519.openssh', /found OpenSSH's own format, expected .*ssh-keygen -p -m PKCS8/],
          [
            'ed25519.openssh.pub',
            /found a public key of OpenSSH, expected .*private half is in another file/,
          ],
          ['ec-public.pem', /found a public key in PEM, expected .*private half is in another file/],
          ['ec-public.der', /found a public key in DER/],
          ['ec-certificate.pem', /found a certificate in PEM/],
          ['ec-certificate.der', /found a certificate in DER/],
          ['ec-pkcs8.der', /found PKCS#8 in DER/],
          ['ed25519-pkcs8-v2.der', /found PKCS#8 in DER/],
          ['rsa-pkcs1.der', /found PKCS#1 \(RSA\) in DER/],
          ['ec-sec1.der', /found SEC1 \(EC\) in DER/],
          ['ec-encrypted-600000.der', /found encrypted PKCS#8 in DER/],
          ['ed25519-seed.der', /found a raw ed25519 seed/],
        ] as const) {
          copyKeyFixture(fixture, at(name));
          await refused(uri, 'key-file-invalid', found);
        }
        const other = scheme === 'file' ? keyFixture('ec.p12') : file;
        writeFileSync(at(name), other);
        await refused(
          uri,
          'key-file-invalid',
          scheme === 'file' ? /found PKCS#12/ : /found a key file of Tidegate/,
        );
        for (const [text, found] of [
          ['', /found an empty file/],
          ['{"keytype":"ed25519","keyval":{"public":"00"}}', /found a public key file \(\.pub\)/],
          ['{"a":1}', /found JSON that is no key file/],
          ['hello', /found bytes of no known key format/],
          ['-----BEGIN PGP PRIVATE KEY BLOCK-----', /found PEM of another kind/],
        ] as const) {
          writeFileSync(at(name), text);
          await refused(uri, 'key-file-invalid', found);
        }
      });
    });
  }

  describe('pkcs12:', () => {
    it('has a key that hosts could not verify', async () => {
      copyKeyFixture('p384.p12', at('a.p12'));
      await refused('pkcs12:a.p12', 'key-unusable', /ec on the curve secp384r1, expected one of ed25519/);
      copyKeyFixture('rsa1024.p12', at('a.p12'));
      await refused('pkcs12:a.p12', 'key-unusable', /an RSA key of 1024 bits/);
    });
  });

  describe('fd:', () => {
    it('is not open, or is neither file nor pipe', async () => {
      await refused('fd:64000', 'key-file-invalid', /fd:64000 is not open/);
      await refused(`fd:${openSync('/dev/null', 'r')}`, 'key-file-invalid', /neither file nor pipe/);
      await refused(`fd:${openSync(folder, 'r')}`, 'key-file-invalid', /neither file nor pipe/);
    });

    it('SGN-01: is a file that others can read', async () => {
      writeFileSync(at('a'), file, { mode: 0o644 });
      await refused(`fd:${openSync(at('a'), 'r')}`, 'key-file-permissions', /fd:\d+ has mode 0644/);
    });

    it('is too long, as a file and as a pipe', async () => {
      writeFileSync(at('a'), '', { mode: 0o600 });
      truncateSync(at('a'), 2 ** 30);
      await refused(`fd:${openSync(at('a'), 'r')}`, 'length-limit', /more than 65536 bytes/);
      const { descriptor } = pipeHolding(Buffer.alloc(65_536, 'x'));
      await refused(`fd:${descriptor}`, 'key-file-invalid', /no known key format/);
    });

    it('is given up when the work is cancelled', async () => {
      const { descriptor, end } = pipeHolding(Buffer.from('-----BEGIN'), { ends: false });
      const abort = new AbortController();
      const opened = open(`fd:${descriptor}`, { signal: abort.signal });
      setImmediate(() => abort.abort(new Error('enough')));
      await assert.rejects(opened, { message: 'enough' });
      end();
    });

    it('is given up when nothing comes', async () => {
      const { descriptor, end } = pipeHolding(Buffer.from('-----BEGIN'), { ends: false });
      const unlock = async () => assert.fail('asked');
      const context = { fileSystem: nodeFileSystem, directory: folder, unlock };
      const opened = openDescriptor({ scheme: 'fd', descriptor }, context, 20);
      await assert.rejects(opened, { code: 'too-slow', message: /gave nothing for 0\.02 s/ });
      end();
    });

    it('SGN-02: is weakly locked', async () => {
      for (const [name, found] of [
        ['ec-encrypted-2048.pem', /2048 rounds of PBKDF2.*key import --rewrap/],
        ['ec-encrypted-scrypt-16384.pem', /scrypt with 16 MiB/],
        ['ec-encrypted-3des.pem', /2048 rounds of SHA-1/],
      ] as const) {
        const { descriptor } = pipeHolding(keyFixture(name));
        await refused(`fd:${descriptor}`, 'key-unusable', found);
      }
    });

    it('holds no private key, or several', async () => {
      const pem = keyFixture('ec-pkcs8.pem');
      for (const [bytes, code, found] of [
        [Buffer.concat([pem, pem]), 'key-file-invalid', /found 2 private keys, expected one/],
        [pem.subarray(0, 100), 'key-file-invalid', /damaged, or of a kind/],
        [keyFixture('ec-public.pem'), 'key-file-invalid', /found a public key in PEM/],
        [keyFixture('rsa1024-pkcs8.pem'), 'key-unusable', /1024 bits/],
        [keyFixture('rsa-pkcs1-encrypted.pem'), 'key-file-invalid', /encrypted as OpenSSL did/],
        [keyFixture('ec.p12'), 'key-file-invalid', /found PKCS#12/],
        [
          keyFixture('ec-encrypted-600000.pem').subarray(0, 300),
          'key-file-invalid',
          /the PEM is damaged or cut/,
        ],
        [Buffer.alloc(0), 'key-file-invalid', /found an empty file/],
      ] as const)
        await refused(`fd:${pipeHolding(bytes).descriptor}`, code, found);
      const unlock = async () => Buffer.from('wrong');
      const { descriptor } = pipeHolding(keyFixture('ec-encrypted-600000.pem'));
      await refused(`fd:${descriptor}`, 'passphrase-wrong', /does not open the key/, { unlock });
    });

    it('takes a key file of ours, with its passphrase', async () => {
      assert.match((await open(`fd:${pipeHolding(file).descriptor}`)).id, /^[0-9a-f]{64}$/);
    });

    it('takes every form that stands alone', async () => {
      for (const name of [
        'ec-pkcs8.pem',
        'ec-pkcs8.der',
        'ec-sec1.pem',
        'ec-sec1-parameters.pem',
        'ec-sec1.der',
        'ec-encrypted-600000.pem',
        'ec-encrypted-600000.der',
        'rsa-pkcs1.pem',
        'rsa-pkcs1.der',
        'rsa-pkcs8.der',
        'ed25519-pkcs8.der',
        'ed25519-pkcs8-v2.der',
        'ed25519-seed.der',
      ])
        assert.match(
          (await open(`fd:${pipeHolding(keyFixture(name)).descriptor}`)).id,
          /^[0-9a-f]{64}$/,
          name,
        );
      const ids = ['ed25519-pkcs8.pem', 'ed25519-pkcs8-v2.der', 'ed25519-seed.der'].map(
        async (name) => (await open(`fd:${pipeHolding(keyFixture(name)).descriptor}`)).id,
      );
      assert.equal(new Set(await Promise.all(ids)).size, 1);
    });
  });
});
