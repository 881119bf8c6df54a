/**
 * Where a passphrase comes from, in this order: `--passphrase-file`, `--passphrase-fd`, the file named by
 * TIDEGATE_PASSPHRASE_FILE, the terminal. Never from an argument or from a variable's value: both can be read
 * by other processes.
 */
import { read } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TidegateError } from '../errors.ts';
import type { Surroundings } from './surroundings.ts';

export interface PassphraseOptions {
  readonly passphraseFile?: string;
  readonly passphraseFd?: string;
}

/** A file longer than this is not a passphrase. */
const maxLength = 4096;

export function addPassphraseOptions(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'read the passphrase from the first line of a file')
    .option('--passphrase-fd <number>', 'read the passphrase from an open file descriptor');
}

/** A function that gets the passphrase when a key needs it, and asks at most once. */
export function passphraseSource(
  options: PassphraseOptions,
  surroundings: Surroundings,
  question: string,
): () => Promise<Uint8Array> {
  let known: Promise<Uint8Array> | undefined;
  return () => {
    known ??= readPassphrase(options, surroundings, question);
    return known;
  };
}

/** The same for keys that are being made: on a terminal the passphrase is asked twice. */
export function newPassphraseSource(
  options: PassphraseOptions,
  surroundings: Surroundings,
): () => Promise<Uint8Array> {
  const { askSecret } = surroundings;
  if (askSecret === undefined) return passphraseSource(options, surroundings, '');
  const askTwice = async (question: string): Promise<Uint8Array> => {
    const first = await askSecret(question);
    if (Buffer.compare(first, await askSecret('the same again: ')) === 0) return first;
    throw new TidegateError('usage', 'the two passphrases differ; nothing was made');
  };
  return passphraseSource(options, { ...surroundings, askSecret: askTwice }, 'passphrase for the new keys: ');
}

async function readPassphrase(
  options: PassphraseOptions,
  surroundings: Surroundings,
  question: string,
): Promise<Uint8Array> {
  const file =
    options.passphraseFile ??
    (options.passphraseFd === undefined ? surroundings.environment.TIDEGATE_PASSPHRASE_FILE : undefined);
  if (file !== undefined) return readPassphraseFile(resolve(surroundings.directory, file));
  if (options.passphraseFd !== undefined)
    return firstLine(await readDescriptor(options.passphraseFd), `descriptor ${options.passphraseFd}`);
  if (surroundings.askSecret !== undefined) return surroundings.askSecret(question);
  throw new TidegateError(
    'usage',
    'a passphrase is needed and there is no terminal to ask on; give --passphrase-file, --passphrase-fd or TIDEGATE_PASSPHRASE_FILE',
  );
}

async function readPassphraseFile(path: string): Promise<Uint8Array> {
  try {
    const { size, mode } = await stat(path);
    if (size > maxLength)
      throw new TidegateError(
        'usage',
        `${path}: ${size} bytes are no passphrase, at most ${maxLength} are read`,
      );
    if ((mode & 0o077) !== 0) {
      throw new TidegateError(
        'key-file-permissions',
        `${path}: mode ${(mode & 0o777).toString(8)} lets others read the passphrase; expected 600`,
      );
    }
    return firstLine(await readFile(path), path);
  } catch (cause) {
    if (cause instanceof TidegateError) throw cause;
    throw new TidegateError('usage', `passphrase file ${path} cannot be read`, { file: path }, { cause });
  }
}

async function readDescriptor(text: string): Promise<Uint8Array> {
  const descriptor = /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  if (descriptor === undefined)
    throw new TidegateError('usage', '--passphrase-fd: expected the number of an open descriptor');
  const buffer = new Uint8Array(maxLength);
  let length = 0;
  for (;;) {
    const more = await readSome(descriptor, buffer, length);
    if (more === 0 || length + more === maxLength) return buffer.subarray(0, length + more);
    length += more;
  }
}

function readSome(descriptor: number, buffer: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolveRead, reject) => {
    read(descriptor, buffer, offset, buffer.length - offset, null, (cause, count) => {
      if (cause === null) resolveRead(count);
      else
        reject(
          new TidegateError(
            'usage',
            `--passphrase-fd: descriptor ${descriptor} cannot be read`,
            {},
            { cause },
          ),
        );
    });
  });
}

function firstLine(bytes: Uint8Array, source: string): Uint8Array {
  const end = bytes.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  const line = end < 0 ? bytes : bytes.subarray(0, end);
  if (line.length === 0)
    throw new TidegateError('usage', `${source}: the first line is empty, expected a passphrase`);
  return line;
}
