/** What the shell says to AWS's tools. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTidegateError } from '../../../src/errors.ts';
import { S3Store } from '../../../src/storage/s3.ts';
import { parseS3Address } from '../../../src/storage/s3-address.ts';
import { agentOptions, isPathStyle } from '../../../src/storage/s3-environment.ts';
import { awsVariables, setVariables } from '../../support/aws-environment.ts';
import { mebibyte } from '../../support/s3-scene.ts';
import { startS3Server, testBucket, testCredentials } from '../../support/s3-server.ts';

describe('the environment of a bucket', () => {
  it('puts the bucket into the path where a server of one\u2019s own is named, in the address or beside it', () => {
    const aws = parseS3Address('s3://updates/');
    const own = parseS3Address('s3://updates/?endpoint=https://s3.example.org');
    const url = 'https://s3.example.org';
    assert.deepEqual([isPathStyle(aws, {}), isPathStyle(own, {})], [false, true]);
    for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_S3']) {
      assert.equal(isPathStyle(aws, { [name]: url }), true, name);
      assert.equal(isPathStyle(aws, { [name]: '' }), false, name);
      const ignored = { [name]: url, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' };
      assert.deepEqual([isPathStyle(aws, ignored), isPathStyle(own, ignored)], [false, true]);
      const said = parseS3Address('s3://updates/?path-style=false');
      assert.equal(isPathStyle(said, { [name]: url }), false);
    }
    const virtual = parseS3Address('s3://updates/?endpoint=https://s3.example.org&path-style=false');
    assert.equal(isPathStyle(virtual, {}), false);
  });

  it('finds a server by AWS_ENDPOINT_URL under a name that has no names below it', async () => {
    const server = await startS3Server();
    const restore = setVariables({
      ...awsVariables(),
      AWS_ENDPOINT_URL: server.endpoint.replace('127.0.0.1', 'localhost'),
      AWS_REGION: 'us-east-1',
    });
    const store = new S3Store(`s3://${testBucket}/fleet`, { credentials: async () => testCredentials });
    try {
      assert.equal(await store.create('a', Buffer.from('a')), 'created');
    } finally {
      store.close();
      restore();
      await server.close();
    }
  });

  it('trusts the authorities of AWS_CA_BUNDLE, and says so when it cannot read them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-ca-'));
    const bundle = join(folder, 'ca.pem');
    writeFileSync(bundle, 'CERTIFICATES');
    try {
      assert.equal((await agentOptions({ AWS_CA_BUNDLE: bundle })).ca, 'CERTIFICATES');
      for (const none of [{}, { AWS_CA_BUNDLE: '' }]) assert.equal('ca' in (await agentOptions(none)), false);
      const restore = setVariables({ ...awsVariables(), AWS_CA_BUNDLE: join(folder, 'none.pem') });
      const store = new S3Store('s3://bucket/?endpoint=https://127.0.0.1:1');
      await assert.rejects(store.stat('a'), { code: 'config-invalid', message: /AWS_CA_BUNDLE names/ });
      store.close();
      restore();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('goes through the proxy that is named, and past it to whom NO_PROXY names', async () => {
    const asked: (string | undefined)[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url);
      request.resume();
      request.on('end', () => response.writeHead(request.method === 'PUT' ? 403 : 404).end());
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const at = proxy.address();
    const HTTP_PROXY = `http://127.0.0.1:${typeof at === 'object' ? at?.port : 0}`;
    const reading = async (
      variables: Readonly<Record<string, string>>,
      work = (store: S3Store): Promise<unknown> => store.stat('a'),
    ): Promise<unknown> => {
      const restore = setVariables({ ...awsVariables(), ...variables });
      const store = new S3Store('s3://bucket/?endpoint=http://s3.example.invalid', {
        retry: { attempts: 1 },
      });
      try {
        return await work(store).catch((error: unknown) => error);
      } finally {
        store.close();
        restore();
      }
    };
    try {
      assert.equal(await reading({ HTTP_PROXY, NO_PROXY: '' }), undefined);
      assert.deepEqual(asked, ['http://s3.example.invalid/bucket/a']);
      const past = await reading({ HTTP_PROXY, NO_PROXY: 's3.example.invalid' });
      assert.match(String(past), /network-unreachable|gave no answer/);
      assert.equal(asked.length, 1);
      // So large that it waits for a "100 Continue".
      const large = (store: S3Store): Promise<unknown> => store.create('b', Buffer.alloc(3 * mebibyte));
      const refused = await reading({ HTTP_PROXY, NO_PROXY: '' }, large);
      assert.ok(isTidegateError(refused, 'access-denied'), String(refused));
      assert.match(asked.at(-1) ?? '', /^http:\/\/s3\.example\.invalid\/bucket\/b\?/);
    } finally {
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});
