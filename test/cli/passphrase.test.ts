import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PassphraseOptions, unlockWith } from '../../src/cli/passphrase.ts';
import type { Surroundings } from '../../src/cli/surroundings.ts';
import { createTerminal } from '../../src/terminal.ts';

describe('passphrases and PINs of keys', () => {
  let folder = '';
  let answers: string[] = [];
  let questions: string[] = [];

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-passphrase-'));
    writeFileSync(join(folder, 'common'), 'one for all\n', { mode: 0o600 });
    writeFileSync(join(folder, 'own'), '246810\n', { mode: 0o600 });
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  beforeEach(() => {
    answers = [];
    questions = [];
  });

  function surroundings(hasTerminal: boolean): Surroundings {
    return {
      terminal: createTerminal({
        json: false,
        stdout: { write() {} },
        stderr: { write() {} },
        clock: () => 0,
      }),
      environment: {},
      now: () => 0,
      signal: new AbortController().signal,
      directory: folder,
      setExitStatus: () => undefined,
      askSecret: hasTerminal
        ? async (question) => {
            questions.push(question);
            return new TextEncoder().encode(answers.shift());
          }
        : undefined,
    };
  }

  async function unlocked(
    options: PassphraseOptions,
    hasTerminal: boolean,
    keys: readonly { readonly name: string; readonly secret?: 'PIN' }[],
  ): Promise<string[]> {
    const unlock = unlockWith(options, surroundings(hasTerminal));
    const texts: string[] = [];
    for (const key of keys) {
      const bytes = (await unlock({ ...key, path: key.name })) ?? new Uint8Array();
      texts.push(Buffer.from(bytes).toString());
      // As the signer does.
      bytes.fill(0);
    }
    return texts;
  }

  it('what a file holds opens key after key, though each wipes what it was given', async () => {
    const keys = [{ name: 'a-1' }, { name: 'a-2' }];
    assert.deepEqual(await unlocked({ passphraseFile: ['common'] }, false, keys), [
      'one for all',
      'one for all',
    ]);
  });

  it('a passphrase for all keys is never sent to a token as its PIN', async () => {
    const keys = [{ name: 'a-1' }, { name: 'token-1', secret: 'PIN' as const }];
    await assert.rejects(unlocked({ passphraseFile: ['common'] }, false, keys), {
      code: 'usage',
      message: /token-1: a PIN is needed .* pin-source/,
    });
    answers = ['246810'];
    assert.deepEqual(await unlocked({ passphraseFile: ['common'] }, true, keys), ['one for all', '246810']);
    assert.deepEqual(questions, ['PIN of token-1: ']);
  });

  it('a PIN comes from the file that is named for its key, or from the terminal by its own question', async () => {
    const keys = [{ name: 'a-1' }, { name: 'token-1', secret: 'PIN' as const }, { name: 'a-2' }];
    const options = { passphraseFile: ['token-1=own', 'common'] };
    assert.deepEqual(await unlocked(options, false, keys), ['one for all', '246810', 'one for all']);
    answers = ['typed', '13579', ''];
    assert.deepEqual(await unlocked({}, true, keys), ['typed', '13579', 'typed']);
    assert.match(questions[2] ?? '', /a-2 \(Enter: the same as before\)/);
  });
});
