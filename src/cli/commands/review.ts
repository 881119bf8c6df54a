/** `tidegate review`: what a signing request would make hosts believe, before anybody signs it. */
import { addOwnOptions, type OwnOptions } from '../own-options.ts';
import type { Define, Surroundings } from '../surroundings.ts';

const help = `
Needs neither a workspace nor a network, and writes nothing.

Example:
  tidegate review root-4.request.json --root 1.root.json --keys colleagues
`;

export const define: Define = (command, surroundings) => {
  addOwnOptions(command.argument('<request>', 'the file of a signing request'))
    .addHelpText('after', help)
    .action((request: string, options: OwnOptions) => review(request, options, surroundings));
};

async function review(path: string, options: OwnOptions, surroundings: Surroundings): Promise<void> {
  const { terminal } = surroundings;
  const [{ printReview, readRequestFile, reviewRequest }, { reviewData }] = await Promise.all([
    import('../request-file.ts'),
    import('../../signer/review/review-data.ts'),
  ]);
  const reviewed = await reviewRequest(await readRequestFile(path, surroundings), options, surroundings);
  printReview(reviewed, terminal);
  terminal.print(`next: tidegate sign ${path} --key KEY`);
  terminal.printJson(reviewData(reviewed));
}
