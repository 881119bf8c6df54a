import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { askLine } from '../../src/cli/line-prompt.ts';

describe('a question on the terminal', () => {
  it('shows the question and gives back what is typed', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const answer = askLine('words: ', input, output);
    input.write('babab babab\n');
    assert.equal(await answer, 'babab babab');
    assert.match(String(output.read()), /words: /);
  });

  it('is cancelled when the input ends', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const answer = askLine('words: ', input, output);
    input.end();
    await assert.rejects(answer, { code: 'cancelled' });
  });
});
