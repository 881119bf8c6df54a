import { S3Store } from '../../../src/storage/s3.ts';
import { startS3Server, testCredentials } from '../../support/s3-server.ts';
import { swappableSuite } from '../../support/store-suite.ts';

const MEBIBYTE = 1024 * 1024;

for (const [label, parameters, sizes] of [
  ['S3Store', '', {}],
  ['S3Store in parts', '', { singlePut: MEBIBYTE, part: 5 * MEBIBYTE }],
  ['S3Store without checksums', 'checksums=off', { singlePut: MEBIBYTE, part: 5 * MEBIBYTE }],
] as const) {
  swappableSuite(label, async () => {
    const server = await startS3Server({ checksums: parameters === '' ? 'kept' : 'refused' });
    const credentials = async () => testCredentials;
    const store = new S3Store(server.address('some/prefix', parameters), { credentials, sizes });
    const close = async (): Promise<void> => {
      store.close();
      await server.close();
    };
    return { store, writer: store, close };
  });
}
