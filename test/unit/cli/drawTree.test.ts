/** Ratchet trees as text. */

import { describe, expect, test } from 'vitest';
import { drawTree } from '../../../src/cli/drawTree.ts';
import { decode } from '../../../src/codec/codec.ts';
import * as wire from '../../../src/wire/index.ts';
import { vectorFile } from '../../support/vectorFiles.ts';

function leaf(credential: wire.Credential, firstByte: number): wire.TreeNode {
  const encryptionKey = Uint8Array.from({ length: 32 }, (_, i) => firstByte + i);
  return {
    nodeType: 1,
    leafNode: {
      encryptionKey,
      signatureKey: encryptionKey,
      credential,
      capabilities: { versions: [], cipherSuites: [], extensions: [], proposals: [], credentials: [] },
      source: { leafNodeSource: 2 },
      extensions: [],
      signature: new Uint8Array(0),
    },
  };
}

function parent(firstByte: number, ...unmergedLeaves: readonly number[]): wire.TreeNode {
  const encryptionKey = new Uint8Array(65).fill(firstByte);
  encryptionKey[0] = 4;
  return { nodeType: 2, parentNode: { encryptionKey, parentHash: new Uint8Array(0), unmergedLeaves } };
}

describe('drawTree', () => {
  test('indices, blanks, keys, unmerged leaves, identities; blank halves take one line', () => {
    const alice = leaf(wire.basicCredential('alice'), 0x10);
    const binary = leaf(wire.basicCredential(Uint8Array.of(0xff)), 0x20);
    const x509 = leaf({ credentialType: 2, certificates: [new Uint8Array(1)] }, 0x30);
    const other = leaf({ credentialType: 0xf001, body: new Uint8Array(1) }, 0x40);
    const nodes = [alice, undefined, binary, parent(0xaa, 1, 2), x509, undefined, undefined, undefined];
    expect(
      drawTree([...nodes, undefined, undefined, undefined, undefined, undefined, undefined, other]),
    ).toEqual([
      ' 7 _',
      '├─  3 key aaaaaaaa  unmerged 1, 2',
      '│  ├─  1 _',
      '│  │  ├─  0 leaf 0: "alice"  key 10111213',
      '│  │  └─  2 leaf 1: ff (1 byte)  key 20212223',
      '│  └─  5 _',
      '│     ├─  4 leaf 2: x509, 1 certificate  key 30313233',
      '│     └─  6 leaf 3: _',
      '└─ 11 _',
      '   ├─  9 _ (leaves 4 to 5 are blank)',
      '   └─ 13 _',
      '      ├─ 12 leaf 6: _',
      '      └─ 14 leaf 7: credential of type 61441  key 40414243',
    ]);
  });

  test('the blanks that a serialized tree leaves out are drawn', () => {
    const alice = leaf(wire.basicCredential('alice'), 0x10);
    expect(drawTree([alice])).toEqual(['0 leaf 0: "alice"  key 10111213']);
    expect(drawTree([alice, undefined, alice, undefined, alice])).toHaveLength(7);
    expect(drawTree([])).toEqual(['(an empty tree)']);
  });

  const file = vectorFile('mls-vectors', 'tree-validation.json');
  test.skipIf(file.skip)(`${file.title}: every node of a tree is on one line, or in a blank half`, () => {
    for (const { tree } of file.json<{ tree: string }[]>().filter((_, i) => i % 9 === 0)) {
      const nodes = decode(wire.RatchetTree, Buffer.from(tree, 'hex'));
      const lines = drawTree(nodes);
      nodes.forEach((node, i) => {
        if (node !== undefined)
          expect(lines.filter((line) => new RegExp(`(^|─| )${i} (key|leaf)`).test(line))).toHaveLength(1);
      });
    }
  });
});
