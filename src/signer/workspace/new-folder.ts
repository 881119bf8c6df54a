/**
 * A folder that becomes a workspace: made beside its place and moved there whole, so that an interrupted run leaves no
 * half of one, and what failed leaves no keys behind.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { onDisk } from '../../storage/disk-error.ts';
import { createDurably, makeFolder, makeFolders } from '../../storage/durable-file.ts';
import type { FileSystem } from '../../storage/file-system.ts';
import { statusIfAny } from '../../storage/plain-file.ts';
import { syncFolder } from '../../storage/staged-file.ts';
import { clearAway, draftPath, type LeftDraft, sweepDrafts } from './draft-folder.ts';

/** The folder of templates that comes with the package. */
export const templatesFolder = join(import.meta.dirname, '..', '..', '..', 'repo-templates');
const policies: Readonly<Record<string, readonly string[]>> = {
  waves: ['default', 'accelerated', 'slow', 'emergency'],
  expiration: ['root-52w', '2w-2w-1w', '2w-26w-1w', '26w-26w-13w'],
  threshold: ['root-2', 'root-3-targets-2'],
};
const folderMode = 0o700;
export const privateMode = 0o600;
const publicMode = 0o644;

/** Writes a file of the new workspace by its name; the mode is that of public files unless it is given. */
export type WriteFile = (name: string, content: string | Uint8Array, mode?: number) => Promise<void>;

export interface NewFolderOptions {
  /** Told of each draft that a killed run has left beside the folder; private keys may have been in it. */
  readonly leftBehind?: (draft: LeftDraft) => void;
}

/**
 * @param fill writes the files; when it fails nothing stays
 * @throws what `fill` throws, not-found when there is no folder for it, disk-error
 */
export async function makeWholeFolder(
  fs: FileSystem,
  target: string,
  fill: (write: WriteFile, draft: string) => Promise<void>,
  { leftBehind }: NewFolderOptions = {},
): Promise<void> {
  const parent = dirname(target);
  if ((await statusIfAny(fs, parent)) === undefined) {
    const text = `${parent} does not exist; make it first, the new folder goes into it`;
    throw new TidegateError('not-found', text, { path: parent });
  }
  for (const left of await sweepDrafts(fs, parent)) leftBehind?.(left);
  const draft = draftPath(parent);
  await makeFolder(fs, draft, folderMode);
  try {
    await fill(writerIn(fs, draft), draft);
    await onDisk('move the new workspace to', target, () => fs.rename(draft, target));
  } catch (error) {
    await clearAway(fs, draft).catch(() => undefined);
    throw error;
  }
  await syncFolder(fs, parent);
}

function writerIn(fs: FileSystem, folder: string): WriteFile {
  return async (name, content, mode = publicMode) => {
    const path = join(folder, name);
    await makeFolders(fs, path, { within: folder, mode: folderMode });
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    await createDurably(fs, path, bytes, { mode });
  };
}

/** @throws workspace-exists for anything but a new or an empty folder */
export async function requireFree(fs: FileSystem, target: string): Promise<void> {
  const status = await statusIfAny(fs, target);
  if (status === undefined) return;
  const entries =
    status.kind === 'folder' ? await onDisk('list', target, () => fs.entries(target)) : undefined;
  if (entries?.length === 0) return;
  const found = entries === undefined ? 'something that is no folder' : 'files already';
  throw new TidegateError('workspace-exists', `${target} holds ${found}; expected a new or an empty folder`, {
    path: target,
  });
}

/** What every new workspace has beside tidegate.toml: the policies, to be edited, and what version control leaves out. */
export async function writeCommonFiles(write: WriteFile): Promise<void> {
  for (const [kind, names] of Object.entries(policies)) {
    for (const name of names) {
      const copy = join(kind, `${name}.toml`);
      await write(join('policies', copy), await readFile(join(templatesFolder, copy)));
    }
  }
  await write('.gitignore', 'keys/*\n!keys/*.pub\n*.key.json\n*.p12\nstate/\n.tidegate-lock/\n');
}
