/** Makes a bucket for `.ci/s3`: `node scripts/make-bucket.ts ENDPOINT BUCKET`; one that is there already is fine. */
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

const [endpoint = '', bucket = ''] = process.argv.slice(2);
const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 });
try {
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
} catch (error) {
  const name = error instanceof Error ? error.name : String(error);
  if (!name.startsWith('BucketAlready')) {
    console.error(`The bucket cannot be made yet: ${name}`);
    process.exitCode = 1;
  }
}
