/**
 * What AWS's tools read from the environment and the SDK for this language leaves out, so that a shell which works for
 * them works here.
 */
import { readFile } from 'node:fs/promises';
import type { AgentOptions } from 'node:https';
import { TidegateError } from '../errors.ts';
import type { S3Address } from './s3-address.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** An own server is addressed with the bucket in the path, unless the address says otherwise. */
export function isPathStyle(
  { pathStyle, endpoint }: S3Address,
  environment: Environment = process.env,
): boolean {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: ignored } = environment;
  const configured =
    ignored === 'true' ? undefined : [AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL].find((url) => url);
  return pathStyle ?? (endpoint ?? configured) !== undefined;
}

/**
 * Proxies by HTTPS_PROXY, HTTP_PROXY and NO_PROXY; the authorities of AWS_CA_BUNDLE in the place of the usual ones.
 *
 * @throws config-invalid for a bundle that cannot be read
 */
export async function agentOptions(environment: Environment = process.env): Promise<AgentOptions> {
  const { AWS_CA_BUNDLE: bundle } = environment;
  const proxies = { proxyEnv: { ...environment } };
  if (bundle === undefined || bundle === '') return proxies;
  try {
    return { ...proxies, ca: await readFile(bundle, 'utf8') };
  } catch (error) {
    const text = `AWS_CA_BUNDLE names ${bundle}, which cannot be read; expected a file of certificates.`;
    throw new TidegateError('config-invalid', text, { path: bundle }, { cause: error });
  }
}
