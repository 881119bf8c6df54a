/** Which workspace a command works in: `--workspace`, else TIDEGATE_WORKSPACE, else the present folder. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { OverrideWish } from '../signer/workspace/accept-weaknesses.ts';
import type { Workspace } from '../signer/workspace/workspace.ts';
import type { Surroundings } from './surroundings.ts';

export { unlockWith } from './passphrase.ts';

export interface WorkspaceOptions {
  readonly workspace?: string;
}

export function addWorkspaceOption(command: Command): Command {
  return command
    .option('-w, --workspace <directory>', 'the workspace (default: TIDEGATE_WORKSPACE, else this folder)')
    .option('--json', 'print the result as JSON');
}

export async function openChosenWorkspace(
  { workspace }: WorkspaceOptions,
  surroundings: Surroundings,
  override?: OverrideWish,
): Promise<Workspace> {
  const { openWorkspace } = await import('../signer/workspace/workspace.ts');
  return await openWorkspace(
    resolve(surroundings.directory, workspace ?? surroundings.environment.TIDEGATE_WORKSPACE ?? '.'),
    { override },
  );
}
