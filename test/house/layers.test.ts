/** Who may import whom: the table of ARCHITECTURE.md, enforced. */

import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { checker, find, type Import, place, type Source, sources, walk } from './sources.ts';

/** Room to the rooms below it that it may use; `room/file.ts` allows one file only. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  base: [],
  codec: ['base'],
  wire: ['codec', 'base'],
  crypto: ['codec', 'base'],
  tree: ['wire', 'crypto', 'codec', 'base'],
  schedule: ['tree/math.ts', 'wire', 'crypto', 'codec', 'base'],
  framing: ['schedule', 'wire', 'crypto', 'codec', 'base'],
  group: ['framing', 'schedule', 'tree', 'wire', 'crypto', 'codec', 'base'],
  door: ['group', 'framing', 'schedule', 'tree', 'wire', 'crypto', 'codec', 'base'],
  storage: ['group', 'framing', 'schedule', 'tree', 'wire', 'crypto', 'codec', 'base'],
  xmpp: ['index.ts', 'storage/index.ts', 'wire', 'codec', 'base'],
  embedded: ['xmpp', 'base'],
  cli: [
    'embedded',
    'door',
    'xmpp',
    'storage',
    'group',
    'framing',
    'schedule',
    'tree',
    'wire',
    'crypto',
    'codec',
    'base',
  ],
};

/** Folder prefix to what it may take from outside `src`. */
const OUTSIDE: readonly (readonly [folder: string, allowed: RegExp])[] = [
  ['crypto/noble/', /^@noble\//],
  ['crypto/node/', /^node:crypto$|^@noble\/curves\/ed448\.js$/],
  ['group/', /^#provider$/],
  ['index.ts', /^#provider$/],
  ['storage/index.ts', /^#provider$/],
  ['xmpp/index.ts', /^#provider$/],
  ['cli/', /^node:|^#provider$/],
];

/** Public doors: the only files that may be called index.ts. */
const DOORS = [
  'index.ts',
  'storage/index.ts',
  'wire/index.ts',
  'xmpp/index.ts',
  'embedded/index.ts',
  'crypto/noble/index.ts',
  'crypto/node/index.ts',
];

/** What the language itself offers, minus what can run text as code or share memory. */
const LANGUAGE = new Set(
  (
    'Array ArrayBuffer BigInt BigInt64Array BigUint64Array Boolean DataView Error Infinity Int32Array Intl JSON Map Math NaN ' +
    'Number Object Promise RangeError Reflect RegExp Set String Symbol TypeError Uint16Array Uint32Array Uint8Array ' +
    'WeakMap WeakRef WeakSet globalThis undefined isNaN parseInt Date TextEncoder TextDecoder ' +
    'encodeURIComponent decodeURIComponent'
  ).split(' '),
);

/** Globals of the host that one folder may touch. */
const HOST: readonly (readonly [folder: string, names: readonly string[]])[] = [
  ['crypto/noble/', ['crypto']],
  ['crypto/node/', ['Buffer']],
  ['storage/', ['setTimeout', 'clearTimeout']],
  ['xmpp/adapters/', ['setTimeout', 'clearTimeout']],
  ['xmpp/timers.ts', ['setTimeout', 'clearTimeout']],
  ['cli/', ['console', 'process', 'performance', 'Buffer', 'structuredClone']],
];

const SYNCHRONOUS = ['base', 'codec', 'wire', 'crypto', 'tree', 'schedule', 'framing', 'group'];

describe('layers', () => {
  test('every room has a place on the staircase', () => {
    expect([...new Set(sources.map((source) => source.room))].filter((room) => !(room in BELOW))).toEqual([]);
  });

  test('imports only look down', () => {
    expect(faults((source, { target }) => target === undefined || mayUse(source, target))).toEqual([]);
  });

  test('the two back ends do not know each other', () => {
    const side = (path: string): string | undefined => /^crypto\/(noble|node)\//.exec(path)?.[1];
    const good = (source: Source, { target }: Import): boolean => {
      const [from, to] = [side(source.path), target === undefined ? undefined : side(target)];
      if (to === undefined || from === to) return true;
      return source.room === 'cli';
    };
    expect(faults(good)).toEqual([]);
  });

  test('the outside world comes in at the agreed places only', () => {
    const good = (source: Source, { specifier, target }: Import): boolean =>
      target !== undefined ||
      OUTSIDE.some(([folder, ok]) => source.path.startsWith(folder) && ok.test(specifier));
    expect(faults(good)).toEqual([]);
  });

  test('there are no cycles, types apart', () => {
    expect(cycles()).toEqual([]);
  });

  test('index.ts is the name of public doors', () => {
    const named = sources.map((source) => source.path).filter((path) => /(^|\/)index\.ts$/.test(path));
    expect(named.filter((path) => !DOORS.includes(path))).toEqual([]);
  });
});

describe('language', () => {
  test('no default exports', () => {
    const isDefault = (node: ts.Node): node is ts.Node =>
      ts.isExportAssignment(node) || node.kind === ts.SyntaxKind.DefaultKeyword;
    const found = find(isDefault).filter(
      ({ node }) => !ts.isDefaultClause(node.parent) && !ts.isDefaultClause(node),
    );
    expect(found.map((one) => one.place)).toEqual([]);
  });

  /** `cli/story/library.ts`: the XMPP library of a real connection is there or not, which only running can tell. */
  test('no dynamic import() and no require, one place apart', () => {
    const isDynamic = (node: ts.Node): node is ts.CallExpression =>
      ts.isCallExpression(node) &&
      (node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require');
    const found = find(isDynamic).filter(({ source }) => source.path !== 'cli/story/library.ts');
    expect(found.map((one) => one.place)).toEqual([]);
  });

  test('only base/error.ts makes errors', () => {
    const isError = (node: ts.Node): node is ts.NewExpression =>
      ts.isNewExpression(node) && /Error$/.test(node.expression.getText());
    const found = find(isError).filter(({ source }) => source.path !== 'base/error.ts');
    expect(found.map((one) => one.place)).toEqual([]);
  });

  test('everything up to the group is synchronous', () => {
    const isAsync = (node: ts.Node): node is ts.Node =>
      node.kind === ts.SyntaxKind.AsyncKeyword || ts.isAwaitExpression(node);
    const found = find(isAsync).filter(({ source }) => SYNCHRONOUS.includes(source.room));
    expect(found.map((one) => one.place)).toEqual([]);
  });

  test('RUN-09: what runs is a short list of exact versions', async () => {
    const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
    expect(Object.keys(manifest.dependencies)).toEqual(['@noble/ciphers', '@noble/curves', '@noble/hashes']);
    const versions = [...Object.values(manifest.dependencies), ...Object.values(manifest.devDependencies)];
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});

describe('globals', () => {
  test('only those of the language, and few of the host', () => {
    const found = globalsUsed().filter(
      ({ source, name }) => !LANGUAGE.has(name) && !hostAllows(source, name),
    );
    expect(found.map((one) => `${one.place} ${one.name}`)).toEqual([]);
  });

  test('Math.random is nowhere', () => {
    expect(members('Math', 'random')).toEqual([]);
  });

  test('the clock is read by the default of an option only', () => {
    const reads = globalsUsed().filter(({ source, name }) => name === 'Date' && source.room !== 'cli');
    const defaults = ['group/environment.ts', 'xmpp/timers.ts'];
    expect(reads.filter(({ source }) => !defaults.includes(source.path)).map((one) => one.place)).toEqual([]);
  });
});

function mayUse(source: Source, target: string): boolean {
  const room = target.includes('/') ? (target.split('/')[0] ?? '') : 'door';
  const below = BELOW[source.room] ?? [];
  return room === source.room || below.includes(room) || below.includes(target);
}

function faults(good: (source: Source, one: Import) => boolean): string[] {
  const bad = sources.flatMap((source) =>
    source.imports.filter((one) => !good(source, one)).map((one) => [source, one]),
  );
  return bad.map(([source, one]) => `${(source as Source).path} -> ${(one as Import).specifier}`);
}

/** Each cycle once, as `a.ts -> b.ts -> a.ts`. */
function cycles(): string[] {
  const next = new Map(
    sources.map((source) => [
      source.path,
      source.imports.flatMap((one) => (one.typeOnly ? [] : (one.target ?? []))),
    ]),
  );
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    for (const target of next.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of next.keys()) visit(path, []);
  return found;
}

/** Uses of names, as values, that no file of ours declares. */
function globalsUsed(): { source: Source; name: string; place: string }[] {
  const found: { source: Source; name: string; place: string }[] = [];
  for (const source of sources) {
    walk(source.ast, (node) => {
      if (ts.isIdentifier(node) && isGlobalValue(node)) {
        found.push({ source, name: node.text, place: place(source, node) });
      }
    });
  }
  return found;
}

function isGlobalValue(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return false;
  if (ts.isTypeNode(parent) && !ts.isExpressionWithTypeArguments(parent)) return false;
  if (ts.isQualifiedName(parent) || ts.isImportSpecifier(parent) || ts.isExportSpecifier(parent))
    return false;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return false;
  if (ts.isInterfaceDeclaration(parent.parent) || ts.isPropertySignature(parent)) return false;
  const symbol = ts.isShorthandPropertyAssignment(parent)
    ? checker.getShorthandAssignmentValueSymbol(parent)
    : checker.getSymbolAtLocation(node);
  const declarations = symbol?.declarations ?? [];
  if (declarations.length === 0) return node.text === 'globalThis';
  return (
    declarations.every((one) => isAmbient(one)) && (symbol?.flags ?? 0) !== 0 && isTopLevel(declarations)
  );
}

function isAmbient(declaration: ts.Node): boolean {
  const file = declaration.getSourceFile().fileName;
  return /\/typescript\/lib\/lib\.|\/@types\/|\/undici-types\//.test(file);
}

/** Members of global types are declared inside them; only what stands by itself is a global. */
function isTopLevel(declarations: readonly ts.Declaration[]): boolean {
  return declarations.some(
    (one) =>
      ts.isVariableDeclaration(one) ||
      ts.isFunctionDeclaration(one) ||
      ts.isClassDeclaration(one) ||
      ts.isModuleDeclaration(one),
  );
}

function hostAllows(source: Source, name: string): boolean {
  return HOST.some(([folder, names]) => source.path.startsWith(folder) && names.includes(name));
}

function members(object: string, member: string): string[] {
  const isMember = (node: ts.Node): node is ts.PropertyAccessExpression =>
    ts.isPropertyAccessExpression(node) && node.name.text === member && node.expression.getText() === object;
  return find(isMember).map((one) => one.place);
}
