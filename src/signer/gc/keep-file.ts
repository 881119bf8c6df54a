/**
 * `keep.txt` of a workspace: names in the store that stay though nothing refers to them, one on each line; `*` at the end
 * stands for whatever follows, `#` begins a comment.
 */
import { join } from 'node:path';
import { readPlainFile } from '../../storage/plain-file.ts';
import type { Workspace } from '../workspace/workspace.ts';

export const keepFileName = 'keep.txt';

const maxLength = 1024 * 1024;

export async function readWishes({ fileSystem, directory }: Workspace): Promise<readonly string[]> {
  const file = await readPlainFile(fileSystem, join(directory, keepFileName), maxLength, {
    within: directory,
  });
  const lines = new TextDecoder().decode(file?.bytes ?? new Uint8Array()).split('\n');
  return lines.map((line) => line.replace(/#.*/, '').trim()).filter((line) => line !== '');
}
