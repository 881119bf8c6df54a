/** `tidegate plan`: what a publication would do. Writes nothing and asks for no passphrase. */
import { planData, planText } from '../plan-text.ts';
import type { Define } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

export const define: Define = (command, surroundings) => {
  addWorkspaceOption(command).action(async (options: WorkspaceOptions) => {
    const { terminal, signal } = surroundings;
    const opened = await openChosenWorkspace(options, surroundings);
    const [{ takeRequests }, { planPublication }] = await Promise.all([
      import('../../signer/ceremony/take-requests.ts'),
      import('../../signer/publication/plan-publication.ts'),
    ]);
    const now = surroundings.now();
    const { workspace, signed, notes } = await takeRequests(opened, [], { now, dryRun: true, signal });
    for (const note of notes) terminal.note(note);
    const plan = await planPublication(workspace, { now, signed, signal });
    for (const line of planText(plan, now)) terminal.print(line);
    if (plan.repositories.length > 0) terminal.print('nothing was written. Next: tidegate publish');
    terminal.printJson(planData(plan));
  });
};
