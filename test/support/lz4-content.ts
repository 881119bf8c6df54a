/** The contents of the files in test/agent/lz4/, which the `lz4` command (1.9) made; README there says how. */
export const lz4Contents = {
  /** Text with long and overlapping repetitions, over several blocks of 64 KiB. */
  text: (): Uint8Array => {
    const lines: string[] = [];
    for (let index = 0; index < 2_200; index += 1)
      lines.push(
        `${(index * 7919) % 1009} host ${index % 97} ${'ab'.repeat(index % 31)}${'x'.repeat(index % 211)}\n`,
      );
    return new TextEncoder().encode(lines.join(''));
  },
  /** What does not compress, so that blocks are stored; a little over one block. */
  noise: (): Uint8Array => {
    const bytes = new Uint8Array(70_000);
    let state = 1;
    for (let index = 0; index < bytes.length; index += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      bytes[index] = state >>> 24;
    }
    return bytes;
  },
  empty: (): Uint8Array => new Uint8Array(),
};
