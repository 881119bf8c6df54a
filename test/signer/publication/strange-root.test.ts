/** A root that somebody else published, under keys that this workspace does not know. */
import assert from 'node:assert/strict';
import { isJsonObject } from '../../../src/metadata/json.ts';
import { withMembers } from '../../../src/metadata/json-writer.ts';
import { examine } from '../../../src/signer/doctor/examine.ts';
import { KeyRing } from '../../../src/signer/keys/key-ring.ts';
import { signDocument } from '../../../src/signer/keys/signing.ts';
import { readLive } from '../../../src/signer/publication/live-repository.ts';
import { refreshRepositories } from '../../../src/signer/refresh.ts';
import { statusOf } from '../../../src/signer/status.ts';
import { repositoriesOf, type Workspace } from '../../../src/signer/workspace/workspace.ts';
import type { MemoryStore } from '../../../src/storage/memory.ts';
import { runDaemon, words } from '../../support/daemon-scene.ts';
import type { MemoryFileSystem } from '../../support/memory-file-system.ts';
import {
  day,
  directory,
  hour,
  open,
  publishedWorkspace,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';
import { textOf } from '../../support/workspace-ceremony.ts';

const now = start + day;

interface Scene {
  readonly disk: MemoryFileSystem;
  readonly store: MemoryStore;
  readonly workspace: Workspace;
}

/** Somebody has the keys of root, and published a root 2 that adds a key of his own to the timestamp's. */
async function scene(): Promise<Scene> {
  const { fs: disk, store, workspace } = await publishedWorkspace();
  const [place] = repositoriesOf(workspace.settings);
  assert.ok(place);
  const { root } = await readLive(workspace, place);
  const thief = await open(await workspaceDisk({ template: 'single', name: 'example/thief' }));
  const [own] = thief.keys.values();
  assert.ok(own);
  const [keys, roles] = [root.json.get('keys'), root.json.get('roles')];
  assert.ok(isJsonObject(keys) && isJsonObject(roles));
  const timestamp = roles.get('timestamp');
  assert.ok(isJsonObject(timestamp));
  const document = withMembers(root.json, {
    version: 2,
    keys: new Map([...keys, [own.id, own.json]]),
    roles: new Map([
      ...roles,
      ['timestamp', withMembers(timestamp, { keyids: [...root.roles.timestamp.keyIds, own.id] })],
    ]),
  });
  const ring = new KeyRing(disk, `${directory}/keys`, unlock);
  const bytes = await signDocument({ document, role: root.roles.root, what: 'root 2' }, ring, workspace.keys);
  await store.create('metadata/2.root.json', bytes);
  return { disk, store, workspace };
}

describe('signer/publication: a root of somebody else', () => {
  it('refresh goes on, says so each time, and never takes the root for one of its own', async () => {
    const { disk, store } = await scene();
    for (const time of [now, now + day]) {
      const [result] = await refreshRepositories(await open(disk, store), { now: time, unlock, force: true });
      assert.equal(result?.outcome, 'refreshed');
      assert.match(
        result.strangeRoot ?? '',
        /root 2 was published by somebody else.*\(timestamp: [0-9a-f]{12}…\)/,
      );
    }
    assert.equal((await open(disk, store)).roots.length, 1);
    const [dry] = await refreshRepositories(await open(disk, store), {
      now: now + day,
      unlock,
      dryRun: true,
    });
    assert.ok(dry?.strangeRoot !== undefined);
  });

  it('status and doctor say it, and so does the daemon, once', async () => {
    const { disk, store, workspace } = await scene();
    const [status] = await statusOf(workspace, { now });
    assert.match(status?.strangeRoot ?? '', /root 2/);
    const findings = await examine(workspace, { now, probe: false });
    assert.ok(
      findings.some(
        ({ check, level, found }) => check === 'roots' && level === 'fail' && /root 2/.test(found),
      ),
    );
    const run = await runDaemon({ open: () => open(disk, store), from: now, during: day });
    const alarms = run.events.filter(({ event }) => event === 'alarm' || event === 'cleared');
    assert.deepEqual(
      alarms.map((alarm) => 'code' in alarm && [alarm.event, alarm.code, alarm.repository]),
      [['alarm', 'root-unknown', 'metadata']],
    );
    assert.ok(words(run).includes('refreshed'));
  });

  it('once its keys are brought here it is one of the workspace’s own', async () => {
    const { disk, store } = await scene();
    const thief = await workspaceDisk({ template: 'single', name: 'example/thief' });
    const [own] = (await open(thief)).keys.values();
    await putFile(
      disk,
      `${directory}/keys/colleague.pub`,
      await textOf(thief, `${directory}/keys/${own?.name}.pub`),
    );
    const [result] = await refreshRepositories(await open(disk, store), { now, unlock, force: true });
    assert.equal(result?.strangeRoot, undefined);
    assert.equal((await open(disk, store)).roots.length, 2);
    const [status] = await statusOf(await open(disk, store), { now: now + hour });
    assert.equal(status?.strangeRoot, undefined);
  });
});
