/**
 * The same suite against a server that somebody else has made; `.ci/s3` starts each and says where it is. The address
 * names an empty bucket, the credentials come from AWS's usual places:
 *
 *     TIDEGATE_S3_ADDRESS='s3://bucket/?endpoint=http://127.0.0.1:9000' mocha test/storage/s3/real-server.test.ts
 */
import { randomUUID } from 'node:crypto';
import { S3Store } from '../../../src/storage/s3.ts';
import { smallParts } from '../../support/s3-scene.ts';
import { swappableSuite } from '../../support/store-suite.ts';

const address = process.env.TIDEGATE_S3_ADDRESS;

if (address !== undefined) {
  const [place = '', query = ''] = address.split('?');
  for (const [label, sizes] of [
    ['a real bucket', {}],
    ['a real bucket, in parts', smallParts],
  ] as const)
    swappableSuite(label, async () => {
      const store = new S3Store(`${place.replace(/\/$/, '')}/${randomUUID()}?${query}`, { sizes });
      return { store, writer: store, close: async () => store.close() };
    });
}
