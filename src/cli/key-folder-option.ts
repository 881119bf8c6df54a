/** Where keys are kept: `--directory`, else `keys/` of the workspace, else this folder: a key needs no workspace. */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { TidegateError } from '../errors.ts';
import type { Surroundings } from './surroundings.ts';

export interface KeyFolderOptions {
  readonly directory?: string;
  readonly workspace?: string;
}

export interface KeyFolder {
  readonly folder: string;
  /** The workspace, when the folder is that of one. */
  readonly workspace?: string;
}

export function addKeyFolderOptions(command: Command): Command {
  return command
    .option(
      '-d, --directory <folder>',
      'the folder of keys (default: keys/ of the workspace, else this folder)',
    )
    .option('-w, --workspace <directory>', 'the workspace (default: TIDEGATE_WORKSPACE, else this folder)')
    .option('--json', 'print the result as JSON');
}

/** @throws workspace-invalid when a workspace is named that is none */
export async function keyFolderOf(
  options: KeyFolderOptions,
  { directory, environment }: Surroundings,
): Promise<KeyFolder> {
  if (options.directory !== undefined) return { folder: resolve(directory, options.directory) };
  const [{ statusIfAny }, { nodeFileSystem }] = await Promise.all([
    import('../storage/plain-file.ts'),
    import('../storage/file-system.ts'),
  ]);
  const named = options.workspace ?? environment.TIDEGATE_WORKSPACE;
  const workspace = resolve(directory, named ?? '.');
  if ((await statusIfAny(nodeFileSystem, join(workspace, 'tidegate.toml'))) !== undefined)
    return { folder: join(workspace, 'keys'), workspace };
  if (named === undefined) return { folder: workspace };
  throw new TidegateError('workspace-invalid', `${workspace} has no tidegate.toml; expected a workspace`, {
    path: workspace,
  });
}
