/**
 * Reads c8's report and finds what the tests never reached in the folders that decide trust and rollout.
 *
 * V8 reports no branches inside a function that was never called, so such a function counts as a gap itself.
 */
import { existsSync, readFileSync } from 'node:fs';
import { relative, sep } from 'node:path';

/** Every branch in these folders is tested. */
export const fullyCoveredFolders = ['src/metadata/', 'src/trust/', 'src/waves/'] as const;

interface Range {
  readonly start: { readonly line: number };
}

/** The parts of Istanbul's `coverage-final.json` that are used here. */
interface FileCoverage {
  readonly path: string;
  readonly branchMap: Readonly<Record<string, { readonly loc: Range }>>;
  readonly b: Readonly<Record<string, readonly number[]>>;
  readonly fnMap: Readonly<Record<string, { readonly name: string; readonly loc: Range }>>;
  readonly f: Readonly<Record<string, number>>;
}

export interface Coverage {
  /** `path:line what`, one for each branch or function that was never reached. */
  readonly gaps: readonly string[];
  /** Share of all branches in src/ that were reached, in per cent. */
  readonly branchShare: number;
}

/** @param report path of `coverage-final.json`; a report that is missing is a gap of its own */
export function readCoverage(report: string, repository: string): Coverage {
  if (!existsSync(report)) return { gaps: [`${report} was not written`], branchShare: 0 };
  const files = Object.values(JSON.parse(readFileSync(report, 'utf8')) as Record<string, FileCoverage>);
  const counts = files.flatMap((file) => Object.values(file.b).flat());
  const gaps = files.flatMap((file) => gapsOf(file, relative(repository, file.path).split(sep).join('/')));
  return {
    gaps,
    branchShare: (100 * counts.filter((count) => count > 0).length) / Math.max(1, counts.length),
  };
}

function gapsOf(file: FileCoverage, path: string): readonly string[] {
  if (!fullyCoveredFolders.some((folder) => path.startsWith(folder)) || holdsOnlyTypes(file.path)) return [];
  if (Object.values(file.fnMap).some(({ name }) => name === '(empty-report)'))
    return [`${path} was never loaded`];
  const branches = Object.entries(file.b)
    .filter(([, counts]) => counts.includes(0))
    .map(([id]) => `${path}:${file.branchMap[id]?.loc.start.line ?? '?'} branch`);
  const functions = Object.entries(file.f)
    .filter(([, count]) => count === 0)
    .map(([id]) => `${path}:${file.fnMap[id]?.loc.start.line ?? '?'} function ${file.fnMap[id]?.name ?? ''}`);
  return [...branches, ...functions];
}

/** A file of types is never loaded, and c8 would call it untested. The formatter puts statements at column 0. */
function holdsOnlyTypes(path: string): boolean {
  const statements = readFileSync(path, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .split('\n')
    .filter((line) => /^[^\s/}]/.test(line));
  return statements.every((line) => /^(import type|(export )?(type|interface)) /.test(line));
}
