import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  fstat,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readPassphraseDescriptor, readPassphraseFile } from '../../src/cli/passphrase-file.ts';
import { pipeHolding } from '../support/open-descriptors.ts';

const option = '--passphrase-fd';

describe('cli/passphrase-file', () => {
  let folder = '';

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tidegate-passphrase-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function file(content: string, mode = 0o600): string {
    const path = join(folder, 'passphrase');
    writeFileSync(path, content, { mode });
    return path;
  }

  it('reads the first line, through a link as clusters mount secrets', async () => {
    for (const [content, expected] of [
      ['one', 'one'],
      ['two\nthree\n', 'two'],
      ['four\r\nfive', 'four'],
      [' grüße 🔑 ', ' grüße 🔑 '],
    ] as const) {
      assert.equal(Buffer.from(await readPassphraseFile(file(content))).toString(), expected);
    }
    symlinkSync(file('linked'), join(folder, 'link'));
    assert.equal(Buffer.from(await readPassphraseFile(join(folder, 'link'))).toString(), 'linked');
    const { descriptor } = pipeHolding(Buffer.from('piped\n'));
    assert.equal(Buffer.from(await readPassphraseDescriptor(String(descriptor), option)).toString(), 'piped');
  });

  it('waits for a program that takes its time, at a pipe whose reads do not wait', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;
    const reader = openSync(pipe, O_RDONLY | O_NONBLOCK);
    const writer = openSync(pipe, O_WRONLY | O_NONBLOCK);
    assert.throws(() => readSync(reader, Buffer.alloc(1)), { code: 'EAGAIN' });
    const found = readPassphraseDescriptor(String(reader), option);
    found.catch(() => undefined);
    for (let look = 0; look < 5; look += 1) await promisify(fstat)(reader);
    writeSync(writer, 'Hunter2\n');
    closeSync(writer);
    assert.equal(Buffer.from(await found).toString(), 'Hunter2');
    closeSync(reader);
  });

  it('SGN-01: refuses a file that others can read', async () => {
    const path = file('secret');
    for (const mode of [0o640, 0o604, 0o666]) {
      chmodSync(path, mode);
      await assert.rejects(readPassphraseFile(path), { code: 'key-file-permissions' });
    }
  });

  it('refuses what holds no passphrase, within bounds, and says nothing of its content', async () => {
    const long = file('Hunter2');
    truncateSync(long, 2 ** 30);
    for (const [path, reason] of [
      [long, /more than 4096 bytes/],
      [join(folder, 'nowhere'), /cannot be read/],
      [folder, /cannot be read|lets others read/],
    ] as const) {
      await assert.rejects(readPassphraseFile(path), ({ message }: Error) => {
        assert.match(message, reason);
        return !message.includes('Hunter2');
      });
    }
    await assert.rejects(readPassphraseFile(file('\nsecond line')), { message: /the first line is empty/ });
    await assert.rejects(readPassphraseFile(file('')), { message: /the first line is empty/ });
    const endless = String(openSync('/dev/zero', 'r'));
    await assert.rejects(readPassphraseDescriptor(endless, option), { message: /more than 4096 bytes/ });
    for (const text of ['', 'x', '-1', '64000'])
      await assert.rejects(readPassphraseDescriptor(text, option), {
        code: 'usage',
        message: /--passphrase-fd/,
      });
  });
});
