/** Target names that mean something in an address, in a file system or in a programming language. */
import { deepEqual } from 'node:assert/strict';
import { join } from 'node:path';
import type { CaseText } from '../case.ts';

const content = new TextEncoder().encode('content');

const odd: readonly CaseText[] = ['a#b', '100%', 'n'.repeat(300), 'a b', 'ünï.img'].map((name) => ({
  title: `a target called ${name.length > 20 ? `${name[0]}… (${name.length} characters)` : name} is downloaded`,
  async run(bench) {
    bench.repository.addTarget(name, content);
    bench.repository.writeAll();
    await bench.init();
    await bench.download(name);
    deepEqual(bench.artifacts(), ['content']);
  },
}));

/** The server gives the content whatever path the client makes of the name. */
const traversing: readonly CaseText[] = [
  { shown: '../escape', name: (): string => '../escape' },
  { shown: 'sub/../../escape', name: (): string => 'sub/../../escape' },
  { shown: '..', name: (): string => '..' },
  { shown: '/…/escape', name: (directory: string): string => join(directory, 'escape') },
].map(({ shown, name }) => ({
  title: `a target called ${shown} does not leave the target folder`,
  async run(bench) {
    const path = name(bench.directory);
    bench.repository.addTarget(path, content);
    bench.repository.writeAll();
    bench.serve(async (asked, before) => (/[0-9a-f]{64}\./.test(asked) ? content : await before(asked)));
    await bench.init();
    await bench.download(path, 'either');
    deepEqual(bench.strays(), []);
  },
}));

const absent: readonly CaseText[] = ['constructor', 'toString', '__proto__', 'hasOwnProperty'].map(
  (name) => ({
    title: `a target called ${name} that nobody lists is not there`,
    async run(bench) {
      bench.repository.addTarget('file', content);
      bench.repository.writeAll();
      await bench.init();
      await bench.download(name, 'failure');
      deepEqual(bench.artifacts(), []);
    },
  }),
);

export const targetNames: readonly CaseText[] = [...odd, ...traversing, ...absent];
