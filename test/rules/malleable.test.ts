/**
 * Signatures and framings that can be exchanged for others as valid (RFC 9420 §8.2): references and transcript cover
 * them, so that whoever changes them on the way delays, and never divides.
 */

import { describe, expect, test } from 'vitest';
import { fromHex, toHex, utf8 } from '../../src/base/bytes.ts';
import { decode, encode } from '../../src/codec/codec.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import { forgeCommit, forgeProposal, signaturePair } from '../support/forge.ts';
import { clientOf, commitOf, stageOf } from '../support/groups.ts';
import { environment } from '../support/peers.ts';
import { codeOf, rejects } from '../support/refusals.ts';
import { publicMessage, publicOf } from '../support/sealing.ts';
import { makeWorld } from '../support/world.ts';

const SUITE = 2;
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The other valid signature of the same content: (r, n - s) for (r, s), as DER. */
function mirrored(signature: Uint8Array): Uint8Array {
  const sizeOfR = signature[3] as number;
  const r = signature.subarray(4, 4 + sizeOfR);
  const s = signature.subarray(6 + sizeOfR);
  const hex = (ORDER - BigInt(`0x${toHex(s)}`)).toString(16);
  const digits = fromHex(hex.length % 2 === 0 ? hex : `0${hex}`);
  const other = (digits[0] as number) >= 0x80 ? Uint8Array.of(0, ...digits) : digits;
  return Uint8Array.of(0x30, 4 + r.length + other.length, 2, r.length, ...r, 2, other.length, ...other);
}

describe('CRY-07 an ECDSA signature that the server has mirrored', () => {
  test('of a KeyPackage: adder and joiner disagree about its name, and the genuine one still serves', () => {
    const { a, b, group } = stageOf({ suite: SUITE });
    const joiner = clientOf('d', {}, { suite: SUITE });
    const { message } = joiner.createKeyPackage();
    const sent = decode(MlsMessage, message);
    if (sent.wireFormat !== 5) throw new Error('no KeyPackage');
    const keyPackage = { ...sent.keyPackage, signature: mirrored(sent.keyPackage.signature) };
    const forged = encode(MlsMessage, { ...sent, keyPackage });
    expect(joiner.validateKeyPackage(forged).credential).toEqual(joiner.credential);
    const { welcome } = group.invite([forged]);
    for (let i = 0; i < 3; i++)
      expect(codeOf(() => joiner.prepareJoin(welcome))).toBe('state.unknown-key-package');
    group.discard(group.pending as NonNullable<typeof group.pending>);
    const invitation = group.invite([message]);
    group.accept(invitation);
    a.follow(invitation.message);
    expect(joiner.prepareJoin(invitation.welcome).accept().epochAuthenticator).toEqual(
      group.epochAuthenticator,
    );
    expect(b.env.suite.id).toBe(SUITE);
  });

  test('of an external proposal: a commit over the genuine one waits for it', () => {
    const service = signaturePair(environment({ suite: SUITE }));
    const listed = [
      { signatureKey: service.publicKey, credential: { credentialType: 1, identity: utf8('s') } },
    ] as const;
    const { a, group } = stageOf({
      suite: SUITE,
      group: { extensions: [makeExtension(5, ExternalSenders, listed)] },
    });
    const from = { sender: { senderType: 2, senderIndex: 0 }, secretKey: service.secretKey } as const;
    const { message } = forgeProposal(a.env, a.state, { proposalType: 3, removed: 2 }, { from });
    const genuine = publicOf(message);
    const auth = { ...genuine.auth, signature: mirrored(genuine.auth.signature) };
    expect(group.process(publicMessage({ ...genuine, auth })).kind).toBe('proposal');
    expect(a.process(message).kind).toBe('proposal');
    const built = a.commit();
    const error = rejects(group, built.message, 'validation.unknown-proposal-ref');
    expect(error.retry).toBe('after-sync');
    expect(group.process(message).kind).toBe('proposal');
    group.accept(commitOf(group, built.message));
    expect(group.epochAuthenticator).toEqual(built.next.epoch.secrets.epochAuthenticator);
  });

  test('of an external commit: rejected by the transcript, and the genuine one applies', () => {
    const { a, group } = stageOf({ suite: SUITE });
    const offer = clientOf('d', {}, { suite: SUITE }).prepareExternalJoin(group.groupInfo());
    const genuine = publicOf(offer.message);
    const auth = { ...genuine.auth, signature: mirrored(genuine.auth.signature) };
    rejects(group, publicMessage({ ...genuine, auth }), 'crypto.confirmation-tag');
    group.accept(commitOf(group, offer.message));
    a.follow(offer.message);
    expect(offer.accept().epochAuthenticator).toEqual(group.epochAuthenticator);
  });
});

describe('PRO-30 FRM-21 R8.2-01 the transcript covers', () => {
  const world = makeWorld(['ann', 'bob', 'cid']);
  const bob = world.at(1);
  const psk = { pskType: 1, pskId: Uint8Array.of(1), pskNonce: new Uint8Array(32).fill(7) } as const;
  const items = [bob.inline({ proposalType: 4, psk } satisfies Proposal)];
  // Without a path a commit has nothing random in it, and Ed25519 neither: all that differs is what is named here.
  const plain = (tweaks: Parameters<typeof forgeCommit>[3]) =>
    forgeCommit(bob.env, bob.state, items, { omitPath: true, ...tweaks });

  test('the framing: the tag of the same commit in the other framing is wrong', () => {
    for (const [handshake, other] of [
      ['public', 'private'],
      ['private', 'public'],
    ] as const) {
      const { confirmationTag } = plain({ handshake: other }).keys;
      const { message } = plain({ handshake, tag: () => confirmationTag });
      world.refuses(bob, message, 'crypto.confirmation-tag');
      const own = plain({ handshake, tag: () => plain({ handshake }).keys.confirmationTag });
      world.accepts(bob, own);
    }
  });

  test('the authenticated data: the tag of the same commit with others is wrong', () => {
    const framed = (
      content: Parameters<NonNullable<NonNullable<Parameters<typeof plain>[0]>['framed']>>[0],
    ) => ({
      ...content,
      authenticatedData: utf8('x'),
    });
    const { confirmationTag } = plain({}).keys;
    world.refuses(bob, plain({ framed, tag: () => confirmationTag }).message, 'crypto.confirmation-tag');
    world.accepts(bob, plain({ framed }));
  });

  test('the signature: the tag of the same commit, signed once more, is wrong', () => {
    const p256 = makeWorld(['ann', 'bob', 'cid'], { suite: SUITE });
    const maker = p256.at(1);
    const twice = (tag?: Uint8Array) =>
      forgeCommit(maker.env, maker.state, [maker.inline({ proposalType: 4, psk })], {
        omitPath: true,
        signature: tag === undefined ? (one) => one : mirrored,
        ...(tag && { tag: () => tag }),
      });
    const first = twice();
    p256.accepts(maker, first);
    p256.refuses(maker, twice(first.keys.confirmationTag).message, 'crypto.confirmation-tag');
  });
});
