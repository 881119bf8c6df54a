/** `--from LOCATION --root FILE`: a repository as hosts see it, by folder or address, where no workspace is needed. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TidegateError } from '../errors.ts';
import type { AuditPlace } from '../signer/audit/places.ts';
import { isAddress, locationFrom } from '../storage/address.ts';
import type { Surroundings } from './surroundings.ts';

export interface RepositoryOptions {
  readonly from?: string;
  readonly root?: string;
}

export function addRepositoryOptions(command: Command): Command {
  return command
    .option('--from <location>', 'a repository by folder or address, with --root (default: the workspace)')
    .option('--root <file>', 'a root that you trust');
}

export interface TrustedPlaces {
  readonly places: readonly AuditPlace[];
  readonly trustedRoot: Uint8Array;
}

/**
 * @param fleet whose repository it is, where there is one for each; an address is not searched for them
 * @returns undefined without --from
 * @throws usage, not-found
 */
export async function placesFrom(
  fleet: { readonly variant: string | undefined; readonly arch: string | undefined },
  { from, root }: RepositoryOptions,
  { directory, signal }: Pick<Surroundings, 'directory' | 'signal'>,
): Promise<TrustedPlaces | undefined> {
  if (from === undefined) return undefined;
  if (root === undefined)
    throw new TidegateError('usage', '--from goes with --root FILE: a root that you trust');
  const trustedRoot = await readTrustedRoot(root, directory);
  const { findPlaces } = await import('../signer/audit/places.ts');
  const location = locationFrom(directory, from);
  const { variant, arch } = fleet;
  const places = await findPlaces({ location, signal }).catch((error: unknown) => {
    if (!isAddress(location) || variant === undefined || arch === undefined) throw error;
    return findPlaces({ location, repositories: [`${variant}/${arch}`], signal });
  });
  return { places, trustedRoot };
}

/** @throws usage */
export async function readTrustedRoot(root: string, directory: string): Promise<Uint8Array> {
  const path = resolve(directory, root);
  return await readFile(path).catch((cause: unknown) => {
    throw new TidegateError('usage', `--root: ${path} cannot be read`, { path }, { cause });
  });
}
