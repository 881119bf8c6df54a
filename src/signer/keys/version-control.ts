/**
 * Private keys and Git. A key that was committed once is in every clone, so that it is looked for before: in what is
 * staged (for a pre-commit hook), and among what is tracked already. Git itself is asked; files are judged by content,
 * whatever their names are.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import { formatName, formatOf, type KeyFormat } from './key-format.ts';

/** Milliseconds; a repository of any size answers in a few seconds. */
const stallLimit = 60_000;
const maxOutput = 64 * 1024 * 1024;
/** Files of more bytes hold images, not keys. */
const maxKeyLength = 262_144;

/** Formats with a private half in them. A seed has no mark of its own, and 32 bytes may be anything. */
const privateFormats: ReadonlySet<KeyFormat> = new Set<KeyFormat>([
  'key-file',
  'pkcs8-pem',
  'pkcs8-pem-encrypted',
  'pkcs1-pem',
  'pkcs1-pem-encrypted',
  'sec1-pem',
  'sec1-pem-encrypted',
  'openssh-pem',
  'pkcs8-der',
  'pkcs8-der-encrypted',
  'pkcs1-der',
  'sec1-der',
  'pkcs12',
]);

export interface FoundKey {
  /** From the top of the working tree. */
  readonly file: string;
  readonly format: string;
}

/**
 * Private keys among what the next commit would bring.
 *
 * @throws usage when the folder is not under version control, or Git is not there
 */
export async function stagedKeys(folder: string, signal?: AbortSignal): Promise<readonly FoundKey[]> {
  const listed = await git(folder, ['diff', '--cached', '--name-only', '--diff-filter=ACMR', '-z'], signal);
  const found: FoundKey[] = [];
  for (const file of listed.toString('utf8').split('\0').filter(Boolean)) {
    const size = Number((await git(folder, ['cat-file', '-s', `:${file}`], signal)).toString());
    if (!(size > 0 && size <= maxKeyLength)) continue;
    const format = formatOf(await git(folder, ['cat-file', 'blob', `:${file}`], signal));
    if (privateFormats.has(format)) found.push({ file, format: formatName(format) });
  }
  return found;
}

/** Paths of key files below a folder that Git tracks; empty where there is no Git. */
export async function trackedKeyFiles(folder: string, signal?: AbortSignal): Promise<ReadonlySet<string>> {
  try {
    const listed = await git(folder, ['ls-files', '-z', '--', '*.key.json'], signal);
    const files = listed.toString('utf8').split('\0').filter(Boolean);
    return new Set(files.map((file) => join(folder, file)));
  } catch (error) {
    if (error instanceof TidegateError && error.code === 'usage') return new Set();
    throw error;
  }
}

function git(folder: string, argv: readonly string[], signal: AbortSignal | undefined): Promise<Buffer> {
  const options = {
    cwd: folder,
    encoding: 'buffer',
    maxBuffer: maxOutput,
    timeout: stallLimit,
    ...(signal && { signal }),
  } as const;
  return new Promise((resolve, reject) => {
    execFile('git', [...argv], options, (cause, stdout) => {
      if (cause === null) resolve(stdout);
      else if (signal?.aborted === true) reject(signal.reason);
      else {
        const text = `${folder} is not under version control, or git cannot be run there`;
        reject(new TidegateError('usage', text, { folder }, { cause }));
      }
    });
  });
}
