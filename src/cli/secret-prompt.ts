/** Reads a passphrase from a terminal: nothing is shown, Ctrl-C cancels, Backspace and Ctrl-U work. */
import type { ReadStream } from 'node:tty';
import { TidegateError } from '../errors.ts';
import type { TerminalStream } from '../terminal.ts';

const interrupt = '\u0003';
const endKeys = ['\r', '\n', '\u0004'];
const clearLine = '\u0015';
const deleteKeys = ['\u007f', '\b'];

export async function askSecret(
  question: string,
  input: ReadStream,
  output: TerminalStream,
): Promise<Uint8Array> {
  // Before the question: who types at once, or a program that answers, must not be shown.
  input.setRawMode(true);
  output.write(question);
  input.setEncoding('utf8');
  input.resume();
  try {
    return new TextEncoder().encode(await readLine(input));
  } finally {
    input.setRawMode(false);
    input.pause();
    output.write('\n');
  }
}

function readLine(input: ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let secret = '';
    const finish = (act: () => void): void => {
      input.off('data', onData);
      act();
    };
    const onData = (text: string): void => {
      for (const character of text) {
        if (character === interrupt) {
          finish(() => reject(new TidegateError('cancelled', 'cancelled at the passphrase')));
          return;
        }
        if (endKeys.includes(character)) {
          finish(() => resolve(secret));
          return;
        }
        secret = edited(secret, character);
      }
    };
    input.on('data', onData);
  });
}

function edited(secret: string, key: string): string {
  if (key === clearLine) return '';
  return deleteKeys.includes(key) ? [...secret].slice(0, -1).join('') : secret + key;
}
