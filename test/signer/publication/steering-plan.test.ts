import assert from 'node:assert/strict';
import { isSteered, planSteering } from '../../../src/signer/publication/steering-plan.ts';
import { emptyManifest } from '../../../src/waves/releases.ts';

const fleet = { variant: 'demo', arch: 'x86_64' };
const release = {
  ...fleet,
  version: '1.1.0',
  maxVersion: '1.1.0',
  images: { image: 'disk.img' },
  waves: new Map<number, number>(),
};

describe('signer/publication/steering-plan', () => {
  it('takes nothing for done in a list that has no release of the fleet', () => {
    const highest = { kind: 'max-version', ...fleet, maxVersion: '1.0.0' } as const;
    assert.equal(isSteered(highest, emptyManifest), false);
    const id = { ...fleet, version: '1.1.0', base: '' };
    for (const change of [
      { kind: 'pause', ...id, everyone: false },
      { kind: 'resume', ...id },
      { kind: 'barrier', ...id, on: false },
      { kind: 'withdraw', ...id },
    ] as const)
      assert.equal(isSteered(change, emptyManifest), false, change.kind);
  });

  it('says of a release that is gone whether it was withdrawn', () => {
    const change = { kind: 'pause', ...fleet, version: '1.1.0', base: '', everyone: false } as const;
    const plan = (manifest: typeof emptyManifest) => () =>
      planSteering({ manifest, steering: [{ change }], at: 0 });
    assert.throws(plan(emptyManifest), { code: 'release-invalid', message: /it was taken away since/ });
    const withdrawn = [{ ...fleet, version: '1.1.0', at: 0 }];
    assert.throws(
      plan({ ...emptyManifest, withdrawn }),
      /it was withdrawn since.*waves drop demo x86_64 1\.1\.0/,
    );
  });

  it('does not take a call back for done that somebody else left out', () => {
    const change = { kind: 'withdraw', ...fleet, version: '1.1.0', base: '', callBack: 'highest' } as const;
    const before = { ...emptyManifest, updates: [{ ...release, version: '1.0.0' }, release] };
    const plan = (manifest: typeof emptyManifest) =>
      planSteering({ manifest, steering: [{ change }], at: 0 });
    const called = plan(before).manifest;
    assert.equal(isSteered(change, called), true);
    const { callBack: _, ...plain } = change;
    const left = planSteering({ manifest: before, steering: [{ change: plain }], at: 0 }).manifest;
    assert.deepEqual([isSteered(plain, left), isSteered(change, left)], [true, false]);
    assert.throws(() => plan(left), /it was withdrawn since this change \(withdraw\) was made/);
  });

  it('names the version that a withdrawal calls hosts back to', () => {
    const manifest = { ...emptyManifest, updates: [{ ...release, version: '1.0.0' }, release] };
    const withdraw = (callBack?: string) => {
      const change = { kind: 'withdraw', ...fleet, version: '1.1.0', base: '' } as const;
      const wish = callBack === undefined ? change : { ...change, callBack };
      return planSteering({ manifest, steering: [{ change: wish }], at: 0 }).steered[0]?.goal;
    };
    assert.deepEqual([withdraw(), withdraw('highest'), withdraw('1.0.0')], [undefined, '1.0.0', '1.0.0']);
  });
});
