/** `tidegate publish --resume [PLAN]`: finishes what somebody began, from the store alone. */
import type { ResumedRepository } from '../signer/publication/resume.ts';
import { regionData, regionLines } from './region-lines.ts';
import type { Surroundings } from './surroundings.ts';
import { openChosenWorkspace, type WorkspaceOptions } from './workspace-option.ts';

export async function resumePublication(
  plan: string | true,
  options: WorkspaceOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  const workspace = await openChosenWorkspace(options, surroundings);
  const { resumePublications } = await import('../signer/publication/resume.ts');
  const results = await resumePublications(workspace, {
    now: surroundings.now(),
    clock: surroundings.now,
    signal,
    ...(plan !== true && { plan }),
  });
  for (const result of results) {
    terminal.print(`${result.repository}: ${said(result)}`);
    for (const warning of result.warnings) terminal.note(`warning: ${warning}`);
    for (const line of regionLines(result.regions)) terminal.note(line);
  }
  terminal.printJson(results.map((result) => ({ ...result, regions: result.regions.map(regionData) })));
}

function said({ outcome, plans, version }: ResumedRepository): string {
  const names = plans.map((plan) => plan.slice(0, 16)).join(', ');
  if (outcome === 'finished') return `plan ${names} is published now, timestamp ${version}`;
  if (outcome === 'settled') return `plan ${names} was published, and is noted now`;
  if (outcome === 'lost') return `plan ${names} lost: somebody else published first. Next: tidegate publish`;
  if (plans.length > 0) return `plan ${names} is published already`;
  return 'nothing was begun';
}
