/** Which of the proposals that were seen a commit of ours covers (RFC 9420 §12.2, §12.4), before they are judged. */

import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/base/bytes.ts';
import { selectProposals } from '../../src/group/proposals.ts';
import type { CachedProposal, ProposalSender } from '../../src/group/state.ts';
import type { LeafNode } from '../../src/wire/leafNode.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import { environment, leaf } from '../support/peers.ts';

/** A type whose proposals take their sender out. */
const LEAVE = 0xf003;
const ENV = environment({
  policy: {
    proposalTypes: new Map([[LEAVE, { external: false, pathRequired: true, removesSender: true }]]),
  },
});
const SELF = leaf(1);

const by = (index: number): ProposalSender => ({ kind: 'member', leaf: leaf(index) });
const outside: ProposalSender = { kind: 'external', index: 1 };
const wouldBe: ProposalSender = { kind: 'new-member' };

const update: Proposal = { proposalType: 2, leafNode: {} as LeafNode };
const removal = (removed: number): Proposal => ({ proposalType: 3, removed });
const psk: Proposal = {
  proposalType: 4,
  psk: { pskType: 1, pskId: utf8('id'), pskNonce: new Uint8Array(32) },
};
const reinit: Proposal = {
  proposalType: 5,
  groupId: utf8('next'),
  version: 1,
  cipherSuite: 1,
  extensions: [],
};
const leaving: Proposal = { proposalType: LEAVE, body: new Uint8Array(0) };

/** The places of those that are covered. */
function covered(...seen: readonly (readonly [Proposal, ProposalSender])[]): number[] {
  const cached = seen.map(
    ([proposal, sender], i): CachedProposal => ({
      proposal,
      sender,
      ref: Uint8Array.of(i),
      ownKeys: undefined,
    }),
  );
  return selectProposals(ENV, cached, SELF).map((item) => cached.indexOf(item));
}

describe('a commit of ours covers', () => {
  test('R12.4.1-11: everything but our own Updates', () => {
    expect(covered([update, by(1)], [update, by(2)], [psk, by(1)], [psk, by(0)], [psk, outside])).toEqual([
      1, 2, 3, 4,
    ]);
  });

  test('R12.2-04: nothing that removes us, by another or by ourselves', () => {
    expect(covered([removal(1), by(2)], [removal(2), by(1)], [leaving, by(1)], [leaving, by(0)])).toEqual([
      1, 3,
    ]);
    expect(covered([removal(1), outside], [removal(0), outside])).toEqual([1]);
  });

  test('PRO-26: no request of a would-be member', () => {
    expect(covered([psk, wouldBe], [psk, outside], [psk, by(0)])).toEqual([1, 2]);
  });

  test('R12.2-06: of several for one leaf the latest of the strongest kind', () => {
    expect(covered([update, by(2)], [update, by(0)], [update, by(2)])).toEqual([1, 2]);
    expect(covered([removal(2), by(0)], [removal(2), by(3)], [removal(3), by(0)])).toEqual([1, 2]);
    for (const [strong, weak] of [
      [
        [removal(2), by(0)],
        [update, by(2)],
      ],
      [
        [leaving, by(2)],
        [removal(2), by(0)],
      ],
      [
        [leaving, by(2)],
        [update, by(2)],
      ],
    ] as const) {
      expect(covered(strong, weak)).toEqual([0]);
      expect(covered(weak, strong)).toEqual([1]);
      expect(covered(weak, strong, weak, [psk, by(2)])).toEqual([1, 3]);
    }
  });

  test('PRO-11: a ReInit, the latest, only when there is nothing else', () => {
    expect(covered()).toEqual([]);
    expect(covered([reinit, by(0)], [reinit, by(2)])).toEqual([1]);
    expect(covered([reinit, by(0)], [psk, by(2)], [reinit, by(2)])).toEqual([1]);
    expect(covered([reinit, by(0)], [update, by(1)])).toEqual([0]);
  });
});
