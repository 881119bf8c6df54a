/** `tidegate diff`: what two documents or repositories say differently. */
import { printableLine } from '../../terminal.ts';
import type { Define, Surroundings } from '../surroundings.ts';

interface DiffOptions {
  readonly keys?: string;
}

const differStatus = 1;

const help = `
Compares what is signed, not how it is written: two metadata files, two signing requests, or two repositories (folders
or addresses). Nothing is verified; for that there is tidegate verify.

Exit status: 0 the same, ${differStatus} they differ; other statuses: they could not be compared.

Examples:
  tidegate diff 1.root.json 2.root.json --keys colleagues
  tidegate diff repository https://updates.example.com
`;

export const define: Define = (command, surroundings) => {
  command
    .argument('<before>', 'a file, folder or address')
    .argument('<after>', 'the same kind of thing')
    .option('--keys <folder>', 'your own copies of public keys (NAME.pub): they say whose a key is')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', help)
    .action((before: string, after: string, options: DiffOptions) =>
      diff(before, after, options, surroundings),
    );
};

async function diff(
  before: string,
  after: string,
  options: DiffOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, directory, signal } = surroundings;
  const [{ readNames }, { readDocuments }, { compareDocuments, comparisonLines }] = await Promise.all([
    import('../request-file.ts'),
    import('../../signer/inspection/given-documents.ts'),
    import('../../signer/inspection/comparison.ts'),
  ]);
  const { ownerNames } = await import('../../signer/review/owner-names.ts');
  const { differenceData } = await import('../../signer/review/review-data.ts');
  const names = ownerNames(new Map(), await readNames(options, surroundings));
  const given = { directory, signal };
  const [old, present] = [await readDocuments(before, given), await readDocuments(after, given)];
  const comparisons = compareDocuments(old, present, names);
  const differs = comparisons.some(({ state }) => state !== 'kept');
  for (const line of comparisonLines(comparisons)) terminal.print(printableLine(line));
  terminal.printJson({
    differs,
    documents: comparisons.map(({ name, state, difference, manifest }) => ({
      name,
      state,
      ...(difference !== undefined &&
        state !== 'kept' && { difference: differenceData(difference), manifest }),
    })),
  });
  if (differs) surroundings.setExitStatus(differStatus);
}
