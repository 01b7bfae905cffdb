/** What is exported is explained, and what the documents point at exists. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { type Source, sources } from './sources.ts';

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];
const ADRS = readdirSync('docs/adr').filter((name) => name.endsWith('.md'));

describe('doc comments', () => {
  test('every file says in its head what it is', () => {
    const silent = sources.filter((source) => !/^(#!.*\n)?\/\*\*/.test(source.ast.text));
    expect(silent.map((source) => source.path)).toEqual([]);
  });

  test('every exported name has one', () => {
    const silent = sources.flatMap((source) => {
      const named = new Map<string, boolean>();
      for (const statement of source.ast.statements) {
        const explained = hasDoc(statement, source.ast);
        for (const name of exportedNames(statement)) named.set(name, explained || (named.get(name) ?? false));
      }
      return [...named]
        .filter(([name, explained]) => !explained && !isStructure(source, name))
        .map(([name]) => `${source.path}: ${name}`);
    });
    expect(silent).toEqual([]);
  });
});

describe('documents', () => {
  test('the change log has an Unreleased section with something in it', () => {
    const section = /^## Unreleased\n([\s\S]*?)(?=^## |(?![\s\S]))/m.exec(
      readFileSync('CHANGELOG.md', 'utf8'),
    )?.[1];
    expect(section).toMatch(/^- /m);
  });

  test('relative links lead somewhere', () => {
    const files = [...DOCUMENTS, ...ADRS.map((name) => `docs/adr/${name}`)];
    const broken = files.flatMap((file) => {
      const links = [...readFileSync(file, 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(
        (match) => match[1] ?? '',
      );
      const local = links.filter((link) => !/^[a-z]+:/.test(link));
      return local.filter((link) => !existsSync(join(dirname(file), link))).map((link) => `${file}: ${link}`);
    });
    expect(broken).toEqual([]);
  });

  test('commands named in the README exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...readFileSync('README.md', 'utf8').matchAll(/npm (?:run )?([a-z]+)/g)].map(
      (match) => match[1] ?? '',
    );
    const own = named.filter((name) => !['ci', 'install', 'pack', 'run'].includes(name));
    expect(own.filter((name) => !(name in scripts))).toEqual([]);
  });

  test('decision records are numbered without gaps and have their four parts', () => {
    expect(ADRS.map((name) => Number(name.slice(0, 4)))).toEqual(ADRS.map((_, index) => index + 1));
    const parts = ['## Context', '## Decision', '## Consequences', '## What would change our mind'];
    const bad = ADRS.filter((name) => {
      const text = readFileSync(`docs/adr/${name}`, 'utf8');
      return parts.some((part) => !text.includes(`\n${part}\n`));
    });
    expect(bad).toEqual([]);
  });
});

function exportedNames(statement: ts.Statement): string[] {
  if (!ts.canHaveModifiers(statement)) return [];
  if (!ts.getModifiers(statement)?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword))
    return [];
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map((one) => one.name.getText());
  const name = (statement as ts.DeclarationStatement).name?.getText();
  return name === undefined ? [] : [name];
}

/** In `wire`, names with a capital are structures of the RFC, whose section stands in the head of their file. */
function isStructure(source: Source, name: string): boolean {
  return source.room === 'wire' && /^[A-Z][a-z]/.test(name);
}

/** The comment at the head of the file does not count for the first statement unless it stands right before it. */
function hasDoc(statement: ts.Statement, ast: ts.SourceFile): boolean {
  const comments = ts.getLeadingCommentRanges(ast.text, statement.getFullStart()) ?? [];
  const start = statement.getStart(ast);
  return comments.some(
    ({ pos, end }) => ast.text.startsWith('/**', pos) && !/\n\s*\n/.test(ast.text.slice(end, start)),
  );
}
