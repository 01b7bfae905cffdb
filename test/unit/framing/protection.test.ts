/** The functions of the framing room and the ratchets on their own (RFC 9420 §6, §9). */

import { describe, expect, test } from 'vitest';
import { concat, isZero, toHex, utf8 } from '../../../src/base/bytes.ts';
import { encode } from '../../../src/codec/codec.ts';
import { nodeProvider } from '../../../src/crypto/node/index.ts';
import { framedContentTbs, proposalRef, signContent, verifyContent } from '../../../src/framing/authentic.ts';
import { openPrivate, openSenderData, sealPrivate } from '../../../src/framing/privateMessage.ts';
import { protectPublic, unprotectPublic } from '../../../src/framing/publicMessage.ts';
import { startRatchet, takeKey, takeNext } from '../../../src/schedule/ratchet.ts';
import {
  createSecretTree,
  ratchetOf,
  takeReceiveKey,
  takeSendKey,
} from '../../../src/schedule/secretTree.ts';
import { AuthenticatedContent, FramedContent, type Sender } from '../../../src/wire/content.ts';
import { counting } from '../../support/counting.ts';
import { leaf } from '../../support/peers.ts';
import { codeOf } from '../../support/refusals.ts';
import { flipped } from '../../support/sealing.ts';
import { vec } from '../../support/trees.ts';

const suite = nodeProvider.suite(1);
const CONTEXT = utf8('an encoded group context');
const LIMITS = { maxForward: 100, keptKeys: 10 };

function content(sender: Sender): FramedContent {
  return {
    groupId: utf8('group'),
    epoch: 7n,
    sender,
    authenticatedData: utf8('aad'),
    content: { contentType: 2, proposal: { proposalType: 3, removed: 1 } },
  };
}

function authentic(change: Partial<AuthenticatedContent> = {}): AuthenticatedContent {
  const auth = { signature: new Uint8Array(64).fill(1), confirmationTag: undefined };
  return { wireFormat: 1, content: content({ senderType: 1, leafIndex: 0 }), auth, ...change };
}

describe('FramedContentTBS', () => {
  test.each([
    ['member', { senderType: 1, leafIndex: 3 }, true],
    ['external', { senderType: 2, senderIndex: 3 }, false],
    ['new_member_proposal', { senderType: 3 }, false],
    ['new_member_commit', { senderType: 4 }, true],
  ] as const)(
    'R6.1-01 R6.1-02 sender %s: the group context follows without a length, or not at all',
    (_, sender, has) => {
      const framed = content(sender);
      const expected = concat(
        new Uint8Array([0, 1, 0, 2]),
        encode(FramedContent, framed),
        has ? CONTEXT : new Uint8Array(0),
      );
      expect(framedContentTbs(2, framed, CONTEXT)).toEqual(expected);
    },
  );
});

describe('proposal references', () => {
  test('R6-08 R6.1-04 they depend on wire format and signature', () => {
    const refs = [
      authentic(),
      authentic({ wireFormat: 2 }),
      authentic({ auth: { signature: new Uint8Array(64).fill(2), confirmationTag: undefined } }),
      authentic({ content: content({ senderType: 1, leafIndex: 1 }) }),
    ].map((one) => toHex(proposalRef(suite, one)));
    expect(new Set(refs).size).toBe(4);
    expect(toHex(proposalRef(suite, authentic()))).toBe(refs[0]);
  });

  test('R5.2-01 they are the hash of label and content, each with its length', () => {
    const label = utf8('MLS 1.0 Proposal Reference');
    const content = encode(AuthenticatedContent, authentic());
    const input = concat(vec(label), vec(content));
    expect(toHex(proposalRef(suite, authentic()))).toBe(toHex(suite.hash(input)));
  });
});

describe('signatures', () => {
  test('R6.1-01 R6.1-03 what is signed is the label with the tbs, each with its length', () => {
    const { publicKey, secretKey } = suite.signatureKeyPair(
      new Uint8Array(suite.sizes.signatureSeed).fill(4),
    );
    const tbs = framedContentTbs(1, authentic().content, CONTEXT);
    const signed = concat(vec(utf8('MLS 1.0 FramedContentTBS')), vec(tbs));
    expect(suite.verify(publicKey, signed, signContent(suite, secretKey, tbs))).toBe(true);
    verifyContent(suite, publicKey, tbs, suite.sign(secretKey, signed));
    const bare = suite.sign(secretKey, tbs);
    expect(codeOf(() => verifyContent(suite, publicKey, tbs, bare))).toBe('crypto.signature');
  });
});

describe('membership tag', () => {
  const key = new Uint8Array(32).fill(5);
  test('R6.2-01 R6.2-05 it exists exactly for members, and is dropped when it was checked', () => {
    const sent = authentic();
    const tbs = framedContentTbs(1, sent.content, CONTEXT);
    const message = protectPublic(suite, sent, tbs, key);
    expect(message.membershipTag).toHaveLength(32);
    expect(unprotectPublic(suite, message, tbs, key)).toEqual({ ...sent, wireFormat: 1 });
    const outside = protectPublic(suite, authentic({ content: content({ senderType: 3 }) }), tbs, key);
    expect(outside.membershipTag).toBeUndefined();
  });

  test('R6.2-02 R6.2-03 it covers content, context and signature', () => {
    const sent = authentic();
    const tbs = framedContentTbs(1, sent.content, CONTEXT);
    const message = protectPublic(suite, sent, tbs, key);
    const bad = [
      () => unprotectPublic(suite, message, framedContentTbs(1, sent.content, utf8('another')), key),
      () => unprotectPublic(suite, message, tbs, flipped(key, 0)),
      () => unprotectPublic(suite, { ...message, membershipTag: undefined }, tbs, key),
      () =>
        unprotectPublic(
          suite,
          { ...message, auth: { ...sent.auth, signature: new Uint8Array(64) } },
          tbs,
          key,
        ),
    ];
    for (const call of bad) expect(codeOf(call)).toBe('crypto.membership-tag');
  });
});

describe('sealing and opening', () => {
  const secrets = () => ({
    senderDataSecret: new Uint8Array(32).fill(1),
    secretTree: createSecretTree(4, new Uint8Array(32).fill(2)),
  });
  const use = { random: (n: number) => new Uint8Array(n).fill(9), pad: (n: number) => n };

  test('R6.3-02 R6.3.1-07 R6.3.2-05 what goes in comes out, with the sender from the sender data', () => {
    const sent = authentic({ wireFormat: 2 });
    const sealed = sealPrivate(suite, secrets(), sent, use);
    const receiver = secrets();
    const senderData = openSenderData(suite, receiver.senderDataSecret, sealed.message);
    expect(senderData).toEqual({ leafIndex: 0, generation: 0, reuseGuard: new Uint8Array(4).fill(9) });
    const opened = openPrivate(
      suite,
      receiver.secretTree,
      { message: sealed.message, senderData },
      { limits: LIMITS, decoding: {} },
    );
    expect(opened.content).toEqual(sent);
    const guard = { ...senderData, reuseGuard: new Uint8Array(4) };
    const wrong = () =>
      openPrivate(
        suite,
        receiver.secretTree,
        { message: sealed.message, senderData: guard },
        { limits: LIMITS, decoding: {} },
      );
    expect(codeOf(wrong)).toBe('crypto.aead');
  });

  test('R6.3.1-08 authenticated data may be longer than all the rest', () => {
    const authenticatedData = new Uint8Array(5000).fill(7);
    const plain = authentic({ wireFormat: 2 });
    const sent = { ...plain, content: { ...plain.content, authenticatedData } };
    const { message } = sealPrivate(suite, secrets(), sent, use);
    const { secretTree, senderDataSecret } = secrets();
    const open = (received: typeof message) =>
      openPrivate(
        suite,
        secretTree,
        { message: received, senderData: openSenderData(suite, senderDataSecret, message) },
        { limits: LIMITS, decoding: {} },
      );
    expect(open(message).content).toEqual(sent);
    const last = flipped(authenticatedData, authenticatedData.length - 1);
    expect(codeOf(() => open({ ...message, authenticatedData: last }))).toBe('crypto.aead');
  });

  test('R9.2-08 R6.3.1-11 the tree that was given is the same before and after, wiping is up to the caller', () => {
    const { secretTree, senderDataSecret } = secrets();
    const sealed = sealPrivate(suite, { senderDataSecret, secretTree }, authentic({ wireFormat: 2 }), use);
    expect(secretTree).toEqual(secrets().secretTree);
    expect(sealed.spent.every((secret) => !isZero(secret))).toBe(true);
    expect(ratchetOf(sealed.secretTree, leaf(0), 'handshake')?.next).toBe(1);
    expect(ratchetOf(sealed.secretTree, leaf(0), 'application')?.next).toBe(0);
    expect(ratchetOf(secretTree, leaf(0), 'handshake')).toBeUndefined();
  });
});

describe('ratchet', () => {
  const start = () => startRatchet(new Uint8Array(32).fill(3));

  test('FRM-01 R15.3-03 the bound is tested before anything is derived', () => {
    const { provider, counts } = counting(nodeProvider);
    const counted = provider.suite(1);
    for (const generation of [101, 0xffff_fffe, 0xffff_ffff]) {
      expect(codeOf(() => takeKey(counted, start(), generation, LIMITS))).toBe('state.generation-gap');
    }
    expect(counts.of()).toBe(0);
    expect(takeKey(counted, start(), 100, LIMITS).next.next).toBe(101);
  });

  test('R6.3.1-13 R15.2-01 the last generation is never used, for sending or receiving', () => {
    const worn = { ...start(), next: 0xffff_ffff };
    expect(codeOf(() => takeNext(suite, worn))).toBe('crypto.limit');
    expect(codeOf(() => takeKey(suite, worn, 0xffff_ffff, LIMITS))).toBe('state.generation-gap');
    expect(takeNext(suite, { ...worn, next: 0xffff_fffe }).next.next).toBe(0xffff_ffff);
  });

  test('R15.3-01 R9.2-04 R9.2-05 sender and receiver derive the same keys in any order', () => {
    let sender = start();
    const sent: string[] = [];
    for (let i = 0; i < 8; i++) {
      const taken = takeNext(suite, sender);
      sent.push(toHex(concat(taken.key, taken.nonce)));
      sender = taken.next;
    }
    let receiver = start();
    for (const generation of [3, 0, 7, 5, 1, 2, 6, 4]) {
      const taken = takeKey(suite, receiver, generation, LIMITS);
      expect(toHex(concat(taken.key, taken.nonce))).toBe(sent[generation]);
      for (const spent of taken.spent) spent.fill(0);
      receiver = taken.next;
      expect(codeOf(() => takeKey(suite, receiver, generation, LIMITS))).toBe('state.replay');
    }
    expect(receiver.skipped).toEqual([]);
  });

  test('FRM-02 R15.3-02 R9.2-09 eviction drops and hands over the oldest keys', () => {
    const taken = takeKey(suite, start(), 20, LIMITS);
    expect(taken.next.evictedBelow).toBe(10);
    for (const spent of taken.spent) spent.fill(0);
    expect(codeOf(() => takeKey(suite, taken.next, 9, LIMITS))).toBe('state.key-evicted');
    expect(isZero(takeKey(suite, taken.next, 10, LIMITS).key)).toBe(false);
    const again = takeKey(suite, taken.next, 40, LIMITS);
    for (const spent of again.spent) spent.fill(0);
    expect(again.next.evictedBelow).toBe(30);
    expect(again.next.skipped.map(({ first, count }) => [first, count])).toEqual([[30, 10]]);
    expect(codeOf(() => takeKey(suite, again.next, 20, LIMITS))).toBe('state.key-evicted');
    expect(isZero(takeKey(suite, again.next, 35, LIMITS).key)).toBe(false);
  });

  test('FRM-19 R6.3.1-04 R15-01 each leaf and kind has keys of its own', () => {
    const tree = createSecretTree(4, new Uint8Array(32).fill(2));
    const keys = [0, 1, 2, 3].flatMap((place) =>
      (['handshake', 'application'] as const).map((kind) =>
        toHex(takeSendKey(suite, tree, leaf(place), kind).key),
      ),
    );
    expect(new Set(keys).size).toBe(8);
    const one = takeSendKey(suite, tree, leaf(2), 'application');
    const other = takeReceiveKey(suite, tree, { leaf: leaf(2), kind: 'application', generation: 0 }, LIMITS);
    expect(other.key).toEqual(one.key);
  });
});
