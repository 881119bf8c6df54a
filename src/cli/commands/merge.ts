/** `tidegate merge`: brings the signatures of copies of one signing request together. */
import { TidegateError } from '../../errors.ts';
import { printableLine } from '../../terminal.ts';
import type { Define, Surroundings } from '../surroundings.ts';

interface MergeOptions {
  readonly output?: string;
  readonly metadata?: string;
  readonly dryRun?: true;
}

const help = `
Takes every signature that counts, once, and says what it leaves out. The order of the files does not matter.

Examples:
  tidegate merge root-4.request.json root-4.bob.request.json
  tidegate merge root-4.*.json --output root-4.request.json --metadata 4.root.json
`;

export const define: Define = (command, surroundings) => {
  command
    .argument('<requests...>', 'copies of one signing request')
    .option('--output <file>', 'write here (default: into the first file)')
    .option('--metadata <file>', 'when nobody is missing any more, write the signed metadata file too')
    .option('--dry-run', 'say what would be merged; write nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', help)
    .action((paths: readonly string[], options: MergeOptions) => merge(paths, options, surroundings));
};

async function merge(
  paths: readonly string[],
  options: MergeOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  const [{ metadataFileWriter, readRequestFile, writeRequestFile }, { mergeRequests }, signatures] =
    await Promise.all([
      import('../request-file.ts'),
      import('../../signer/ceremony/merge-requests.ts'),
      import('../../signer/ceremony/request-signatures.ts'),
    ]);
  const requests = [];
  for (const path of paths) requests.push(await readRequestFile(path, surroundings));
  const { request, dropped } = mergeRequests(requests);
  const progress = signatures.progressOf(request);
  const complete = signatures.isComplete(progress);
  const output = options.output ?? paths[0];
  if (output === undefined) throw new TidegateError('usage', 'merge: expected at least one request');
  // Throws before anything is written.
  const writeMetadata =
    options.metadata === undefined
      ? undefined
      : await metadataFileWriter(options.metadata, signatures.signedFile(request), surroundings);
  if (options.dryRun !== true) {
    await writeRequestFile(output, request, surroundings);
    await writeMetadata?.();
  }
  for (const { keyId, why, where } of dropped)
    terminal.print(printableLine(`left out: a signature by ${keyId.slice(0, 12)} in ${where} (${why})`));
  const verb = options.dryRun === true ? 'would be' : 'is';
  terminal.print(`${output} ${verb} signed by ${signatures.progressText(progress)}`);
  if (options.dryRun === true) terminal.print('nothing was written');
  else
    terminal.print(
      `next: ${complete ? `tidegate publish ${output}` : `give ${output} to those who are missing`}`,
    );
  const { sha256 } = request;
  terminal.printJson({
    output,
    sha256,
    complete,
    progress,
    dropped,
    ...(options.dryRun === true && { dryRun: true }),
  });
}
