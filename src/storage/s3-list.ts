/**
 * Lists of a bucket: whole, in order, and bounded.
 * - Put in order here, because not every store keeps S3's order; names that no store may hold are left out.
 */
import type { ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { TidegateError } from '../errors.ts';
import { compareNames } from './read-range.ts';
import type { S3Calls } from './s3-calls.ts';
import type { FileInfo } from './store.ts';
import { checkStoreName, checkStorePrefix } from './store-name.ts';

/** Entries of one list, and characters of their names: what a bucket can make us hold. */
export interface ListLimits {
  readonly entries: number;
  readonly characters: number;
}

const listLimits: ListLimits = { entries: 2_000_000, characters: 256 * 1024 * 1024 };
/** Pages in a row without a single entry: a bucket with many deleted versions has some. */
const mostEmptyPages = 100;

/** @throws count-limit */
export async function listFiles(
  calls: S3Calls,
  prefix: string,
  signal?: AbortSignal,
  limits: Partial<ListLimits> = {},
): Promise<readonly FileInfo[]> {
  checkStorePrefix(prefix);
  const start = calls.connection.address.prefix + prefix;
  const found = new Map<string, FileInfo>();
  const most = { ...listLimits, ...limits };
  let characters = 0;
  let empty = 0;
  for (let token: string | undefined, pages = 1; ; pages += 1) {
    const page = await listPage(calls, start, token, signal);
    for (const info of filesOn(calls, page, start)) {
      characters += found.has(info.name) ? 0 : info.name.length;
      found.set(info.name, info);
    }
    const next = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    if (next === undefined) break;
    empty = (page.Contents ?? []).length === 0 ? empty + 1 : 0;
    const tooMany = found.size > most.entries || characters > most.characters || pages > most.entries / 100;
    if (tooMany || next === token || empty > mostEmptyPages) throw withoutEnd(calls.location, most.entries);
    token = next;
  }
  return [...found.values()].sort((first, second) => compareNames(first.name, second.name));
}

function withoutEnd(location: string, limit: number): TidegateError {
  const text = `${location} lists names without end; at most ${limit} are expected.`;
  return new TidegateError('count-limit', text, { location, limit });
}

async function listPage(
  calls: S3Calls,
  prefix: string,
  token: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ListObjectsV2CommandOutput> {
  const input = {
    Bucket: calls.connection.address.bucket,
    Prefix: prefix,
    EncodingType: 'url' as const,
    ...(token !== undefined && { ContinuationToken: token }),
  };
  return await calls.repeat(
    `listing ${prefix}`,
    (client, sdk, options) => client.send(new sdk.ListObjectsV2Command(input), options),
    signal,
  );
}

function filesOn(
  { connection: { address } }: S3Calls,
  { Contents = [], EncodingType }: ListObjectsV2CommandOutput,
  start: string,
): readonly FileInfo[] {
  return Contents.flatMap(({ Key = '', Size: length = 0, ETag: etag = '', LastModified: time }) => {
    const key = EncodingType === 'url' ? decodeKey(Key) : Key;
    const name = key.slice(address.prefix.length);
    return key.startsWith(start) && isStoreName(name)
      ? [{ name, length, etag, ...(time && { changed: time.getTime() }) }]
      : [];
  });
}

/** As in a form: a plus is a space. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return '';
  }
}

function isStoreName(name: string): boolean {
  try {
    checkStoreName(name);
    return true;
  } catch {
    return false;
  }
}
