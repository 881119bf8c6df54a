/** Succinct hash bins (TAP 15): exactly the one bin of a path is asked for. */
import { deepEqual } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { CaseText } from '../case.ts';

/** The number of a bin is made of the first bits of the path's SHA-256. */
function binNumber(path: string, bits: number): number {
  const digest = createHash('sha256').update(path).digest();
  const binary = [...digest].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return Number.parseInt(binary.slice(0, bits), 2);
}

export const hashBins: readonly CaseText[] = [1, 4, 8, 9].map((bits) => ({
  title: `a target in one of ${2 ** bits} succinct bins is found`,
  async run(bench) {
    const { repository } = bench;
    const bins = repository.delegateSuccinct('targets', bits, 'bin');
    const paths = ['first/file', 'second file'];
    const asked = paths.map((path) => bins[binNumber(path, bits)] ?? '');
    for (const [index, path] of paths.entries())
      repository.addTarget(path, new TextEncoder().encode(path), asked[index]);
    repository.writeAll();
    await bench.init();
    await bench.download(paths);
    deepEqual(bench.artifacts(), paths);
    const expected = [...new Set(asked)].map((bin) => `1.${bin}.json`);
    deepEqual(bench.takeMetadataRequests().slice(4), expected);
  },
}));
