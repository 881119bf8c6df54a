/** What `publish` does with an image: created in a bucket, hashed whole and in parts on the way, compared afterwards. */
import { contentOfFile } from '../../src/storage/file-content.ts';
import { nodeFileSystem } from '../../src/storage/file-system.ts';
import { S3Store } from '../../src/storage/s3.ts';
import { argumentsOf, reportJob } from '../job.ts';

const [file = '', sha256 = '', length = '', address = ''] = argumentsOf(
  'FILE',
  'SHA256',
  'LENGTH',
  'ADDRESS',
);
const content = contentOfFile(nodeFileSystem, file, { sha256, length: Number(length) });
await reportJob(async () => {
  const store = new S3Store(address);
  const outcome = await store.create(`targets/${sha256}.image`, content);
  store.close();
  return outcome;
});
