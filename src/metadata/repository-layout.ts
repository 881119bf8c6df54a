/**
 * Where the files of a repository lie under one address: shared by whoever writes, reads, serves or copies
 * one. Two layouts exist:
 *
 * - `single`: one repository for every variant and architecture.
 *       metadata/timestamp.json   metadata/7.snapshot.json …
 *       targets/<sha256>.<name>
 * - `bottlerocket`: a repository for each variant and architecture under the same roots, as updog reads them.
 *       <variant>/<arch>/timestamp.json   <variant>/<arch>/7.snapshot.json …
 *       targets/<sha256>.<name>           shared by all; the hash in the name keeps them apart
 *
 * Every name but `timestamp.json` is written once and never again.
 */
import { TidegateError } from '../errors.ts';
import { metadataFileName, targetFileName } from './file-names.ts';
import { printable } from './printable.ts';
import { parsePortableTargetPath, type TargetPath } from './target-path.ts';

export const repositoryLayouts = ['single', 'bottlerocket'] as const;
export type RepositoryLayout = (typeof repositoryLayouts)[number];

/** The target that lists the releases; every repository has one. */
export const manifestTarget: TargetPath = parsePortableTargetPath('manifest.json');

/** What a host is: part of a fleet that gets the same images. */
export interface FleetName {
  readonly variant: string;
  readonly arch: string;
}

export function isSameFleet(one: FleetName, other: FleetName): boolean {
  return one.variant === other.variant && one.arch === other.arch;
}

/** Names of folders, without a slash at either end. */
export interface RepositoryFolders {
  readonly metadata: string;
  readonly targets: string;
}

const targetsFolder = 'targets';
const maxNameLength = 64;

/**
 * The folders of the repository that serves a fleet. In the layout `single` they are the same for all.
 *
 * @throws config-invalid when variant or architecture cannot be a folder
 */
export function repositoryFolders(layout: RepositoryLayout, fleet: FleetName): RepositoryFolders {
  if (layout === 'single') return { metadata: 'metadata', targets: targetsFolder };
  const variant = checkFleetPart('variant', fleet.variant);
  return { metadata: `${variant}/${checkFleetPart('arch', fleet.arch)}`, targets: targetsFolder };
}

/**
 * Names that are the same as a folder, in an address and in a manifest; `targets` and `metadata` are folders of
 * the layouts themselves.
 *
 * @param what `variant` or `arch`, for the message
 * @throws config-invalid
 */
export function checkFleetPart(what: string, name: string): string {
  const fits = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(name) && name.length <= maxNameLength;
  if (fits && name !== targetsFolder && name !== 'metadata') return name;
  const expected = `at most ${maxNameLength} letters, digits, ".", "_", "+" and "-", beginning with a letter or digit, other than "targets" and "metadata"`;
  throw new TidegateError('config-invalid', `${what}: found "${printable(name)}", expected ${expected}`, {
    where: what,
    found: printable(name),
    expected,
  });
}

/** The name of a role's file in the store. `timestamp.json` has no version, every other file has one. */
export function metadataName(folders: RepositoryFolders, role: string, version?: number): string {
  return `${folders.metadata}/${metadataFileName(role, version)}`;
}

/** The name of a target's file in the store; repositories of Tidegate always carry the SHA-256 in it. */
export function targetName(folders: RepositoryFolders, path: TargetPath, sha256: string): string {
  return `${folders.targets}/${targetFileName(path, sha256)}`;
}
