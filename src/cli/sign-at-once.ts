/**
 * Whoever asks for signatures may be one of those who give them: `--sign-with` signs what a command has just asked for. The
 * review is shown, and nothing is asked: these bytes come from no file that was on the way.
 */
import type { Command } from 'commander';
import type { PassphraseOptions } from './passphrase.ts';
import { collected } from './repeated-option.ts';
import type { Surroundings } from './surroundings.ts';
import { unlockWith } from './workspace-option.ts';

export interface SignAtOnceOptions extends PassphraseOptions {
  readonly signWith?: readonly string[];
}

/** Passphrases have options of their own. */
export function addSignAtOnce(command: Command): Command {
  return command.option(
    '--sign-with <uri>',
    'sign what is asked for at once, with this private key of yours; may be repeated',
    collected,
  );
}

/** @param paths requests that were written just now @throws as signing does; the requests stay */
export async function signAtOnce(
  paths: readonly string[],
  options: SignAtOnceOptions,
  surroundings: Surroundings,
): Promise<void> {
  const { signWith = [] } = options;
  if (signWith.length === 0 || paths.length === 0) return;
  const { terminal, directory, signal } = surroundings;
  const [
    { printReview, readRequestFile, reviewRequest, writeRequestFile },
    { failureOf, signRequests },
    { nodeFileSystem },
    { progressOf, progressText },
  ] = await Promise.all([
    import('./request-file.ts'),
    import('../signer/ceremony/sign-requests.ts'),
    import('../storage/file-system.ts'),
    import('../signer/ceremony/request-signatures.ts'),
  ]);
  const requests = [];
  for (const path of paths) {
    const request = await readRequestFile(path, surroundings);
    printReview(await reviewRequest(request, {}, surroundings), terminal);
    requests.push(request);
  }
  const context = {
    fileSystem: nodeFileSystem,
    directory,
    signal,
    unlock: unlockWith(options, surroundings),
  };
  const { signed, failed } = await signRequests(requests, signWith, context);
  for (const { request } of signed) {
    const written = await writeRequestFile(request.where, request, surroundings);
    terminal.print(`signed ${request.where}: ${progressText(progressOf(written))}`);
  }
  if (failed.length > 0) throw failureOf(failed, 'signatures by the other keys were written');
}
