/** A plugin for Stryker: leaves the detail of an error, the second argument of `fail`, as it is. */

import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'error-detail', {
    shouldIgnore({ node, parent }) {
      const isDetail =
        parent?.type === 'CallExpression' &&
        parent.callee.type === 'Identifier' &&
        parent.callee.name === 'fail' &&
        parent.arguments[1] === node;
      return isDetail ? 'the detail of an error is for people, not contract' : undefined;
    },
  }),
];
