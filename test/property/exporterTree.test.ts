/**
 * The exporter tree (draft-ietf-mls-extensions-10 §4.4) beside a model that is anything but lazy: all 2^17 - 1 secrets,
 * computed with raw HKDF.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toHex, utf8 } from '../../src/base/bytes.ts';
import { MlsError } from '../../src/base/error.ts';
import { wipe } from '../../src/base/secret.ts';
import {
  createExporterTree,
  type ExporterTree,
  exporterSecrets,
  safeExport,
} from '../../src/schedule/safeExporter.ts';
import { bytesIn } from '../support/graph.ts';
import { suite } from '../support/trees.ts';
import { rawOf } from '../unit/schedule/raw.ts';

const SEED = 20261125;
const DEPTH = 16;
const ROOT = suite.hash(utf8('application export secret'));

/** `model[level][index]`, the root at level 0. */
const model: string[][] = [[toHex(ROOT)]];
const raw = rawOf(suite);
for (let level = 0, row = [ROOT]; level < DEPTH; level++) {
  row = row.flatMap((secret) => ['left', 'right'].map((side) => raw.label(secret, 'tree', side, 32)));
  model.push(row.map(toHex));
}

/** The secrets on the way to a component, the root first and the leaf last. */
const way = (componentId: number): string[] =>
  model.map((row, level) => row[Math.floor(componentId / 2 ** (DEPTH - level))] as string);

/** What is left when some have been exported: the siblings of the nodes on the ways, unless on a way themselves. */
function frontier(exported: ReadonlySet<number>): string[] {
  if (exported.size === 0) return [toHex(ROOT)];
  const open = new Set([...exported].flatMap(way));
  const beside = [...exported].flatMap((componentId) =>
    model.slice(1).map((row, i) => row[Math.floor(componentId / 2 ** (DEPTH - 1 - i)) ^ 1] as string),
  );
  return [...new Set(beside)].filter((secret) => !open.has(secret));
}

/** Ids near each other, so that they share nodes and come again, and ids from anywhere. */
const ids = fc.array(fc.oneof(fc.nat(9), fc.nat(0xffff), fc.integer({ min: 0xfff8, max: 0xffff })), {
  maxLength: 12,
});

describe('extensions draft §4.4', () => {
  test('all secrets of the tree are distinct', () => {
    const all = model.flat();
    expect(all).toHaveLength(2 ** (DEPTH + 1) - 1);
    expect(new Set(all).size).toBe(all.length);
  });

  test('any exports, in any order: the secrets of the model, once each, and nothing left from which they follow', () => {
    fc.assert(
      fc.property(ids, (wanted) => {
        let tree: ExporterTree = createExporterTree(ROOT.slice());
        const exported = new Set<number>();
        for (const componentId of wanted) {
          if (exported.has(componentId)) {
            const again = (): unknown => safeExport(suite, tree, componentId);
            expect(again).toThrow(expect.objectContaining({ code: 'state.exported' }));
            expect(again).toThrow(MlsError);
            continue;
          }
          const result = safeExport(suite, tree, componentId);
          expect(toHex(result.secret)).toBe(way(componentId).at(-1));
          wipe(...result.spent);
          exported.add(componentId);
          tree = result.next;
        }
        const held = [...exporterSecrets(tree.root)].map(toHex);
        expect(held.slice().sort()).toEqual(frontier(exported).sort());
        expect(new Set(held).size).toBe(held.length);
        const ancestors = new Set([...exported].flatMap(way));
        // Whatever the tree leads to, not only what it calls its secrets.
        expect(bytesIn(tree).filter(({ bytes }) => ancestors.has(toHex(bytes)))).toEqual([]);
      }),
      { numRuns: 60, seed: SEED },
    );
  });

  test('every component of the tree, at steps through all of them', () => {
    for (let componentId = 0; componentId <= 0xffff; componentId += 257) {
      const { secret, spent } = safeExport(suite, createExporterTree(ROOT.slice()), componentId);
      expect(toHex(secret)).toBe(way(componentId).at(-1));
      expect(spent.map(toHex)).toEqual(way(componentId));
    }
  });
});
