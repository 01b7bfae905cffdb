/** The safe exporter (draft-ietf-mls-extensions-10 §4.4): known answers, what an export costs and what it leaves behind. */

import { describe, expect, test } from 'vitest';
import { isZero, toHex } from '../../../src/base/bytes.ts';
import { wipe } from '../../../src/base/secret.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import { fromEpochSecret } from '../../../src/schedule/epoch.ts';
import {
  createExporterTree,
  type ExporterTree,
  exporterSecrets,
  safeExport,
} from '../../../src/schedule/safeExporter.ts';
import { counting, suite } from '../../support/trees.ts';
import { codeOf } from '../wire/layout.ts';

const hex = toHex;
/** An epoch secret 00 01 02 …, and the tree of its epoch. */
const epochSecret = (size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => i);
const fresh = (one = suite): ExporterTree =>
  createExporterTree(fromEpochSecret(one, epochSecret(one.sizes.hash)).applicationExportSecret);
const held = (tree: ExporterTree): string[] => [...exporterSecrets(tree.root)].map(hex);

/** Neither the draft nor OpenMLS publishes vectors: these come from a few lines of Python over `hmac` alone. */
const KNOWN: readonly (readonly [suite: number, root: string, leaves: Readonly<Record<number, string>>])[] = [
  [
    1,
    '8acd4378709da79e351e8c50b39dc0af64aba5143849d745d3d33b271b1085c8',
    {
      0: 'e3f72c78ec139d301e92abf65c536ab80017260d00c777b887634fc747307ec6',
      1: 'be8e0cdc166060311f5029232af7a351681861b94358e7d4a1107e455483c47b',
      2: '605e8fab18d432a6f39cd05e693fd510ad6ec020aa1724a9f46c1495bf7704bc',
      32768: '5cbf24b94411cfe7f3f4ccca5a483cfcb5b76fe65f031d8fccd5549a9c0e062a',
      48879: 'a9e107163fa2f07b10a11349b48b1994d26cf1cd347c045d2b758160d6cf9dfe',
      65535: '40fefe39d9baa5530d8068f6d2eaa6a724a53a284990c931f91ef00d5da49cb9',
    },
  ],
  [
    5,
    '1cdf85fa4f4a7d1a6dde384059e9897c9431025177a638e171a6439861325a4801ec9abcad23a006f52df4e6831ee1a0f3923355d5503f48ec42ec35c27addf2',
    {
      1: 'ea1cbe614c2c20204e30592e46ba65def272f845236425daed485c1e0b61716b0ea15565f9a75c1f0a1eba3f013a93844f2a12faff9e61d453ba782bc94b0808',
      48879:
        'bfcec2b629dfe7ddd5f738c475fabf109deb327896e1352feb1211435095bd230576cec2efab8296f87c05e26a5ee06feddfa6715fbbd296ea1ea8319eb32df9',
    },
  ],
];

describe('extensions draft §4.4, the exporter tree', () => {
  test.each(KNOWN)('known answers, suite %i', (id, root, leaves) => {
    const one = nodeProvider.suite(id);
    expect(held(fresh(one))).toEqual([root]);
    let tree = fresh(one);
    for (const [componentId, secret] of Object.entries(leaves)) {
      // Alone, and after the others.
      expect(hex(safeExport(one, fresh(one), Number(componentId)).secret)).toBe(secret);
      const exported = safeExport(one, tree, Number(componentId));
      expect(hex(exported.secret)).toBe(secret);
      wipe(...exported.spent);
      expect(hex(exported.secret)).toBe(secret);
      tree = exported.next;
    }
  });

  test('a component gets its secret once; others still get theirs', () => {
    let tree = fresh();
    for (const componentId of [5, 4, 0x8000]) {
      const { next, spent } = safeExport(suite, tree, componentId);
      wipe(...spent);
      for (let again = 0; again < 2; again++)
        expect(codeOf(() => safeExport(suite, next, componentId))).toBe('state.exported');
      tree = next;
    }
    expect(hex(safeExport(suite, tree, 1).secret)).toBe(KNOWN[0]?.[2][1]);
  });

  test('the last leaf below a node leaves no secret there', () => {
    let tree = fresh();
    for (const componentId of [6, 7]) tree = safeExport(suite, tree, componentId).next;
    expect(held(tree)).toHaveLength(15);
    for (const componentId of [6, 7])
      expect(codeOf(() => safeExport(suite, tree, componentId))).toBe('state.exported');
  });

  test.each([-1, 0x1_0000, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    '%d is no component id, and asking costs nothing',
    (componentId) => {
      const { suite: counted, calls } = counting();
      expect(codeOf(() => safeExport(counted, fresh(), componentId))).toBe('codec.input');
      expect([...calls]).toEqual([]);
    },
  );

  test('cost: two derivations a level where nothing was derived yet, none where it was', () => {
    const { suite: counted, calls } = counting();
    let tree = fresh();
    const cost = (componentId: number): number => {
      calls.clear();
      tree = safeExport(counted, tree, componentId).next;
      return calls.get('hkdfExpand') ?? 0;
    };
    expect([0, 1, 2, 3, 0x8000].map(cost)).toEqual([32, 0, 2, 0, 30]);
    calls.clear();
    expect(codeOf(() => safeExport(counted, tree, 2))).toBe('state.exported');
    expect([...calls]).toEqual([]);
  });
});

describe('extensions draft §4.4 and RFC 9420 §9.2, deletion', () => {
  test('every secret from the root to the leaf is spent, the copath is kept', () => {
    const tree = fresh();
    const [root] = held(tree);
    const { secret, spent, next } = safeExport(suite, tree, 0xbeef);
    expect(spent).toHaveLength(17);
    expect(hex(spent[0] as Uint8Array)).toBe(root);
    expect(hex(spent[16] as Uint8Array)).toBe(hex(secret));
    expect(held(next)).toHaveLength(16);
    const kept = held(next);
    wipe(...spent);
    expect(held(next)).toEqual(kept);
    expect([...exporterSecrets(tree.root)].every(isZero)).toBe(true);
  });

  test('what is exported and not put in place changes nothing', () => {
    const tree = safeExport(suite, fresh(), 4).next;
    const before = held(tree);
    const first = safeExport(suite, tree, 5);
    // The caller does with its bytes what it likes.
    const expected = hex(first.secret);
    wipe(first.secret);
    expect(held(tree)).toEqual(before);
    expect(hex(safeExport(suite, tree, 5).secret)).toBe(expected);
  });

  test('exporterSecrets names everything that is held', () => {
    const tree = safeExport(suite, safeExport(suite, fresh(), 0).next, 3).next;
    wipe(...exporterSecrets(tree.root));
    expect(held(tree)).toHaveLength(16);
    expect(held(tree).every((secret) => /^0+$/.test(secret))).toBe(true);
  });
});
