import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withDelegation, withoutDelegation } from '../../../src/signer/workspace/delegation-edit.ts';
import { addDelegation } from '../../../src/signer/workspace/edit-delegations.ts';
import { parseWorkspaceFile } from '../../../src/signer/workspace/workspace-file.ts';
import { FileSystemReplay } from '../../support/file-system-replay.ts';
import { powerCuts } from '../../support/memory-file-system.ts';
import { copyOf, directory, open, workspaceDisk } from '../../support/workspace.ts';
import { foreignKey, textOf } from '../../support/workspace-ceremony.ts';

const layouts = join(import.meta.dirname, '..', '..', '..', 'repo-templates', 'layouts');
const template = readFileSync(join(layouts, 'single.toml'), 'utf8')
  .replace('@NAME@', 'example/os')
  .replace('@STORE@', 'public')
  .replace('@VARIANTS@', 'demo = ["x86_64"]');

const firmware = { name: 'firmware', keys: ['dora'], threshold: 1, paths: ['fw-*'], terminating: false };
const drivers = { ...firmware, name: 'drivers', paths: ['driver-?.bin'], terminating: true };

function namesIn(text: string): readonly string[] | undefined {
  return parseWorkspaceFile(text).delegations?.map(({ name }) => name);
}

describe('signer/workspace/delegation-edit', () => {
  it('appends a block, and cuts it out again: every other byte stays', () => {
    const one = withDelegation(template, firmware);
    assert.ok(one.startsWith(template.trimEnd()));
    const two = withDelegation(one, drivers);
    assert.deepEqual(namesIn(two), ['firmware', 'drivers']);
    assert.deepEqual(parseWorkspaceFile(two).delegations, [firmware, drivers]);
    assert.equal(withoutDelegation(two, 'drivers').trimEnd(), one.trimEnd());
    const none = withoutDelegation(one, 'firmware');
    assert.deepEqual(namesIn(none), []);
    assert.equal(none.replace('delegations = []\n\n', '').trimEnd(), template.trimEnd());
    assert.equal(withDelegation(none, firmware), one);
  });

  it('puts a block before another, and keeps the comments around', () => {
    const noted = `${withDelegation(template, firmware)}# the last word\n`;
    const two = withDelegation(noted, drivers, 'firmware');
    assert.deepEqual(namesIn(two), ['drivers', 'firmware']);
    assert.match(two, /# the last word/);
    const commented = two.replace(
      '[[delegations]]\nname = "firmware"',
      '# hands off\n[[delegations]]\nname = "firmware"',
    );
    const cut = withoutDelegation(commented, 'drivers');
    assert.match(cut, /# hands off\n\[\[delegations\]\]\nname = "firmware"/);
    assert.match(cut, /# the last word/);
  });

  it('DEL-06: refuses a name that is there, and names that are not', () => {
    const one = withDelegation(template, firmware);
    assert.throws(() => withDelegation(one, firmware), {
      code: 'config-invalid',
      message: /role firmware already/,
    });
    assert.throws(() => withDelegation(one, drivers, 'nobody'), { code: 'config-invalid' });
    assert.throws(() => withoutDelegation(one, 'nobody'), { code: 'config-invalid' });
    const twice = `${one}\n${one.slice(one.lastIndexOf('[[delegations]]'))}`;
    assert.throws(() => parseWorkspaceFile(twice), { code: 'config-invalid', message: /"firmware" twice/ });
  });

  it('leaves alone what is written in a way that it cannot edit', () => {
    const inline =
      'delegations = [{ name = "firmware", keys = ["dora"], threshold = 1, paths = ["fw-*"] }]\n';
    assert.throws(() => withoutDelegation(`${inline}${template}`, 'firmware'), {
      code: 'config-invalid',
      message: /by hand|blocks/,
    });
  });

  const wrong: readonly (readonly [string, Partial<typeof firmware>, RegExp])[] = [
    ['DEL-08: a name with a folder', { name: '../x' }, /role name/],
    ['DEL-08: a name of a top-level role', { name: 'snapshot' }, /role name/],
    ['DEL-08: an upper-case name', { name: 'CON' }, /role name/],
    ['DEL-20: a path with a folder', { paths: ['a/*'] }, /\[delegations 1\] paths/],
    ['DEL-14: a path with brackets', { paths: ['[ab]'] }, /\[delegations 1\] paths/],
    ['DEL-14: two stars', { paths: ['**'] }, /without "\*\*"/],
    ['a path twice', { paths: ['a', 'a'] }, /twice/],
    ['PAR-05: a threshold above the keys', { threshold: 2 }, /threshold: found 2/],
    ['PAR-04: a threshold of 0', { threshold: 0 }, /threshold/],
    ['a key twice', { keys: ['dora', 'dora'] }, /twice/],
    ['no path', { paths: [] }, /paths/],
    ['SGN-15: a key of root', { keys: ['root-1'] }, /a key of root/],
  ];
  for (const [title, change, message] of wrong) {
    it(`${title} is refused`, () => {
      const write = (): unknown => parseWorkspaceFile(withDelegation(template, { ...firmware, ...change }));
      assert.throws(write, (error: Error & { code?: string }) => {
        assert.match(error.code ?? '', /config-invalid|role-name-invalid/);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it('a power cut at any write leaves the old file or the new one', async () => {
    const fs = await workspaceDisk();
    await foreignKey(fs, 'dora');
    const old = await textOf(fs, `${directory}/tidegate.toml`);
    const recorder = new FileSystemReplay(copyOf(fs));
    const opened = await open(recorder);
    const before = recorder.calls.length;
    await addDelegation(opened, firmware);
    for (let cut = before; cut < recorder.calls.length; cut += 1) {
      const disk = copyOf(fs);
      await open(new FileSystemReplay(disk, { cut }))
        .then((workspace) => addDelegation(workspace, firmware))
        .catch(() => undefined);
      const lost = powerCuts[cut % powerCuts.length];
      const mended = lost === undefined ? disk : disk.powerCut(lost);
      const text = await textOf(mended, `${directory}/tidegate.toml`);
      assert.ok(text === old || text === withDelegation(old, firmware), `cut ${cut}`);
    }
  });

  it('a key without a public half is named, and nothing is written', async () => {
    const fs = await workspaceDisk();
    const old = await textOf(fs, `${directory}/tidegate.toml`);
    const workspace = await open(fs);
    await assert.rejects(addDelegation(workspace, firmware), {
      code: 'workspace-invalid',
      message: /dora\.pub is missing/,
    });
    assert.equal(await textOf(fs, `${directory}/tidegate.toml`), old);
  });
});
