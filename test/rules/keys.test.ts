/** Keys that are taken already (RFC 9420 §7.3, §16.7): no two leaves of a tree share one. */

import { describe, test } from 'vitest';
import { leafAt } from '../../src/tree/tree.ts';
import type { LeafNode } from '../../src/wire/leafNode.ts';
import {
  forgeCommit,
  forgeExternalCommit,
  forgeKeyPackage,
  forgeProposal,
  forgeUpdateLeaf,
} from '../support/forge.ts';
import { addOf, makeWorld, Peer } from '../support/world.ts';

const names = ['ann', 'bob', 'cid', 'dot'];
const nonce = new Uint8Array(32).fill(7);

describe('keys that are taken', () => {
  const world = makeWorld(names);
  const [ann, bob, cid] = [world.at(0), world.at(1), world.at(2)];
  const keyOf = (leaf: number): Uint8Array => (leafAt(ann.tree, leaf) as LeafNode).encryptionKey;
  const pair = (leaf: number) => ({ publicKey: keyOf(leaf), secretKey: nonce });

  test('R7.3-14 R7.5-05 PRO-18 the encryption key stays as it was, in an Update and in a path', () => {
    const leafNode = forgeUpdateLeaf(bob.env, bob.state, { encryption: pair(1) });
    world.refuses(
      bob,
      forgeProposal(bob.env, bob.state, { proposalType: 2, leafNode }).message,
      'validation.proposal',
    );
    world.refuses(
      bob,
      forgeCommit(bob.env, bob.state, [], { update: { encryption: pair(1) } }).message,
      'validation.path',
    );
  });

  test('R7.3-18 R16.7-01 TRE-13 the encryption key of another member', () => {
    world.refuses(
      bob,
      forgeCommit(bob.env, bob.state, [], { update: { encryption: pair(2) } }).message,
      'validation.duplicate-key',
    );
    const eve = new Peer('eve');
    const taken = forgeKeyPackage(eve.env, eve, { encryption: pair(2) });
    world.refuses(
      bob,
      forgeCommit(bob.env, bob.state, [bob.inline(addOf(taken))]).message,
      'validation.duplicate-key',
    );
  });

  test('R7.3-17 R16.7-01 TRE-13 the signature key of another member', () => {
    const update = { signer: cid.signer };
    world.refuses(bob, forgeCommit(bob.env, bob.state, [], { update }).message, 'validation.duplicate-key');
    const eve = { credential: new Peer('eve').credential, signer: cid.signer };
    const taken = forgeKeyPackage(bob.env, eve);
    world.refuses(
      bob,
      forgeCommit(bob.env, bob.state, [bob.inline(addOf(taken))]).message,
      'validation.duplicate-client',
    );
    const { message } = forgeExternalCommit(bob.env, ann.state, eve);
    world.refuses(undefined, message, 'validation.duplicate-key');
  });
});
