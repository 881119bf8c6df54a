/** `tidegate refresh`: signs anew what is about to expire. Meant for a job that runs a few times a day. */
import { addPassphraseOptions, type PassphraseOptions } from '../passphrase.ts';
import type { Define } from '../surroundings.ts';
import {
  addWorkspaceOption,
  openChosenWorkspace,
  unlockWith,
  type WorkspaceOptions,
} from '../workspace-option.ts';

interface RefreshCommandOptions extends WorkspaceOptions, PassphraseOptions {
  readonly force?: true;
  readonly dryRun?: true;
}

export const define: Define = (command, surroundings) => {
  addWorkspaceOption(command)
    .option('--force', 'sign the timestamp again though it is not due')
    .option('--dry-run', 'say what is due; sign and write nothing');
  addPassphraseOptions(command).action(async (options: RefreshCommandOptions) => {
    const { terminal, signal, now } = surroundings;
    const workspace = await openChosenWorkspace(options, surroundings);
    const { refreshRepositories } = await import('../../signer/refresh.ts');
    const results = await refreshRepositories(workspace, {
      now: now(),
      signal,
      force: options.force === true,
      dryRun: options.dryRun === true,
      unlock: unlockWith(options, surroundings),
    });
    for (const { repository, outcome, roles, versions, waiting } of results) {
      const signed = roles.map((role) => `${role} ${versions?.[role]}`).join(', ');
      const said = {
        refreshed: `refreshed: ${signed}`,
        due: `would sign: ${roles.join(', ')}; nothing was written`,
        current: 'nothing is due',
        unpublished: 'not published yet. Next: tidegate plan',
      };
      terminal.print(`${repository}: ${said[outcome]}`);
      for (const role of waiting)
        terminal.note(`warning: ${repository}: ${role} is due, and its keys are not at hand`);
    }
    terminal.printJson(results);
  });
};
