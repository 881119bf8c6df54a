/**
 * The rules of the house as functions from facts to violations, each a line `path:line what`. An empty list
 * means the rule holds. The table itself is read from docs/architecture.md, so that picture and rule are one.
 */
import { posix } from 'node:path';
import type { Import, SourceFacts } from './source-facts.ts';

export interface FolderRule {
  /** Folders and top-level files, without extension, that may be imported. */
  readonly imports: readonly string[];
  /** The part of `imports` of which only types may be imported. */
  readonly typesOnly: readonly string[];
  /** `any`, or which built-in modules which file may use. */
  readonly builtIns: 'any' | ReadonlyMap<string, string>;
  readonly packages: readonly string[];
  /** The part of `packages` that only `import()` may load. */
  readonly lazy: readonly string[];
}

export type ImportTable = ReadonlyMap<string, FolderRule>;

/** Reads the table whose first heading is `folder`: folder | may import | built-ins | packages. */
export function parseImportTable(markdown: string): ImportTable {
  const rows = markdown
    .split(/^\| folder \|.*\n\|[-| ]*\n/m)[1]
    ?.split(/\n(?!\|)/)[0]
    ?.split('\n')
    .filter((row) => row.startsWith('|'));
  if (rows === undefined || rows.length === 0) throw new Error('the import table is missing');
  return new Map(
    rows.map((row) => {
      const [folder = '', imports = '', builtIns = '', packages = ''] = row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      return [folder, folderRule(items(imports), builtIns, items(packages))];
    }),
  );
}

function folderRule(imports: readonly string[], builtIns: string, packages: readonly string[]): FolderRule {
  const typesOnly = imports.filter((name) => name.endsWith(' (types)')).map(firstWord);
  const lazy = packages.filter((name) => name.endsWith(' by import()')).map(firstWord);
  const modules = items(builtIns).map((entry): [string, string] => {
    const [module = '', file = ''] = entry.split(' in ');
    return [file, module];
  });
  return {
    imports: imports.map(firstWord),
    typesOnly,
    builtIns: builtIns === 'any' ? 'any' : new Map(modules),
    packages: packages.map(firstWord),
    lazy,
  };
}

function items(cell: string): readonly string[] {
  return cell === '–' ? [] : cell.replaceAll('`', '').split(/,\s*/);
}

function firstWord(text: string): string {
  return text.split(' ')[0] ?? '';
}

export function folderOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : path.replace(/\.ts$/, '');
}

/** `errors.ts` for `../errors.ts` in `trust/threshold.ts`; undefined for packages and built-ins. */
export function targetOf(path: string, { specifier }: Import): string | undefined {
  return specifier?.startsWith('.') ? posix.join(posix.dirname(path), specifier) : undefined;
}

export function packageOf({ specifier }: Import): string | undefined {
  if (specifier === undefined || /^(\.|node:)/.test(specifier)) return undefined;
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function everyImport(
  sources: readonly SourceFacts[],
  check: (entry: Import, source: SourceFacts) => string | undefined,
): readonly string[] {
  return sources.flatMap((source) =>
    source.imports.flatMap((entry) => {
      const violation = check(entry, source);
      return violation === undefined ? [] : [`${source.path}:${entry.line} ${violation}`];
    }),
  );
}

export function checkFolders(sources: readonly SourceFacts[], table: ImportTable): readonly string[] {
  return everyImport(sources, (entry, source) => {
    const target = targetOf(source.path, entry);
    if (target === undefined) return undefined;
    const from = folderOf(source.path);
    const to = folderOf(target);
    const rule = table.get(from);
    if (rule === undefined) return `is in ${from}, which has no row in the import table`;
    if (from === to) return undefined;
    if (!rule.imports.includes(to)) return `${from} may not import ${to} (${target})`;
    if (rule.typesOnly.includes(to) && entry.kind !== 'type') return `${from} may import only types of ${to}`;
    return undefined;
  });
}

export function checkPackages(sources: readonly SourceFacts[], table: ImportTable): readonly string[] {
  return everyImport(sources, (entry, source) => {
    const from = folderOf(source.path);
    const name = packageOf(entry);
    const rule = table.get(from);
    if (name === undefined || rule === undefined) return undefined;
    if (!rule.packages.includes(name)) return `${from} may not import the package ${name}`;
    return rule.lazy.includes(name) && entry.kind === 'static'
      ? `${name} is loaded by import() only`
      : undefined;
  });
}

export function checkBuiltIns(sources: readonly SourceFacts[], table: ImportTable): readonly string[] {
  return everyImport(sources, ({ specifier }, source) => {
    const allowed = table.get(folderOf(source.path))?.builtIns;
    if (!specifier?.startsWith('node:') || allowed === undefined || allowed === 'any') return undefined;
    const file = posix.relative(folderOf(source.path), source.path);
    return allowed.get(file) === specifier.slice('node:'.length) ? undefined : `may not use ${specifier}`;
  });
}

/** Files are imported by their own name with its extension, never through an index or the package's own name. */
export function checkSpecifiers(sources: readonly SourceFacts[]): readonly string[] {
  return everyImport(sources, (entry, source) => {
    if (entry.specifier === undefined) return 'import() takes a plain string, so that rules can see it';
    const target = targetOf(source.path, entry);
    if (packageOf(entry) === 'tidegate') return 'the package does not import itself by name';
    if (target === undefined) return undefined;
    if (posix.basename(target) === 'index.ts') return 'an index is for outsiders';
    return sources.some(({ path }) => path === target) ? undefined : `${target} does not exist`;
  });
}

/** Which file loads which at run time; `import()` counts where `lazy` is true. */
export function runTimeGraph(
  sources: readonly SourceFacts[],
  { lazy }: { readonly lazy: boolean },
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    sources.map((source) => [
      source.path,
      source.imports
        .filter(({ kind }) => kind === 'static' || (lazy && kind === 'dynamic'))
        .flatMap((entry) => targetOf(source.path, entry) ?? packageOf(entry) ?? []),
    ]),
  );
}

/** Each cycle once, as `a.ts -> b.ts -> a.ts`. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const finished = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
    if (trail.includes(path) || finished.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return cycles;
}

/** Everything that loading the starts also loads: files, and packages by name. */
export function reachable(
  graph: ReadonlyMap<string, readonly string[]>,
  starts: readonly string[],
): ReadonlySet<string> {
  const seen = new Set<string>();
  const queue = [...starts];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    queue.push(...(graph.get(next) ?? []));
  }
  return seen;
}
