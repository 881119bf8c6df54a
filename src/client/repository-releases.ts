/** The manifest of a repository, read through the client, and the checks that need more than the manifest. */
import { TidegateError } from '../errors.ts';
import { parseTargetPath } from '../metadata/target-path.ts';
import { checkFile } from '../trust/file-check.ts';
import { maxManifestBytes } from '../waves/limits.ts';
import { type Release, requireImages } from '../waves/release.ts';
import { tryStored } from './metadata-file.ts';
import type { ResolvedTarget } from './resolved-target.ts';
import type { Work } from './work.ts';

export const manifestPath = parseTargetPath('manifest.json');

/** @throws length-limit */
export function checkManifestLength({ path, length }: ResolvedTarget): void {
  if (length <= maxManifestBytes) return;
  const text = `${path}: ${length} bytes are signed, at most ${maxManifestBytes} are read`;
  throw new TidegateError('length-limit', text, { file: path, found: length, limit: maxManifestBytes });
}

/** The stored manifest, when it has length and hashes of the signed one. */
export async function keptManifest(
  { path, length, hashes }: ResolvedTarget,
  work: Work,
): Promise<Uint8Array | undefined> {
  const stored = await work.datastore.readManifest(length, work.notes);
  return tryStored(
    stored,
    (bytes) => {
      checkFile(bytes, { length, hashes }, path);
      return bytes;
    },
    work,
  );
}

/** @param resolve finds a target or throws target-not-found. @throws manifest-image-missing */
export async function requireResolvable(
  release: Release,
  resolve: (path: string) => Promise<unknown>,
): Promise<void> {
  const listed = new Set<string>();
  for (const path of Object.values(release.images)) {
    try {
      await resolve(path);
      listed.add(path);
    } catch (error) {
      if (
        !(error instanceof TidegateError) ||
        !['target-not-found', 'target-path-invalid'].includes(error.code)
      )
        throw error;
    }
  }
  requireImages(release, (path) => listed.has(path));
}
