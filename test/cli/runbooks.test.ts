/** docs/runbooks.md in every command that it says: a name or an option that does not exist is found here, not at night. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine } from '../support/command-line.ts';
import { requireReal } from '../support/written-commands.ts';

const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'runbooks.md'), 'utf8');
const commands = [...text.matchAll(/^ {4}tidegate ([^#\n]+)|`tidegate ([^`]+)`/gm)].map(([, block, inline]) =>
  (block ?? inline ?? '').trim(),
);

describe('docs/runbooks.md', () => {
  it('types only what exists', async () => {
    assert.ok(commands.length > 25);
    await requireReal(commands);
  });

  it('every option that it explains is one of the command', async () => {
    const explained = [...text.matchAll(/^\* `(--[a-z-]+)/gm)].map(([, option]) => option ?? '');
    assert.ok(explained.length >= 3);
    const session = commandLine();
    const { out } = await session.type(['recover', '--help']);
    session.end();
    for (const option of explained) assert.match(out, new RegExp(`${option}\\b`));
  });
});
