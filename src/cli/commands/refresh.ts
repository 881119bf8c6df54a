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
}

export const define: Define = (command, surroundings) => {
  addWorkspaceOption(command).option('--force', 'sign the timestamp again though it is not due');
  addPassphraseOptions(command).action(async (options: RefreshCommandOptions) => {
    const { terminal, signal, now } = surroundings;
    const workspace = await openChosenWorkspace(options, surroundings);
    const { refreshRepositories } = await import('../../signer/refresh.ts');
    const results = await refreshRepositories(workspace, {
      now: now(),
      signal,
      force: options.force === true,
      unlock: unlockWith(options, surroundings),
    });
    for (const { repository, outcome, roles, versions, waiting } of results) {
      const signed = roles.map((role) => `${role} ${versions?.[role]}`).join(', ');
      const said = {
        refreshed: `refreshed: ${signed}`,
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
