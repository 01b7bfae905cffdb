/**
 * The secret tree and its ratchets (RFC 9420 §9): keys computed again with raw HKDF, the deletion schedule with its
 * worked example, windows, eviction, replays, and what a hopeless request costs.
 */

import { describe, expect, test } from 'vitest';
import { leafIndex } from '../../../src/base/brand.ts';
import { concat, toHex, utf8 } from '../../../src/base/bytes.ts';
import { wipe } from '../../../src/base/secret.ts';
import { deriveTreeSecret } from '../../../src/crypto/labels.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import { type Ratchet, startRatchet, takeKey, takeNext } from '../../../src/schedule/ratchet.ts';
import {
  createSecretTree,
  type RatchetKind,
  ratchetOf,
  type SecretTree,
  secretsOf,
  takeReceiveKey,
  takeSendKey,
} from '../../../src/schedule/secretTree.ts';
import { counting, suite } from '../../support/trees.ts';
import { codeOf } from '../wire/layout.ts';
import { rawOf } from './raw.ts';

const raw = rawOf(suite);
const hex = toHex;
const SECRET = suite.hash(utf8('encryption secret'));
const LIMITS = { maxForward: 100, keptKeys: 50 };
const KINDS: readonly RatchetKind[] = ['handshake', 'application'];

/** The secret of the subtree that begins at `first` and is `size` leaves wide, from the root down. */
function nodeSecret(width: number, first: number, size: number): Uint8Array {
  let secret = SECRET;
  for (let span = width; span > size; span /= 2) {
    secret = raw.label(secret, 'tree', first % span < span / 2 ? 'left' : 'right', 32);
  }
  return secret;
}
const start = (width: number, leaf: number, kind: RatchetKind): Uint8Array =>
  raw.label(nodeSecret(width, leaf, 1), kind, '', 32);
function ratchetSecret(secret: Uint8Array, generation: number): Uint8Array {
  let at = secret;
  for (let g = 0; g < generation; g++) at = raw.tree(at, 'secret', g, 32);
  return at;
}
/** key ‖ nonce */
function keys(secret: Uint8Array, generation: number): string {
  const at = ratchetSecret(secret, generation);
  return hex(concat(raw.tree(at, 'key', generation, 16), raw.tree(at, 'nonce', generation, 12)));
}
const shown = (taken: { readonly key: Uint8Array; readonly nonce: Uint8Array }): string =>
  hex(concat(taken.key, taken.nonce));
const fresh = (width: number): SecretTree => createSecretTree(width, SECRET.slice());
const receive = (tree: SecretTree, leaf: number, kind: RatchetKind, generation: number) =>
  takeReceiveKey(suite, tree, { leaf: leafIndex(leaf), kind, generation }, LIMITS);
const held = (tree: SecretTree): string[] => [...secretsOf(tree.root)].map(hex).sort();

describe('derivation', () => {
  test('R9-01..04, R9.1-02, R9.1-03 every leaf, both ratchets, from generation 0, in trees of 1 to 16 leaves', () => {
    for (const width of [1, 2, 4, 8, 16]) {
      let tree = fresh(width);
      for (let leaf = 0; leaf < width; leaf++) {
        for (const kind of KINDS) {
          for (let generation = 0; generation < 3; generation++) {
            const taken = takeSendKey(suite, tree, leafIndex(leaf), kind);
            expect(taken.generation).toBe(generation);
            expect(shown(taken)).toBe(keys(start(width, leaf, kind), generation));
            tree = taken.next;
          }
        }
      }
    }
  });

  test('R9-04 a sole member: both ratchets start from the encryption secret', () => {
    const first = receive(fresh(1), 0, 'application', 0);
    expect(shown(first)).toBe(keys(raw.label(SECRET, 'application', '', 32), 0));
    expect(held(first.next)).toEqual(
      [raw.label(SECRET, 'handshake', '', 32), ratchetSecret(raw.label(SECRET, 'application', '', 32), 1)]
        .map(hex)
        .sort(),
    );
  });

  test('R9.1-01 the generation is a uint32, and no other number is one', () => {
    for (const generation of [0, 1, 255, 256, 0x0102_0304, 0x8000_0000, 0xffff_ffff]) {
      expect(hex(deriveTreeSecret(suite, SECRET, 'key', generation, 16))).toBe(
        hex(raw.tree(SECRET, 'key', generation, 16)),
      );
    }
    for (const generation of [-1, 2 ** 32, 1.5, Number.NaN]) {
      expect(codeOf(() => deriveTreeSecret(suite, SECRET, 'key', generation, 16))).toBe('crypto.limit');
    }
  });

  test('R9.1-02 other suites: key and nonce lengths', () => {
    for (const id of nodeProvider.suites.filter((one) => [3, 4, 7].includes(one))) {
      const other = nodeProvider.suite(id);
      const secret = new Uint8Array(other.sizes.hash).fill(id);
      const { key, nonce } = takeSendKey(
        other,
        createSecretTree(2, secret.slice()),
        leafIndex(1),
        'handshake',
      );
      const { label, tree } = rawOf(other);
      const ratchet = label(
        label(secret, 'tree', 'right', other.sizes.hash),
        'handshake',
        '',
        other.sizes.hash,
      );
      expect(hex(key)).toBe(hex(tree(ratchet, 'key', 0, other.sizes.key)));
      expect(hex(nonce)).toBe(hex(tree(ratchet, 'nonce', 0, other.sizes.nonce)));
    }
  });

  test('R9.1-06 the two ratchets of a leaf do not move each other', () => {
    let tree = fresh(4);
    for (const kind of ['application', 'application', 'handshake', 'application', 'handshake'] as const) {
      tree = takeSendKey(suite, tree, leafIndex(2), kind).next;
    }
    expect(KINDS.map((kind) => ratchetOf(tree, leafIndex(2), kind)?.next)).toEqual([2, 3]);
    expect(ratchetOf(tree, leafIndex(3), 'handshake')).toBeUndefined();
    expect(ratchetOf(tree, leafIndex(0), 'handshake')).toBeUndefined();
  });

  test('R9-05 leaves in any order, everything spent wiped at once', () => {
    for (const order of [
      [0, 1, 2, 3, 4, 5, 6, 7],
      [7, 0, 5, 2, 6, 1, 4, 3],
      [3, 4, 2, 5, 1, 6, 0, 7],
    ]) {
      let tree = fresh(8);
      for (const leaf of order) {
        const taken = receive(tree, leaf, 'handshake', 1);
        const got = shown(taken);
        wipe(...taken.spent);
        expect(shown(taken)).toBe(got);
        expect(got).toBe(keys(start(8, leaf, 'handshake'), 1));
        tree = taken.next;
      }
    }
  });
});

describe('deletion', () => {
  test('R9.2-05, R9.2-06 the worked example: K1 of D is used before K0', () => {
    const taken = receive(fresh(4), 3, 'application', 1);
    const [G, E, F, C, D] = [
      SECRET,
      nodeSecret(4, 0, 2),
      nodeSecret(4, 2, 2),
      nodeSecret(4, 2, 1),
      nodeSecret(4, 3, 1),
    ];
    const HR0 = raw.label(D, 'handshake', '', 32);
    const [AR0, AR1, AR2] = [0, 1, 2].map((g) => ratchetSecret(raw.label(D, 'application', '', 32), g));
    const AR = raw.label(D, 'application', '', 32);
    expect(shown(taken)).toBe(keys(AR, 1));
    expect(taken.spent.map(hex).sort()).toEqual(
      [G, F, D, AR0, AR1].map((one) => hex(one as Uint8Array)).sort(),
    );
    const retained = [hex(E), hex(C), hex(HR0), hex(AR2 as Uint8Array), keys(AR, 0)].sort();
    expect(held(taken.next)).toEqual(retained);
    wipe(...taken.spent);
    expect(held(taken.next)).toEqual(retained);
    expect(taken.spent.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
    // K0 comes late.
    const late = receive(taken.next, 3, 'application', 0);
    expect(shown(late)).toBe(keys(AR, 0));
    wipe(...late.spent);
    expect(shown(late)).toBe(keys(AR, 0));
    expect(held(late.next)).toEqual([hex(E), hex(C), hex(HR0), hex(AR2 as Uint8Array)].sort());
  });

  test('R9.2-03 after the first message of a leaf only copath secrets are left, and the ratchets', () => {
    for (let leaf = 0; leaf < 8; leaf++) {
      const taken = takeSendKey(suite, fresh(8), leafIndex(leaf), 'application');
      const copath = [4, 2, 1].map((size) => nodeSecret(8, (Math.floor(leaf / size) ^ 1) * size, size));
      const ratchets = [start(8, leaf, 'handshake'), ratchetSecret(start(8, leaf, 'application'), 1)];
      expect(held(taken.next)).toEqual([...copath, ...ratchets].map(hex).sort());
      const path = [8, 4, 2, 1].map((size) => nodeSecret(8, Math.floor(leaf / size) * size, size));
      expect(taken.spent.map(hex).sort()).toEqual([...path, start(8, leaf, 'application')].map(hex).sort());
    }
  });

  test('R9.2-01, R9.2-04 generation j: its secret and those before are spent, later ones and skipped keys stay', () => {
    const secret = start(4, 1, 'handshake');
    let tree = receive(fresh(4), 1, 'handshake', 0).next;
    const taken = receive(tree, 1, 'handshake', 4);
    expect(taken.spent.map(hex)).toEqual([1, 2, 3, 4].map((g) => hex(ratchetSecret(secret, g))));
    tree = taken.next;
    const ratchet = ratchetOf(tree, leafIndex(1), 'handshake') as Ratchet;
    expect(hex(ratchet.secret)).toBe(hex(ratchetSecret(secret, 5)));
    expect(ratchet.skipped.map((block) => hex(block.packed))).toEqual([
      [1, 2, 3].map((g) => keys(secret, g)).join(''),
    ]);
    // R9.2-04: what was used is refused, and its bytes are gone from the block once wiped.
    const two = receive(tree, 1, 'handshake', 2);
    expect(two.spent.map(hex)).toEqual([keys(secret, 2)]);
    wipe(...two.spent);
    expect(held(two.next).join()).not.toContain(keys(secret, 2));
    expect(held(two.next).join()).toContain(keys(secret, 1));
    for (const used of [0, 2, 4])
      expect(codeOf(() => receive(two.next, 1, 'handshake', used))).toBe('state.replay');
    for (const open of [1, 3])
      expect(shown(receive(two.next, 1, 'handshake', open))).toBe(keys(secret, open));
    expect(shown(receive(two.next, 1, 'handshake', 5))).toBe(keys(secret, 5));
  });

  test('R9.2-08 what is taken and not put in place changes nothing', () => {
    const tree = receive(fresh(4), 1, 'handshake', 5).next;
    const before = held(tree);
    for (const generation of [2, 5, 6, 50, 106]) codeOf(() => receive(tree, 1, 'handshake', generation));
    for (const leaf of [0, 2, 3]) receive(tree, leaf, 'application', 7);
    expect(held(tree)).toEqual(before);
    for (const generation of [2, 6]) {
      expect(shown(receive(tree, 1, 'handshake', generation))).toBe(
        keys(start(4, 1, 'handshake'), generation),
      );
    }
  });

  test('R9.2-07 secretsOf names everything that is held', () => {
    const tree = receive(fresh(4), 1, 'handshake', 3).next;
    wipe(...secretsOf(tree.root));
    expect(held(tree).every((secret) => /^0+$/.test(secret))).toBe(true);
    expect(held(tree)).toHaveLength(5);
  });
});

describe('windows', () => {
  const secret = suite.hash(utf8('ratchet'));
  const take = (ratchet: Ratchet, generation: number, limits = LIMITS) =>
    takeKey(suite, ratchet, generation, limits);
  /** Put a generation in place, and wipe. */
  const use = (ratchet: Ratchet, generation: number, limits = LIMITS): Ratchet => {
    const taken = take(ratchet, generation, limits);
    expect(shown(taken)).toBe(keys(secret, generation));
    wipe(...taken.spent);
    return taken.next;
  };

  test('FRM-01, R15.3-02 generation 2^32 - 1, or one step beyond the limit, costs no KDF call', () => {
    const { suite: counted, calls } = counting();
    for (const next of [0, 1, 40]) {
      const ratchet =
        next === 0 ? startRatchet(secret.slice()) : take(startRatchet(secret.slice()), next - 1).next;
      for (const generation of [0xffff_ffff, next + 101, 0x8000_0000, 0xffff_fffe]) {
        expect(codeOf(() => takeKey(counted, ratchet, generation, LIMITS))).toBe('state.generation-gap');
      }
      expect([...calls]).toEqual([]);
      // Inside the window it still works, to the very end.
      expect(shown(take(ratchet, next + 100))).toBe(keys(secret, next + 100));
      expect(shown(take(ratchet, next))).toBe(keys(secret, next));
    }
    const last = { next: 0xffff_fff0, secret: secret.slice(), skipped: [], evictedBelow: 0 };
    expect(codeOf(() => takeKey(counted, last, 0xffff_ffff, LIMITS))).toBe('state.generation-gap');
    expect([...calls]).toEqual([]);
  });

  test('FRM-01 a leaf that was opened costs nothing either; one that was not costs its path at most', () => {
    const { suite: counted, calls } = counting();
    const opened = receive(fresh(16), 5, 'application', 0).next;
    const ask = (tree: SecretTree, leaf: number): string =>
      codeOf(() =>
        takeReceiveKey(
          counted,
          tree,
          { leaf: leafIndex(leaf), kind: 'application', generation: 0xffff_ffff },
          LIMITS,
        ),
      );
    expect(ask(opened, 5)).toBe('state.generation-gap');
    expect([...calls]).toEqual([]);
    expect(ask(fresh(16), 5)).toBe('state.generation-gap');
    expect(calls.get('hkdfExpand') ?? 0).toBeLessThanOrEqual(2 * 4 + 2);
  });

  test('R9.1-04, R9.1-05 own generations count up to the last and stop', () => {
    let ratchet = startRatchet(secret.slice());
    for (let generation = 0; generation < 5; generation++) {
      const taken = takeNext(suite, ratchet);
      expect(shown(taken)).toBe(keys(secret, generation));
      expect(taken.next.next).toBe(generation + 1);
      ratchet = taken.next;
    }
    const { suite: counted, calls } = counting();
    const end = { ...ratchet, next: 0xffff_ffff };
    expect(codeOf(() => takeNext(counted, end))).toBe('crypto.limit');
    expect([...calls]).toEqual([]);
    expect(takeNext(suite, { ...ratchet, next: 0xffff_fffe }).next.next).toBe(0xffff_ffff);
  });

  test('FRM-02 the oldest skipped keys are evicted, and that is not called a replay', () => {
    const limits = { maxForward: 20, keptKeys: 5 };
    let ratchet = use(startRatchet(secret.slice()), 10, limits);
    // 5..9 are kept; 0..4 were dropped at once.
    for (const gone of [0, 4]) expect(codeOf(() => take(ratchet, gone, limits))).toBe('state.key-evicted');
    expect(codeOf(() => take(ratchet, 10, limits))).toBe('state.replay');
    ratchet = use(ratchet, 7, limits);
    ratchet = use(ratchet, 13, limits);
    // 5, 6, 8, 9 and then 11, 12: one too many, the oldest goes.
    expect(codeOf(() => take(ratchet, 5, limits))).toBe('state.key-evicted');
    expect(codeOf(() => take(ratchet, 7, limits))).toBe('state.replay');
    for (const open of [6, 8, 9, 11, 12]) ratchet = use(ratchet, open, limits);
    for (const used of [6, 7, 8, 9, 10, 11, 12, 13])
      expect(codeOf(() => take(ratchet, used, limits))).toBe('state.replay');
    expect(ratchet.skipped).toEqual([]);
  });

  test('FRM-02 evicted keys are among the spent bytes, kept ones are not', () => {
    const limits = { maxForward: 20, keptKeys: 2 };
    const taken = take(startRatchet(secret.slice()), 5, limits);
    expect(taken.spent.map(hex).join()).toContain([0, 1, 2].map((g) => keys(secret, g)).join(''));
    wipe(...taken.spent);
    expect(taken.next.skipped.map((block) => hex(block.packed))).toEqual([
      [3, 4].map((g) => keys(secret, g)).join(''),
    ]);
    const none = take(startRatchet(secret.slice()), 5, { maxForward: 20, keptKeys: 0 });
    expect(none.next.skipped).toEqual([]);
    expect(codeOf(() => take(none.next, 4))).toBe('state.key-evicted');
  });

  test('FRM-02 beside key and nonce a skipped generation costs one bit, also after an eviction', () => {
    const limits = { maxForward: 100, keptKeys: 20 };
    const bits = ({ skipped }: Ratchet): number[][] => skipped.map(({ count, used }) => [count, used.length]);
    const whole = take(startRatchet(secret.slice()), 17, limits).next;
    expect(bits(whole)).toEqual([[17, 3]]);
    const cut = take(whole, 27, limits).next;
    expect(bits(cut)).toEqual([
      [11, 2],
      [9, 2],
    ]);
    expect(bits(take(startRatchet(secret.slice()), 16, limits).next)).toEqual([[16, 2]]);
  });

  test('FRM-02 200 leaves that jump as far as they may: the store stays within its bound', () => {
    const limits = { maxForward: 60, keptKeys: 25 };
    let tree = fresh(256);
    const { key, nonce } = suite.sizes;
    for (let leaf = 0; leaf < 200; leaf++) {
      for (const generation of [60, 121, 182]) {
        const taken = takeReceiveKey(
          suite,
          tree,
          { leaf: leafIndex(leaf), kind: 'application', generation },
          limits,
        );
        wipe(...taken.spent);
        tree = taken.next;
      }
    }
    let unused = 0;
    const buffers = new Set<ArrayBufferLike>();
    for (let leaf = 0; leaf < 200; leaf++) {
      for (const block of ratchetOf(tree, leafIndex(leaf), 'application')?.skipped ?? []) {
        unused += block.count;
        buffers.add(block.packed.buffer);
      }
    }
    expect(unused).toBe(200 * 25);
    const bytes = [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0);
    expect(bytes).toBeLessThanOrEqual(200 * limits.maxForward * (key + nonce));
    expect(shown(receive(tree, 199, 'application', 181))).toBe(keys(start(256, 199, 'application'), 181));
  });
});
