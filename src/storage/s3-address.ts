/**
 * Addresses of buckets: `s3://BUCKET/PREFIX?region=…&endpoint=…`. Pure.
 * - Credentials never stand in an address: they come from what AWS tools use everywhere (environment, profile, SSO, role).
 * - What is not in the address comes from the same places; only an own endpoint brings defaults of its own.
 * - What weakens a guarantee is written out in the address, so that everybody who reads the configuration sees it.
 */
import { TidegateError } from '../errors.ts';
import { parseBaseUrl } from './http-address.ts';
import { checkStoreName } from './store-name.ts';

export interface S3Address {
  readonly bucket: string;
  /** What begins every key, empty or ending in a slash. */
  readonly prefix: string;
  readonly region?: string;
  /** An address of one's own server; otherwise AWS. */
  readonly endpoint?: string;
  /** Undefined: as fits the endpoint, wherever it is configured. */
  readonly pathStyle?: boolean;
  readonly profile?: string;
  /** `off`: the store takes no SHA-256 with a write, so everything that is written is read back and hashed. */
  readonly checksums: 'sha256' | 'off';
  /** `bare`: the store compares etags in conditions only without their quotes. */
  readonly etags: 'quoted' | 'bare';
  /** `absent`: this identity may not list the bucket, so that a missing file is answered 403. */
  readonly forbidden: 'error' | 'absent';
}

const parameters = [
  'region',
  'endpoint',
  'path-style',
  'profile',
  'checksums',
  'etags',
  'forbidden',
] as const;

/** @throws config-invalid naming the part, target-path-invalid for a prefix that cannot begin names */
export function parseS3Address(text: string): S3Address {
  const [, bucket = '', path = '', query = ''] =
    /^s3:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text) ?? [];
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw wrong(text, 'names no bucket', '3 to 63 of a-z, 0-9, "." and "-" as its name');
  const values = readQuery(text, query);
  const endpoint = values.get('endpoint');
  if (endpoint !== undefined) parseBaseUrl(endpoint);
  const region = values.get('region') ?? (endpoint === undefined ? undefined : 'us-east-1');
  const profile = values.get('profile');
  return {
    bucket,
    prefix: prefixOf(text, path),
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    ...(profile !== undefined && { profile }),
    ...(values.has('path-style') && {
      pathStyle: word(text, values, 'path-style', ['true', 'false'], 'true') === 'true',
    }),
    checksums: word(text, values, 'checksums', ['sha256', 'off'], 'sha256'),
    etags: word(text, values, 'etags', ['quoted', 'bare'], 'quoted'),
    forbidden: word(text, values, 'forbidden', ['error', 'absent'], 'error'),
  };
}

/** The address for messages: bucket and prefix. */
export function s3LocationText({ bucket, prefix }: S3Address): string {
  return `s3://${bucket}/${prefix}`;
}

/** The key of a stored name. @throws target-path-invalid when both together are longer than S3 takes */
export function s3Key({ prefix }: S3Address, name: string): string {
  checkStoreName(name);
  if (prefix !== '') checkStoreName(prefix + name);
  return prefix + name;
}

function prefixOf(text: string, path: string): string {
  const prefix = decoded(text, path).replace(/\/$/, '');
  if (prefix === '') return '';
  checkStoreName(prefix);
  return `${prefix}/`;
}

function readQuery(text: string, query: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const part of query.split('&').filter((each) => each !== '')) {
    const [name = '', ...rest] = part.split('=');
    const value = decoded(text, rest.join('='));
    if (!parameters.some((known) => known === name))
      throw wrong(text, `has the parameter ${JSON.stringify(name)}`, parameters.join(', '));
    if (values.has(name) || value === '' || /[\u0000-\u0020\u007f]/.test(value))
      throw wrong(text, `has ${name} twice, empty or with a space`, `one value for ${name}`);
    values.set(name, value);
  }
  return values;
}

function word<Word extends string>(
  text: string,
  values: ReadonlyMap<string, string>,
  name: string,
  words: readonly Word[],
  otherwise: Word,
): Word {
  const value = values.get(name);
  if (value === undefined) return otherwise;
  const found = words.find((each) => each === value);
  if (found === undefined) throw wrong(text, `has ${name}=${value}`, words.join(' or '));
  return found;
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw wrong(text, 'has a % that begins no encoded character', 'percent-encoded UTF-8', error);
  }
}

function wrong(text: string, found: string, expected: string, cause?: unknown): TidegateError {
  const shown = text.replace(/[?#].*$/s, '').replace(/\/\/[^/]*@/, '//…@');
  const message = `The address ${shown} ${found}; expected ${expected}.`;
  return new TidegateError('config-invalid', message, {}, cause === undefined ? {} : { cause });
}
