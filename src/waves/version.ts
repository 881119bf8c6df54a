/**
 * Versions of releases: strict SemVer 2, compared by precedence. A leading `v`, an equals sign or white
 * space, which the semver package would forgive, are no versions: a manifest is compared byte for byte elsewhere.
 */
import { compare, parse, type SemVer } from 'semver';
import { TidegateError } from '../errors.ts';

declare const read: unique symbol;
/** Made by `readVersion` alone. The types of the semver package are not installed with this one, so they stay inside. */
export interface Version {
  /** Without build metadata. */
  readonly version: string;
  readonly [read]: true;
}

/** A version, or undefined when the text is not exactly one. */
export function readVersion(text: string): Version | undefined {
  if (!/^\d\S*$/.test(text)) return undefined;
  return (parse(text) ?? undefined) as (SemVer & Version) | undefined;
}

/**
 * The version of something that a person or a host states.
 *
 * @throws config-invalid naming `where`
 */
export function parseVersion(text: string, where: string): Version {
  const version = readVersion(text);
  if (version !== undefined) return version;
  const expected = 'a SemVer version without leading v, such as 1.2.3';
  throw new TidegateError('config-invalid', `${where}: found ${JSON.stringify(text)}, expected ${expected}`, {
    where,
    found: text,
    expected,
  });
}

/** Negative, zero or positive, by SemVer precedence: build metadata does not count. */
export function compareVersions(a: Version, b: Version): number {
  return compare(a as SemVer & Version, b as SemVer & Version);
}
