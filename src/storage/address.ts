/** Whether what people write as a location is an address (`https://…`, `s3://…`, `file://…`) or a path. Opens nothing. */
import { resolve } from 'node:path';

/** Lower case; undefined for a path. */
export function schemeOf(location: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):\/\//i.exec(location)?.[1]?.toLowerCase();
}

export function isAddress(location: string): boolean {
  return schemeOf(location) !== undefined;
}

/** A path starts from the folder, an address stands. */
export function locationFrom(folder: string, location: string): string {
  return isAddress(location) ? location : resolve(folder, location);
}
