import assert from 'node:assert/strict';
import { parseKeyPlaces, requireKnownKeys } from '../../../src/signer/workspace/key-places.ts';
import { readToml, tableAt } from '../../../src/signer/workspace/toml-reader.ts';

function places(text: string) {
  return parseKeyPlaces(tableAt(readToml(`[keys]\n${text}`, 'tidegate.toml'), 'keys'));
}

describe('signer/workspace/key-places', () => {
  it('reads addresses of private halves by the names of the keys', () => {
    const found = places(
      'timestamp-1 = "awskms:alias/a?region=eu-west-1"\n"root.1" = "/media/usb/root.key.json"\n',
    );
    assert.deepEqual(
      [...found],
      [
        ['timestamp-1', 'awskms:alias/a?region=eu-west-1'],
        ['root.1', '/media/usb/root.key.json'],
      ],
    );
  });

  it('refuses an address of a key that does not exist', () => {
    const found = places('timestmp-1 = "awskms:alias/a"');
    requireKnownKeys(found, new Set(['timestmp-1', 'other']));
    assert.throws(() => requireKnownKeys(found, new Set(['timestamp-1'])), {
      code: 'workspace-invalid',
      message: /\[keys\] timestmp-1: keys\/timestmp-1\.pub is missing/,
    });
  });

  it('refuses what is no name and no address, naming table and key', () => {
    for (const [text, reason] of [
      ['"Root 1" = "a"', /\[keys\] Root 1: found "Root 1", expected at most 64/],
      ['root-1 = 3', /\[keys\] root-1: found 3, expected the address/],
      ['root-1 = ""', /\[keys\] root-1/],
      ['root-1 = "gcpkms:a"', /\[keys\] root-1: found .*unknown scheme gcpkms/],
      ['root-1 = "pkcs11:object=a?pin-value=1234"', /\[keys\] root-1: found .*pin-value/],
    ] as const)
      assert.throws(() => places(text), { code: 'config-invalid', message: reason }, text);
    assert.throws(
      () => places('root-1 = "pkcs11:object=a?pin-value=1234"'),
      ({ message }: Error) => !message.includes('1234'),
    );
  });
});
