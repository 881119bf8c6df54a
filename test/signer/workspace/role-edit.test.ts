import assert from 'node:assert/strict';
import { withDelegation } from '../../../src/signer/workspace/delegation-edit.ts';
import {
  roleKeyNames,
  withKeyPlace,
  withoutKeyPlaces,
  withRoleKeys,
} from '../../../src/signer/workspace/role-edit.ts';
import { readWorkspaceFile } from '../../../src/signer/workspace/workspace-file.ts';
import { directory, workspaceDisk } from '../../support/workspace.ts';
import { textOf } from '../../support/workspace-ceremony.ts';

async function toml(): Promise<string> {
  return await textOf(await workspaceDisk(), `${directory}/tidegate.toml`);
}

describe('signer/workspace/role-edit', () => {
  it('changes the keys of one role, and no other line', async () => {
    const text = await toml();
    for (const [role, keys] of [
      ['timestamp', ['timestamp', 'timestamp-2']],
      ['root', ['root-1', 'root-2', 'dave']],
    ] as const) {
      const after = withRoleKeys(text, role, keys);
      assert.deepEqual(roleKeyNames(readWorkspaceFile(after), role), keys);
      const changed = after.split('\n').filter((line, index) => line !== text.split('\n')[index]);
      assert.equal(changed.length, 1);
    }
    assert.equal(withRoleKeys(text, 'timestamp', ['timestamp']), text);
  });

  it('changes a delegated role among several', async () => {
    const role = (name: string) => ({
      name,
      keys: ['dora'],
      threshold: 1,
      paths: [`${name}-*`],
      terminating: false,
    });
    const text = withDelegation(withDelegation(await toml(), role('one')), role('two'));
    const after = withRoleKeys(text, 'two', ['erin']);
    const settings = readWorkspaceFile(after);
    assert.deepEqual(
      ['one', 'two'].map((name) => roleKeyNames(settings, name)),
      [['dora'], ['erin']],
    );
  });

  it('refuses what it cannot edit without harm', async () => {
    const text = await toml();
    assert.throws(() => withRoleKeys(text, 'nobody', ['x']), {
      code: 'config-invalid',
      message: /there is no role nobody/,
    });
    const odd = text.replace('keys = ["timestamp"]', 'keys = [\n  "timestamp",\n]');
    assert.throws(() => withRoleKeys(odd, 'timestamp', ['x']), {
      code: 'config-invalid',
      message: /cannot be edited here/,
    });
    const dotted = text.replace('[roles.timestamp]', '[roles."timestamp"]');
    assert.throws(() => withRoleKeys(dotted, 'timestamp', ['x']), { code: 'config-invalid' });
  });

  it('adds addresses of private halves, and takes the table away', async () => {
    const text = await toml();
    const one = withKeyPlace(text, 'timestamp', 'awskms:alias/timestamp');
    const two = withKeyPlace(one, 'snapshot', 'fd:3');
    assert.deepEqual(
      [...readWorkspaceFile(two).keyPlaces],
      [
        ['snapshot', 'fd:3'],
        ['timestamp', 'awskms:alias/timestamp'],
      ],
    );
    assert.equal(readWorkspaceFile(withoutKeyPlaces(two)).keyPlaces.size, 0);
    assert.equal(withoutKeyPlaces(text), text);
  });
});
