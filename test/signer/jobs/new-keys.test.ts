import assert from 'node:assert/strict';
import { reopened } from '../../../src/signer/jobs/carry-out.ts';
import { jobPath, readJob, readJobs, writeJob } from '../../../src/signer/jobs/job.ts';
import { bringKey, makeKey, nextKeyName, parseNewKey } from '../../../src/signer/jobs/new-keys.ts';
import { startRotation } from '../../../src/signer/jobs/start-job.ts';
import { goOn, startOptions } from '../../support/jobs.ts';
import {
  directory,
  open,
  publishedWorkspace,
  putFile,
  start,
  unlock,
  workspaceDisk,
} from '../../support/workspace.ts';
import { textOf } from '../../support/workspace-ceremony.ts';

const context = { directory: '/images', unlock };

describe('signer/jobs/new-keys', () => {
  it('reads NAME, NAME=FILE and NAME=ADDRESS, with a role or without', () => {
    assert.deepEqual(parseNewKey('dave'), { role: undefined, name: 'dave', place: undefined });
    assert.deepEqual(parseNewKey('dave=a/dave.pub'), { role: undefined, name: 'dave', place: 'a/dave.pub' });
    const place = 'awskms:alias/t-2?region=eu-central-1';
    assert.deepEqual(parseNewKey(`timestamp:t-2=${place}`), { role: 'timestamp', name: 't-2', place });
    for (const text of ['', '=x', 'Dave', 'dave=', 'a b'])
      assert.throws(() => parseNewKey(text), { code: 'usage' }, text);
  });

  it('counts names on', async () => {
    const workspace = await open(await workspaceDisk());
    assert.equal(await nextKeyName(workspace, 'timestamp'), 'timestamp-2');
    assert.equal(await nextKeyName(workspace, 'root-1'), 'root-4');
    assert.equal(await nextKeyName(workspace, 'root-1', new Set(['root-4'])), 'root-5');
  });

  it('takes a public half from elsewhere, and one of another key under that name never', async () => {
    const fs = await workspaceDisk();
    const workspace = await open(fs);
    await putFile(fs, '/images/dave.pub', await textOf(fs, `${directory}/keys/targets.pub`));
    await bringKey(workspace, parseNewKey('dave=dave.pub'), context);
    await bringKey(workspace, parseNewKey('dave=dave.pub'), context);
    assert.equal(
      await textOf(fs, `${directory}/keys/dave.pub`),
      await textOf(fs, `${directory}/keys/targets.pub`),
    );
    await assert.rejects(bringKey(workspace, parseNewKey('snapshot=dave.pub'), context), {
      code: 'name-taken',
    });
    await assert.rejects(bringKey(workspace, parseNewKey('erin'), context), { code: 'workspace-invalid' });
    await assert.rejects(bringKey(workspace, parseNewKey('erin=carrier-pigeon:7'), context), {
      code: 'key-uri-invalid',
    });
  });

  it('a private half elsewhere stays there: tidegate.toml says where, and it signs after the rotation', async () => {
    const { store, workspace } = await publishedWorkspace();
    const donor = await open(await workspaceDisk({ template: 'single', name: 'example/donor' }));
    await makeKey(donor, 'away', { passphrase: undefined });
    await putFile(
      workspace.fileSystem,
      '/images/away.key.json',
      await textOf(donor.fileSystem, `${directory}/keys/away.key.json`),
    );
    const keys = [parseNewKey('timestamp-2=file:/images/away.key.json')];
    const job = await startRotation(workspace, 'timestamp', startOptions(start, { keys, making: undefined }));
    const present = await reopened(workspace);
    assert.equal(present.settings.keyPlaces.get('timestamp-2'), 'file:/images/away.key.json');
    await goOn(workspace, job, start);
    const { stage } = await goOn(workspace, job, start + 3_600_000);
    assert.equal(stage, 'withdraw');
    const timestamp = await store.read('metadata/timestamp.json', 100_000);
    const away = [...(await reopened(workspace)).keys.values()].find(({ name }) => name === 'timestamp-2');
    assert.ok(Buffer.from(timestamp?.bytes ?? []).includes(away?.id ?? 'nothing'));
  }).timeout(10_000);

  it('a key that the workspace knows under another name is no new key', async () => {
    const fs = await workspaceDisk();
    const { store } = await publishedWorkspace();
    const workspace = await open(fs, store);
    await putFile(fs, '/images/copy.pub', await textOf(fs, `${directory}/keys/snapshot.pub`));
    const keys = [parseNewKey('copy=/images/copy.pub')];
    await assert.rejects(startRotation(workspace, 'timestamp', startOptions(start, { keys })), {
      code: 'usage',
      message: /copy is a key that the workspace knows under another name/,
    });
    assert.deepEqual(await readJobs(workspace), []);
  });

  it('keeps jobs as they were, and names a damaged one', async () => {
    const workspace = await open(await workspaceDisk());
    const job = {
      kind: 'recover',
      name: 'recover',
      changes: [{ role: 'timestamp', before: ['a'], after: ['b'] }],
      wait: 0,
      marks: { started: start, introduced: start + 1000 },
      honest: [
        { repository: 'metadata', timestamp: 7, snapshot: Buffer.from('s'), targets: Buffer.from('t') },
      ],
      remove: ['x.img'],
    } as const;
    await writeJob(workspace, job);
    assert.deepEqual(await readJob(workspace, 'recover'), job);
    await putFile(workspace.fileSystem, jobPath(workspace, 'recover'), '{"format":1,"kind":"recover"}');
    await assert.rejects(readJob(workspace, 'recover'), {
      code: 'state-damaged',
      message: /--abandon recover removes it/,
    });
  });
});
