/** A bucket that means harm: what it answers is bounded, and is never taken for more than it is. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isTidegateError } from '../../../src/errors.ts';
import { probeStore } from '../../../src/storage/probe-store.ts';
import { S3Store } from '../../../src/storage/s3.ts';
import { boundAnswer, xmlFault } from '../../../src/storage/s3-answer.ts';
import { listFiles } from '../../../src/storage/s3-list.ts';
import { testCredentials } from '../../support/s3-server.ts';
import { bytesOf } from '../../support/store-suite.ts';

const mebibyte = 1024 * 1024;

async function against(listener: RequestListener, test: (store: S3Store) => Promise<void>): Promise<void> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const store = new S3Store(`s3://bucket/?endpoint=http://127.0.0.1:${port}`, {
    credentials: async () => testCredentials,
    retry: { attempts: 1 },
    stallTimeout: 300,
  });
  try {
    await test(store);
  } finally {
    store.close();
    server.closeAllConnections();
    server.close();
  }
}

async function namesOf(store: S3Store): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of store.list()) names.push(name);
  return names;
}

const list = (inner: string): string =>
  `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${inner}</ListBucketResult>`;
const entry = (key: string): string => `<Contents><Key>${key}</Key><Size>1</Size><ETag>"e"</ETag></Contents>`;

describe('a hostile bucket', () => {
  it('DEP-07: an error of 100 MB is cut off, and its status is what counts', async () => {
    let sent = 0;
    const flood: RequestListener = (_request, response) => {
      response.writeHead(500, { 'content-type': 'application/xml' });
      const chunk = Buffer.alloc(mebibyte, 'x');
      const more = (): void => {
        while (sent < 100 && !response.destroyed) {
          sent += 1;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    };
    await against(flood, async (store) => {
      await assert.rejects(store.read('a', 10), { code: 'http-status' });
      assert.ok(sent < 50, `${sent} MiB were taken`);
    });
  });

  it('DEP-07: a list without end is cut off', async () => {
    const endless: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/xml' });
      const more = (): void => {
        if (!response.destroyed && response.write(entry('x'.repeat(1000)).repeat(1000))) setImmediate(more);
        else response.once('drain', more);
      };
      more();
    };
    await against(endless, async (store) => {
      await assert.rejects(namesOf(store), { code: 'length-limit' });
    });
  });

  it('DEP-07: an answer that drips is given up, whatever was asked', async () => {
    const drip: RequestListener = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/xml' });
      const timer = setInterval(() => response.write(' '), 20);
      response.once('close', () => clearInterval(timer));
    };
    await against(drip, async (store) => {
      await assert.rejects(namesOf(store), { code: 'too-slow' });
      await assert.rejects(store.create('1.root.json', Buffer.from('root')), { code: 'too-slow' });
    });
  });

  it('blanks that S3 sends while it puts parts together are no drip', async () => {
    const blanks: RequestListener = (_request, response) => {
      response.writeHead(200);
      let sent = 0;
      const timer = setInterval(() => {
        sent += 1;
        if (sent < 15) return void response.write(' ');
        clearInterval(timer);
        response.end('<CompleteMultipartUploadResult/>');
      }, 20);
    };
    const server = createServer(blanks).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const ask = async (command: string): Promise<unknown> => {
      const { port } = server.address() as AddressInfo;
      const [body] = (await once(get({ port, host: '127.0.0.1' }), 'response')) as [IncomingMessage];
      const answer = { statusCode: 200, headers: {}, body };
      await boundAnswer(answer, { command, location: 'it', patience: 100 });
      return String(answer.body).trim();
    };
    try {
      assert.equal(await ask('CompleteMultipartUploadCommand'), '<CompleteMultipartUploadResult/>');
      await assert.rejects(ask('PutObjectCommand'), { name: 'TimeoutError' });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('DEP-07: DOCTYPE, entities and deep nesting are refused before anything parses them', async () => {
    const bombs = [
      `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ListBucketResult>&b;</ListBucketResult>`,
      list('<a>'.repeat(100_000) + '</a>'.repeat(100_000)),
    ];
    for (const bomb of bombs) {
      for (const status of [200, 500]) {
        const answer: RequestListener = (_request, response) => void response.writeHead(status).end(bomb);
        await against(answer, (store) => assert.rejects(namesOf(store), { code: 'http-status' }));
      }
    }
    assert.equal(xmlFault(list(entry('a'))), undefined);
    // Looked through in one pass: what costs the square of this takes hours.
    assert.equal(xmlFault('<a'.repeat(2 * mebibyte)), undefined);
    assert.equal(xmlFault('<a><![CDATA[x]]><!-- y --></a>'), undefined);
  });

  it('DEP-07: an answer that is no XML, or no end, is an error that names the bucket', async () => {
    for (const body of ['<html>Sign in</html>', '{"a":1}', 'x', '<ListBucketResult>', '\u0000\u0001'])
      await against(
        (_request, response) => void response.writeHead(200).end(body),
        async (store) => {
          const outcome = await namesOf(store).catch((error: unknown) => error);
          // An empty list would say that the bucket is empty.
          assert.ok(isTidegateError(outcome, 'http-status'), `${body}: ${outcome}`);
          assert.match(String(outcome), /s3:\/\/bucket\//);
        },
      );
  });

  it('tells when the bucket changed a file, and nothing where it says no time', async () => {
    const dated = entry('a').replace('</Key>', '</Key><LastModified>2030-01-31T09:00:00.000Z</LastModified>');
    await against(
      (_request, response) => void response.writeHead(200).end(list(`${dated}${entry('b')}`)),
      async (store) => {
        const times = [];
        for await (const { changed } of store.list()) times.push(changed);
        assert.deepEqual(times, [Date.UTC(2030, 0, 31, 9), undefined]);
      },
    );
    await against(
      (_request, response) => void response.writeHead(200).end(list(dated.replace('2030', 'soon'))),
      (store) => assert.rejects(namesOf(store), { code: 'http-status' }),
    );
  });

  it('DEP-07: a list that goes in circles, or lists what it was not asked for, ends', async () => {
    let pages = 0;
    const circle: RequestListener = (_request, response) => {
      pages += 1;
      const more = '<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>';
      response.writeHead(200).end(list(`${more}${entry('same')}`));
    };
    await against(circle, async (store) => {
      await assert.rejects(namesOf(store), { code: 'count-limit' });
      assert.ok(pages < 10, `${pages} pages`);
    });
    const foreign = list(['a', '../up', '/abs', 'a//b', 'folder/', '.tidegate-x', 'b'].map(entry).join(''));
    await against(
      (_request, response) => void response.writeHead(200).end(foreign),
      async (store) => assert.deepEqual(await namesOf(store), ['a', 'b']),
    );
    const encoded = list(`<EncodingType>url</EncodingType>${entry('a+b%2Bc%20d')}${entry('%zz')}`);
    await against(
      (_request, response) => void response.writeHead(200).end(encoded),
      async (store) => assert.deepEqual(await namesOf(store), ['a b+c d']),
    );
  });

  it('DEP-07: a list of more names than memory is for ends, and one with empty pages goes on', async () => {
    let pages = 0;
    const long = 'x'.repeat(200);
    const names: RequestListener = (_request, response) => {
      pages += 1;
      const more = `<IsTruncated>true</IsTruncated><NextContinuationToken>${pages}</NextContinuationToken>`;
      const entries = Array.from({ length: 1000 }, (_, index) => entry(`${pages}-${index}${long}`));
      response.writeHead(200).end(list(more + entries.join('')));
    };
    await against(names, async (store) => {
      await assert.rejects(listFiles(store.calls, '', undefined, { entries: 2500 }), {
        code: 'count-limit',
      });
      assert.equal(pages, 3);
      await assert.rejects(listFiles(store.calls, '', undefined, { characters: 400_000 }), {
        code: 'count-limit',
      });
      assert.equal(pages, 5);
    });
    let asked = 0;
    const sparse: RequestListener = (_request, response) => {
      asked += 1;
      const more = `<IsTruncated>true</IsTruncated><NextContinuationToken>${asked}</NextContinuationToken>`;
      response.writeHead(200).end(list(asked === 4 ? entry('last') : more));
    };
    await against(sparse, async (store) => assert.deepEqual(await namesOf(store), ['last']));
    asked = 5;
    await against(sparse, (store) => assert.rejects(namesOf(store), { code: 'count-limit' }));
    assert.ok(asked < 120, `${asked} pages`);
  });

  it('names the region of a bucket that is asked in another one, and follows nobody', async () => {
    const headers = { location: 'http://169.254.169.254/', 'x-amz-bucket-region': 'eu-central-1' };
    for (const status of [301, 307, 400]) {
      let asked = 0;
      const elsewhere: RequestListener = (_request, response) => {
        asked += 1;
        response.writeHead(status, headers).end('<Error><Code>PermanentRedirect</Code></Error>');
      };
      await against(elsewhere, async (store) => {
        await assert.rejects(store.read('a', 1), {
          code: 'config-invalid',
          message: /region eu-central-1; write region=/,
        });
        await assert.rejects(store.stat('a'), {
          code: 'config-invalid',
          message: /region eu-central-1; write region=/,
        });
        assert.equal(asked, 3);
      });
    }
  });

  it('names a region that is refused, also by a server that tells no other', async () => {
    const malformed: RequestListener = (_request, response) =>
      void response
        .writeHead(400)
        .end(
          '<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region "mars-1" is wrong; expecting "us-east-1".</Message></Error>',
        );
    await against(malformed, async (store) => {
      const named = { code: 'config-invalid', message: /expecting "us-east-1"; write region=/ };
      await assert.rejects(store.read('a', 1), named);
      await assert.rejects(store.create('a', new Uint8Array(1)), named);
      await assert.rejects(probeStore(store), named);
    });
  });

  it('PUB-16: a key that nobody has is no absent file, whatever the status', async () => {
    for (const [status, code, message] of [
      [404, 'XAdminUserNotFound', /nobody has the access key/],
      [403, 'InvalidAccessKeyId', /nobody has the access key/],
      [403, 'SignatureDoesNotMatch', /secret key does not belong/],
    ] as const) {
      const unknown: RequestListener = (_request, response) =>
        void response.writeHead(status).end(`<Error><Code>${code}</Code></Error>`);
      await against(unknown, async (store) => {
        await assert.rejects(store.read('timestamp.json', 9), { code: 'access-denied', message });
        await assert.rejects(store.create('a', new Uint8Array(1)), { code: 'access-denied', message });
      });
    }
  });

  it('NET-07: a range that is not the one asked for, an encoding and a short body are refused', async () => {
    const headers = { etag: '"e"' };
    const answers: readonly [RequestListener, string][] = [
      [
        (_, response) =>
          void response
            .writeHead(206, { ...headers, 'content-range': 'bytes 0-4/100', 'content-length': 5 })
            .end('hello'),
        'http-status',
      ],
      [
        (_, response) => void response.writeHead(206, { ...headers, 'content-length': 5 }).end('hello'),
        'http-status',
      ],
      [
        (_, response) =>
          void response
            .writeHead(206, { ...headers, 'content-range': 'bytes 10-14/100', 'content-length': 3 })
            .end('hel'),
        'http-status',
      ],
      [
        (_, response) => void response.writeHead(200, { ...headers, 'content-length': 5 }).end('hello'),
        'http-status',
      ],
      [
        (_, response) =>
          void response
            .writeHead(206, {
              ...headers,
              'content-range': 'bytes 10-14/100',
              'content-length': 5,
              'content-encoding': 'gzip',
            })
            .end('hello'),
        'encoding-refused',
      ],
      [
        (_, response) =>
          void response
            .writeHead(206, { ...headers, 'content-range': 'bytes 10-14/100', 'content-length': 5 })
            .write('he', () => response.destroy()),
        'network-unreachable',
      ],
      [
        (_, response) =>
          void response
            .writeHead(206, { ...headers, 'content-range': 'bytes 10-14/100', 'content-length': 5 })
            .write('he'),
        'too-slow',
      ],
      [
        (_, response) => void response.writeHead(301, { location: 'http://169.254.169.254/' }).end(),
        'http-status',
      ],
    ];
    for (const [answer, code] of answers)
      await against(answer, async (store) => {
        const reading = async (): Promise<void> => {
          const file = await store.open('a', { start: 10, length: 5 });
          await bytesOf(file?.body ?? (async function* () {})());
        };
        await assert.rejects(reading(), { code });
      });
  });
});
