import assert from 'node:assert/strict';
import { parseS3Address, s3Key, s3LocationText } from '../../../src/storage/s3-address.ts';

const plain = { prefix: '', checksums: 'sha256', etags: 'quoted', forbidden: 'error' };

describe('addresses of buckets', () => {
  it('name a bucket, and leave the rest to AWS\u2019s usual places', () => {
    for (const text of ['s3://my.bucket-1', 's3://my.bucket-1/', 'S3://my.bucket-1/'])
      assert.deepEqual(parseS3Address(text), { bucket: 'my.bucket-1', ...plain });
  });

  it('take prefix, region, endpoint, path style, profile and what a store lacks', () => {
    const text = [
      's3://updates/a/b%20c/?region=eu-central-1',
      'endpoint=https://s3.example.org:9000',
      'path-style=false',
      'profile=team-one',
      'checksums=off',
      'etags=bare',
      'forbidden=absent',
    ].join('&');
    assert.deepEqual(parseS3Address(text), {
      bucket: 'updates',
      prefix: 'a/b c/',
      region: 'eu-central-1',
      endpoint: 'https://s3.example.org:9000',
      pathStyle: false,
      profile: 'team-one',
      checksums: 'off',
      etags: 'bare',
      forbidden: 'absent',
    });
    const own = parseS3Address('s3://updates/x?endpoint=http://127.0.0.1:9000');
    assert.equal(own.region, 'us-east-1');
    assert.equal(s3LocationText(own), 's3://updates/x/');
    assert.equal(s3Key(own, 'a/b'), 'x/a/b');
  });

  it('are refused by name when they cannot be meant', () => {
    const wrong = [
      's3://',
      's3:///key',
      's3://UPPER/',
      's3://a/',
      's3://key:secret@bucket/',
      's3://bucket/#x',
      's3://bucket/?regoin=eu',
      's3://bucket/?region=a&region=b',
      's3://bucket/?region=',
      's3://bucket/?region=a%0ab',
      's3://bucket/?path-style=yes',
      's3://bucket/?checksums=md5',
      's3://bucket/?endpoint=ftp://x/',
      's3://bucket/?endpoint=http://user:secret@host/',
      's3://bucket/%zz',
    ];
    for (const text of wrong)
      assert.throws(
        () => parseS3Address(text),
        (error: Error & { code?: string }) => {
          return error.code === 'config-invalid' && !error.message.includes('secret');
        },
        text,
      );
    for (const text of ['s3://bucket/../x', 's3://bucket//x', 's3://bucket/a%5cb'])
      assert.throws(() => parseS3Address(text), { code: 'target-path-invalid' }, text);
    const long = parseS3Address(`s3://bucket/${'p'.repeat(200)}`);
    assert.throws(() => s3Key(long, `${'x'.repeat(200)}/`.repeat(4) + 'x'.repeat(100)), {
      code: 'target-path-invalid',
    });
  });
});
