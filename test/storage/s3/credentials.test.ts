/** Who we are, what time it is, and where AWS's tools look for both. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTidegateError } from '../../../src/errors.ts';
import { S3Store } from '../../../src/storage/s3.ts';
import { withS3 } from '../../support/s3-scene.ts';
import { startS3Server, testCredentials } from '../../support/s3-server.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** For one test; what AWS's tools read is the environment, so there is no other way in. */
async function withEnvironment(
  values: Readonly<Record<string, string>>,
  run: () => Promise<void>,
): Promise<void> {
  const names = Object.keys(process.env).filter((name) => name.startsWith('AWS_'));
  const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));
  for (const name of names) delete process.env[name];
  Object.assign(process.env, { AWS_EC2_METADATA_DISABLED: 'true', ...values });
  try {
    await run();
  } finally {
    for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
    Object.assign(process.env, before);
  }
}

describe('credentials and clock of a bucket', () => {
  it('PUB-16: credentials that expire in the middle are asked for anew, and the work goes on', async () => {
    const known = new Map([['old', { secretAccessKey: 'a', sessionToken: 'first' }]]);
    let asked = 0;
    const credentials = async () => {
      asked += 1;
      return asked === 1
        ? { accessKeyId: 'old', secretAccessKey: 'a', sessionToken: 'first' }
        : { accessKeyId: 'new', secretAccessKey: 'b', sessionToken: 'second' };
    };
    await withS3({ credentials: known, store: { credentials } }, async ({ server, store }) => {
      await store.create('1.root.json', text('root'));
      known.delete('old');
      known.set('new', { secretAccessKey: 'b', sessionToken: 'second' });
      server.faults = ({ headers }) =>
        headers['x-amz-security-token'] === 'first'
          ? { kind: 'status', status: 400, code: 'ExpiredToken' }
          : undefined;
      assert.equal(await store.swap('timestamp.json', text('1'), undefined), 'swapped');
      assert.equal(asked, 2);
      server.faults = () => ({ kind: 'status', status: 400, code: 'ExpiredToken' });
      await assert.rejects(store.stat('timestamp.json'), { code: 'access-denied' });
      await assert.rejects(store.read('timestamp.json', 9), { code: 'access-denied', message: /expired/ });
    });
  });

  it('PUB-16: credentials that expire before a question without a body, or for many requests at once, are renewed once', async () => {
    const known = new Map([['old', { secretAccessKey: 'a' }]]);
    let asked = 0;
    const credentials = async () => {
      asked += 1;
      return known.has('old')
        ? { accessKeyId: 'old', secretAccessKey: 'a' }
        : { accessKeyId: 'new', secretAccessKey: 'b' };
    };
    await withS3({ credentials: known, store: { credentials } }, async ({ server, store }) => {
      await store.create('1.root.json', text('root'));
      known.delete('old');
      known.set('new', { secretAccessKey: 'b' });
      server.faults = ({ headers }) =>
        String(headers.authorization).includes('Credential=old/')
          ? { kind: 'status', status: 400, code: 'ExpiredToken' }
          : undefined;
      const found = await Promise.all(Array.from({ length: 20 }, () => store.stat('1.root.json')));
      assert.ok(found.every((each) => each?.length === 4));
      assert.equal(asked, 2);
    });
  });

  it('a closed store stays closed, whatever expires', async () => {
    await withS3({}, async ({ store }) => {
      await store.stat('a');
      store.close();
      store.calls.connection.renew(store.calls.connection.renewals);
      await assert.rejects(store.stat('a'), { code: 'usage' });
    });
  });

  it('PUB-16: whichever word a store has for it, expired credentials are read anew', async () => {
    let asked = 0;
    const credentials = async () => {
      asked += 1;
      return testCredentials;
    };
    await withS3({ store: { credentials } }, async ({ server, store }) => {
      for (const code of ['ExpiredToken', 'ExpiredTokenException', 'InvalidToken', 'TokenRefreshRequired']) {
        let refused = false;
        const before = asked;
        server.faults = () => {
          const first = !refused;
          refused = true;
          return first ? { kind: 'status', status: 400, code } : undefined;
        };
        assert.equal(await store.read('a', 1), undefined);
        assert.equal(asked - before, before === 0 ? 2 : 1, code);
      }
    });
  });

  it('PUB-16: what hands out credentials and fails is named, and its 404 is never taken for an absent file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-aws-'));
    const server = await startS3Server();
    let status = 404;
    const roles = createServer((request, response) => {
      request.resume();
      response
        .writeHead(status)
        .end('<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>');
    });
    roles.listen(0, '127.0.0.1');
    await once(roles, 'listening');
    const address = roles.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const role = `[profile r]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = s\nregion = us-east-1\n[profile s]\naws_access_key_id = a\naws_secret_access_key = b\n`;
    const program = '[profile p]\ncredential_process = false --token hush\n';
    const config = join(folder, 'config');
    writeFileSync(config, role + program);
    const environment = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none') };
    const failing = async (profile: string): Promise<unknown> => {
      const store = new S3Store(server.address('', `profile=${profile}&forbidden=absent`));
      try {
        return await store.stat('timestamp.json').catch((error: unknown) => error);
      } finally {
        store.close();
      }
    };
    try {
      await withEnvironment(
        { ...environment, AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}`, AWS_MAX_ATTEMPTS: '1' },
        async () => {
          for (const [answer, code] of [
            [404, 'access-denied'],
            [403, 'access-denied'],
            [412, 'access-denied'],
            [500, 'network-unreachable'],
          ] as const) {
            status = answer;
            const error = await failing('r');
            assert.ok(isTidegateError(error, code), String(error));
            assert.match(error.message, new RegExp(`what hands them out answered ${answer}`));
          }
          const error = await failing('p');
          assert.ok(isTidegateError(error, 'config-invalid'));
          assert.match(error.message, /credential_process failed/);
          assert.doesNotMatch(error.message, /hush/);
          const absent = await failing('prod');
          assert.ok(isTidegateError(absent, 'config-invalid'), String(absent));
          assert.match(absent.message, /the profile prod, which goes before AWS_ACCESS_KEY_ID, has none/);
        },
      );
      assert.equal(server.calls.length, 0);
    } finally {
      roles.closeAllConnections();
      roles.close();
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('PUB-16: a clock that is 20 minutes off is named, with how far and which way', async () => {
    for (const [minutes, words] of [
      [20, /1[12]\d\d s behind the store's/],
      [-20, /1[12]\d\d s ahead of the store's/],
    ] as const) {
      await withS3({ now: () => Date.now() + minutes * 60_000 }, async ({ store, waits, other }) => {
        for (const work of [
          () => store.create('a', text('a')),
          () => other().swap('a', text('a'), undefined),
          () => other().read('a', 1),
          () => other().stat('a'),
        ])
          await assert.rejects(
            work(),
            (error) => isTidegateError(error, 'clock-skewed') && words.test(error.message),
          );
        assert.equal(waits.length, 0);
      });
    }
  });

  it('tells the store\u2019s own time, also when it refuses everything else', async () => {
    const now = Date.parse('2026-11-24T12:00:00Z');
    await withS3({ now: () => now, store: { now: () => now + 3_600_000 } }, async ({ store }) => {
      assert.equal(await store.storeTime(), now);
    });
    await withS3(
      { faults: () => ({ kind: 'status', status: 403, code: 'AccessDenied' }) },
      async ({ store }) => {
        assert.ok(Math.abs(((await store.storeTime()) ?? 0) - Date.now()) < 5000);
      },
    );
  });

  it('a wrong secret, an unknown key and a missing bucket are named, and never taken for an absent file', async () => {
    await withS3({}, async ({ server, other }) => {
      const wrong = other({ credentials: async () => ({ ...testCredentials, secretAccessKey: 'wrong' }) });
      const unknown = other({ credentials: async () => ({ accessKeyId: 'who', secretAccessKey: 'wrong' }) });
      for (const store of [wrong, unknown]) {
        await assert.rejects(store.stat('a'), { code: 'access-denied' });
        await assert.rejects(store.read('a', 1), { code: 'access-denied' });
        await assert.rejects(store.create('a', text('a')), { code: 'access-denied' });
      }
      const elsewhere = new S3Store(server.address().replace('tidegate-test', 'no-such-bucket'), {
        credentials: async () => testCredentials,
      });
      await assert.rejects(elsewhere.create('a', text('a')), { code: 'not-found' });
      elsewhere.close();
    });
  });

  it('403 for what is absent is an error that names s3:ListBucket, unless the address says what it means', async () => {
    const faults = ({ operation }: { readonly operation: string }) =>
      operation === 'head' || operation === 'get'
        ? ({ kind: 'status', status: 403, code: 'AccessDenied' } as const)
        : undefined;
    await withS3({ faults }, async ({ store }) => {
      for (const work of [() => store.stat('a'), () => store.read('a', 1)])
        await assert.rejects(work(), { code: 'access-denied', message: /s3:ListBucket/ });
    });
    await withS3({ faults, parameters: 'forbidden=absent' }, async ({ server, store }) => {
      assert.equal(await store.stat('a'), undefined);
      assert.equal(await store.read('a', 1), undefined);
      server.faults = () => ({ kind: 'status', status: 403, code: 'SignatureDoesNotMatch' });
      await assert.rejects(store.read('a', 1), { code: 'access-denied' });
      await assert.rejects(store.stat('a'), { code: 'access-denied' });
    });
  });

  it('come from the environment, a profile and the address, and rotated files are read again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-aws-'));
    const known = new Map([
      ['from-environment', { secretAccessKey: 's1' }],
      ['from-profile', { secretAccessKey: 's2' }],
    ]);
    const server = await startS3Server({ credentials: known });
    const file = join(folder, 'credentials');
    const profile = (name: string, secret: string): string =>
      `[updates]\naws_access_key_id = ${name}\naws_secret_access_key = ${secret}\n`;
    try {
      const config = join(folder, 'config');
      writeFileSync(config, '[profile updates]\nregion = us-east-1\n');
      const environment = { AWS_ACCESS_KEY_ID: 'from-environment', AWS_SECRET_ACCESS_KEY: 's1' };
      await withEnvironment({ ...environment, AWS_CONFIG_FILE: config }, async () => {
        const store = new S3Store(server.address());
        assert.equal(await store.create('a', text('a')), 'created');
        store.close();
      });
      writeFileSync(file, profile('from-profile', 's2'));
      await withEnvironment({ AWS_SHARED_CREDENTIALS_FILE: file, AWS_CONFIG_FILE: config }, async () => {
        const store = new S3Store(server.address('', 'profile=updates').replace('&region=us-east-1', ''));
        assert.equal(await store.create('b', text('b')), 'created');
        writeFileSync(file, profile('rotated', 's3'));
        known.delete('from-profile');
        known.set('rotated', { secretAccessKey: 's3' });
        server.faults = ({ headers }) =>
          String(headers.authorization).includes('from-profile')
            ? { kind: 'status', status: 400, code: 'ExpiredToken' }
            : undefined;
        assert.equal(await store.create('c', text('c')), 'created');
        store.close();
      });
      await withEnvironment(
        { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: join(folder, 'none') },
        async () => {
          const store = new S3Store(server.address());
          await assert.rejects(store.stat('a'), { code: 'config-invalid', message: /credentials/ });
          store.close();
          const nowhere = new S3Store('s3://some-bucket/');
          await assert.rejects(nowhere.stat('a'), { code: 'config-invalid' });
          nowhere.close();
        },
      );
    } finally {
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('DEP-02: secrets stand in no error and in no address that is shown', async () => {
    await withS3(
      { faults: () => ({ kind: 'status', status: 403, code: 'AccessDenied' }) },
      async ({ store }) => {
        const error: unknown = await store.read('a', 1).catch((reason: unknown) => reason);
        assert.ok(isTidegateError(error));
        assert.doesNotMatch(JSON.stringify(error) + String(error.stack), /test-secret-key|Signature=/);
        assert.equal(store.location, 's3://tidegate-test/fleet/');
      },
    );
  });
});
