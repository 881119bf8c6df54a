import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ReadStream } from 'node:tty';
import { askSecret } from '../../src/cli/secret-prompt.ts';

/** A terminal that writes down what is done to it; keys come as soon as the question stands there. */
function terminal(keys: readonly string[]) {
  const events: string[] = [];
  const input = Object.assign(new EventEmitter(), {
    setRawMode: (raw: boolean) => events.push(raw ? 'quiet' : 'loud'),
    setEncoding: () => undefined,
    resume: () =>
      setImmediate(() => {
        for (const key of keys) input.emit('data', key);
      }),
    pause: () => events.push('pause'),
  });
  return { events, ask: () => askSecret('passphrase: ', input as unknown as ReadStream, { write }) };
  function write(text: string): boolean {
    events.push(text);
    return true;
  }
}

describe('the prompt for secrets', () => {
  it('stops showing what is typed before it asks, and shows again at the end', async () => {
    const { events, ask } = terminal(['open', ' sesame\r']);
    assert.equal(new TextDecoder().decode(await ask()), 'open sesame');
    assert.deepEqual(events, ['quiet', 'passphrase: ', 'loud', 'pause', '\n']);
  });

  it('takes Backspace and Ctrl-U', async () => {
    assert.equal(
      new TextDecoder().decode(await terminal(['wrong', '\u0015', 'rigth', '\u007f\u007fht', '\n']).ask()),
      'right',
    );
  });

  it('Ctrl-C cancels, and the terminal shows again', async () => {
    const { events, ask } = terminal(['half\u0003']);
    await assert.rejects(ask(), { code: 'cancelled' });
    assert.deepEqual(events.slice(2), ['loud', 'pause', '\n']);
  });
});
