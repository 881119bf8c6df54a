import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { userInfo } from 'node:os';
import { actor } from '../../../src/signer/publication/store-note.ts';
import { userName } from '../../../src/signer/workspace/user-name.ts';

describe('signer/workspace/user-name', () => {
  it('is the name of the user, or a number where the system knows no name', () => {
    assert.equal(userName(), userInfo().username);
    const nameless = userName(() => {
      throw new Error('ENOENT: uv_os_get_passwd');
    });
    assert.equal(nameless, `user ${process.getuid?.()}`);
    assert.ok(actor().startsWith(`${userName()}@`));
  });

  it('a publisher without a name, as in a container, can write its notes', function () {
    if (process.getuid?.() !== 0) this.skip();
    const note = new URL('../../../src/signer/publication/store-note.ts', import.meta.url);
    const code = `import { actor } from ${JSON.stringify(note.href)}; process.stdout.write(actor());`;
    const argv = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', code];
    const { stdout, stderr } = spawnSync(process.execPath, argv, { uid: 34_567, encoding: 'utf8' });
    assert.match(stdout, /^user 34567@/, stderr);
  });
});
