/** Ratchets and secret trees under any order of arrival, against a plain model of which generations are still there. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leafIndex } from '../../src/base/brand.ts';
import { concat, toHex, utf8 } from '../../src/base/bytes.ts';
import { wipe } from '../../src/base/secret.ts';
import { type Ratchet, startRatchet, takeKey, takeNext } from '../../src/schedule/ratchet.ts';
import {
  createSecretTree,
  type RatchetKind,
  secretsOf,
  takeReceiveKey,
} from '../../src/schedule/secretTree.ts';
import { suite } from '../support/trees.ts';
import { rawOf } from '../unit/schedule/raw.ts';
import { codeOf } from '../unit/wire/layout.ts';

const raw = rawOf(suite);
const SECRET = suite.hash(utf8('a secret'));
const shown = (taken: { readonly key: Uint8Array; readonly nonce: Uint8Array }): string =>
  toHex(concat(taken.key, taken.nonce));

/** Keys of the first generations of a ratchet, in order. */
function inOrder(start: Uint8Array, count: number): string[] {
  let secret = start;
  return Array.from({ length: count }, (_, g) => {
    const both = toHex(concat(raw.tree(secret, 'key', g, 16), raw.tree(secret, 'nonce', g, 12)));
    secret = raw.tree(secret, 'secret', g, 32);
    return both;
  });
}
const EXPECTED = inOrder(SECRET, 400);

describe('ratchet', () => {
  test('R9.2-05, R9.1-03 any permutation within the window gives the keys of the plain order, each exactly once', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(40).keys()], { minLength: 1 }), (order) => {
        const limits = { maxForward: 40, keptKeys: 40 };
        let ratchet = startRatchet(SECRET.slice());
        for (const generation of order) {
          const taken = takeKey(suite, ratchet, generation, limits);
          wipe(...taken.spent);
          ratchet = taken.next;
          expect(shown(taken)).toBe(EXPECTED[generation]);
          expect(codeOf(() => takeKey(suite, ratchet, generation, limits))).toBe('state.replay');
        }
        for (const generation of order) {
          expect(codeOf(() => takeKey(suite, ratchet, generation, limits))).toBe('state.replay');
        }
        const top = Math.max(...order);
        const left = ratchet.skipped.reduce((sum, block) => sum + count(block), 0);
        expect([ratchet.next, left]).toEqual([top + 1, top + 1 - order.length]);
      }),
      { numRuns: 150 },
    );
  });

  function count(block: { readonly count: number; readonly used: Uint8Array }): number {
    let unused = 0;
    for (let i = 0; i < block.count; i++) if ((((block.used[i >> 3] ?? 0) >> (i & 7)) & 1) === 0) unused += 1;
    return unused;
  }

  test('FRM-01, FRM-02, R9.2-04 windows, eviction and replay follow the model, and own steps mix in', () => {
    const request = fc.oneof(
      { arbitrary: fc.record({ kind: fc.constant('ahead' as const), by: fc.nat(14) }), weight: 3 },
      { arbitrary: fc.record({ kind: fc.constant('back' as const), by: fc.nat(30) }), weight: 4 },
      { arbitrary: fc.record({ kind: fc.constant('send' as const), by: fc.constant(0) }), weight: 1 },
    );
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 30 }),
        fc.nat(12),
        fc.nat(12),
        (requests, maxForward, keptKeys) => {
          const limits = { maxForward, keptKeys };
          let ratchet: Ratchet = startRatchet(SECRET.slice());
          let kept: number[] = [];
          let next = 0;
          let evictedBelow = 0;
          for (const { kind, by } of requests) {
            const generation = kind === 'back' ? Math.max(0, next - 1 - by) : next + by;
            let code = 'none';
            if (kind === 'send') {
              next += 1;
            } else if (generation < next) {
              if (kept.includes(generation)) kept = kept.filter((other) => other !== generation);
              else code = generation < evictedBelow ? 'state.key-evicted' : 'state.replay';
            } else if (generation - next > maxForward) {
              code = 'state.generation-gap';
            } else {
              for (; next < generation; next++) kept.push(next);
              next += 1;
              while (kept.length > keptKeys)
                evictedBelow = Math.max(evictedBelow, (kept.shift() as number) + 1);
            }
            const before = ratchet;
            const found = codeOf(() => {
              const taken =
                kind === 'send' ? takeNext(suite, before) : takeKey(suite, before, generation, limits);
              expect(shown(taken)).toBe(EXPECTED[generation]);
              wipe(...taken.spent);
              ratchet = taken.next;
            });
            expect(found).toBe(code);
            expect(ratchet.next).toBe(next);
            expect(ratchet.skipped.reduce((sum, block) => sum + count(block), 0)).toBe(kept.length);
          }
          // All that the model still has comes out, in any order.
          for (const generation of kept.reverse()) {
            expect(shown(takeKey(suite, ratchet, generation, limits))).toBe(EXPECTED[generation]);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});

describe('secret tree', () => {
  test('R9-05, R9.2-01, R9.2-03, R9.2-07 any arrivals: keys are right, and what was spent is nowhere to be found', () => {
    const WIDTH = 8;
    const nodeSecrets = (secret: Uint8Array, width: number): Uint8Array[] =>
      width === 1
        ? [secret]
        : ['left', 'right'].flatMap((side) => nodeSecrets(raw.label(secret, 'tree', side, 32), width / 2));
    const leaves = nodeSecrets(SECRET, WIDTH);
    const table = leaves.map((secret) =>
      Object.fromEntries(
        (['handshake', 'application'] as const).map((kind) => [
          kind,
          inOrder(raw.label(secret, kind, '', 32), 12),
        ]),
      ),
    );
    const arrival = fc.record({
      leaf: fc.nat(WIDTH - 1),
      kind: fc.constantFrom<RatchetKind>('handshake', 'application'),
      generation: fc.nat(11),
    });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 30 }), (arrivals) => {
        let tree = createSecretTree(WIDTH, SECRET.slice());
        const used = new Set<string>();
        const spent: string[] = [];
        for (const { leaf, kind, generation } of arrivals) {
          const from = { leaf: leafIndex(leaf), kind, generation };
          const name = `${leaf} ${kind} ${generation}`;
          const again = used.has(name);
          const code = codeOf(() => {
            const taken = takeReceiveKey(suite, tree, from, { maxForward: 12, keptKeys: 12 });
            spent.push(...taken.spent.map(toHex));
            wipe(...taken.spent);
            expect(shown(taken)).toBe(table[leaf]?.[kind]?.[generation]);
            expect(taken.generation).toBe(generation);
            tree = taken.next;
          });
          expect(code).toBe(again ? 'state.replay' : 'none');
          used.add(name);
          const all = [...secretsOf(tree.root)].map(toHex).join(' ');
          for (const gone of spent) expect(all.includes(gone)).toBe(false);
          expect(all.includes(table[leaf]?.[kind]?.[generation] ?? 'absent')).toBe(false);
        }
      }),
      { numRuns: 100 },
    );
  });
});
