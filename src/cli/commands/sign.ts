/** `tidegate sign`: shows what signing requests say, asks, and adds signatures to them. */
import { TidegateError } from '../../errors.ts';
import type { SigningRequest } from '../../signer/ceremony/signing-request.ts';
import type { Review } from '../../signer/review/request-review.ts';
import { addOwnOptions, type OwnOptions } from '../own-options.ts';
import { addPassphraseOptions, type PassphraseOptions } from '../passphrase.ts';
import { collected } from '../repeated-option.ts';
import type { Define, Surroundings } from '../surroundings.ts';
import { unlockWith } from '../workspace-option.ts';

interface SignOptions extends OwnOptions, PassphraseOptions {
  readonly key: readonly string[];
  readonly output?: string;
  readonly digest?: string;
  readonly yes?: true;
  readonly acceptAlarm?: readonly string[];
  readonly dryRun?: true;
}

const help = `
Shows each request and asks for the first words of its digest, as the others read it to you. Nothing is signed but
the bytes with this digest. Needs neither a workspace nor a network, unless the key is in a key service.

Examples:
  tidegate sign root-4.request.json --key alice.key.json --root 1.root.json
  tidegate sign root-4.request.json --key pkcs11:token=vault;object=alice --output root-4.alice.request.json
`;

export const define: Define = (command, surroundings) => {
  addOwnOptions(command.argument('<requests...>', 'files of signing requests'))
    .requiredOption('--key <uri>', 'sign with this private key: a file or a URI; may be repeated', collected)
    .option('--output <file>', 'write here (default: into the request itself)')
    .option('--digest <words>', 'instead of the question: the digest, as it was read to you')
    .option('-y, --yes', 'ask nothing; grave alarms must be accepted by name')
    .option(
      '--accept-alarm <kind>',
      'with --yes: sign despite alarms of this kind; may be repeated',
      collected,
    )
    .option('--dry-run', 'show what would be signed; open no key and write nothing')
    .addHelpText('after', help)
    .action((paths: readonly string[], options: SignOptions) => sign(paths, options, surroundings));
  addPassphraseOptions(command);
};

async function sign(
  paths: readonly string[],
  options: SignOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal } = surroundings;
  if (options.output !== undefined && paths.length > 1)
    throw new TidegateError('usage', `--output is one file, and ${paths.length} requests are given`);
  await checkKinds(options.acceptAlarm ?? []);
  const { printReview, readRequestFile, reviewRequest } = await import('../request-file.ts');
  const reviews: Review[] = [];
  for (const path of paths)
    reviews.push(await reviewRequest(await readRequestFile(path, surroundings), options, surroundings));
  for (const review of reviews) {
    printReview(review, terminal);
    if (options.dryRun !== true) await confirm(review, options, surroundings);
  }
  const requests = reviews.map(({ request }) => request);
  if (options.dryRun === true) await reportDryRun(reviews, options, surroundings);
  else await signAndWrite(requests, options, surroundings);
}

async function checkKinds(kinds: readonly string[]): Promise<void> {
  const { alarmKinds } = await import('../../signer/review/alarm.ts');
  const unknown = kinds.find((kind) => !(alarmKinds as readonly string[]).includes(kind));
  if (unknown === undefined) return;
  const text = `--accept-alarm: found ${unknown}, expected one of ${alarmKinds.join(', ')}`;
  throw new TidegateError('usage', text);
}

/** @throws cancelled when the answer is not the digest; usage when there is nobody to ask, or nobody saw an alarm */
async function confirm(
  review: Review,
  { yes, digest, acceptAlarm = [] }: SignOptions,
  { askLine, terminal }: Surroundings,
): Promise<void> {
  const { request } = review;
  const { agreesWithDigest, digestForm } = await import('../../signer/ceremony/digest-agreement.ts');
  if (digest !== undefined && agreesWithDigest(digest, request.sha256)) return;
  if (digest !== undefined) {
    const text = `--digest is not that of ${request.where}, which is ${request.sha256}; nothing was signed`;
    throw new TidegateError('request-invalid', text, { file: request.where });
  }
  if (yes === true) return await requireAccepted(review, acceptAlarm);
  if (askLine === undefined || terminal.json) {
    const text = 'there is nobody to ask; give --digest with what was read to you, or --yes';
    throw new TidegateError('usage', `${text}; nothing was signed`);
  }
  const answer = await askLine(`to sign these bytes, type ${digestForm}: `);
  if (agreesWithDigest(answer, request.sha256)) return;
  throw new TidegateError('cancelled', `that is not ${digestForm} of ${request.where}; nothing was signed`);
}

/** `--yes` is for jobs and the hurried: what nobody should sign without asking needs more than that. */
async function requireAccepted({ request, alarms }: Review, acceptAlarm: readonly string[]): Promise<void> {
  const { isGrave } = await import('../../signer/review/alarm.ts');
  const open = alarms.filter(({ kind }) => isGrave(kind) && !acceptAlarm.includes(kind));
  if (open.length === 0) return;
  const kinds = [...new Set(open.map(({ kind }) => kind))];
  const options = kinds.map((kind) => `--accept-alarm ${kind}`).join(' ');
  const text = `${request.where}: ${open.map(({ sentence }) => sentence).join('; ')}. Nothing was signed. Read the review and sign without --yes, or give ${options} too`;
  throw new TidegateError('usage', text, { file: request.where, expected: kinds });
}

async function signAndWrite(
  requests: readonly SigningRequest[],
  options: SignOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { terminal, signal, directory } = surroundings;
  const [
    { writeRequestFile },
    { failureOf, signRequests },
    { nodeFileSystem },
    { progressOf, progressText, isComplete },
  ] = await Promise.all([
    import('../request-file.ts'),
    import('../../signer/ceremony/sign-requests.ts'),
    import('../../storage/file-system.ts'),
    import('../../signer/ceremony/request-signatures.ts'),
  ]);
  const unlock = unlockWith(options, surroundings);
  const { signed, failed } = await signRequests(requests, options.key, {
    fileSystem: nodeFileSystem,
    directory,
    unlock,
    signal,
  });
  const results = [];
  for (const { request: ours, added } of signed) {
    const path = options.output ?? ours.where;
    const request = await writeRequestFile(path, ours, surroundings);
    const progress = progressOf(request);
    terminal.print(`signed ${path}: ${progressText(progress)}`);
    const next = isComplete(progress) ? `tidegate publish ${path}` : `give ${path} to those who are missing`;
    terminal.print(`next: ${next}`);
    results.push({ request: path, sha256: request.sha256, added, progress, complete: isComplete(progress) });
  }
  terminal.printJson(results);
  if (failed.length > 0) throw failureOf(failed, 'signatures by the other keys were written');
}

async function reportDryRun(
  reviews: readonly Review[],
  { key }: SignOptions,
  { terminal }: Surroundings,
): Promise<void> {
  const { reviewData } = await import('../../signer/review/review-data.ts');
  const { parseKeyUri } = await import('../../signer/keys/key-source.ts');
  const uris = key.map((uri) => parseKeyUri(uri).uri);
  terminal.print(`would sign with ${uris.join(', ')}; nothing was signed or written`);
  terminal.printJson({ dryRun: true, keys: uris, requests: reviews.map(reviewData) });
}
