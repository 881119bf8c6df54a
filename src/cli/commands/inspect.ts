/** `tidegate inspect`: what a file of the field is and says, whichever tool made it. */
import { printableLine } from '../../terminal.ts';
import { addOwnOptions, type OwnOptions } from '../own-options.ts';
import type { Define, Surroundings } from '../surroundings.ts';

interface InspectOptions extends OwnOptions {
  readonly delegator?: string;
}

const help = `
Takes TUF metadata of any role, a signing request, a manifest of releases, a public key and a key file (of which only
the public half is looked at). Without --root, signatures are checked by a root's own keys alone.

Examples:
  tidegate inspect https://updates.example.com/metadata/timestamp.json --root 1.root.json
  tidegate inspect firmware.json --delegator targets.json --json
`;

export const define: Define = (command, surroundings) => {
  addOwnOptions(command.argument('<file>', 'a file or an address'))
    .option('--delegator <file>', 'the targets role that delegates to this one')
    .addHelpText('after', help)
    .action((file: string, options: InspectOptions) => inspect(file, options, surroundings));
};

async function inspect(file: string, options: InspectOptions, surroundings: Surroundings): Promise<void> {
  const { terminal, directory, signal } = surroundings;
  const { inspectFile } = await import('../../signer/inspection/inspect-file.ts');
  const { readNames, reviewRequest } = await import('../request-file.ts');
  const { lines, data } = await inspectFile(file, {
    directory,
    signal,
    now: surroundings.now(),
    names: await readNames(options, surroundings),
    root: options.root,
    delegator: options.delegator,
    review: (request) => reviewRequest(request, options, surroundings),
  });
  for (const line of lines) terminal.print(printableLine(line));
  terminal.printJson(data);
}
