/**
 * Targets that are no images of a release (documents, configuration, files of other teams) and wait for publication:
 * `drafts/targets/`, one small file for each name. A draft without an image takes a target back.
 */
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { canonicalBytes } from '../../metadata/canonical.ts';
import { digestOf } from '../../metadata/crypto.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJson } from '../../metadata/json.ts';
import { formatJson, jsonOf } from '../../metadata/json-writer.ts';
import { parsePortableTargetPath, type TargetPath } from '../../metadata/target-path.ts';
import { targetOf } from '../../metadata/targets.ts';
import { onDisk } from '../../storage/disk-error.ts';
import { makeFolders, removeDurably, writeDurably } from '../../storage/durable-file.ts';
import { readPlainFile, statusIfAny } from '../../storage/plain-file.ts';
import { type LiveRepository, listedIn } from '../publication/live-repository.ts';
import { severalAtOnce } from '../workspace/several-at-once.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { ImageFile } from './image-file.ts';

export interface TargetDraft {
  /** The name of the repository's place in the workspace. */
  readonly repository: string;
  /** `targets` or a delegated role. */
  readonly role: string;
  readonly target: TargetPath;
  /** undefined: the target shall go. */
  readonly image: ImageFile | undefined;
  readonly custom?: JsonObject;
}

const maxDraftLength = 1024 * 1024;
const limits = { maxDepth: 64, maxValues: 100_000, maxDigits: 20 };

/** One draft for each name of a repository; the name may be as long as a file's. */
function draftPath(
  { directory }: Workspace,
  { repository, target }: Pick<TargetDraft, 'repository' | 'target'>,
): string {
  const name = digestOf('sha256', `${repository}\n${target}`).slice(0, 32);
  return join(directory, 'drafts', 'targets', `${name}.json`);
}

/** Writes a draft, in the place of one for the same name. */
export async function writeTargetDraft(workspace: Workspace, draft: TargetDraft): Promise<void> {
  const { fileSystem: fs, directory } = workspace;
  const path = draftPath(workspace, draft);
  await makeFolders(fs, path, { within: directory, mode: 0o700 });
  const { image, custom, ...rest } = draft;
  const json = jsonOf({ format: 1, ...rest, custom, image: image && { ...image } });
  await writeDurably(fs, path, new TextEncoder().encode(formatJson(json)), { within: directory });
}

/** All of them, by repository and name. @throws workspace-invalid for one that is damaged */
export async function readTargetDrafts(workspace: Workspace): Promise<readonly TargetDraft[]> {
  const { fileSystem: fs, directory } = workspace;
  const folder = join(directory, 'drafts', 'targets');
  if ((await statusIfAny(fs, folder)) === undefined) return [];
  const entries = await onDisk('list', folder, () => fs.entries(folder));
  const paths = entries.flatMap(({ name }) => (name.endsWith('.json') ? [join(folder, name)] : []));
  const drafts: TargetDraft[] = [];
  const read = async (path: string) => ({ path, file: await readPlainFile(fs, path, maxDraftLength) });
  for await (const { path, file } of severalAtOnce(paths, read)) {
    if (file !== undefined) drafts.push(parseDraft(file.bytes, path));
  }
  const key = ({ repository, target }: TargetDraft): string => `${repository}\n${target}`;
  return drafts.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

export async function removeTargetDraft(
  workspace: Workspace,
  draft: Pick<TargetDraft, 'repository' | 'target'>,
): Promise<'removed' | 'absent'> {
  return await removeDurably(workspace.fileSystem, draftPath(workspace, draft), {
    within: workspace.directory,
  });
}

/** True when what the draft wants is so. */
export function isTargetPublished(draft: TargetDraft, live: Pick<LiveRepository, 'published'>): boolean {
  const document = listedIn(live, draft.role);
  const listed = document && targetOf(document, draft.target);
  if (draft.image === undefined) return listed === undefined;
  if (listed?.hashes.sha256 !== draft.image.sha256) return false;
  if (draft.custom === undefined) return true;
  return Buffer.compare(canonicalBytes(listed.custom ?? null), canonicalBytes(draft.custom)) === 0;
}

function parseDraft(bytes: Uint8Array, path: string): TargetDraft {
  const json = parseJson(bytes, limits, path);
  if (!isJsonObject(json) || json.get('format') !== 1) throw damaged(path, 'the format');
  const [image, custom] = [json.get('image'), json.get('custom')];
  return {
    repository: textAt(json, 'repository', path),
    role: textAt(json, 'role', path),
    target: parsePortableTargetPath(textAt(json, 'target', path)),
    image: image === undefined ? undefined : parseImage(image, path),
    ...(isJsonObject(custom) && { custom }),
  };
}

function parseImage(image: JsonValue, path: string): ImageFile {
  if (!isJsonObject(image)) throw damaged(path, 'the image');
  const [length, modified] = [image.get('length'), image.get('modified')];
  if (typeof length !== 'number' || typeof modified !== 'number') throw damaged(path, 'length or time');
  const sha256 = textAt(image, 'sha256', path);
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw damaged(path, 'sha256');
  return { path: textAt(image, 'path', path), length, sha256, modified };
}

function textAt(json: JsonObject, name: string, path: string): string {
  const value = json.get(name);
  if (typeof value === 'string') return value;
  throw damaged(path, name);
}

function damaged(path: string, what: string): TidegateError {
  const text = `${path}: ${what} is missing or wrong; delete the file and add the target again`;
  return new TidegateError('workspace-invalid', text, { path });
}
