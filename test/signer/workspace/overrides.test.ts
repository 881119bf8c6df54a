import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { proposeRoot } from '../../../src/signer/ceremony/propose-root.ts';
import { initWorkspace } from '../../../src/signer/workspace/init.ts';
import { overridesFor, readOverrides } from '../../../src/signer/workspace/overrides.ts';
import { readThresholdPolicy, weaknessNames } from '../../../src/signer/workspace/role-strength.ts';
import { openWorkspace } from '../../../src/signer/workspace/workspace.ts';
import { MemoryStore } from '../../../src/storage/memory.ts';
import { FileSystemReplay } from '../../support/file-system-replay.ts';
import { MemoryFileSystem, powerCuts } from '../../support/memory-file-system.ts';
import {
  copyOf,
  day,
  directory,
  open,
  planAndPublish,
  putFile,
  start,
  workspaceDisk,
} from '../../support/workspace.ts';
import { editToml, nextRoot, ownKey, textOf } from '../../support/workspace-ceremony.ts';

const later = start + day;
const wish = (...names: string[]) => ({ names, reason: 'a laboratory', now: later });

async function opened(fileSystem: MemoryFileSystem | FileSystemReplay, override = wish('root-threshold')) {
  return await openWorkspace(directory, { fileSystem, store: new MemoryStore(), override });
}

async function weak(): Promise<MemoryFileSystem> {
  const fs = await workspaceDisk();
  await editToml(fs, 'threshold = 2', 'threshold = 1');
  return fs;
}

describe('signer/workspace/overrides', () => {
  it('SGN-14: a root threshold of 1 needs an override by name, and is recorded for just that', async () => {
    const fs = await weak();
    await assert.rejects(open(fs), {
      code: 'config-invalid',
      message: /\[roles\.root\] threshold: found 1, expected 2 .*--override root-threshold --reason TEXT/,
    });
    const workspace = await opened(fs);
    assert.deepEqual(await readOverrides(fs, directory), [], 'opening records nothing');
    await proposeRoot(workspace, { now: later, dryRun: true });
    assert.deepEqual(await readOverrides(fs, directory), [], 'a dry run records nothing');
    await proposeRoot(workspace, { now: later });
    const [recorded, ...others] = await readOverrides(fs, directory);
    assert.deepEqual(others, []);
    assert.equal(recorded?.what, '[roles.root] threshold: 1');
    assert.deepEqual(
      [recorded?.name, recorded?.reason, recorded?.time],
      ['root-threshold', 'a laboratory', later],
    );
    assert.match(recorded?.who ?? '', /./);
    await open(fs);
    await editToml(fs, 'keys = ["snapshot"]', 'keys = ["root-1"]');
    await assert.rejects(open(fs), { code: 'config-invalid', message: /--override shared-keys/ });
  });

  it('what was accepted is published', async () => {
    const fs = await weak();
    const first = await opened(fs);
    const workspace = await nextRoot(
      first,
      [await ownKey(first, 'root-1'), await ownKey(first, 'root-2')],
      later,
    );
    await planAndPublish(workspace, later);
    assert.ok(await workspace.store.stat('metadata/2.root.json'));
  });

  it('SGN-15: an online key in an offline role, too', async () => {
    const fs = await workspaceDisk();
    await editToml(fs, 'keys = ["snapshot"]', 'keys = ["targets"]');
    await assert.rejects(open(fs), { code: 'config-invalid', message: /targets, a key of targets/ });
    await proposeRoot(await opened(fs, wish('shared-keys')), { now: later });
    assert.match(
      await textOf(fs, `${directory}/overrides.jsonl`),
      /^\{"name":"shared-keys","reason":"a laboratory",.*\}\n$/,
    );
  });

  it('a value of tidegate.toml that lives longer than its policy says', async () => {
    const fs = await workspaceDisk();
    await editToml(fs, '[expiration]', '[expiration]\ntimestamp_expiration = "3 days"');
    await open(fs);
    await editToml(fs, '3 days', '8 days');
    await assert.rejects(open(fs), {
      code: 'config-invalid',
      message: /timestamp_expiration: found 192 hours, expected at most 168 hours.*timestamp-expiration/,
    });
    const workspace = await opened(fs, wish('timestamp-expiration'));
    assert.equal(workspace.expiration.timestamp, 8 * day);
  });

  it('a user without a name, as in a container, is recorded by number', () => {
    const { userInfo } = os;
    const nameless = (): never => {
      throw new Error('uv_os_get_passwd returned ENOENT');
    };
    try {
      Object.assign(os, { userInfo: nameless });
      syncBuiltinESMExports();
      const [override] = overridesFor([{ name: 'root-threshold', place: 'x', found: '1' }], {
        now: start,
        reason: 'a lab',
      });
      assert.equal(override?.who, `user ${process.getuid?.()}`);
    } finally {
      Object.assign(os, { userInfo });
      syncBuiltinESMExports();
    }
  });

  it('a stricter policy is held, and a weaker one is none', async () => {
    const fs = await workspaceDisk();
    await editToml(fs, 'policy = "root-2"', 'policy = "root-3-targets-2"');
    await assert.rejects(open(fs), {
      code: 'config-invalid',
      message: /\[roles\.root\] threshold: found 2, expected 3/,
    });
    const text = await textOf(fs, `${directory}/policies/threshold/root-2.toml`);
    assert.throws(
      () => readThresholdPolicy(text.replace('root_threshold = 2', 'root_threshold = 1'), 'a.toml'),
      {
        code: 'config-invalid',
        message: /root_threshold: found 1, expected an integer from 2/,
      },
    );
    await editToml(fs, 'policy = "root-3-targets-2"', 'policy = "root-9"');
    await assert.rejects(open(fs), {
      code: 'config-invalid',
      message: /threshold\/root-9\.toml does not exist/,
    });
  });

  const nonsense: readonly (readonly [string, ReturnType<typeof wish>, RegExp])[] = [
    ['a name that is none', wish('root'), new RegExp(weaknessNames.slice(0, 2).join(', '))],
    ['a name that nothing needs', wish('root-threshold', 'shared-keys'), /shared-keys: nothing needs it/],
    ['a reason that says nothing', { ...wish('root-threshold'), reason: ' x ' }, /--reason TEXT/],
  ];
  for (const [title, override, message] of nonsense) {
    it(`${title} is refused`, async () => {
      await assert.rejects(opened(await weak(), override), { code: 'usage', message });
    });
  }

  it('an override for another number does not count, and a damaged record is named', async () => {
    const fs = await weak();
    await proposeRoot(await opened(fs), { now: later });
    const path = `${directory}/overrides.jsonl`;
    const text = await textOf(fs, path);
    await putFile(fs, path, text.replace('threshold: 1', 'threshold: 7'));
    await assert.rejects(open(fs), { code: 'config-invalid' });
    await putFile(fs, path, `${text}rubbish\n`);
    await assert.rejects(open(fs), { code: 'state-damaged', message: /line 2/ });
  });

  it('init takes one too', async () => {
    const fileSystem = new MemoryFileSystem();
    await fileSystem.makeFolder('/home', 0o755);
    const key = await ownKey(await open(await workspaceDisk()), 'root-1');
    const given = { root: { keys: [{ name: 'alice', id: key.id, json: key.json }], threshold: 1 } };
    const options = {
      template: 'single',
      name: 'lab',
      store: '/public',
      insecureDevelopmentKeys: true,
    } as const;
    await assert.rejects(initWorkspace(directory, { ...options, given, fileSystem }), {
      code: 'config-invalid',
    });
    await initWorkspace(directory, { ...options, given, fileSystem, override: wish('root-threshold') });
    assert.equal((await readOverrides(fileSystem, directory)).length, 1);
    assert.equal((await open(fileSystem)).roots.length, 0);
  });

  it('a power cut leaves no request whose override is not on record', async () => {
    const fs = await weak();
    const recorder = new FileSystemReplay(copyOf(fs));
    const workspace = await opened(recorder);
    const before = recorder.calls.length;
    await proposeRoot(workspace, { now: later });
    for (let cut = before; cut < recorder.calls.length; cut += 1) {
      const disk = copyOf(fs);
      await opened(new FileSystemReplay(disk, { cut }))
        .then((dying) => proposeRoot(dying, { now: later }))
        .catch(() => undefined);
      const lost = powerCuts[cut % powerCuts.length];
      const mended = lost === undefined ? disk : disk.powerCut(lost);
      const request = await textOf(mended, `${directory}/requests/root-2.request.json`);
      if (request !== '') assert.equal((await readOverrides(mended, directory)).length, 1, `cut ${cut}`);
    }
  });
});
