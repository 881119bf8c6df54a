/** Finishing what another machine began, on one that is not as that one was. */
import assert from 'node:assert/strict';
import { parseEnvelope } from '../../../src/metadata/envelope.ts';
import { parseTimestamp } from '../../../src/metadata/timestamp.ts';
import { readPrepared } from '../../../src/signer/publication/commit-journal.ts';
import { resumePublications } from '../../../src/signer/publication/resume.ts';
import type { Workspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { defaultLimits } from '../../../src/trust/limits.ts';
import type { MemoryFileSystem } from '../../support/memory-file-system.ts';
import { dyingAtCommit, StorageReplay } from '../../support/storage-replay.ts';
import {
  addVersion,
  copyOf,
  day,
  hour,
  open,
  planAndPublish,
  start,
  workspaceDisk,
} from '../../support/workspace.ts';
import { nextRoot, ownKey } from '../../support/workspace-ceremony.ts';

const later = start + hour;

/** 1.0.0 is published; 1.1.0 waits for its commit, and whoever began it is gone. */
async function begun(expiration: Partial<Workspace['expiration']> = {}) {
  const store = new MemoryStore();
  const disk = await workspaceDisk();
  const lasting = (workspace: Workspace) => ({
    ...workspace,
    expiration: { ...workspace.expiration, ...expiration },
  });
  await addVersion(await open(disk, store), '1.0.0');
  await planAndPublish(await open(disk, store), start);
  const other = copyOf(disk);
  await addVersion(await open(disk, store), '1.1.0');
  const dying = lasting(await open(disk, dyingAtCommit(store)));
  await assert.rejects(planAndPublish(dying, later), /died/);
  return { store, other, workspace: lasting(await open(other, store)) };
}

async function versionIn(store: MemoryStore): Promise<number> {
  const bytes = (await store.read('metadata/timestamp.json', 100_000))?.bytes ?? new Uint8Array();
  return JSON.parse(Buffer.from(bytes).toString()).signed.version;
}

describe('signer/publication/resume: elsewhere', () => {
  it('a root that waits there for its own publication is in nobody’s way', async () => {
    const { store, other, workspace } = await begun();
    const keys = [await ownKey(workspace, 'root-1'), await ownKey(workspace, 'root-2')];
    const present = await nextRoot(workspace, keys, later);
    const [done] = await resumePublications(present, { now: later + hour });
    assert.deepEqual([done?.outcome, done?.version], ['finished', 2]);
    assert.equal(await store.stat('metadata/2.root.json'), undefined);
    await planAndPublish(await open(other as MemoryFileSystem, store), later + 2 * hour);
    assert.ok(await store.stat('metadata/2.root.json'));
  });

  it('a machine that sleeps before the commit commits nothing afterwards', async () => {
    const { store, workspace } = await begun();
    let clock = later + hour;
    const before = async ({ call, name }: { readonly call: string; readonly name: string }) => {
      if (call === 'stat' && name.includes('1.1.0')) clock += 4 * day;
    };
    const sleepy = { ...workspace, store: new StorageReplay(store, { before }) };
    await assert.rejects(resumePublications(sleepy, { now: clock, clock: () => clock }), {
      code: 'too-slow',
    });
    assert.equal(await versionIn(store), 1);
  });

  it('what expires while a machine sleeps before the commit is not committed', async () => {
    const { store, workspace } = await begun({ timestamp: day });
    const [one] = await readPrepared(store, 'metadata');
    const { expires } = parseTimestamp(
      parseEnvelope(one?.timestamp ?? new Uint8Array(), defaultLimits, 'it'),
    );
    let clock = expires - day;
    const before = async ({ call, name }: { readonly call: string; readonly name: string }) => {
      if (call === 'stat' && name.includes('1.1.0')) clock = expires + 1;
    };
    const sleepy = { ...workspace, store: new StorageReplay(store, { before }) };
    await assert.rejects(resumePublications(sleepy, { now: clock, clock: () => clock }), { code: 'expired' });
    assert.equal(await versionIn(store), 1);
  });
});
