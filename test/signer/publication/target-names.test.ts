import assert from 'node:assert/strict';
import { parseTargetPath } from '../../../src/metadata/target-path.ts';
import { refuseReleaseImage } from '../../../src/signer/publication/target-names.ts';
import { emptyManifest } from '../../../src/waves/releases.ts';

describe('signer/publication/target-names', () => {
  it('a target that a migration in the list needs stays, whoever wants it gone', () => {
    const manifest = {
      ...emptyManifest,
      migrations: [{ from: '1.0.0', to: '1.1.0', targets: ['migrate-network'] }],
    };
    const removing = (name: string) => () => refuseReleaseImage(parseTargetPath(name), manifest);
    assert.throws(removing('migrate-network'), {
      code: 'release-invalid',
      message: /migration \(1\.0\.0, 1\.1\.0\)/,
    });
    assert.doesNotThrow(removing('migrate-other'));
  });
});
