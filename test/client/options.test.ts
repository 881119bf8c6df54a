/** What a stranger may pass to the client, from JavaScript or from TypeScript with looser settings. */
import assert from 'node:assert/strict';
import { type ClientOptions, settle } from '../../src/client/options.ts';
import { RepositoryClient } from '../../src/client/updater.ts';
import { defaultLimits } from '../../src/trust/limits.ts';

const least: ClientOptions = {
  trustedRoot: new Uint8Array(1),
  metadata: 'https://updates.example/metadata',
  targets: 'https://updates.example/targets',
  stateDirectory: '/var/lib/example',
};

describe('options of the client', () => {
  it('left out have the values of a host: both stricter policies on, the second verifier where it can be', () => {
    const { requireConsistentSnapshot, allowDelegations, secondVerifier, limits, clockTolerance } =
      settle(least);
    assert.deepEqual(
      [requireConsistentSnapshot, allowDelegations, secondVerifier, clockTolerance],
      [true, true, 'auto', 300_000],
    );
    assert.deepEqual(limits, defaultLimits);
  });

  it('that are undefined are left out, and switch no rule off', () => {
    const names = Object.keys(settle(least)).filter((name) => !(name in least));
    const undefinedOnes = Object.fromEntries(names.map((name) => [name, undefined]));
    assert.deepEqual(settle({ ...least, ...undefinedOnes }), settle(least));
    const holes = { limits: { maxRootLength: undefined }, http: { stallTimeout: undefined } };
    assert.deepEqual(settle({ ...least, ...holes } as unknown as ClientOptions), settle(least));
  });

  const wrong: readonly (readonly [string, unknown])[] = [
    ['trustedRoot', undefined],
    ['trustedRoot', '{"signed":{}}'],
    ['trustedRoot', new ArrayBuffer(8)],
    ['stateDirectory', undefined],
    ['stateDirectory', ''],
    ['metadata', undefined],
    ['metadata', []],
    ['metadata', ['']],
    ['targets', 17],
    ['targets', [undefined]],
    ['secondVerifier', 'of'],
  ];
  for (const [name, value] of wrong) {
    const row = name === 'trustedRoot' ? 'SPEC-41: ' : '';
    it(`${row}${name}: ${JSON.stringify(value) ?? 'nothing'} is refused by name, before anything is touched`, () => {
      const options = { ...least, [name]: value } as unknown as ClientOptions;
      assert.throws(() => new RepositoryClient(options), {
        code: 'usage',
        message: new RegExp(`^${name}: found .*, expected `),
      });
    });
  }
});
