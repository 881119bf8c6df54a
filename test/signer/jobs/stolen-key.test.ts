/** A stolen key of each kind, against live hosts with the real client that began with roots 1, 2 and 3. */
import assert from 'node:assert/strict';
import { withMembers } from '../../../src/metadata/json-writer.ts';
import { advanceJob } from '../../../src/signer/jobs/advance.ts';
import { rolesOfKey, rolesToReplace } from '../../../src/signer/jobs/affected-roles.ts';
import { forgedFiles, publishForged } from '../../../src/signer/jobs/drill/attack.ts';
import { rehearse } from '../../../src/signer/jobs/drill/drill.ts';
import { type StandIn, signedByStandIns } from '../../../src/signer/jobs/drill/stand-ins.ts';
import { readJobs } from '../../../src/signer/jobs/job.ts';
import { makeKey } from '../../../src/signer/jobs/new-keys.ts';
import { startRevocation, startRotation } from '../../../src/signer/jobs/start-job.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { addDelegation } from '../../../src/signer/workspace/edit-delegations.ts';
import { chainOf } from '../../../src/signer/workspace/roots.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { goOn, Host, signWaiting, startOptions } from '../../support/jobs.ts';
import {
  day,
  hour,
  open,
  planAndPublish,
  publishedWorkspace,
  start,
  unlock,
} from '../../support/workspace.ts';
import { foreignKey, nextRoot, ownKey } from '../../support/workspace-ceremony.ts';

const now = start + day;
const firmware = { name: 'firmware', keys: ['dora'], threshold: 1, paths: ['fw-*'], terminating: false };

async function delegatingRepository() {
  const { fs, store, workspace } = await publishedWorkspace();
  const keys = [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')];
  await makeKey(workspace, 'dora', { passphrase: undefined });
  await addDelegation(workspace, firmware);
  let present = await open(fs, store);
  for (const time of [start + 1000, start + 2000]) present = await nextRoot(present, keys, time);
  await planAndPublish(present, start + 3000);
  return { fs, store, workspace: await open(fs, store) };
}

function placeOf(workspace: Workspace) {
  const [place] = repositoriesOf(workspace.settings);
  assert.ok(place !== undefined);
  return place;
}

/** What somebody can publish who has the store and one key. */
async function forgedWith(workspace: Workspace, name: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const key = await ownKey(workspace, name);
  const standIns = new Map<string, StandIn>([[key.id, { name, key }]]);
  const live = await readLive(workspace, placeOf(workspace));
  if (name.startsWith('root')) {
    const { json, roles, version } = live.root;
    const next = withMembers(json, { version: version + 1 });
    return new Map([
      [`metadata/${version + 1}.root.json`, await signedByStandIns(next, roles.root.keyIds, standIns)],
    ]);
  }
  const roles = name === 'timestamp' ? ['timestamp'] : ['timestamp', 'snapshot', 'targets', 'firmware'];
  return await forgedFiles({ standIns }, live, new Set(roles));
}

async function copyOf(store: MemoryStore): Promise<MemoryStore> {
  const copy = new MemoryStore();
  for await (const { name } of store.list())
    await copy.create(name, (await store.read(name, 10_000_000))?.bytes ?? new Uint8Array());
  return copy;
}

describe('signer/jobs: a stolen key', () => {
  const hosts: Host[] = [];
  afterEach(() => {
    for (const host of hosts.splice(0)) host.end();
  });

  for (const name of ['timestamp', 'snapshot', 'targets', 'root-1', 'dora'])
    it(`SGN-31, TUF-32: ${name} is revoked, and hosts of every root trust only what replaced it`, async () => {
      const { fs, store, workspace } = await delegatingRepository();
      for (const root of workspace.roots) hosts.push(new Host(root));
      for (const host of hosts) {
        host.now = now;
        await host.refresh(store);
      }
      const stolen = [...workspace.keys.values()].find((key) => key.name === name)?.id ?? '';
      const forged = await forgedWith(workspace, name);
      const shown = await copyOf(store);
      await publishForged({ store: shown }, forged);
      // The timestamp's thief lets numbers run ahead; the others can show hosts nothing at all.
      for (const host of hosts) {
        if (name === 'timestamp') assert.equal((await host.refresh(shown)).versions.timestamp, 1_000_000);
        else await assert.rejects(host.refresh(shown), { code: 'threshold-not-met' });
      }
      const job = await startRevocation(workspace, name, startOptions(now));
      const standing = await goOn(workspace, job, now + hour);
      assert.equal(standing.stage, 'done');
      assert.equal(Number(standing.job.marks.done) - standing.job.marks.started, hour);
      const last = await open(fs, store);
      assert.ok(!chainOf(last.roots, 'roots').root.document.keys.has(stolen));
      const { published } = await readLive(last, placeOf(last));
      assert.ok(published?.targets.delegations?.keys.has(stolen) === false);
      // Another timestamp key, and the same number as before would be passed over.
      const again = await copyOf(store);
      if (!name.startsWith('root')) await publishForged({ store: again }, forged);
      for (const host of hosts) {
        host.now = now + hour;
        const { versions } = await host.refresh(store);
        assert.equal(versions.root, name === 'dora' ? 3 : 4);
        if (!name.startsWith('root'))
          await assert.rejects(host.refresh(again), { code: 'threshold-not-met' });
      }
    }).timeout(20_000);

  it('SGN-31: a delegated key in a rehearsal, and rotated in peace', async () => {
    const { fs, store, workspace } = await delegatingRepository();
    const begin = (copy: Workspace) => startRevocation(copy, 'dora', startOptions(now));
    const lives = [await readLive(workspace, placeOf(workspace))];
    const report = await rehearse({
      source: workspace,
      lives,
      stolen: ['firmware'],
      begin,
      now,
    });
    assert.ok(report.good, JSON.stringify(report.rows));
    const job = await startRotation(workspace, 'firmware', startOptions(now));
    assert.equal((await goOn(workspace, job, now)).stage, 'done');
    const { published } = await readLive(await open(fs, store), placeOf(workspace));
    const [role] = published?.targets.delegations?.roles ?? [];
    assert.equal(role?.keyIds.length, 1);
    assert.match((await open(fs, store)).settings.delegations?.[0]?.keys.join() ?? '', /^dora-2$/);
  }).timeout(20_000);

  it('SGN-33: with fewer root keys than needed a revocation waits for ever, and says for whom', async () => {
    const { fs, store, workspace } = await delegatingRepository();
    const dave = await foreignKey(fs, 'dave');
    const keys = [{ role: undefined, name: 'dave', place: undefined }];
    const job = await startRevocation(await open(fs, store), 'root-3', { ...startOptions(now), keys });
    await advanceJob(workspace, job, { now, unlock });
    for (const lost of ['root-2', 'root-3']) await fs.unlink(`/home/workspace/keys/${lost}.key.json`);
    await signWaiting(workspace);
    const standing = await advanceJob(workspace, job, { now, unlock });
    assert.match(standing.waiting[0]?.progress ?? '', /^1 of 2 by root 3's keys, 1 of 2 by root 4's keys$/);
    assert.equal(standing.published.length, 0);
    assert.equal(await store.stat('metadata/4.root.json'), undefined);
    assert.ok(dave.id.length === 64);
  }).timeout(20_000);

  it('what is stolen does not wait for a rotation that is under way', async () => {
    const { fs, store, workspace } = await publishedWorkspace();
    const rotation = await startRotation(workspace, 'timestamp', startOptions(now));
    await goOn(workspace, rotation, now);
    await goOn(workspace, rotation, now + hour);
    const present = await open(fs, store);
    assert.deepEqual(present.settings.roles.timestamp.keys, ['timestamp-2']);
    await assert.rejects(startRotation(present, 'snapshot', startOptions(now)), {
      code: 'workspace-invalid',
    });
    const job = await startRevocation(present, 'timestamp', startOptions(now + 2 * hour));
    assert.equal((await goOn(present, job, now + 2 * hour)).stage, 'done');
    const second = await startRevocation(await open(fs, store), 'timestamp-2', startOptions(now + 3 * hour));
    assert.deepEqual(second.changes, [
      { role: 'timestamp', before: ['timestamp-2'], after: ['timestamp-3'] },
    ]);
    assert.equal((await goOn(present, second, now + 3 * hour)).stage, 'done');
    assert.deepEqual(await readJobs(present), []);
  }).timeout(20_000);

  it('TUF-32: says of each role what a thief can do, and which keys go with it', () => {
    const one = (name: string) => ({ keys: [name], threshold: 1 });
    const roles = {
      root: { keys: ['a', 'b'], threshold: 2 },
      timestamp: one('t'),
      snapshot: one('s'),
      targets: one('r'),
    };
    const settings = { roles, delegations: [firmware] };
    const [root] = rolesOfKey(settings, 'a');
    assert.match(root?.outcome ?? '', /^one key of 2 that are needed: nothing by itself/);
    assert.match(
      rolesOfKey(settings, 't')[0]?.outcome ?? '',
      /frozen .* no file can be made up, none goes back/,
    );
    assert.match(rolesOfKey(settings, 's')[0]?.recovery ?? '', /tidegate recover, which replaces both/);
    assert.match(
      rolesOfKey(settings, 'dora')[0]?.outcome ?? '',
      /any file that the role may list can be made up; without them nothing/,
    );
    assert.deepEqual(rolesToReplace(['timestamp']), ['timestamp']);
    assert.deepEqual(rolesToReplace(['snapshot']), ['snapshot', 'timestamp']);
    assert.deepEqual(rolesToReplace(['targets']), ['targets', 'snapshot', 'timestamp']);
  });
});
