/**
 * `requests/` of a workspace: signing requests that wait for signatures, and the copies that come back. A request that
 * has signatures is never written over by another one: people would have to be asked again.
 */
import { basename, join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { onDisk } from '../../storage/disk-error.ts';
import { makeFolders, removeDurably, writeDurably } from '../../storage/durable-file.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { readPlainFile, statusIfAny } from '../../storage/plain-file.ts';
import { type RepositoryPlace, repositoriesOf, type Workspace } from '../workspace/workspace.ts';
import { mergeRequests } from './merge-requests.ts';
import { formatSigningRequest, parseSigningRequest } from './request-format.ts';
import { maxRequestLength, type SigningRequest } from './signing-request.ts';
import { requestFileName, requestTitle } from './verified-request.ts';

const folderName = 'requests';
const ending = '.request.json';
const mode = 0o644;

/** A request that may have come together from several files. */
export interface CollectedRequest {
  readonly request: SigningRequest;
  /** True when a person named one of the files. */
  readonly given: boolean;
  /** Of the files in the workspace. */
  readonly paths: readonly string[];
}

/** @param place for roles that each repository of the workspace has; root is the same for all */
export function requestPath(workspace: Workspace, request: SigningRequest, place?: RepositoryPlace): string {
  const many = repositoriesOf(workspace.settings).length > 1;
  const prefix = place !== undefined && many ? `${place.name.replaceAll('/', '-')}-` : '';
  return join(workspace.directory, folderName, `${prefix}${requestFileName(request)}`);
}

/**
 * Writes a request; one for the same bytes that is there already keeps its signatures.
 *
 * @throws name-taken when another one is there that has signatures
 */
export async function writeRequest(
  workspace: Workspace,
  request: SigningRequest,
  { path, replace = false }: { readonly path: string; readonly replace?: boolean },
): Promise<SigningRequest> {
  const { fileSystem: fs, directory } = workspace;
  await makeFolders(fs, path, { within: directory, mode: 0o755 });
  const known = await readRequest(fs, path);
  const merged = known?.sha256 === request.sha256 ? mergeRequests([known, request]).request : request;
  if (known !== undefined && merged === request && known.signatures.length > 0 && !replace) {
    const text = `${path} is another request for ${requestTitle(known)} and has signatures (${known.signatures.length}). Publish it, or give --replace to ask everybody again`;
    throw new TidegateError('name-taken', text, { path, found: known.sha256, expected: request.sha256 });
  }
  await writeDurably(fs, path, formatSigningRequest(merged), { mode, within: directory });
  return merged;
}

async function readRequest(fs: FileSystem, path: string): Promise<SigningRequest | undefined> {
  const file = await readPlainFile(fs, path, maxRequestLength);
  return file && parseSigningRequest(file.bytes, basename(path));
}

/**
 * The requests of the workspace and of files that a person named; those for the same bytes are one.
 *
 * @throws not-found, request-invalid
 */
export async function collectRequests(
  workspace: Workspace,
  files: readonly string[] = [],
): Promise<readonly CollectedRequest[]> {
  const { fileSystem: fs } = workspace;
  const own = await pathsIn(workspace);
  const byBytes = new Map<string, CollectedRequest>();
  for (const path of new Set([...own, ...files])) {
    const request = await readRequest(fs, path);
    if (request === undefined)
      throw new TidegateError('not-found', `${path} does not exist, expected a signing request`, { path });
    const key = `${request.role} ${request.sha256}`;
    const known = byBytes.get(key);
    byBytes.set(key, {
      request:
        known === undefined
          ? mergeRequests([request]).request
          : mergeRequests([known.request, request]).request,
      given: files.includes(path) || known?.given === true,
      paths: [...(known?.paths ?? []), ...(own.includes(path) ? [path] : [])],
    });
  }
  return [...byBytes.values()].sort((a, b) => a.request.version - b.request.version);
}

async function pathsIn({ fileSystem: fs, directory }: Workspace): Promise<readonly string[]> {
  const folder = join(directory, folderName);
  if ((await statusIfAny(fs, folder)) === undefined) return [];
  const entries = await onDisk('list', folder, () => fs.entries(folder));
  const names = entries
    .map(({ name }) => name)
    .filter((name) => name.endsWith(ending) && !name.startsWith('.'));
  return names.sort().map((name) => join(folder, name));
}

/** Takes the files of a request out of the workspace: it is published. */
export async function removeRequest(workspace: Workspace, { paths }: CollectedRequest): Promise<void> {
  for (const path of paths) await removeDurably(workspace.fileSystem, path, { within: workspace.directory });
}
