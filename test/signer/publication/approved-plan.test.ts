/** A plan that somebody approved, from the file to the publication. */
import assert from 'node:assert/strict';
import { canonicalBytes } from '../../../src/metadata/canonical.ts';
import { digestOf } from '../../../src/metadata/crypto.ts';
import type { JsonValue } from '../../../src/metadata/json.ts';
import { formatJson, jsonOf } from '../../../src/metadata/json-writer.ts';
import { planAsApproved } from '../../../src/signer/publication/approved-plan.ts';
import { formatPlanFile, parsePlanFile } from '../../../src/signer/publication/plan-file.ts';
import { type Plan, planPublication } from '../../../src/signer/publication/plan-publication.ts';
import { publish } from '../../../src/signer/publication/publish.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { addRelease } from '../../../src/signer/release/add-release.ts';
import { removeDraft } from '../../../src/signer/release/draft.ts';
import { steerRelease } from '../../../src/signer/release/steer-release.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { StorageReplay } from '../../support/storage-replay.ts';
import {
  addVersion,
  day,
  hour,
  open,
  planAndPublish,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';

const later = start + day;

async function waiting(): Promise<Workspace> {
  const workspace = await open(await workspaceDisk(), new MemoryStore());
  await planAndPublish(workspace, start);
  await addVersion(workspace, '1.0.0');
  return workspace;
}

async function fileOf(workspace: Workspace, now: number) {
  const plan = await planPublication(workspace, { now, wavesFrom: now });
  return { plan, file: parsePlanFile(formatPlanFile(plan, now), 'plan.json') };
}

describe('signer/publication: a plan in a file', () => {
  it('its id does not depend on the second in which it was made, where waves do not', async () => {
    const workspace = await open(await workspaceDisk(), new MemoryStore());
    await addVersion(workspace, '1.0.0', { startTime: start + day });
    const ids = new Set<string>();
    for (const after of [0, 1, 999, 1000, 61_500])
      ids.add((await planPublication(workspace, { now: start + after })).id);
    assert.equal(ids.size, 1);
    const other = await waiting();
    const [one, two] = [
      await planPublication(other, { now: later }),
      await planPublication(other, { now: later + 1000 }),
    ];
    assert.notEqual(one.id, two.id, 'waves count from now');
    const timeless = ({ json }: Plan): string =>
      json.replaceAll(
        /"waves":\{[^}]*\}|"last_wave_ends":"[^"]*"|"length":\d+,"sha256":"\w+","target":"manifest.json"/g,
        '',
      );
    assert.equal(timeless(one), timeless(two), 'nothing else does');
  });

  it('is published a day later with its own waves, and metadata that is fresh', async () => {
    const workspace = await waiting();
    const { plan, file } = await fileOf(workspace, later);
    const now = later + day;
    const again = await planAsApproved(workspace, file, { now });
    assert.equal(again.id, plan.id);
    assert.deepEqual(again.repositories[0]?.releases, plan.repositories[0]?.releases);
    const { plan: published } = await publish(workspace, again, { now, unlock });
    assert.equal(published, plan.id);
    const timestamp = await workspace.store.read('metadata/timestamp.json', 99_999);
    const { signed } = JSON.parse(Buffer.from(timestamp?.bytes ?? []).toString());
    assert.equal(Date.parse(signed.expires), now + workspace.expiration.timestamp);
    assert.deepEqual(
      (await planAsApproved(workspace, file, { now: now + hour })).repositories,
      [],
      'done already',
    );
  });

  it('a draft more or less, or a policy that changed, is not what was approved', async () => {
    const workspace = await waiting();
    const { file } = await fileOf(workspace, later);
    await addVersion(workspace, '1.1.0');
    const planning = () => planAsApproved(workspace, file, { now: later, rebase: true });
    await assert.rejects(planning(), {
      code: 'workspace-invalid',
      message: /is not what would be published now/,
    });
    for (const version of ['1.0.0', '1.1.0'])
      await removeDraft(workspace, { variant: 'demo', arch: 'x86_64', version });
    await assert.rejects(planning(), { code: 'workspace-invalid' });
    await addVersion(workspace, '1.0.0');
    await planning();
    const shorter = { ...workspace, expiration: { ...workspace.expiration, timestamp: day } };
    await assert.rejects(planAsApproved(shorter, file, { now: later }), { code: 'workspace-invalid' });
  });

  it('when somebody published since, it is refused; rebased, the same change is made upon that', async () => {
    const workspace = await waiting();
    const { plan, file } = await fileOf(workspace, later);
    await refreshRepositories(workspace, { now: later + 1000, unlock, force: true });
    const now = later + hour;
    await assert.rejects(planAsApproved(workspace, file, { now }), { code: 'base-moved' });
    const rebased = await planAsApproved(workspace, file, { now, rebase: true });
    assert.notEqual(rebased.id, plan.id);
    assert.deepEqual(rebased.repositories[0]?.releases, plan.repositories[0]?.releases);
    await publish(workspace, rebased, { now, unlock });
    const other = await open(await workspaceDisk(), workspace.store);
    await addVersion(other, '1.3.0');
    const second = await fileOf(other, now);
    await addVersion(workspace, '1.2.0');
    await planAndPublish(workspace, now);
    // The list of releases is another file by now; what comes to it, and when, is the same but for max_version.
    const rebasing = { now, rebase: true };
    await assert.rejects(planAsApproved(other, second.file, { now }), { code: 'base-moved' });
    const again = await planAsApproved(other, second.file, rebasing);
    assert.deepEqual(again.repositories[0]?.releases, second.plan.repositories[0]?.releases);
  });

  it('rebased or not: validity, keys, root and what a withdrawal comes to are those that were approved', async () => {
    const workspace = await waiting();
    const { file } = await fileOf(workspace, later);
    await refreshRepositories(workspace, { now: later + 1000, unlock, force: true });
    const request = { now: later + hour, rebase: true };
    await planAsApproved(workspace, file, request);
    const { expiration } = workspace;
    for (const other of [{ targets: day }, { snapshot: day }, { timestamp: day }]) {
      const shorter = { ...workspace, expiration: { ...expiration, ...other } };
      await assert.rejects(planAsApproved(shorter, file, request), { code: 'workspace-invalid' });
    }
    const [approved] = file.parts.values();
    const another: ReadonlyArray<readonly [string, JsonValue]> = [
      ['root', new Map<string, JsonValue>([['version', 2]])],
      ['renew', ['targets']],
    ];
    for (const [member, value] of another) {
      const parts = new Map([['metadata', new Map([...(approved ?? []), [member, value] as const])]]);
      await assert.rejects(planAsApproved(workspace, { ...file, parts }, request), {
        code: 'workspace-invalid',
      });
    }
  });

  it('of a withdrawal it says whether hosts are called back, and of a release whether it was withdrawn', async () => {
    const workspace = await waiting();
    await planAndPublish(workspace, start);
    await addVersion(workspace, '1.1.0');
    await planAndPublish(workspace, start + hour);
    const id = { variant: 'demo', arch: 'x86_64', version: '1.1.0' };
    const said = async (callBack?: string): Promise<string> => {
      const wish = { kind: 'withdraw', ...id, ...(callBack !== undefined && { callBack }) } as const;
      await steerRelease(workspace, wish, { now: later });
      return (await planPublication(workspace, { now: later })).json;
    };
    assert.doesNotMatch(await said(), /call_back/);
    assert.match(await said('1.0.0'), /"call_back":"1\.0\.0"/);
    await planAndPublish(workspace, later);
    await addVersion(workspace, '1.1.0', { readmit: true });
    assert.match((await planPublication(workspace, { now: later + hour })).json, /"readmitted":true/);
  });

  it('over many repositories it goes on where it was interrupted', async () => {
    const variants = { k8s: ['x86_64'], metal: ['x86_64'], edge: ['x86_64'] };
    const store = new MemoryStore();
    const workspace = await open(await workspaceDisk({ template: 'bottlerocket', variants }), store);
    const { plan, file } = await fileOf(workspace, start);
    let swaps = 0;
    const dying = new StorageReplay(store, {
      before: async ({ call }) => {
        if (call === 'swap' && ++swaps === 2) throw new Error('died');
      },
    });
    await assert.rejects(publish({ ...workspace, store: dying }, plan, { now: start, unlock }), /died/);
    const now = start + hour;
    const rest = await planAsApproved(workspace, file, { now });
    assert.deepEqual(
      rest.repositories.map(({ live }) => live.place.name),
      ['metal/x86_64', 'edge/x86_64'],
    );
    assert.equal((await publish(workspace, rest, { now, unlock })).plan, plan.id);
    assert.deepEqual((await planAsApproved(workspace, file, { now })).repositories, []);
  });

  it('a file with what nobody would compare is refused, though its id is right', async () => {
    const workspace = await waiting();
    const { plan } = await fileOf(workspace, later);
    const content = JSON.parse(plan.json);
    const [part] = content.repositories;
    const altered = [
      { ...content, note: 'approved' },
      { ...content, tidegate_plan: 2 },
      { ...content, repositories: { part } },
      { ...content, repositories: [{ ...part, releases: [] }, part] },
      { ...content, repositories: [part, 'all is well'] },
      { ...content, repositories: [{ ...part, folder: 1 }] },
    ];
    for (const one of altered) {
      const json = jsonOf(one);
      const id = digestOf('sha256', canonicalBytes(json));
      const file = { format: 'tidegate-plan', version: 1, plan: id, planned_at: later, content: json };
      const bytes = Buffer.from(formatJson(jsonOf(file)));
      assert.throws(() => parsePlanFile(bytes, 'plan.json'), { code: 'plan-invalid' });
    }
  });

  it('a repository that the file does not speak of is not published with it', async () => {
    const variants = { k8s: ['x86_64'], metal: ['x86_64'] };
    const workspace = await open(
      await workspaceDisk({ template: 'bottlerocket', variants }),
      new MemoryStore(),
    );
    await planAndPublish(workspace, start);
    const images: Record<string, string> = {};
    for (const kind of ['boot', 'root', 'hash'])
      images[kind] = await putFile(workspace.fileSystem, `/images/${kind}`, kind);
    const release = { arch: 'x86_64', version: '1.0.0', images };
    await addRelease(workspace, { ...release, variant: 'k8s' });
    const { file } = await fileOf(workspace, later);
    await addRelease(workspace, { ...release, variant: 'metal' });
    for (const rebase of [false, true])
      await assert.rejects(planAsApproved(workspace, file, { now: later, rebase }), {
        code: 'workspace-invalid',
        message: /^metal\/x86_64: plan/,
      });
  });

  it('a file that was altered is refused', async () => {
    const workspace = await waiting();
    const { plan } = await fileOf(workspace, later);
    const text = Buffer.from(formatPlanFile(plan, later)).toString();
    const altered = [
      text.replace('"1.0.0"', '"1.0.1"'),
      text.replace('tidegate-plan', 'plan'),
      text.replace(/"planned_at": \d+/, '"planned_at": "now"'),
      text.slice(0, -20),
      '[]',
    ];
    for (const bytes of altered)
      assert.throws(() => parsePlanFile(Buffer.from(bytes), 'plan.json'), { code: 'plan-invalid' });
    const moved = text.replace(/"planned_at": \d+/, `"planned_at": ${later + day}`);
    const file = parsePlanFile(Buffer.from(moved), 'plan.json');
    await assert.rejects(planAsApproved(workspace, file, { now: later }), { code: 'workspace-invalid' });
  });
});
