import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { draftPath, type LeftDraft } from '../../../src/signer/workspace/draft-folder.ts';
import { initWorkspace } from '../../../src/signer/workspace/init.ts';
import { processMark } from '../../../src/storage/process-mark.ts';

const launcher = join(import.meta.dirname, '../../../src/cli/launch.ts');
const random = '0123456789ab';
const dead = processMark().replace(/\.\d+\.\d+$/, '.4194999.1');
const foreign = dead.replace(/^\w{8}\.\w{8}/, '00000000.00000000');

describe('signer/workspace/draft-folder', () => {
  let folder: string;
  const at = (name: string): string => join(folder, name);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-drafts-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function init(): Promise<readonly LeftDraft[]> {
    const left: LeftDraft[] = [];
    await initWorkspace(at('w'), {
      template: 'single',
      name: 'os',
      store: 'public',
      insecureDevelopmentKeys: true,
      leftBehind: (draft) => left.push(draft),
    });
    return left;
  }

  function makeDraft(mark: string, mode = 0o700): string {
    const path = at(`.tidegate-init-${mark}-${random}`);
    mkdirSync(join(path, 'keys'), { recursive: true, mode: 0o700 });
    writeFileSync(join(path, 'keys', 'root-1.key.json'), 'a key');
    chmodSync(path, mode);
    return path;
  }

  it('SGN-01: takes away the keys of an init that was killed, and says so', async () => {
    const appears = new Promise<void>((resolve) => {
      const watcher = watch(folder, () => {
        watcher.close();
        resolve();
      });
    });
    // It waits for a passphrase that never comes, with its draft open.
    const child = spawn(process.execPath, [launcher, 'init', 'other', '--passphrase-fd', '3'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    await appears;
    child.kill('SIGKILL');
    await once(child, 'exit');
    const [name = 'nothing', ...others] = readdirSync(folder);
    assert.deepEqual(others, []);
    assert.deepEqual(await init(), [{ path: at(name), removed: true }]);
    assert.deepEqual(readdirSync(folder), ['w']);
  });

  it('leaves the draft of a run that lives', async () => {
    const own = draftPath(folder);
    mkdirSync(own, { mode: 0o700 });
    assert.deepEqual(await init(), []);
    assert.equal(readdirSync(folder).length, 2);
  });

  it('leaves, and tells of, what other machines or users may have left', async () => {
    const path = makeDraft(foreign);
    assert.deepEqual(await init(), [{ path, removed: false }]);
    rmSync(at('w'), { recursive: true });
    rmSync(path, { recursive: true });
    const shared = makeDraft(dead, 0o770);
    assert.deepEqual(await init(), [{ path: shared, removed: false }]);
    assert.deepEqual(readdirSync(join(shared, 'keys')), ['root-1.key.json']);
  });

  it('follows no link out of a draft, and touches nothing that only bears such a name', async () => {
    mkdirSync(at('victim'));
    writeFileSync(at('victim/file'), 'kept');
    symlinkSync(at('victim'), join(makeDraft(dead), 'keys', 'link'));
    symlinkSync(at('victim'), at(`.tidegate-init-${dead}-ba9876543210`));
    mkdirSync(at('.tidegate-init-acme-0123456789ab'));
    assert.equal((await init()).length, 1);
    assert.deepEqual(readdirSync(at('victim')), ['file']);
    assert.equal(readdirSync(folder).length, 4);
  });
});
