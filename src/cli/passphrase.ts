/**
 * Where passphrases come from, in this order: `--passphrase-file NAME=FILE` for the key of this name; one file or
 * descriptor for all keys (`--passphrase-file`, `--passphrase-fd`); the file named by TIDEGATE_PASSPHRASE_FILE; the
 * terminal. Never from an argument or from a variable's value: both can be read by other processes.
 *
 * What is meant for all keys is never sent to a token as its PIN: the token would count a wrong one, and lock itself.
 */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { TidegateError } from '../errors.ts';
import type { KeyUnlocker, LockedKey } from '../signer/keys/key-context.ts';
import { readPassphraseDescriptor, readPassphraseFile } from './passphrase-file.ts';
import { collected } from './repeated-option.ts';
import type { Surroundings } from './surroundings.ts';

export interface PassphraseOptions {
  /** FILE, or NAME=FILE. */
  readonly passphraseFile?: readonly string[];
  readonly passphraseFd?: string;
}

export interface NewPassphraseOptions {
  readonly newPassphraseFile?: readonly string[];
  readonly newPassphraseFd?: string;
}

/** A passphrase for a key; the bytes are the caller's to wipe. */
export type PassphraseSource = (key: LockedKey) => Promise<Uint8Array>;

export function addPassphraseOptions(command: Command): Command {
  return addOptions(command, 'passphrase', 'the passphrase');
}

/** For commands that open one lock and make another. */
export function addNewPassphraseOptions(command: Command): Command {
  return addOptions(command, 'new-passphrase', 'the new passphrase');
}

function addOptions(command: Command, option: string, what: string): Command {
  return command
    .option(
      `--${option}-file <file>`,
      `read ${what} from the first line of a file; NAME=FILE: of the key NAME alone; may be repeated`,
      collected,
    )
    .option(`--${option}-fd <number>`, `read ${what} from an open file descriptor`);
}

/** Opens keys: asks on the terminal for each, where Enter means the passphrase that was typed before. */
export function unlockWith(options: PassphraseOptions, surroundings: Surroundings): KeyUnlocker {
  const { askSecret } = surroundings;
  let typed: Uint8Array | undefined;
  const ask = async ({ name, secret = 'passphrase' }: LockedKey): Promise<Uint8Array> => {
    if (secret === 'PIN') return await askPin(name, surroundings);
    if (askSecret === undefined) throw noTerminal(existing);
    const again = typed === undefined ? '' : ' (Enter: the same as before)';
    const answer = await askSecret(`${secret} of ${name}${again}: `);
    if (answer.length > 0) typed = answer;
    return typed ?? answer;
  };
  return passphrasesOf(options, surroundings, existing, ask);
}

async function askPin(name: string, { askSecret }: Surroundings): Promise<Uint8Array> {
  if (askSecret !== undefined) return await askSecret(`PIN of ${name}: `);
  const text = `${name}: a PIN is needed and there is no terminal to ask on; give pin-source in its address, or --passphrase-file NAME=FILE`;
  throw new TidegateError('usage', text);
}

/** For keys that are being made: on a terminal one passphrase for all of them, typed twice. */
export function newPassphraseSource(
  options: PassphraseOptions,
  surroundings: Surroundings,
  question = 'passphrase for the new keys: ',
): PassphraseSource {
  return passphrasesOf(options, surroundings, existing, typedTwice(surroundings, question, existing));
}

/** The same by the options of `addNewPassphraseOptions`, where the others open what is there. */
export function replacingPassphraseSource(
  { newPassphraseFile, newPassphraseFd }: NewPassphraseOptions,
  surroundings: Surroundings,
): PassphraseSource {
  const options = {
    ...(newPassphraseFile !== undefined && { passphraseFile: newPassphraseFile }),
    ...(newPassphraseFd !== undefined && { passphraseFd: newPassphraseFd }),
  };
  const ask = typedTwice(surroundings, 'new passphrase: ', replacing);
  return passphrasesOf(options, surroundings, replacing, ask);
}

interface Words {
  readonly option: string;
  readonly variable?: string;
}

const existing: Words = { option: '--passphrase', variable: 'TIDEGATE_PASSPHRASE_FILE' };
const replacing: Words = { option: '--new-passphrase' };

function typedTwice({ askSecret }: Surroundings, question: string, words: Words): PassphraseSource {
  let known: Promise<Uint8Array> | undefined;
  const ask = async (): Promise<Uint8Array> => {
    if (askSecret === undefined) throw noTerminal(words);
    const first = await askSecret(question);
    if (Buffer.compare(first, await askSecret('the same again: ')) === 0) return first;
    throw new TidegateError('usage', 'the two passphrases differ; nothing was made');
  };
  return () => {
    known ??= ask();
    return known;
  };
}

/** Each file is read once, when the first key needs it; every caller gets bytes of its own. */
function passphrasesOf(
  options: PassphraseOptions,
  { directory, environment }: Surroundings,
  { option, variable }: Words,
  ask: PassphraseSource,
): PassphraseSource {
  const known = new Map<string, Promise<Uint8Array>>();
  const once = (place: string, readIt: () => Promise<Uint8Array>): Promise<Uint8Array> => {
    const bytes = known.get(place) ?? readIt();
    known.set(place, bytes);
    return bytes;
  };
  const { named, common } = filesOf(options, option);
  const file = (path: string) => once(path, () => readPassphraseFile(resolve(directory, path)));
  const pick = (key: LockedKey): Promise<Uint8Array> => {
    const own = named.get(key.name) ?? (key.secret === 'PIN' ? undefined : common);
    if (own !== undefined) return file(own);
    if (key.secret === 'PIN') return ask(key);
    const { passphraseFd } = options;
    if (passphraseFd !== undefined)
      return once('descriptor', () => readPassphraseDescriptor(passphraseFd, `${option}-fd`));
    const stated = variable === undefined ? undefined : environment[variable];
    return stated === undefined ? ask(key) : file(stated);
  };
  // A copy: a slice of what a file gave would share its bytes, and be wiped with the first key.
  return async (key) => Uint8Array.from(await pick(key));
}

/** A name of a key, then a file; a file that looks like that is written ./NAME=FILE. */
const namedFile = /^([a-z0-9][a-z0-9._-]{0,63})=(.+)$/s;

function filesOf(
  { passphraseFile = [], passphraseFd }: PassphraseOptions,
  option: string,
): { readonly named: ReadonlyMap<string, string>; readonly common: string | undefined } {
  const named = new Map<string, string>();
  let common: string | undefined;
  for (const text of passphraseFile) {
    const [, name, file] = namedFile.exec(text) ?? [];
    if (name === undefined || file === undefined) {
      if (common !== undefined)
        throw new TidegateError(
          'usage',
          `${option}-file: two files for all keys; expected NAME=FILE for each`,
        );
      common = text;
    } else if (named.has(name)) {
      throw new TidegateError('usage', `${option}-file: two files for the key ${name}`);
    } else named.set(name, file);
  }
  if (common !== undefined && passphraseFd !== undefined)
    throw new TidegateError('usage', `${option}-file and ${option}-fd both say where the passphrase is`);
  return { named, common };
}

function noTerminal({ option, variable }: Words): TidegateError {
  const others = variable === undefined ? '' : ` or ${variable}`;
  return new TidegateError(
    'usage',
    `a passphrase is needed and there is no terminal to ask on; give ${option}-file, ${option}-fd${others}`,
  );
}
