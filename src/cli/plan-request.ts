/** What `plan` and `publish` have in common: from which file, upon which base, with which overrides a plan is made. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TidegateError } from '../errors.ts';
import type { PlanFile } from '../signer/publication/plan-file.ts';
import type { Plan } from '../signer/publication/plan-publication.ts';
import type { SignedRole } from '../signer/publication/role-plan.ts';
import type { Workspace } from '../signer/workspace/workspace.ts';
import { nodeFileSystem } from '../storage/file-system.ts';
import { readPlainFile } from '../storage/plain-file.ts';
import { addOverrideOptions, type OverrideOptions, overrideWish } from './override-option.ts';
import type { Surroundings } from './surroundings.ts';

export interface PlanRequestOptions extends OverrideOptions {
  readonly plan?: string;
  readonly rebase?: true;
  /** A file that the plan will be written to: its waves count from now, whatever was begun earlier. */
  readonly output?: string;
}

export function addPlanOptions(command: Command): Command {
  return addOverrideOptions(command)
    .option(
      '--plan <file>',
      'publish what this file says, made by `tidegate plan --output`, and nothing else',
    )
    .option('--rebase', 'with --plan: the same change, upon what somebody else has published since');
}

/** @param signed as in `PlanOptions` */
export async function requestedPlan(
  workspace: Workspace,
  options: PlanRequestOptions,
  signed: ReadonlyMap<string, ReadonlyMap<string, SignedRole>>,
  surroundings: Surroundings,
): Promise<Plan> {
  const { signal } = surroundings;
  const now = surroundings.now();
  const override = overrideWish(options, now);
  const request = { now, signed, signal, override };
  if (options.plan === undefined) {
    if (options.rebase === true) throw new TidegateError('usage', '--rebase goes with --plan FILE');
    const { planPublication } = await import('../signer/publication/plan-publication.ts');
    const fixed = options.output !== undefined && { wavesFrom: now };
    return await planPublication(workspace, { ...request, ...fixed });
  }
  const { planAsApproved } = await import('../signer/publication/approved-plan.ts');
  const file = await readPlan(resolve(surroundings.directory, options.plan));
  return await planAsApproved(workspace, file, { ...request, rebase: options.rebase === true });
}

async function readPlan(path: string): Promise<PlanFile> {
  const { maxPlanLength, parsePlanFile } = await import('../signer/publication/plan-file.ts');
  const file = await readPlainFile(nodeFileSystem, path, maxPlanLength);
  if (file === undefined) throw new TidegateError('not-found', `${path} does not exist`, { path });
  return parsePlanFile(file.bytes, path);
}
