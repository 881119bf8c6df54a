/**
 * Names of images, and what names tell.
 *
 * A target keeps its name for ever, so the name has to differ from version to version. Images keep the name of their
 * file (`kept`), or get one in Bottlerocket's manner (`standard`):
 *     <repository>-<variant>-<arch>-<version>-boot.ext4.lz4, -root.ext4.lz4, -root.verity.lz4; else -<kind> and the
 *     file's own ending
 * From names of that manner variant, architecture and version can be read, given the variants of the workspace; from
 * others the version alone, when there is exactly one in them. A name that may mean a pre-release tells no version:
 * `1.2.0-rc.1` and `1.2.0-943d9a41` differ in nothing but their sense.
 */
import { basename } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { FleetName } from '../../metadata/repository-layout.ts';
import { parsePortableTargetPath, type TargetPath } from '../../metadata/target-path.ts';
import type { ReleaseId } from '../../waves/release.ts';

const namings = ['kept', 'standard'] as const;
export type Naming = (typeof namings)[number];

/** Kinds whose endings Bottlerocket's own images have. */
const bottlerocketEnding: Readonly<Record<string, string>> = {
  boot: '-boot.ext4',
  root: '-root.ext4',
  hash: '-root.verity',
};

/**
 * @param repository the repository's name; its part after the last slash is used
 * @throws target-path-invalid for a name that not every client asks for in the same way
 */
export function imageName(
  naming: Naming,
  { repository, release, kind, path }: { repository: string; release: ReleaseId; kind: string; path: string },
): TargetPath {
  const file = basename(path);
  if (naming === 'kept') return parsePortableTargetPath(file);
  const { variant, arch, version } = release;
  const known = bottlerocketEnding[kind];
  const compression = /\.(?:lz4|zst|gz|xz)$/.exec(file)?.[0] ?? '';
  const ending = known === undefined ? `-${kind}${endingOf(file)}` : known + compression;
  return parsePortableTargetPath(`${basename(repository)}-${variant}-${arch}-${version}${ending}`);
}

/** `.img.zst` of `disk-1.2.0.img.zst`: what follows the last run of digits and dots. */
function endingOf(file: string): string {
  return /(?:\.[a-z][a-z0-9]*)+$/i.exec(file)?.[0] ?? '';
}

/** What a caller states of a release, and what may be found out. */
export type StatedRelease = Partial<ReleaseId>;

/**
 * Completes a release from the names of its files, or from the workspace where there is only one fleet.
 *
 * @throws release-invalid naming what is missing, or what two names contradict
 */
export function completeRelease(
  stated: StatedRelease,
  paths: readonly string[],
  fleets: readonly FleetName[],
): ReleaseId {
  const readings = paths.map((path) => readName(basename(path), fleets));
  const [only] = fleets.length === 1 ? fleets : [];
  const part = (name: 'variant' | 'arch' | 'version'): string => {
    const found = new Set(readings.flatMap((reading) => reading?.[name] ?? []));
    const [first, second] = found;
    if (stated[name] !== undefined) return stated[name];
    if (second !== undefined) throw incomplete(name, `the files' names say ${[...found].join(' and ')}`);
    const value = first ?? (name === 'version' ? undefined : only?.[name]);
    if (value === undefined) throw incomplete(name, `no file name tells it for certain; give --${name}`);
    return value;
  };
  const release = { variant: part('variant'), arch: part('arch'), version: part('version') };
  if (fleets.some(({ variant, arch }) => variant === release.variant && arch === release.arch))
    return release;
  const known = fleets.map(({ variant, arch }) => `${variant} ${arch}`).join(', ');
  throw incomplete('variant', `${release.variant} ${release.arch} is not in tidegate.toml (${known})`);
}

/** `…-VARIANT-ARCH-1.2.3…`, for one of the fleets; else what may be a version. */
function readName(file: string, fleets: readonly FleetName[]): StatedRelease | undefined {
  for (const { variant, arch } of fleets) {
    const marker = `${variant}-${arch}-`;
    const at = file.startsWith(marker) ? 0 : file.indexOf(`-${marker}`) + 1;
    if (at === 0 && !file.startsWith(marker)) continue;
    const [version] = versionsIn(file.slice(at + marker.length));
    if (version?.at === 0) return { variant, arch, ...(version.certain && { version: version.text }) };
  }
  const [version, more] = versionsIn(file);
  return version?.certain === true && more === undefined ? { version: version.text } : undefined;
}

const versionPattern =
  /(?<![A-Za-z0-9.])v?(\d+\.\d+\.\d+)(?![\d.]*\d)(\+|[-.~_]?(?:alpha|beta|rc|pre|dev|next|snapshot|nightly|canary))?/gi;

function versionsIn(text: string): readonly { text: string; at: number; certain: boolean }[] {
  return Array.from(text.matchAll(versionPattern), ({ 1: found = '', 2: suffix, index }) => ({
    text: found,
    at: index,
    certain: suffix === undefined,
  }));
}

function incomplete(part: string, problem: string): TidegateError {
  return new TidegateError('release-invalid', `release: ${part}: ${problem}`, { part });
}
