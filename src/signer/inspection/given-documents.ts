/** The documents at a location: of one file, or of a whole repository. */
import { resolve } from 'node:path';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { statusIfAny } from '../../storage/plain-file.ts';
import { documentsIn } from './comparison.ts';
import { readDocument } from './document-kind.ts';
import { type GivenFileOptions, isHttpAddress, readGiven } from './given-file.ts';
import { type Documents, readRepositoryDocuments } from './repository-documents.ts';

/** An address that ends in `.json` is a file, any other a repository. */
export async function readDocuments(location: string, options: GivenFileOptions): Promise<Documents> {
  const { directory, signal } = options;
  if (await isRepository(location, directory)) {
    const place = isHttpAddress(location) ? location : resolve(directory, location);
    return await readRepositoryDocuments(place, signal === undefined ? {} : { signal });
  }
  return documentsIn(readDocument(await readGiven(location, options), location), location);
}

async function isRepository(location: string, directory: string): Promise<boolean> {
  if (isHttpAddress(location)) return !/\.json$/i.test(location);
  return (await statusIfAny(nodeFileSystem, resolve(directory, location)))?.kind === 'folder';
}
