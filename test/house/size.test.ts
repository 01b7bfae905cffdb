/** Files and functions stay small enough to be read in one sitting. */

import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { find, sources } from './sources.ts';

const MOST_LINES = 300;
const MOST_FUNCTION_LINES = 40;
const MOST_PARAMETERS = 4;
/** The functions that the RFCs define have the parameters that the RFCs give them. */
const MOST_PARAMETERS_IN_CRYPTO = 5;
/** Parameters that say in which suite something happens, not what. */
const SETTING = new Set(['suite', 'suiteId', 'mac']);

describe('size', () => {
  test(`no file of src has more than ${MOST_LINES} lines`, () => {
    const long = sources.filter((source) => source.lines > MOST_LINES);
    expect(long.map((source) => `${source.path}: ${source.lines}`)).toEqual([]);
  });

  test(`no function has more than ${MOST_FUNCTION_LINES} lines or ${MOST_PARAMETERS} parameters, the suite apart`, () => {
    const bad = find(isFunction).flatMap(({ source, node, place }) => {
      const start = source.ast.getLineAndCharacterOfPosition(node.getStart(source.ast)).line;
      const lines = source.ast.getLineAndCharacterOfPosition(node.getEnd()).line - start + 1;
      const parameters = node.parameters.filter((one) => !SETTING.has(one.name.getText())).length;
      const most = source.room === 'crypto' ? MOST_PARAMETERS_IN_CRYPTO : MOST_PARAMETERS;
      return lines > MOST_FUNCTION_LINES || parameters > most
        ? [`${place}: ${lines} lines, ${parameters} parameters`]
        : [];
    });
    expect(bad).toEqual([]);
  });

  test('README and ARCHITECTURE stay short', () => {
    const lines = (file: string): number => readFileSync(file, 'utf8').trimEnd().split('\n').length;
    expect(lines('README.md')).toBeLessThanOrEqual(150);
    expect(lines('ARCHITECTURE.md')).toBeLessThanOrEqual(250);
  });
});

function isFunction(node: ts.Node): node is ts.FunctionLikeDeclaration {
  return (
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isArrowFunction(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isConstructorDeclaration(node)
  );
}
