/** The sources as the house tests see them: parsed and type-checked once per test file. */

import { relative } from 'node:path';
import ts from 'typescript';

const config = ts.getParsedCommandLineOfConfigFile('tsconfig.build.json', {}, {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: () => undefined,
} as ts.ParseConfigFileHost);

const program = ts.createProgram(config?.fileNames ?? [], { ...config?.options, noEmit: true });
export const checker: ts.TypeChecker = program.getTypeChecker();

/** One file of `src`. */
export interface Source {
  /** Path from `src/`, with slashes: `tree/math.ts`. */
  readonly path: string;
  /** The first folder, or `door` for a file directly in `src`. */
  readonly room: string;
  readonly lines: number;
  readonly ast: ts.SourceFile;
  readonly imports: readonly Import[];
}

/** One static import or re-export. */
export interface Import {
  readonly specifier: string;
  /** Path from `src/` for a relative import. */
  readonly target: string | undefined;
  /** Nothing of it is left after compilation. */
  readonly typeOnly: boolean;
}

export const sources: readonly Source[] = program
  .getSourceFiles()
  .filter((ast) => inSrc(ast.fileName))
  .map((ast) => {
    const path = fromSrc(ast.fileName);
    const room = path.includes('/') ? (path.split('/')[0] ?? '') : 'door';
    const lines = ast.text.split('\n').length - (ast.text.endsWith('\n') ? 1 : 0);
    return { path, room, lines, ast, imports: importsOf(ast, path) };
  });

/** Visit every node of a file. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** All nodes of one kind, with the place for a message: `tree/math.ts:12`. */
export function find<T extends ts.Node>(
  is: (node: ts.Node) => node is T,
): { source: Source; node: T; place: string }[] {
  const found: { source: Source; node: T; place: string }[] = [];
  for (const source of sources) {
    walk(source.ast, (node) => {
      if (is(node)) found.push({ source, node, place: place(source, node) });
    });
  }
  return found;
}

/** File and line of a node. */
export function place(source: Source, node: ts.Node): string {
  return `${source.path}:${source.ast.getLineAndCharacterOfPosition(node.getStart(source.ast)).line + 1}`;
}

function inSrc(file: string): boolean {
  const path = relative(process.cwd(), file).replaceAll('\\', '/');
  return path.startsWith('src/');
}

function fromSrc(file: string): string {
  return relative('src', file).replaceAll('\\', '/');
}

function importsOf(ast: ts.SourceFile, path: string): Import[] {
  const found: Import[] = [];
  for (const statement of ast.statements) {
    const named = ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement);
    if (!named || statement.moduleSpecifier === undefined) continue;
    if (!ts.isStringLiteral(statement.moduleSpecifier)) continue;
    const specifier = statement.moduleSpecifier.text;
    const target = specifier.startsWith('.')
      ? new URL(specifier, `file:///${path}`).pathname.slice(1)
      : undefined;
    found.push({ specifier, target, typeOnly: isTypeOnly(statement) });
  }
  return found;
}

function isTypeOnly(statement: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(statement)) return statement.isTypeOnly;
  const clause = statement.importClause;
  if (clause?.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause?.namedBindings;
  return (
    bindings !== undefined && ts.isNamedImports(bindings) && bindings.elements.every((one) => one.isTypeOnly)
  );
}
