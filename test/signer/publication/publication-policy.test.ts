import assert from 'node:assert/strict';
import { planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { requireKept, violationsOf } from '../../../src/signer/publication/publication-policy.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { removeDraft } from '../../../src/signer/release/draft.ts';
import { steerRelease, type Wish } from '../../../src/signer/release/steer-release.ts';
import { removeSteering } from '../../../src/signer/release/steering-draft.ts';
import { readOverrides } from '../../../src/signer/workspace/overrides.ts';
import { noRules } from '../../../src/signer/workspace/publication-rules.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { parseWorkspaceFile } from '../../../src/signer/workspace/workspace-file.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { readPlainFile } from '../../../src/storage/plain-file.ts';
import {
  addVersion,
  day,
  directory,
  hour,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

const variants = { demo: ['x86_64', 'aarch64'] };

async function withPolicy(
  policy: string,
  kind: Parameters<typeof workspaceDisk>[0] = { template: 'single' },
): Promise<Workspace> {
  const disk = await workspaceDisk(kind);
  const path = `${directory}/tidegate.toml`;
  const text = Buffer.from((await readPlainFile(disk, path, 100_000))?.bytes ?? []).toString();
  await putFile(disk, path, `${text}\n${policy}`);
  return await open(disk, new MemoryStore());
}

async function violated(workspace: Workspace, now = start): Promise<readonly string[]> {
  return (await planPublication(workspace, { now })).violations.map(
    ({ name, place, found }) => `${name}: ${place}: ${found}`,
  );
}

describe('signer/publication/publication-policy', () => {
  it('nothing is asked where tidegate.toml says nothing', async () => {
    const workspace = await open(await workspaceDisk(), new MemoryStore());
    await addVersion(workspace, '1.0.0');
    assert.deepEqual(workspace.settings.rules, noRules);
    assert.deepEqual(await violated(workspace), []);
    assert.deepEqual(violationsOf({ rules: noRules, minimumBake: undefined }, []), []);
  });

  it('release-size: all images of a release together', async () => {
    const workspace = await withPolicy('[policy]\nlargest_release = 13');
    await addVersion(workspace, '1.0.0');
    assert.deepEqual(await violated(workspace), [
      'release-size: release demo x86_64 1.0.0: 14 bytes of images',
    ]);
    const fits = await withPolicy(
      '[policy]\nlargest_release = 13\n[policy.variants.demo]\nlargest_release = 14',
    );
    await addVersion(fits, '1.0.0');
    assert.deepEqual(await violated(fits), []);
  });

  it('a wave policy that does not exist is named, and refuses nothing but what it concerns', async () => {
    for (const rules of [
      'waves = ["default", "slwo"]',
      'waves = ["none"]\n[policy.variants.demo]\nwaves = ["slwo"]',
    ]) {
      const workspace = await withPolicy(`[policy]\n${rules}`);
      assert.deepEqual(await violated(workspace), []);
      await addVersion(workspace, '1.0.0');
      await assert.rejects(planPublication(workspace, { now: start }), {
        code: 'config-invalid',
        message: /\[policy\] waves: found "slwo": policies\/waves\/slwo\.toml does not exist/,
      });
    }
  });

  it('a fleet that is required twice is required', async () => {
    const workspace = await withPolicy('[policy]\nrequired = ["demo/x86_64", "demo/x86_64"]');
    assert.deepEqual(workspace.settings.rules.required, [{ variant: 'demo', arch: 'x86_64' }]);
  });

  it('wave-policy: only those that the variant may follow', async () => {
    const workspace = await withPolicy('[policy]\nwaves = ["slow"]');
    await addVersion(workspace, '1.0.0', { wavePolicy: 'slow' });
    assert.deepEqual(await violated(workspace), []);
    await addVersion(workspace, '1.1.0', { wavePolicy: 'none' });
    await addVersion(workspace, '1.2.0');
    assert.deepEqual(await violated(workspace), [
      'wave-policy: release demo x86_64 1.1.0: waves none',
      'wave-policy: release demo x86_64 1.2.0: waves default',
    ]);
  });

  it('bake-time: counts from the first wave of the release before, to that of the new one', async () => {
    const workspace = await withPolicy('[policy]\nminimum_bake = "2 days"');
    await addVersion(workspace, '1.0.0', { startTime: start });
    await planAndPublish(workspace, start);
    await addVersion(workspace, '1.1.0');
    assert.match(
      (await violated(workspace, start + day)).join(),
      /bake-time: release demo x86_64 1\.1\.0: first wave at 2026-11-25/,
    );
    assert.deepEqual(await violated(workspace, start + 2 * day), []);
    const atOnce = await withPolicy('[policy]\nminimum_bake = "2 days"');
    await addVersion(atOnce, '1.0.0', { wavePolicy: 'none' });
    await planAndPublish(atOnce, start);
    await addVersion(atOnce, '1.1.0');
    const at = await violated(atOnce, start + 2 * day - 2 * hour);
    assert.match(at.join(), /^bake-time: release demo x86_64 1\.1\.0: first wave at 2026-11-26T1[01]/);
    assert.deepEqual(await violated(atOnce, start + 2 * day), []);
  });

  it('bake-time: a pause keeps when its release began, and one that never began holds nothing up', async () => {
    const workspace = await withPolicy('[policy]\nminimum_bake = "2 days"');
    const id = { variant: 'demo', arch: 'x86_64', version: '1.0.0' };
    const pauseAt = async (now: number): Promise<void> => {
      await steerRelease(workspace, { kind: 'pause', ...id, everyone: true }, { now });
      await planAndPublish(workspace, now);
    };
    await addVersion(workspace, '1.0.0', { startTime: start + day });
    await planAndPublish(workspace, start);
    await pauseAt(start + hour);
    await addVersion(workspace, '1.0.1');
    assert.deepEqual(await violated(workspace, start + 2 * hour), [], 'no host has seen it');
    await steerRelease(workspace, { kind: 'resume', ...id }, { now: start + hour });
    await removeDraft(workspace, { ...id, version: '1.0.1' });
    await planAndPublish(workspace, start + hour);
    await pauseAt(start + 2 * day);
    await addVersion(workspace, '1.0.1');
    assert.match((await violated(workspace, start + 2 * day + hour)).join(), /^bake-time: .* 1\.0\.1/);
    assert.deepEqual(await violated(workspace, start + 4 * day), []);
  });

  it('bake-time: a release that has begun keeps its beginning, however fast the rest of it comes', async () => {
    const workspace = await withPolicy('[policy]\nminimum_bake = "2 days"');
    const id = { variant: 'demo', arch: 'x86_64', version: '1.0.0' };
    await addVersion(workspace, '1.0.0', { startTime: start });
    await planAndPublish(workspace, start);
    await addVersion(workspace, '1.1.0');
    await planAndPublish(workspace, start + 2 * day);
    await steerRelease(workspace, { kind: 'accelerate', ...id, factor: 10 }, { now: start + 3 * day });
    assert.deepEqual(await violated(workspace, start + 3 * day), []);
    const set = { kind: 'set', ...id, spread: 'linear', policy: 'default' } as const;
    await steerRelease(workspace, set, { now: start + 3 * day });
    assert.deepEqual(await violated(workspace, start + 3 * day), []);
    // The next one counts from what hosts saw, not from what the new waves say of the past.
    const other = await withPolicy('[policy]\nminimum_bake = "2 days"');
    await addVersion(other, '1.0.0', { startTime: start });
    await planAndPublish(other, start);
    await addVersion(other, '1.1.0');
    await steerRelease(other, { kind: 'accelerate', ...id, factor: 10 }, { now: start + 3 * day });
    assert.deepEqual(await violated(other, start + 3 * day), []);
  });

  it('bake-time: of a release that is open and does not say since when, nothing is asked', () => {
    const id = { variant: 'demo', arch: 'x86_64' };
    const release = (version: string, waves = new Map<number, number>()) => {
      return { ...id, version, maxVersion: '1.1.0', images: { image: version }, waves };
    };
    const [before, later] = [release('1.0.0'), release('1.1.0', new Map([[0, start]]))];
    const after = release('1.0.0', new Map([[0, start + hour]]));
    const change = { kind: 'set', ...id, version: '1.0.0', base: '', spread: 'linear' } as const;
    const manifest = { updates: [after, later], migrations: [] };
    const facts = {
      drafts: [],
      releases: [],
      steered: [{ change, before, after }],
      published: { ...manifest, updates: [before, later] },
      manifest,
      at: start + hour,
    };
    const settings = { rules: { ...noRules, all: { minimumBake: 2 * day } }, minimumBake: undefined };
    assert.deepEqual(violationsOf(settings, [facts]), []);
  });

  it('bake-time: a release whose first wave is past begins when it is published', async () => {
    const workspace = await withPolicy('[policy]\nminimum_bake = "2 days"');
    await addVersion(workspace, '1.0.0', { startTime: start });
    await planAndPublish(workspace, start);
    await addVersion(workspace, '1.1.0', { startTime: start - 30 * day });
    assert.match(
      (await violated(workspace, start + day)).join(),
      /^bake-time: release demo x86_64 1\.1\.0: first wave at 2026-11-25T12/,
    );
    assert.deepEqual(await violated(workspace, start + 3 * day), []);
  });

  it('bake-time: what is open counts from now at the latest, whatever another clock wrote', () => {
    const id = { variant: 'demo', arch: 'x86_64', maxVersion: '1.1.0', images: { image: 'x' } };
    const open = { ...id, version: '1.0.0', waves: new Map<number, number>(), opened: start + 900 * day };
    const next = { ...id, version: '1.1.0', waves: new Map([[0, start + hour]]) };
    const published = { updates: [open], migrations: [] };
    const manifest = { updates: [open, next], migrations: [] };
    const settings = { rules: { ...noRules, all: { minimumBake: 2 * day } }, minimumBake: undefined };
    const facts = { drafts: [], releases: [next], steered: [], published, manifest, at: start };
    assert.deepEqual(
      violationsOf(settings, [facts]).map(({ name, place }) => `${name}: ${place}`),
      ['bake-time: release demo x86_64 1.1.0'],
    );
  });

  it('wave-bake: also of a release that a higher highest version lets hosts have again', async () => {
    const workspace = await withPolicy('');
    const strict = { ...workspace, settings: { ...workspace.settings, minimumBake: 3 * hour } };
    const fleet = { variant: 'demo', arch: 'x86_64' };
    await addVersion(strict, '1.0.0', { startTime: start });
    await addVersion(strict, '1.1.0', { startTime: start });
    await planAndPublish(strict, start);
    await steerRelease(strict, { kind: 'max-version', ...fleet, maxVersion: '1.0.0' }, { now: start });
    await planAndPublish(strict, start);
    const now = start + 30 * day;
    const raise = { kind: 'max-version', ...fleet, maxVersion: '1.1.0' } as const;
    const { violations } = await steerRelease(strict, raise, { now, dryRun: true });
    assert.match(violations[0]?.found ?? '', /^0 minutes before wave 2/);
    await addVersion(strict, '1.2.0', { startTime: now });
    const plan = await planPublication(strict, { now });
    assert.match(plan.violations[0]?.place ?? '', /1\.1\.0$/);
    assert.match(
      plan.warnings.join('\n'),
      /demo x86_64 1\.1\.0 was above the highest version, 1\.2\.0 from now on, and is offered again: withdraw it/,
    );
  });

  it('wave-bake: between the waves of a new release, and of one that gets other waves', async () => {
    const workspace = await withPolicy('');
    const strict = { ...workspace, settings: { ...workspace.settings, minimumBake: 3 * hour } };
    await addVersion(strict, '1.0.0', { wavePolicy: 'emergency' });
    assert.deepEqual(await violated(strict), [
      'wave-bake: release demo x86_64 1.0.0: 30 minutes before wave 2',
    ]);
    await removeDraft(strict, { variant: 'demo', arch: 'x86_64', version: '1.0.0' });
    await addVersion(strict, '1.0.0', { startTime: start - 30 * day });
    assert.match(
      (await violated(strict)).join(),
      /: 0 minutes before wave 2/,
      'all waves are past: all at once',
    );
    await removeDraft(strict, { variant: 'demo', arch: 'x86_64', version: '1.0.0' });
    await addVersion(strict, '1.0.0');
    assert.deepEqual(await violated(strict), []);
    const late = await planPublication(strict, { now: start + 5 * day, wavesFrom: start });
    assert.match(late.violations[0]?.found ?? '', /^0 minutes before wave 2/, 'approved long ago');
    await planAndPublish(strict, start);
    const id = { variant: 'demo', arch: 'x86_64', version: '1.0.0' };
    const set = { kind: 'set', ...id, spread: 'linear' } as const;
    for (const [wish, expected] of [
      [{ ...set }, 'all hosts at once'],
      [{ ...set, policy: 'default', startTime: start - 30 * day }, 'wave 2'],
      [{ kind: 'accelerate', ...id, policy: 'emergency' }, 'wave 1'],
      [{ kind: 'accelerate', ...id, factor: 2 }, 'wave 2'],
    ] as const) {
      const { violations } = await steerRelease(strict, wish, { now: start + 2 * hour });
      assert.equal(violations[0]?.name, 'wave-bake', JSON.stringify(wish));
      assert.match((await violated(strict, start + 2 * hour)).join(), new RegExp(`before ${expected}$`));
    }
    await steerRelease(strict, { kind: 'pause', ...id, everyone: false }, { now: start + 2 * hour });
    await planAndPublish(strict, start + 2 * hour);
    await steerRelease(strict, { kind: 'resume', ...id }, { now: start + 3 * hour });
    assert.deepEqual(await violated(strict, start + 3 * hour), []);
    const lateAgain = { now: start + 9 * day, wavesFrom: start + 3 * hour };
    const [slept] = (await planPublication(strict, lateAgain)).violations;
    assert.match(slept?.found ?? '', /^0 minutes before wave 3/, 'a resumption that was approved long ago');
    await planAndPublish(strict, start + 3 * hour);
    const slower = { ...set, policy: 'slow', startTime: start + 5 * hour };
    assert.deepEqual((await steerRelease(strict, slower, { now: start + 3 * hour })).violations, []);
    assert.deepEqual(await violated(strict, start + 3 * hour), []);
  });

  it('bake-time: also between two releases of one plan, and before one that is published and begins later', async () => {
    const workspace = await withPolicy('[policy]\nminimum_bake = "2 days"');
    await addVersion(workspace, '1.0.0', { startTime: start });
    await addVersion(workspace, '1.1.0', { startTime: start + day });
    const [later, ...rest] = await violated(workspace);
    assert.match(later ?? '', /^bake-time: release demo x86_64 1\.1\.0: first wave at 2026-11-25/);
    assert.deepEqual(rest, [], 'told of once');
    const atOnce = await withPolicy('[policy]\nminimum_bake = "2 days"');
    for (const version of ['1.0.0', '1.1.0']) await addVersion(atOnce, version, { wavePolicy: 'none' });
    assert.equal((await violated(atOnce)).length, 1);
    const booked = await withPolicy('[policy]\nminimum_bake = "2 days"');
    await addVersion(booked, '1.1.0', { startTime: start + 9 * day });
    await planAndPublish(booked, start);
    await addVersion(booked, '1.0.1', { startTime: start });
    assert.deepEqual(await violated(booked), [], 'it has its time before the other begins');
    await removeDraft(booked, { variant: 'demo', arch: 'x86_64', version: '1.0.1' });
    await addVersion(booked, '1.0.1', { startTime: start + 8 * day });
    assert.match((await violated(booked)).join(), /^bake-time: release demo x86_64 1\.0\.1/);
  });

  it('other waves of a published release, and more speed, are held against the same rules', async () => {
    const workspace = await withPolicy('[policy]\nminimum_bake = "2 days"\nwaves = ["slow", "default"]');
    await addVersion(workspace, '1.0.0', { startTime: start, wavePolicy: 'slow' });
    await addVersion(workspace, '1.1.0', { startTime: start + 3 * day, wavePolicy: 'slow' });
    await planAndPublish(workspace, start);
    const id = { variant: 'demo', arch: 'x86_64', version: '1.1.0' };
    const steered = async (wish: Wish): Promise<readonly string[]> => {
      await steerRelease(workspace, wish, { now: start + hour });
      return await violated(workspace, start + hour);
    };
    const other = { kind: 'set', ...id, spread: 'linear' } as const;
    const bake = 'bake-time: release demo x86_64 1.1.0: first wave at 2026-11-24T13:00:00Z';
    assert.deepEqual(await steered({ ...other }), [
      'wave-policy: release demo x86_64 1.1.0: waves none',
      bake,
    ]);
    assert.deepEqual(await steered({ ...other, policy: 'default', startTime: start + 3 * day }), []);
    assert.deepEqual(await steered({ ...other, policy: 'emergency', startTime: start + 3 * day }), [
      'wave-policy: release demo x86_64 1.1.0: waves emergency',
    ]);
    const [faster, sooner, ...rest] = await steered({ kind: 'accelerate', ...id, factor: 20 });
    assert.equal(faster, 'wave-policy: release demo x86_64 1.1.0: waves 20 times as fast');
    assert.match(sooner ?? '', /^bake-time: release demo x86_64 1\.1\.0/);
    assert.deepEqual(rest, []);
    const older = { ...id, version: '1.0.0' };
    await removeSteering(workspace, { kind: 'accelerate', ...id, base: '' });
    assert.deepEqual(
      await steered({ kind: 'pause', ...older, everyone: false }),
      [],
      'slower is no violation',
    );
  });

  it('required-fleets: a version for all of them, in one plan or one after another', async () => {
    const workspace = await withPolicy('[policy]\nrequired = ["demo/x86_64", "demo/aarch64"]', {
      template: 'single',
      variants,
    });
    await addVersion(workspace, '1.0.0', { arch: 'x86_64' });
    assert.deepEqual(await violated(workspace), ['required-fleets: version 1.0.0: none for demo/aarch64']);
    const images = {
      image: await putFile(workspace.fileSystem, '/images/os-demo-aarch64-1.0.0.img', 'other'),
    };
    const { addRelease } = await import('../../../src/signer/release/add-release.ts');
    await addRelease(workspace, { images });
    assert.deepEqual(await violated(workspace), []);
  });

  it('what is violated is refused by name, before anything is written; an override is recorded for just this', async () => {
    const workspace = await withPolicy('[policy]\nlargest_release = 13');
    await addVersion(workspace, '1.0.0');
    const plan = await planPublication(workspace, { now: start });
    await assert.rejects(publish(workspace, plan, { now: start, unlock }), {
      code: 'policy-violated',
      message: /--override release-size --reason TEXT/,
    });
    for await (const { name } of workspace.store.list()) assert.fail(name);
    const override = { names: ['release-size'], reason: 'the last one with the old kernel', now: start };
    const accepted = await planPublication(workspace, { now: start, override });
    assert.deepEqual(await readOverrides(workspace.fileSystem, directory), [], 'a plan writes nothing');
    await publish(workspace, accepted, { now: start, unlock });
    const [recorded] = await readOverrides(workspace.fileSystem, directory);
    assert.equal(recorded?.what, 'release demo x86_64 1.0.0: 14 bytes of images');
    await addVersion(workspace, '1.1.0');
    const next = await planPublication(workspace, { now: start + day });
    assert.throws(() => requireKept(next.violations, next.overrides), { code: 'policy-violated' });
  });

  it('an override counts for what it names alone', async () => {
    const workspace = await withPolicy('[policy]\nlargest_release = 13\nwaves = ["slow"]');
    await addVersion(workspace, '1.0.0');
    const override = { names: ['release-size'], reason: 'the last one with the old kernel', now: start };
    const plan = await planPublication(workspace, { now: start, override });
    assert.deepEqual(
      plan.newOverrides.map(({ name }) => name),
      ['release-size'],
    );
    await assert.rejects(publish(workspace, plan, { now: start, unlock }), {
      code: 'policy-violated',
      message: /--override wave-policy/,
    });
    assert.deepEqual(
      await readOverrides(workspace.fileSystem, directory),
      [],
      'recorded with the publication',
    );
  });

  it('an override that nothing needs, of no name, or without a reason is refused', async () => {
    const workspace = await withPolicy('[policy]\nlargest_release = 13');
    await addVersion(workspace, '1.0.0');
    const wish = { names: ['release-size'], reason: 'because', now: start };
    for (const override of [
      { ...wish, names: ['bake-time'] },
      { ...wish, names: ['x'] },
      { ...wish, reason: ' ' },
    ])
      await assert.rejects(planPublication(workspace, { now: start, override }), { code: 'usage' });
  });

  it('a wrong entry is named by table and key', async () => {
    const disk = await workspaceDisk();
    const text = Buffer.from(
      (await readPlainFile(disk, `${directory}/tidegate.toml`, 100_000))?.bytes ?? [],
    ).toString();
    const wrong = [
      ['[policy]\nlargest = 1', /\[policy\] largest/],
      ['[policy]\nlargest_release = 0', /\[policy\] largest_release/],
      ['[policy]\nminimum_bake = 5', /\[policy\] minimum_bake/],
      ['[policy]\nrequired = ["demo"]', /\[policy\] required: found "demo", expected some of demo\/x86_64/],
      ['[policy.variants.other]\nwaves = ["x"]', /\[policy\.variants\] other/],
      ['[policy.variants.demo]\nrequired = ["demo/x86_64"]', /\[policy\.variants\.demo\] required/],
    ] as const;
    for (const [policy, message] of wrong)
      assert.throws(() => parseWorkspaceFile(`${text}\n${policy}`), { code: 'config-invalid', message });
  });
});
