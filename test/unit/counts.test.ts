/** The cost law: how many calls of which primitive an operation makes in a filled tree, and that the size does not matter where it must not. */

import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { createGroupInfo } from '../../src/group/groupInfo.ts';
import { add } from '../../src/group/proposals.ts';
import { mlsMessage } from '../../src/group/protect.ts';
import { acceptAnyCredential, observe } from '../../src/index.ts';
import { treeToNodes } from '../../src/tree/tree.ts';
import { WireFormat } from '../../src/wire/registry.ts';
import { counting } from '../support/counting.ts';
import { type FilledGroup, filledGroup } from '../support/filled.ts';
import { environment, join, newcomer } from '../support/peers.ts';

const SIZES = [16, 128, 1024];
const KDF = ['hkdfExtract', 'hkdfExpand'];
const DATA = utf8('hello');
const groups = new Map<number, FilledGroup>();

function group(count: number): FilledGroup {
  const known = groups.get(count) ?? filledGroup(count);
  groups.set(count, known);
  return known;
}

/** Levels from the common ancestor of two leaves to the root, the ancestor included. */
function levels(a: number, b: number, count: number): number {
  return Math.log2(count) - Math.floor(Math.log2(a ^ b));
}

describe.each(SIZES)('%i leaves', (count) => {
  test('every parent is populated', () => {
    const nodes = treeToNodes(group(count).tree);
    expect(nodes.filter((node) => node !== undefined)).toHaveLength(2 * count - 1);
  });

  test.each([
    ['the sibling', 1],
    ['near', 3],
    ['the other half', -1],
  ])('an empty commit is processed, by %s', (name, place) => {
    const receiver = place < 0 ? count + place : place;
    const { provider, counts } = counting(nodeProvider);
    const sender = group(count).member(0, environment({ policy: { grease: false } }));
    const reader = group(count).member(receiver, environment({ provider }));
    const built = sender.commit();
    counts.reset();
    const checked = reader.process(built.message);
    const [hashes, kdf, macs] = [counts.of('hash'), counts.of(...KDF), counts.of('hmac')];
    console.log(`N ${count}, commit processed by ${name}: ${counts}`);
    expect(hashes).toBeLessThanOrEqual(3 * Math.log2(count) + 4);
    expect(kdf).toBeLessThanOrEqual(45 + 4 * levels(0, receiver, count));
    expect(kdf + macs).toBeLessThanOrEqual(60 + 6 * levels(0, receiver, count));
    expect(counts.of('verify')).toBe(2);
    expect([counts.of('decap'), counts.of('encap'), counts.of('sign'), counts.of('random')]).toEqual([
      1, 0, 0, 0,
    ]);
    expect(counts.of('deriveKeyPair')).toBe(levels(0, receiver, count));
    reader.accept(checked);
    sender.accept(built);
    expect(reader.authenticator()).toBe(sender.authenticator());
  });

  test('a newcomer hashes each node once, and verifies each leaf once', () => {
    const filled = filledGroup(count - 1);
    const sender = filled.member(0, environment({ policy: { grease: false } }));
    const { provider, counts } = counting(nodeProvider);
    const joiner = newcomer('late', { provider });
    const built = sender.commit([add(joiner.keyPackage)]);
    counts.reset();
    const peer = join(joiner, built.welcome as Uint8Array);
    console.log(`N ${count}, join: ${counts}`);
    expect(counts.of('hash')).toBeLessThanOrEqual(3 * (2 * count - 1) + 40);
    expect(counts.of('verify')).toBe(count + 1);
    sender.accept(built);
    expect(peer.authenticator()).toBe(sender.authenticator());
  });
});

test.each(SIZES)(
  'an observer of %i leaves hashes the paths that change, and verifies what is new',
  (count) => {
    const { provider, counts } = counting(nodeProvider);
    const quiet = environment({ policy: { grease: false, handshake: 'public' } });
    const sender = group(count).member(0, quiet);
    const wanted = { ratchetTree: true, externalPub: true };
    const groupInfo = createGroupInfo(sender.env, sender.state.epoch, wanted);
    const message = mlsMessage({ wireFormat: WireFormat.groupInfo, groupInfo });
    for (const checks of ['light', 'full'] as const) {
      counts.reset();
      const watcher = observe({ validateCredential: acceptAnyCredential, provider, checks }, message);
      console.log(`N ${count}, ${checks} observer begins: ${counts}`);
      expect(counts.of('verify')).toBe(checks === 'full' ? count + 1 : 1);
      counts.reset();
      const seen = watcher.process(sender.commit().message);
      sender.cell.run((state) => ({ next: { ...state, pending: undefined }, result: undefined }));
      if (seen.kind !== 'commit') throw new Error(seen.kind);
      watcher.accept(seen.commit);
      console.log(`N ${count}, commit followed by ${checks} observer: ${counts}`);
      expect(counts.of('hash')).toBeLessThanOrEqual(3 * Math.log2(count) + 4);
      expect(counts.of('verify')).toBe(2);
      expect(counts.of('hmac', 'open', 'decap', 'deriveKeyPair', 'sign', 'random', ...KDF)).toBe(0);
    }
  },
);

test('messages cost the same in every group after the first one of a sender', () => {
  const rows = SIZES.map((count) => {
    const { provider, counts } = counting(nodeProvider);
    const sender = group(count).member(2, environment({ provider }));
    const reader = group(count).member(count - 1, environment({ provider }));
    const costs = (call: () => unknown): string => {
      counts.reset();
      call();
      return counts.toString();
    };
    const sizes: number[] = [];
    const first = sender.encrypt(DATA);
    counts.reset();
    reader.process(first);
    sizes.push(counts.of('hkdfExpand'));
    const row: string[] = [];
    for (let i = 0; i < 3; i++) {
      let message: Uint8Array = first;
      row.push(costs(() => (message = sender.encrypt(DATA))));
      row.push(costs(() => reader.process(message)));
    }
    // Two for the sender data, two per level, two ratchets, then key, nonce and the next secret.
    expect(sizes[0]).toBe(2 + 2 * Math.log2(count) + 2 + 3);
    return row;
  });
  console.log('message: ', rows[0]?.slice(0, 2));
  expect(new Set(rows.flat().filter((_, i) => i % 2 === 0)).size).toBe(1);
  expect(new Set(rows.flat().filter((_, i) => i % 2 === 1)).size).toBe(1);
});
