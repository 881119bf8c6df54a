/** `tidegate targets`: roles that list images, signed by people on other machines. */
import { resolve } from 'node:path';
import type { ProposedTargets } from '../../signer/ceremony/propose-targets.ts';
import { countOf } from '../../terminal.ts';
import { addPassphraseOptions } from '../passphrase.ts';
import { addSignAtOnce, type SignAtOnceOptions, signAtOnce } from '../sign-at-once.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { addWorkspaceOption, openChosenWorkspace, type WorkspaceOptions } from '../workspace-option.ts';

interface ProposeOptions extends WorkspaceOptions, SignAtOnceOptions {
  readonly role?: string;
  readonly replace?: true;
  readonly dryRun?: true;
}

export const define: Define = (command, surroundings) => {
  const proposing = addWorkspaceOption(
    command
      .command('propose')
      .description('Make the signing request for what waits for publication. Needs no private key.'),
  );
  addPassphraseOptions(addSignAtOnce(proposing))
    .argument('[request...]', 'signed requests for a new root that came back: it says who signs targets')
    .option('--role <name>', 'a delegated role instead of the top-level one')
    .option('--replace', 'ask everybody again, though a request for this version has signatures')
    .option('--dry-run', 'say what would be asked for; write nothing')
    .addHelpText(
      'after',
      '\nWhen enough have signed: tidegate publish, with the copies that come back.\n\nExamples:\n  tidegate targets propose\n  tidegate targets propose --role firmware\n  tidegate targets propose alice/root-1.request.json bob/root-1.request.json\n',
    )
    .action((requests: readonly string[], options: ProposeOptions) =>
      propose(requests, options, surroundings),
    );
};

async function propose(
  files: readonly string[],
  options: ProposeOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal } = surroundings;
  const opened = await openChosenWorkspace(options, surroundings);
  const [{ takeRequests }, { proposeTargets }] = await Promise.all([
    import('../../signer/ceremony/take-requests.ts'),
    import('../../signer/ceremony/propose-targets.ts'),
  ]);
  const now = surroundings.now();
  const dryRun = options.dryRun === true;
  // A root that is complete says who signs targets.
  const paths = files.map((file) => resolve(surroundings.directory, file));
  const taken = await takeRequests(opened, paths, { now, dryRun, signal, rootsOnly: true });
  const { workspace, installed, notes } = taken;
  for (const note of notes) terminal.note(note);
  for (const version of installed) terminal.print(`root ${version} is signed by enough`);
  const proposed = await proposeTargets(workspace, {
    now,
    signal,
    dryRun,
    replace: options.replace === true,
    ...(options.role !== undefined && { role: options.role }),
  });
  for (const one of proposed) for (const line of lines(one)) terminal.print(line);
  if (!dryRun)
    await signAtOnce(
      proposed.map(({ path }) => path),
      options,
      surroundings,
    );
  for (const { path } of proposed) {
    if (!dryRun) terminal.print(`next, for each key holder: tidegate sign ${path} --key KEYFILE`);
  }
  if (dryRun) terminal.print('nothing was written');
  terminal.printJson(
    proposed.map(({ repository, request, path }) => ({
      dryRun,
      repository,
      role: request.role,
      version: request.version,
      sha256: request.sha256,
      request: path,
    })),
  );
}

function lines({ repository, request, plan }: ProposedTargets): readonly string[] {
  const [side] = request.sides;
  const targets = plan.added.filter(({ role }) => role === request.role);
  return [
    `${repository}: ${request.role} ${request.version}, to be signed by ${side?.role.threshold} of ${side?.by}`,
    `  ${countOf(targets.length, 'target')} new or changed`,
    `  digest  ${request.sha256}`,
  ];
}
