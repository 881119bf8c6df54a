/** The far side of SigV4 against the examples that Amazon's own documentation of S3 works out by hand. */
import assert from 'node:assert/strict';
import { maxClockSkew, type ReceivedRequest, type SignatureRules, signatureFault } from './sigv4.ts';

const accessKeyId = 'AKIAIOSFODNN7EXAMPLE';
const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const now = Date.UTC(2013, 4, 24);
const rules: SignatureRules = {
  service: 's3',
  region: 'us-east-1',
  credentials: new Map([[accessKeyId, { secretAccessKey }]]),
  now,
};

const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const putHash = '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072';
const scope = `${accessKeyId}/20130524/us-east-1/s3/aws4_request`;

function signed(
  method: string,
  url: string,
  signature: string,
  headers: Readonly<Record<string, string>> = {},
): ReceivedRequest {
  const all: Readonly<Record<string, string>> = {
    host: 'examplebucket.s3.amazonaws.com',
    'x-amz-content-sha256': emptyHash,
    'x-amz-date': '20130524T000000Z',
    ...headers,
  };
  const names = Object.keys(all).toSorted().join(';');
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=${names},Signature=${signature}`;
  return { method, url, headers: { ...all, authorization } };
}

const getRange = signed(
  'GET',
  '/test.txt',
  'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  {
    range: 'bytes=0-9',
  },
);
const put: ReceivedRequest = {
  ...signed('PUT', '/test%24file.text', '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd', {
    date: 'Fri, 24 May 2013 00:00:00 GMT',
    'x-amz-content-sha256': putHash,
    'x-amz-storage-class': 'REDUCED_REDUNDANCY',
  }),
  body: Buffer.from('Welcome to Amazon S3.'),
};
const presignedUrl = `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(scope)}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`;
const presigned: ReceivedRequest = {
  method: 'GET',
  url: presignedUrl,
  headers: { host: 'examplebucket.s3.amazonaws.com' },
};

describe('the far side of SigV4', () => {
  it('accepts the documented examples', () => {
    const list = '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7';
    const lifecycle = 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543';
    for (const request of [
      getRange,
      put,
      presigned,
      signed('GET', '/?max-keys=2&prefix=J', list),
      signed('GET', '/?lifecycle', lifecycle),
    ])
      assert.equal(signatureFault(request, rules), undefined, request.url);
  });

  it('refuses a request that was changed on the way', () => {
    const changed: readonly ReceivedRequest[] = [
      { ...getRange, method: 'HEAD' },
      { ...getRange, url: '/test2.txt' },
      { ...getRange, url: '/test.txt?versionId=1' },
      { ...getRange, headers: { ...getRange.headers, range: 'bytes=0-10' } },
      { ...presigned, url: presignedUrl.replace('86400', '86401') },
    ];
    for (const request of changed)
      assert.equal(signatureFault(request, rules), 'SignatureDoesNotMatch', request.url);
  });

  it('refuses a body that is not the one that was signed', () => {
    const body = Buffer.from('Welcome to Amazon S4.');
    assert.equal(signatureFault({ ...put, body }, rules), 'XAmzContentSHA256Mismatch');
  });

  it('refuses a header of AWS that nobody signed', () => {
    const headers = { ...getRange.headers, 'x-amz-acl': 'public-read' };
    assert.equal(signatureFault({ ...getRange, headers }, rules), 'AccessDenied');
  });

  it('refuses requests without a signature, or with one that cannot be read', () => {
    const { authorization, ...rest } = getRange.headers;
    assert.equal(signatureFault({ ...getRange, headers: rest }, rules), 'AccessDenied');
    const cut = { ...rest, authorization: `${authorization}`.slice(0, -1) };
    assert.equal(signatureFault({ ...getRange, headers: cut }, rules), 'AuthorizationHeaderMalformed');
    for (const lifetime of ['0', '604801', 'x', '']) {
      const url = presignedUrl.replace('86400', lifetime);
      const found = signatureFault({ ...presigned, url }, rules);
      assert.equal(found, 'AuthorizationQueryParametersError', lifetime);
    }
  });

  it('refuses strangers, other secrets, other services, other regions and missing session tokens', () => {
    const other = (known: { secretAccessKey: string; sessionToken?: string }): SignatureRules => ({
      ...rules,
      credentials: new Map([[accessKeyId, known]]),
    });
    const stranger = { ...rules, credentials: new Map() };
    assert.equal(signatureFault(getRange, stranger), 'InvalidAccessKeyId');
    assert.equal(signatureFault(getRange, other({ secretAccessKey: 'x' })), 'SignatureDoesNotMatch');
    assert.equal(signatureFault(getRange, other({ secretAccessKey, sessionToken: 't' })), 'InvalidToken');
    for (const part of [{ service: 'kms' }, { region: 'eu-west-1' }]) {
      assert.equal(signatureFault(getRange, { ...rules, ...part }), 'AuthorizationHeaderMalformed');
      assert.equal(signatureFault(presigned, { ...rules, ...part }), 'AuthorizationQueryParametersError');
    }
  });

  it('refuses clocks that are more than 15 minutes off, and presigned requests outside their life', () => {
    const at = (request: ReceivedRequest, time: number): unknown =>
      signatureFault(request, { ...rules, now: time });
    for (const skew of [-maxClockSkew, maxClockSkew]) assert.equal(at(getRange, now + skew), undefined);
    for (const skew of [-maxClockSkew - 1, maxClockSkew + 1])
      assert.equal(at(getRange, now + skew), 'RequestTimeTooSkewed');
    assert.equal(at(presigned, now + 86_400_000), undefined);
    assert.equal(at(presigned, now + 86_400_001), 'AccessDenied');
    assert.equal(at(presigned, now - maxClockSkew - 1), 'AccessDenied');
  });
});
