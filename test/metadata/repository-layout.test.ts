import assert from 'node:assert/strict';
import {
  checkFleetPart,
  manifestTarget,
  metadataName,
  repositoryFolders,
  targetName,
} from '../../src/metadata/repository-layout.ts';

const fleet = { variant: 'aws-k8s-1.29', arch: 'x86_64' };
const hash = 'ab'.repeat(32);

describe('metadata/repository-layout', () => {
  it('puts every fleet of the layout single into one repository', () => {
    const folders = repositoryFolders('single', fleet);
    assert.deepEqual(folders, repositoryFolders('single', { variant: 'other', arch: 'aarch64' }));
    assert.equal(metadataName(folders, 'timestamp'), 'metadata/timestamp.json');
    assert.equal(metadataName(folders, 'snapshot', 7), 'metadata/7.snapshot.json');
    assert.equal(targetName(folders, manifestTarget, hash), `targets/${hash}.manifest.json`);
  });

  it('gives each variant and architecture of the layout bottlerocket its own metadata and shared targets', () => {
    const folders = repositoryFolders('bottlerocket', fleet);
    assert.equal(metadataName(folders, 'root', 1), 'aws-k8s-1.29/x86_64/1.root.json');
    assert.equal(targetName(folders, manifestTarget, hash), `targets/${hash}.manifest.json`);
  });

  it('refuses names that cannot be folders beside targets', () => {
    for (const name of [
      '',
      '.',
      '..',
      'a/b',
      'a b',
      '-a',
      'targets',
      'metadata',
      'x'.repeat(65),
      'ä',
      'a\n',
    ]) {
      assert.throws(() => checkFleetPart('variant', name), { code: 'config-invalid' }, JSON.stringify(name));
      assert.throws(() => repositoryFolders('bottlerocket', { variant: name, arch: 'x86_64' }), {
        code: 'config-invalid',
      });
    }
    for (const name of ['x86_64', 'x'.repeat(64)]) assert.equal(checkFleetPart('arch', name), name);
  });
});
