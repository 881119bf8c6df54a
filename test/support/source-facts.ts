/**
 * What the files of a source tree import and use, read by the compiler's own parser and checker, so that
 * strings, templates and comments that look like code cannot mislead a rule, nor hide from one.
 */
import { relative, sep } from 'node:path';
import * as ast from 'typescript/unstable/ast';
import * as is from 'typescript/unstable/ast/is';
import { API, type Project } from 'typescript/unstable/sync';

export interface Import {
  /** As written; undefined for an `import()` whose argument is not a plain string. */
  readonly specifier: string | undefined;
  /** `type` leaves nothing behind at run time. */
  readonly kind: 'static' | 'dynamic' | 'type';
  /** Imported names; `default` and `*` for the whole module. Empty for `import()` and bare imports. */
  readonly names: readonly string[];
  readonly line: number;
}

/** A name that the language or the platform provides, where it is used as a value. */
export interface GlobalUse {
  readonly name: string;
  /** `now` in `Date.now`. */
  readonly member: string | undefined;
  /** Number of arguments where the global itself, or its member, is called or constructed. */
  readonly argumentCount: number | undefined;
  /** It stands on the right of `instanceof`. */
  readonly isTypeTest: boolean;
  readonly line: number;
}

export interface Call {
  /** `verify`, or the last name of `forge.pki.verify`. */
  readonly name: string;
  /** The source text of each argument. */
  readonly arguments: readonly string[];
  readonly line: number;
}

export interface SourceFacts {
  /** Relative to the source folder, with forward slashes. */
  readonly path: string;
  readonly lineCount: number;
  readonly imports: readonly Import[];
  readonly globals: readonly GlobalUse[];
  readonly calls: readonly Call[];
  /** Every `object.member` name, whatever the object is. */
  readonly members: readonly { readonly name: string; readonly line: number }[];
  readonly strings: ReadonlySet<string>;
}

/** @param project path of a tsconfig.json; @param sources the folder that the paths are relative to */
export function readSourceFacts(project: string, sources: string): readonly SourceFacts[] {
  const api = new API();
  try {
    const opened = api.updateSnapshot({ openProjects: [project] }).getProjects()[0];
    if (opened === undefined) throw new Error(`${project} cannot be opened`);
    return opened.rootFiles.map((file) => factsOf(opened, file, sources));
  } finally {
    api.close();
  }
}

function factsOf(project: Project, file: string, sources: string): SourceFacts {
  const source = project.program.getSourceFile(file);
  if (source === undefined) throw new Error(`${file} was not parsed`);
  const nodes = [...descendants(source)];
  const lineOf = (node: ast.Node): number =>
    source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
  return {
    path: relative(sources, file).split(sep).join('/'),
    lineCount: source.getLineStarts().length,
    imports: nodes.flatMap((node) => importOf(node, lineOf(node)) ?? []),
    globals: globalsOf(project, nodes.filter(isValueName), lineOf),
    calls: nodes.filter(is.isCallExpression).map((node) => ({
      name: lastName(node.expression),
      arguments: node.arguments.map((argument) => argument.getText(source)),
      line: lineOf(node),
    })),
    members: nodes
      .filter(is.isPropertyAccessExpression)
      .map((node) => ({ name: node.name.text, line: lineOf(node) })),
    strings: new Set(nodes.flatMap((node) => plainString(node) ?? [])),
  };
}

function* descendants(node: ast.Node): Generator<ast.Node> {
  const children: ast.Node[] = [];
  node.forEachChild((child) => {
    children.push(child);
    return undefined;
  });
  for (const child of children) {
    yield child;
    yield* descendants(child);
  }
}

function plainString(node: ast.Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  return is.isStringLiteral(node) || is.isNoSubstitutionTemplateLiteral(node) ? node.text : undefined;
}

function importOf(node: ast.Node, line: number): Import | undefined {
  if (is.isImportDeclaration(node))
    return { ...importClause(node), specifier: plainString(node.moduleSpecifier), line };
  if (is.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    const specifier = plainString(node.moduleSpecifier);
    return { specifier, kind: node.isTypeOnly ? 'type' : 'static', names: exportedNames(node), line };
  }
  if (is.isImportTypeNode(node)) {
    const specifier = is.isLiteralTypeNode(node.argument) ? plainString(node.argument.literal) : undefined;
    return { specifier, kind: 'type', names: [], line };
  }
  if (is.isCallExpression(node) && node.expression.kind === ast.SyntaxKind.ImportKeyword)
    return { specifier: plainString(node.arguments[0]), kind: 'dynamic', names: [], line };
  return undefined;
}

/** `import { type A }` still loads the module at run time (verbatimModuleSyntax), so only `import type` is a type. */
function importClause(node: ast.ImportDeclaration): Pick<Import, 'kind' | 'names'> {
  const clause = node.importClause;
  const isType = clause?.phaseModifier === ast.SyntaxKind.TypeKeyword;
  const names: string[] = clause?.name === undefined ? [] : ['default'];
  const bindings = clause?.namedBindings;
  if (bindings !== undefined && is.isNamespaceImport(bindings)) names.push('*');
  if (bindings !== undefined && is.isNamedImports(bindings))
    names.push(...bindings.elements.map((element) => (element.propertyName ?? element.name).text));
  return { kind: isType ? 'type' : 'static', names };
}

function exportedNames(node: ast.ExportDeclaration): readonly string[] {
  const clause = node.exportClause;
  if (clause === undefined || !is.isNamedExports(clause)) return ['*'];
  return clause.elements.map((element) => (element.propertyName ?? element.name).text);
}

/** An identifier that reads a variable: not the name of a member, nor a part of a type. */
function isValueName(node: ast.Node): node is ast.Identifier {
  if (!is.isIdentifier(node)) return false;
  const parent = node.parent;
  if (is.isPropertyAccessExpression(parent) && parent.name === node) return false;
  if (is.isPropertyAssignment(parent) && parent.name === node) return false;
  for (let outer: ast.Node | undefined = parent; outer !== undefined; outer = outer.parent) {
    const isType = is.isTypeNode(outer) && !is.isExpressionWithTypeArguments(outer);
    if (isType || is.isInterfaceDeclaration(outer) || is.isTypeAliasDeclaration(outer)) return false;
    if (is.isImportDeclaration(outer) || is.isExportDeclaration(outer)) return false;
  }
  return true;
}

function globalsOf(
  project: Project,
  names: readonly ast.Identifier[],
  lineOf: (node: ast.Node) => number,
): readonly GlobalUse[] {
  const symbols = project.checker.getSymbolAtLocation(names);
  return names.flatMap((node, index) => {
    const symbol = is.isShorthandPropertyAssignment(node.parent)
      ? project.checker.getShorthandAssignmentValueSymbol(node.parent)
      : symbols[index];
    const declarations = symbol?.declarations ?? [];
    const isOwn = declarations.some(({ path }) => !/node_modules|bundled:|\/lib\.[^/]*\.d\.ts$/.test(path));
    if (isOwn || (declarations.length === 0 && !['globalThis', 'arguments', 'eval'].includes(node.text)))
      return [];
    const parent = node.parent;
    const access = is.isPropertyAccessExpression(parent) && parent.expression === node ? parent : undefined;
    const used: ast.Node = access ?? node;
    const called = used.parent;
    const isCalled =
      (is.isCallExpression(called) || is.isNewExpression(called)) && called.expression === used;
    return [
      {
        name: node.text,
        member: access?.name.text,
        argumentCount: isCalled ? (called.arguments?.length ?? 0) : undefined,
        isTypeTest:
          is.isBinaryExpression(parent) && parent.operatorToken.kind === ast.SyntaxKind.InstanceOfKeyword,
        line: lineOf(node),
      },
    ];
  });
}

function lastName(node: ast.Node): string {
  if (is.isIdentifier(node)) return node.text;
  return is.isPropertyAccessExpression(node) ? node.name.text : '';
}
