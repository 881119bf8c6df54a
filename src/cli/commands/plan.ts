/** `tidegate plan`: what a publication would do. Asks for no passphrase, and writes nothing but the file that is asked for. */
import { resolve } from 'node:path';
import { writeDurably } from '../../storage/durable-file.ts';
import { nodeFileSystem } from '../../storage/file-system.ts';
import { hasPeople, lacking, proposeCommand } from '../lacking-signatures.ts';
import { addPlanOptions, type PlanRequestOptions, requestedPlan } from '../plan-request.ts';
import { planData, planText } from '../plan-text.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

type PlanCommandOptions = WorkspaceOptions & PlanRequestOptions;

const help = `
The id of a plan is what an approver approves. It does not depend on when the plan was made, but for what begins when it is
published, such as waves: in a file it keeps the times that it has there.

Examples:
  tidegate plan
  tidegate plan --output plan.json     and later: tidegate publish --plan plan.json
  tidegate plan --plan plan.json       would it still be published as it is?
`;

export const define: Define = (command, surroundings) => {
  addPlanOptions(addWorkspaceOption(command))
    .option('--output <file>', 'write the plan here, for an approver and for `tidegate publish --plan`')
    .addHelpText('after', help)
    .action((options: PlanCommandOptions) => planCommand(options, surroundings));
};

async function planCommand(options: PlanCommandOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, signal } = surroundings;
  const opened = await openChosenWorkspace(options, surroundings);
  const { takeRequests } = await import('../../signer/ceremony/take-requests.ts');
  const now = surroundings.now();
  const { workspace, signed, notes } = await takeRequests(opened, [], { now, dryRun: true, signal });
  for (const note of notes) terminal.note(note);
  const plan = await requestedPlan(workspace, options, signed, surroundings);
  for (const line of planText(plan, now)) terminal.print(line);
  const { output } = options;
  if (output !== undefined) {
    const { formatPlanFile } = await import('../../signer/publication/plan-file.ts');
    const plannedAt = plan.repositories[0]?.wavesFrom ?? now;
    const path = resolve(surroundings.directory, output);
    await writeDurably(nodeFileSystem, path, formatPlanFile(plan, plannedAt), { mode: 0o644 });
  }
  if (plan.repositories.length > 0) {
    const done = output === undefined ? 'nothing was written' : `${output} was written, and nothing else`;
    const short = lacking(plan.signatures);
    const publish = output === undefined ? 'tidegate publish' : `tidegate publish --plan ${output}`;
    const next = short !== undefined && hasPeople(short.role) ? proposeCommand(short.role) : publish;
    terminal.print(`${done}. Next: ${next}`);
  }
  terminal.printJson(planData(plan));
}
