/** Repositories of other tools, as they lie in a folder, at the moment at which they were valid. */
import { equal } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CaseText, group } from '../case.ts';

const folder = join(import.meta.dirname, '..', '..', 'static');

const cases = ['tuf-on-ci', 'sigstore-like'].map(
  (name): CaseText => ({
    title: `a repository like that of ${name} is read, from its first root to a target`,
    async run(bench) {
      const read = (file: string): Buffer => readFileSync(join(folder, name, file));
      const { time, target } = JSON.parse(read('case.json').toString()) as { time: string; target: string };
      const now = Date.parse(time);
      bench.serve(async (path) => {
        const file = decodeURIComponent(path);
        return existsSync(join(folder, name, file)) ? read(file) : undefined;
      });
      await bench.init(read('initial_root.json'), 'success', now);
      await bench.refresh('success', now);
      await bench.download(target, 'success', now);
      equal(bench.artifacts().length, 1);
    },
  }),
);

export const staticRepositories = group('static-repositories', cases);
