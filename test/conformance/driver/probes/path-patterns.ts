/** What `paths` and `path_hash_prefixes` of a delegation match; only `*` and `?` are special. */
import { deepEqual } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Bench } from '../bench.ts';
import type { CaseText } from '../case.ts';

async function expectFound(bench: Bench, path: string, found: boolean): Promise<void> {
  await bench.init();
  await bench.download(path, found ? 'success' : 'failure');
  deepEqual(bench.artifacts({ hidden: true }), found ? ['content'] : []);
}

function matching(pattern: string, path: string, found: boolean): CaseText {
  return {
    title: `pattern ${pattern} ${found ? 'matches' : 'does not match'} ${path}`,
    async run(bench) {
      bench.repository.delegate('targets', 'delegated', { paths: [pattern] });
      bench.repository.addTarget(path, new TextEncoder().encode('content'), 'delegated');
      bench.repository.writeAll();
      await expectFound(bench, path, found);
    },
  };
}

function prefixOf(path: string, length: number): string {
  return createHash('sha256').update(path).digest('hex').slice(0, length);
}

function byPrefix(title: string, prefixes: readonly string[][], found: boolean): CaseText {
  return {
    title,
    async run(bench) {
      const { repository } = bench;
      const last = prefixes.reduce((delegator, pathHashPrefixes, level) => {
        repository.delegate(delegator, `level-${level}`, { pathHashPrefixes });
        return `level-${level}`;
      }, 'targets');
      repository.addTarget('file', new TextEncoder().encode('content'), last);
      repository.writeAll();
      await expectFound(bench, 'file', found);
    },
  };
}

const right = prefixOf('file', 4);
const wrong = prefixOf('another file', 4);

export const pathPatterns: readonly CaseText[] = [
  matching('*', '.hidden', true),
  matching('folder/*', 'folder/.hidden', true),
  matching('!a', 'b', false),
  matching('+(a|b)', 'a', false),
  matching('{a,b}', 'a', false),
  matching('**', 'a/b', false),
  byPrefix('a path hash prefix finds its target', [[wrong, right]], true),
  byPrefix('a path hash prefix of another path does not', [[wrong]], false),
  byPrefix('path hash prefixes of two levels must both match', [[right.slice(0, 2)], [wrong, right]], true),
];
