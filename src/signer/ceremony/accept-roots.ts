/**
 * A signed root becomes part of the workspace, `roots/N.root.json`, from where it is published. What it takes:
 *
 * 1. It follows the very root in force: the last of the workspace, and of the store where that is reached.
 * 2. Both sides have signed it in number, by the rules of a host.
 * 3. It says of roles and keys what tidegate.toml says, so that nothing weaker than the policies gets in this way.
 * 4. It expires in the future, and no later than the policy allows.
 *
 * Nothing lets a root in that lacks signatures. Where too few root keys are left, no command helps: the fleet needs a new
 * first root by an OS image.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { parseEnvelope } from '../../metadata/envelope.ts';
import { metadataFileName } from '../../metadata/file-names.ts';
import { hasHashedId } from '../../metadata/keys.ts';
import { printable } from '../../metadata/printable.ts';
import { metadataName } from '../../metadata/repository-layout.ts';
import type { RootDocument } from '../../metadata/root.ts';
import { formatTime } from '../../metadata/time.ts';
import { createDurably, makeFolders } from '../../storage/durable-file.ts';
import { defaultLimits } from '../../trust/limits.ts';
import { chainOf, requireName, rootDifferences } from '../workspace/roots.ts';
import { repositoriesOf, type Workspace, whileLocked } from '../workspace/workspace.ts';
import type { CollectedRequest } from './request-folder.ts';
import { isComplete, progressOf, progressText, signedFile } from './request-signatures.ts';
import { requestTitle } from './verified-request.ts';

export interface AcceptOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Find out what would happen, and leave the folder as it is. */
  readonly dryRun?: boolean;
}

export interface AcceptedRoots {
  /** With the new roots. */
  readonly workspace: Workspace;
  /** Versions that came in. */
  readonly installed: readonly number[];
  /** Sentences on requests that were left alone. */
  readonly notes: readonly string[];
}

/**
 * Takes in every complete request for a root, in the order of versions.
 *
 * @throws signatures-missing for one that a person named and that is not complete; base-moved for one made from another
 *   root; workspace-invalid, expired, config-invalid, and what `trust/` throws
 */
export async function acceptRoots(
  start: Workspace,
  requests: readonly CollectedRequest[],
  options: AcceptOptions,
): Promise<AcceptedRoots> {
  let workspace = start;
  const installed: number[] = [];
  const notes: string[] = [];
  for (const collected of requests) {
    if (collected.request.role !== 'root') continue;
    const note = skipReason(workspace, collected);
    if (note === undefined) {
      workspace = await acceptRoot(workspace, collected, options);
      installed.push(collected.request.version);
    } else if (note !== '') notes.push(note);
  }
  return { workspace, installed, notes };
}

/** Why a request is left alone; empty when there is nothing to say of it. @throws for one that a person named */
function skipReason(
  { roots, settings }: Workspace,
  { request, given }: CollectedRequest,
): string | undefined {
  const known = roots[request.version - settings.firstRoot];
  if (known !== undefined) {
    if (Buffer.compare(signedPart(known), request.payload) === 0) return '';
    if (given) throw baseMoved(request, lastVersion({ roots, settings }));
    return `${request.where}: another root ${request.version} is in force; the request was left alone`;
  }
  if (!given && !isComplete(progressOf(request))) {
    return `${requestTitle(request)} waits for signatures: ${progressText(progressOf(request))}`;
  }
  return undefined;
}

function lastVersion({ roots, settings }: Pick<Workspace, 'roots' | 'settings'>): number {
  return settings.firstRoot + roots.length - 1;
}

async function acceptRoot(
  workspace: Workspace,
  { request }: CollectedRequest,
  { now, dryRun = false }: AcceptOptions,
): Promise<Workspace> {
  const { version, roots: chain } = request;
  const bytes = signedFile(request);
  const last = workspace.roots.at(-1);
  const from = chain.at(-1);
  const follows =
    version === lastVersion(workspace) + 1 &&
    (last === undefined) === (from === undefined) &&
    (last === undefined || from === undefined || Buffer.compare(signedPart(last), signedPart(from)) === 0);
  if (!follows) throw baseMoved(request, lastVersion(workspace));
  const accepted = (await publishedTwin(workspace, version, request.payload)) ?? bytes;
  const roots = [...workspace.roots, accepted];
  const document = chainOf(roots, request.where).root.document;
  requireAsWished(workspace, document, now);
  if (!dryRun) await whileLocked(workspace, () => writeRoot(workspace, version, accepted));
  return { ...workspace, roots };
}

function requireAsWished(workspace: Workspace, root: RootDocument, now: number): void {
  const { settings, keys, expiration } = workspace;
  requireName(root, settings.name);
  const label = [...root.keys.values()].find((key) => !hasHashedId(key));
  if (label !== undefined) {
    const text = `root ${root.version}: key id ${printable(label.id)} is not the hash of its key; hosts would refuse it`;
    throw new TidegateError('document-invalid', text, { version: root.version });
  }
  const [difference] = rootDifferences(root, settings, keys);
  if (difference !== undefined) {
    const text = `${difference}. A root that says something else than tidegate.toml is not taken in; propose it again`;
    throw new TidegateError('workspace-invalid', text, { version: root.version });
  }
  if (root.expires <= now) {
    const text = `root ${root.version} expired at ${formatTime(root.expires)}, before it was published; propose it again`;
    throw new TidegateError('expired', text, { version: root.version });
  }
  const latest = now + expiration.root + clockTolerance;
  if (root.expires <= latest) return;
  const text = `root ${root.version} expires at ${formatTime(root.expires)}; the policy allows ${formatTime(latest)} at most`;
  throw new TidegateError('config-invalid', text, { version: root.version });
}

/** Clocks of several machines differ by this much, in milliseconds. */
const clockTolerance = 5 * 60_000;

/**
 * The root of this version in the store, where somebody has published it already: with other signatures, perhaps, and
 * then it is the store's that counts.
 *
 * @throws base-moved when it is another root
 */
async function publishedTwin(
  { store, settings }: Workspace,
  version: number,
  payload: Uint8Array,
): Promise<Uint8Array | undefined> {
  for (const { folders } of repositoriesOf(settings)) {
    const name = metadataName(folders, 'root', version);
    const found = await store.read(name, defaultLimits.maxRootLength);
    if (found === undefined) continue;
    if (Buffer.compare(signedPart(found.bytes), payload) === 0) return found.bytes;
    const text = `${name} in ${store.location} is another root ${version} than the one that was signed: somebody published it meanwhile. Nothing was written. If nobody of yours did, a thief has as many root keys as must sign, and no command recovers that`;
    throw new TidegateError('base-moved', text, { name, location: store.location });
  }
  return undefined;
}

async function writeRoot(workspace: Workspace, version: number, bytes: Uint8Array): Promise<void> {
  const { fileSystem: fs, directory } = workspace;
  const path = join(directory, 'roots', metadataFileName('root', version));
  await makeFolders(fs, path, { within: directory, mode: 0o755 });
  if ((await createDurably(fs, path, bytes, { mode: 0o644 })) === 'created') return;
  const text = `${path} appeared while root ${version} was taken in. Run it again`;
  throw new TidegateError('base-moved', text, { path });
}

function signedPart(root: Uint8Array): Uint8Array {
  return parseEnvelope(root, defaultLimits, 'root').canonical;
}

function baseMoved(request: CollectedRequest['request'], inForce: number): TidegateError {
  const from = request.rootVersion === undefined ? 'no root' : `root ${request.rootVersion}`;
  return new TidegateError(
    'base-moved',
    `${request.where}: root ${request.version} was made from ${from}, and another root ${inForce} is in force. Propose it again; nothing was written`,
    { file: request.where, found: request.rootVersion ?? null, expected: inForce },
  );
}
