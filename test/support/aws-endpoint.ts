/**
 * A loopback endpoint that speaks as AWS KMS and Systems Manager do (JSON 1.1): it checks SigV4, really signs, keeps
 * the services' limits, and gets into every trouble it is told to.
 */

import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { derOfRaw, ecdsaOverDigest, pssOverDigest } from './digest-signature.ts';
import { type KnownCredential, type SignatureFault, signatureFault } from './sigv4.ts';

export const awsRegion = 'eu-central-1';
export const awsCredentials = { accessKeyId: 'AKIDTIDEGATETEST', secretAccessKey: 'loopback/secret+key' };

export interface EndpointKey {
  readonly privateKey: KeyObject;
  readonly spec: string;
  readonly usage?: string;
  readonly algorithms?: readonly string[];
  /** What GetPublicKey shows; default: the public half. */
  readonly publicKey?: Uint8Array;
  /** What is done to a signature before it leaves. */
  readonly alter?: (signature: Buffer, raw: Buffer | undefined) => Uint8Array;
}

export interface EndpointParameter {
  readonly value: string;
  readonly type?: 'SecureString' | 'String';
}

/** An answer of the service instead of the right one; `stall` and `reset` give none. */
export type Trouble =
  | 'stall'
  | 'reset'
  | { readonly status: number; readonly type: string; readonly message?: string };

export const throttled: Trouble = { status: 400, type: 'ThrottlingException', message: 'Rate exceeded' };
export const failed: Trouble = { status: 500, type: 'KMSInternalException' };
export const deniedBy = (message: string): Trouble => ({
  status: 400,
  type: 'AccessDeniedException',
  message,
});

export interface AwsRequest {
  readonly action: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** Counted from 1 for each action. */
  readonly count: number;
}

export interface AwsEndpointOptions {
  /** By key id, alias or ARN, as it is asked for. */
  readonly keys?: ReadonlyMap<string, EndpointKey>;
  readonly parameters?: Map<string, EndpointParameter>;
  readonly trouble?: (request: AwsRequest) => Trouble | undefined;
  readonly credentials?: ReadonlyMap<string, KnownCredential>;
  /** The clock of the service. */
  readonly now?: () => number;
}

export interface AwsEndpoint {
  readonly origin: string;
  readonly requests: readonly AwsRequest[];
  close(): Promise<void>;
}

export async function startAwsEndpoint(options: AwsEndpointOptions): Promise<AwsEndpoint> {
  const requests: AwsRequest[] = [];
  const server = createServer((request, response) => {
    answer(request, response, options, requests).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The endpoint has no port.');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    requests,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

interface Reply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: AwsEndpointOptions,
  requests: AwsRequest[],
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const body = Buffer.concat(chunks);
  const now = options.now?.() ?? Date.now();
  const reply = refusal(request, body, options, now) ?? (await served(request, body, options, requests));
  if (reply === 'stall') return;
  if (reply === 'reset') return void request.socket.resetAndDestroy();
  response.writeHead(reply.status, {
    'content-type': 'application/x-amz-json-1.1',
    date: new Date(now).toUTCString(),
    'x-amzn-requestid': '0f0f0f0f-0000-4000-8000-000000000000',
  });
  response.end(JSON.stringify(reply.body));
}

const defaultCredentials = new Map([[awsCredentials.accessKeyId, awsCredentials]]);

/** The names that these services give to what S3 calls otherwise. */
const faultTypes: Readonly<Record<SignatureFault, string>> = {
  AccessDenied: 'MissingAuthenticationTokenException',
  AuthorizationHeaderMalformed: 'IncompleteSignature',
  AuthorizationQueryParametersError: 'IncompleteSignature',
  InvalidAccessKeyId: 'UnrecognizedClientException',
  InvalidToken: 'ExpiredTokenException',
  RequestTimeTooSkewed: 'InvalidSignatureException',
  SignatureDoesNotMatch: 'InvalidSignatureException',
  XAmzContentSHA256Mismatch: 'InvalidSignatureException',
};

function refusal(
  request: IncomingMessage,
  body: Uint8Array,
  { credentials = defaultCredentials }: AwsEndpointOptions,
  now: number,
): Reply | undefined {
  const { method = '', url = '', headers } = request;
  const service = `${headers['x-amz-target']}`.startsWith('AmazonSSM.') ? 'ssm' : 'kms';
  const rules = { service, region: awsRegion, credentials, now };
  const fault = signatureFault({ method, url, headers, body }, rules);
  if (fault === undefined) return undefined;
  // As the services once did: the message repeats the request, token and all.
  const message = `The Canonical String should have been ${headers.authorization} ${headers['x-amz-security-token']}`;
  return { status: 400, body: { __type: faultTypes[fault], message } };
}

async function served(
  { headers }: IncomingMessage,
  body: Uint8Array,
  options: AwsEndpointOptions,
  requests: AwsRequest[],
): Promise<Reply | 'stall' | 'reset'> {
  const action = `${headers['x-amz-target']}`.split('.')[1] ?? '';
  const input: AwsRequest['input'] = JSON.parse(Buffer.from(body).toString());
  const count = requests.filter((request) => request.action === action).length + 1;
  const request = { action, input, count };
  requests.push(request);
  const trouble = options.trouble?.(request);
  if (typeof trouble === 'string') return trouble;
  if (trouble !== undefined) return failure(trouble.type, trouble.message, trouble.status);
  if (action === 'PutParameter') return putReply(input, options.parameters);
  if (action === 'GetParameter') return parameterReply(input, options.parameters);
  const key = options.keys?.get(`${input.KeyId}`);
  if (key === undefined) return failure('NotFoundException', `Key '${input.KeyId}' does not exist`);
  if (action === 'GetPublicKey') return publicKeyReply(input, key);
  return action === 'Sign' ? signReply(input, key) : failure('UnknownOperationException');
}

function failure(type: string, message = type, status = 400): Reply {
  return { status, body: { __type: type, message } };
}

function parameterReply(input: AwsRequest['input'], parameters: AwsEndpointOptions['parameters']): Reply {
  const parameter = parameters?.get(`${input.Name}`);
  if (parameter === undefined) return failure('ParameterNotFound', '');
  const { value, type = 'SecureString' } = parameter;
  const Value = type === 'String' || input.WithDecryption === true ? value : 'AQICAHg1cypher1text';
  return { status: 200, body: { Parameter: { Name: input.Name, Type: type, Value, Version: 1 } } };
}

function putReply(input: AwsRequest['input'], parameters: AwsEndpointOptions['parameters']): Reply {
  const [name, value] = [`${input.Name}`, `${input.Value}`];
  if (value.length > 4096) return failure('ValidationException', 'value is longer than 4096 characters');
  if (/^\/?(aws|ssm)/i.test(name))
    return failure('AccessDeniedException', `No access to reserved parameter name: ${name}.`);
  if (parameters?.has(name) === true && input.Overwrite !== true)
    return failure('ParameterAlreadyExists', name);
  parameters?.set(name, { value, type: input.Type === 'SecureString' ? 'SecureString' : 'String' });
  return { status: 200, body: { Version: 1, Tier: 'Standard' } };
}

function publicKeyReply(input: AwsRequest['input'], key: EndpointKey): Reply {
  const der = key.publicKey ?? createPublicKey(key.privateKey).export({ format: 'der', type: 'spki' });
  const body = {
    KeyId: `arn:aws:kms:${awsRegion}:111122223333:key/${input.KeyId}`,
    PublicKey: Buffer.from(der).toString('base64'),
    KeySpec: key.spec,
    KeyUsage: key.usage ?? 'SIGN_VERIFY',
    SigningAlgorithms: key.algorithms ?? algorithmsOf(key.spec),
  };
  return { status: 200, body };
}

function algorithmsOf(spec: string): readonly string[] {
  if (spec === 'ECC_NIST_P256') return ['ECDSA_SHA_256'];
  if (spec === 'ECC_NIST_P384') return ['ECDSA_SHA_384'];
  if (spec === 'ECC_NIST_EDWARDS25519') return ['ED25519_SHA_512', 'ED25519_PH_SHA_512'];
  const sizes = [256, 384, 512];
  return sizes.flatMap((size) => [`RSASSA_PSS_SHA_${size}`, `RSASSA_PKCS1_V1_5_SHA_${size}`]);
}

const maxRawMessage = 4096;

function signReply(input: AwsRequest['input'], key: EndpointKey): Reply {
  const message = Buffer.from(`${input.Message}`, 'base64');
  const isDigest = input.MessageType === 'DIGEST';
  if (!isDigest && message.length > maxRawMessage)
    return failure('ValidationException', `message length ${message.length}, at most ${maxRawMessage}`);
  if (isDigest && message.length !== 32)
    return failure('ValidationException', 'Digest is invalid length for algorithm');
  const algorithm = `${input.SigningAlgorithm}`;
  if (!(key.algorithms ?? algorithmsOf(key.spec)).includes(algorithm))
    return failure('InvalidKeyUsageException', `${algorithm} is not valid for ${key.spec}`);
  const { signature, raw } = signed(key.privateKey, message, isDigest, algorithm);
  const given = key.alter?.(signature, raw) ?? signature;
  const body = { Signature: Buffer.from(given).toString('base64'), SigningAlgorithm: algorithm };
  return { status: 200, body };
}

function signed(
  key: KeyObject,
  message: Buffer,
  isDigest: boolean,
  algorithm: string,
): { readonly signature: Buffer; readonly raw?: Buffer } {
  if (!isDigest) return { signature: sign(algorithm.startsWith('ED') ? null : 'sha256', message, key) };
  if (algorithm === 'RSASSA_PSS_SHA_256') return { signature: pssOverDigest(key, message) };
  const raw = ecdsaOverDigest(key, message);
  return { signature: derOfRaw(raw), raw };
}
