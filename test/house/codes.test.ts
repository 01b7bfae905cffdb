/** The error table and its users agree, and no error tells a secret. */

import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { CODES } from '../../src/base/codes.ts';
import { find, sources } from './sources.ts';

/** Codes that nothing in `src` raises, each with the reason it stands in the table already. */
const RESERVED: Readonly<Record<string, string>> = {
  'policy.invite': 'joining, in the XMPP binding',
  'xmpp.group-ambiguous': 'the choice of a group, in the XMPP binding',
};

const complete = sources.some((source) => source.path === 'index.ts');

describe('error codes', () => {
  test('have the form room.fact', () => {
    expect(Object.keys(CODES).filter((code) => !/^[a-z]+\.[a-z0-9]+(-[a-z]+)*$/.test(code))).toEqual([]);
  });

  test('are sentences of at most 200 characters', () => {
    const bad = Object.entries(CODES).filter(([, row]) => !/^[A-Z].*\.$/.test(row[4]) || row[4].length > 200);
    expect(bad.map(([code]) => code)).toEqual([]);
  });

  test.skipIf(!complete)('are each raised somewhere, or reserved with a reason', () => {
    const raised = codesInSource();
    const idle = Object.keys(CODES).filter((code) => !raised.has(code) && !(code in RESERVED));
    expect(idle, 'in the table, but raised nowhere').toEqual([]);
  });

  test('are not called reserved when they are in use', () => {
    const raised = codesInSource();
    expect(Object.keys(RESERVED).filter((code) => raised.has(code) || !(code in CODES))).toEqual([]);
  });

  test('RUN-12: details have no field named like a secret', () => {
    const secret = /secret|private|plaintext|password|seed|^(psk|ikm)$/i;
    const bad = find(isFail).flatMap(({ node, place }) => {
      const detail = node.arguments[1];
      if (detail === undefined || !ts.isObjectLiteralExpression(detail)) return [];
      const names = detail.properties.map((property) => property.name?.getText() ?? '...');
      return names.filter((name) => secret.test(name)).map((name) => `${place}: ${name}`);
    });
    expect(bad).toEqual([]);
  });
});

/** The table itself, and what explains codes without raising any. */
const TABLES = ['base/codes.ts', 'xmpp/content/undecryptable.ts'];

/** Every code that stands as text outside the tables: codes are also passed to helpers before they are thrown. */
function codesInSource(): Set<string> {
  const texts = find(ts.isStringLiteralLike).filter(({ source }) => !TABLES.includes(source.path));
  return new Set(texts.map(({ node }) => node.text).filter((text) => Object.hasOwn(CODES, text)));
}

function isFail(node: ts.Node): node is ts.CallExpression {
  return ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'fail';
}
