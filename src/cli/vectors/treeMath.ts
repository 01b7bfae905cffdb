/** Vectors of kind tree-math: relations between nodes of a full tree (RFC 9420 Appendix C). */

import { type NodeIndex, nodeIndex } from '../../base/brand.ts';
import { leftOf, nodeWidth, parentOf, rightOf, rootOf, siblingOf } from '../../tree/math.ts';
import { expectSame, numberListOf, numberOf, type Verifier } from './verifier.ts';

/** Width, root, and the four relations of every node. */
export const verifyTreeMath: Verifier = (_, vector) => {
  const leaves = numberOf(vector, 'n_leaves');
  const width = numberOf(vector, 'n_nodes');
  expectSame('n_nodes', nodeWidth(leaves), width);
  expectSame('root', rootOf(leaves), numberOf(vector, 'root'));

  const relations: Readonly<Record<string, (node: NodeIndex) => number | undefined>> = {
    left: leftOf,
    right: rightOf,
    parent: (node) => parentOf(node, leaves),
    sibling: (node) => siblingOf(node, leaves),
  };
  for (const [name, relation] of Object.entries(relations)) {
    const expected = numberListOf(vector, name);
    expectSame(`${name}: entries`, expected.length, width);
    expected.forEach((other, node) => {
      expectSame(`${name}[${node}]`, relation(nodeIndex(node)), other);
    });
  }
};
