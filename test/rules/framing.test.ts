/** The rules of framing and message protection (RFC 9420 §6): what is refused, with which code, and that it costs nothing. */

import { describe, expect, test } from 'vitest';
import { concat, isZero, utf8 } from '../../src/base/bytes.ts';
import type { MlsErrorCode } from '../../src/base/codes.ts';
import { decode, encode, opaque } from '../../src/codec/codec.ts';
import { nobleProvider } from '../../src/crypto/noble/index.ts';
import { nodeProvider } from '../../src/crypto/node/index.ts';
import { remove, update } from '../../src/group/proposals.ts';
import type { Content, Sender } from '../../src/wire/content.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { ExternalSenders, makeExtension } from '../../src/wire/extension.ts';
import { MlsMessage, SenderData } from '../../src/wire/message.ts';
import { ContentType, ExtensionType, SenderType } from '../../src/wire/registry.ts';
import { counting } from '../support/counting.ts';
import { newcomer, nth, type Peer, room, settle } from '../support/peers.ts';
import { codeOf, refuses } from '../support/refusals.ts';
import {
  application,
  flipped,
  openedBy,
  privateMessage,
  privateOf,
  publicMessage,
  publicOf,
  sealPrivateBy,
  sealPublicBy,
  sealSenderData,
  tagged,
} from '../support/sealing.ts';

const DATA = utf8('hello');

function trio(options: Parameters<typeof room>[1] = {}): readonly [Peer, Peer, Peer] {
  const [a, b, c] = room(['a', 'b', 'c'], options);
  return [a as Peer, b as Peer, c as Peer];
}

function expectData(peer: Peer, message: Uint8Array, data: Uint8Array): void {
  const taken = peer.process(message);
  expect(taken.kind === 'application' ? taken.data : taken.kind).toEqual(data);
}

describe('sender type x content type x wire format', () => {
  const external = nodeProvider.suite(1).signatureKeyPair(new Uint8Array(32).fill(3));
  const senders = makeExtension(ExtensionType.externalSenders, ExternalSenders, [
    { signatureKey: external.publicKey, credential: basicCredential('service') },
  ]);
  const ACCEPTED = [
    'public member proposal remove',
    'public member proposal add',
    'public member commit path',
    'public external proposal remove',
    'public external proposal add',
    'public new_member_proposal proposal add',
    'public new_member_commit commit path',
  ];
  const SENDERS = {
    member: { senderType: SenderType.member, leafIndex: 0 },
    external: { senderType: SenderType.external, senderIndex: 0 },
    new_member_proposal: { senderType: SenderType.newMemberProposal },
    new_member_commit: { senderType: SenderType.newMemberCommit },
  } as const satisfies Record<string, Sender>;

  /** Contents by name; `path` stands for a commit that is genuine for its sender and built where it is used. */
  function contents(keyPackage: Parameters<typeof decodeAdd>[0]): Record<string, Content> {
    return {
      application: { contentType: ContentType.application, applicationData: DATA },
      'proposal add': { contentType: ContentType.proposal, proposal: decodeAdd(keyPackage) },
      'proposal remove': { contentType: ContentType.proposal, proposal: { proposalType: 3, removed: 1 } },
      'commit no-path': { contentType: ContentType.commit, commit: { proposals: [], path: undefined } },
    };
  }
  function decodeAdd(bytes: Uint8Array) {
    const message = decode(MlsMessage, bytes);
    if (message.wireFormat !== 5) throw new Error('no KeyPackage');
    return { proposalType: 1, keyPackage: message.keyPackage } as const;
  }

  const REFUSALS: Record<string, MlsErrorCode> = {
    'member application': 'validation.wire-format',
    'external application': 'validation.wire-format',
    'new_member_proposal application': 'validation.wire-format',
    'new_member_commit application': 'validation.wire-format',
    'new_member_proposal proposal remove': 'validation.sender',
    'new_member_commit proposal add': 'validation.sender',
    'new_member_commit proposal remove': 'validation.sender',
    'external commit no-path': 'validation.sender',
    'new_member_proposal commit no-path': 'validation.sender',
    'new_member_commit commit no-path': 'validation.external-commit',
    'member commit no-path': 'validation.path-required',
  };

  for (const senderName of Object.keys(SENDERS) as (keyof typeof SENDERS)[]) {
    for (const contentName of ['application', 'proposal add', 'proposal remove', 'commit no-path']) {
      const name = `public ${senderName} ${contentName}`;
      test(`R6-03 R6.1-08..10 R6-06 FRM-16 FRM-18 R12.1.8-01 ${name}`, () => {
        const [a, b] = trio({ group: { extensions: [senders] } });
        const joiner = newcomer('d');
        const content = contents(joiner.keyPackage)[contentName] as Content;
        const secretKey = {
          member: a.signer.secretKey,
          external: external.secretKey,
          new_member_proposal: joiner.own.signer.secretKey,
          new_member_commit: joiner.own.signer.secretKey,
        }[senderName];
        const bytes = publicMessage(sealPublicBy(a, SENDERS[senderName], content, { secretKey }));
        if (ACCEPTED.includes(name)) expect(b.process(bytes).kind).toBe('proposal');
        else refuses(b, bytes, REFUSALS[`${senderName} ${contentName}`] as MlsErrorCode);
      });
    }
  }

  test('R6-06 R6.3.2-06 a PrivateMessage has no sender type but member, and sealing refuses any other', async () => {
    const { sealPrivate } = await import('../../src/framing/privateMessage.ts');
    const [a] = trio();
    for (const sender of [SENDERS.external, SENDERS.new_member_proposal, SENDERS.new_member_commit]) {
      const content = {
        groupId: a.state.epoch.context.groupId,
        epoch: a.epoch,
        sender,
        authenticatedData: new Uint8Array(0),
        content: application(DATA),
      };
      const auth = { signature: new Uint8Array(64), confirmationTag: undefined };
      const secrets = { ...a.state.epoch.secrets, secretTree: a.state.secretTree };
      const use = { random: a.env.random, pad: (length: number) => length };
      const seal = () => sealPrivate(a.env.suite, secrets, { wireFormat: 2, content, auth }, use);
      expect(codeOf(seal)).toBe('validation.sender');
    }
  });

  test('R6.1-07 R12.1.8-02 R12.1.8.1-02 an external sender needs the extension and an index inside it', () => {
    const second = nodeProvider.suite(1).signatureKeyPair(new Uint8Array(32).fill(4));
    const two = makeExtension(ExtensionType.externalSenders, ExternalSenders, [
      { signatureKey: external.publicKey, credential: basicCredential('one') },
      { signatureKey: second.publicKey, credential: basicCredential('two') },
    ]);
    const remove1: Content = { contentType: ContentType.proposal, proposal: { proposalType: 3, removed: 1 } };
    const send = (peer: Peer, senderIndex: number, secretKey: Uint8Array) =>
      publicMessage(
        sealPublicBy(peer, { senderType: SenderType.external, senderIndex }, remove1, { secretKey }),
      );
    const [a, , c] = trio({ group: { extensions: [two] } });
    refuses(c, send(a, 2, second.secretKey), 'validation.sender');
    refuses(c, send(a, 0xffff_ffff, second.secretKey), 'validation.sender');
    refuses(c, send(a, 0, second.secretKey), 'crypto.signature');
    expect(c.process(send(a, 1, second.secretKey)).kind).toBe('proposal');
    const [x, , z] = trio();
    refuses(z, send(x, 0, external.secretKey), 'validation.sender');
  });

  test('R6.1-08 R12.1.8-03 R12.1.8-04 external senders may propose five types, and custom ones that say so', () => {
    const policy = {
      proposalTypes: new Map([
        [0xf001, { external: true, pathRequired: false }],
        [0xf002, { external: false, pathRequired: false }],
      ]),
    };
    const openTypes = { proposals: new Map([0xf001, 0xf002].map((type) => [type, opaque])) };
    const [a, b] = trio({ group: { extensions: [senders] }, policy, decoding: { openTypes } });
    const [, updatePeer] = trio();
    const updateMessage = publicOf(updatePeer.propose(update(), { handshake: 'public' }));
    const updateBody = updateMessage.content.content;
    const nonce = new Uint8Array(32).fill(9);
    const allowed: Content[] = [
      { contentType: 2, proposal: { proposalType: 1, keyPackage: newcomer('n').own.keyPackage } },
      { contentType: 2, proposal: { proposalType: 3, removed: 2 } },
      { contentType: 2, proposal: { proposalType: 4, psk: { pskType: 1, pskId: DATA, pskNonce: nonce } } },
      {
        contentType: 2,
        proposal: { proposalType: 5, groupId: DATA, version: 1, cipherSuite: 1, extensions: [] },
      },
      { contentType: 2, proposal: { proposalType: 7, extensions: [senders] } },
    ];
    const send = (content: Content) =>
      publicMessage(sealPublicBy(a, SENDERS.external, content, { secretKey: external.secretKey }));
    const body = new Uint8Array([1, 9]);
    allowed.push({ contentType: 2, proposal: { proposalType: 0xf001, body } });
    refuses(b, send({ contentType: 2, proposal: { proposalType: 0xf002, body } }), 'validation.sender');
    for (const content of allowed) expect(b.process(send(content)).kind).toBe('proposal');
    refuses(b, send(updateBody), 'validation.sender');
    refuses(
      b,
      send({ contentType: 2, proposal: { proposalType: 6, kemOutput: nonce } }),
      'validation.sender',
    );
  });

  test('R12.1.8-06 R12.1-03 R6-10 a proposal from outside is of the current epoch or is dropped', () => {
    const peers = trio({ group: { extensions: [senders] } });
    const [a, b] = peers;
    const content: Content = { contentType: 2, proposal: { proposalType: 3, removed: 2 } };
    const stale = publicMessage(
      sealPublicBy(a, SENDERS.external, content, { secretKey: external.secretKey }),
    );
    settle(peers, a);
    const { state } = b;
    expect(b.process(stale)).toEqual({ kind: 'expired', epoch: 1n });
    expect(b.state).toBe(state);
  });

  test('R12.1.8-05 the application is asked about every client that wants to be added, and may refuse', () => {
    const [a, b] = trio();
    const joiner = newcomer('d');
    const content: Content = { contentType: 2, proposal: decodeAdd(joiner.keyPackage) };
    const bytes = publicMessage(
      sealPublicBy(a, SENDERS.new_member_proposal, content, { secretKey: joiner.own.signer.secretKey }),
    );
    const strict = { ...b.env, validateCredential: () => false };
    Object.assign(b, { env: strict });
    refuses(b, bytes, 'validation.credential');
  });
});

describe('PublicMessage', () => {
  test('R6.2-03 FRM-15 CRY-15 a member message with a missing, wrong or cut membership tag', () => {
    const [a, b] = trio();
    const message = publicOf(a.propose(remove(2), { handshake: 'public' }));
    const { membershipTag } = message;
    const tag = membershipTag as Uint8Array;
    for (let i = 0; i < tag.length; i++) {
      refuses(b, publicMessage({ ...message, membershipTag: flipped(tag, i) }), 'crypto.membership-tag');
    }
    for (const wrong of [
      tag.slice(1),
      tag.subarray(0, 31),
      concat(tag, new Uint8Array(1)),
      new Uint8Array(0),
    ]) {
      refuses(b, publicMessage({ ...message, membershipTag: wrong }), 'crypto.membership-tag');
    }
    const whole = publicMessage(message);
    refuses(b, whole.subarray(0, whole.length - tag.length - 1), 'codec.truncated');
    expect(b.process(whole).kind).toBe('proposal');
  });

  test('R12.1.8-01 FRM-15 a tag on a message from outside is bytes too many', () => {
    const [a, b] = trio();
    const joiner = newcomer('d');
    const content: Content = {
      contentType: 2,
      proposal: { proposalType: 1, keyPackage: joiner.own.keyPackage },
    };
    const bytes = publicMessage(
      sealPublicBy(a, { senderType: SenderType.newMemberProposal }, content, {
        secretKey: joiner.own.signer.secretKey,
      }),
    );
    refuses(b, concat(bytes, new Uint8Array([32]), new Uint8Array(32)), 'codec.trailing');
    expect(b.process(bytes).kind).toBe('proposal');
  });

  test('R6.2-02 R6.2-04 FRM-15 the tag of the previous epoch, and of another group', () => {
    const peers = trio();
    const [a, b] = peers;
    const foreignRoom = trio({ group: { id: a.state.epoch.context.groupId } });
    const old = publicOf(a.propose(remove(2), { handshake: 'public' }));
    settle(peers, b);
    const content: Content = { contentType: 2, proposal: { proposalType: 3, removed: 2 } };
    const fresh = sealPublicBy(a, { senderType: 1, leafIndex: 0 }, content);
    refuses(b, publicMessage({ ...fresh, membershipTag: old.membershipTag }), 'crypto.membership-tag');
    refuses(
      b,
      publicMessage({ ...old, content: { ...old.content, epoch: b.epoch } }),
      'crypto.membership-tag',
    );
    const stranger = sealPublicBy(foreignRoom[0], { senderType: 1, leafIndex: 0 }, content);
    const { epoch } = b;
    refuses(
      b,
      publicMessage({ ...stranger, content: { ...stranger.content, epoch } }),
      'crypto.membership-tag',
    );
    expect(b.process(publicMessage(fresh)).kind).toBe('proposal');
  });

  test('R6.1-11 R6.2-02 FRM-15 a flipped signature bit: tag first, then the signature', () => {
    const [a, b] = trio();
    const message = publicOf(a.propose(remove(2), { handshake: 'public' }));
    const auth = { ...message.auth, signature: flipped(message.auth.signature, 5) };
    refuses(b, publicMessage({ ...message, auth }), 'crypto.membership-tag');
    refuses(b, publicMessage(tagged(a, { ...message, auth })), 'crypto.signature');
    for (const signature of [
      new Uint8Array(0),
      message.auth.signature.slice(1),
      concat(message.auth.signature, DATA),
    ]) {
      refuses(
        b,
        publicMessage(tagged(a, { ...message, auth: { ...message.auth, signature } })),
        'crypto.signature',
      );
    }
    expect(b.process(publicMessage(message)).kind).toBe('proposal');
  });

  test('R6.1-06 FRM-07 a blank leaf, a leaf outside the tree and the wrong leaf as the sender', () => {
    const peers = room(['a', 'b', 'c', 'd']);
    const [a, b] = peers as [Peer, Peer];
    settle(peers, a, [remove(2)]);
    const content: Content = { contentType: 2, proposal: { proposalType: 3, removed: 3 } };
    for (const leafIndex of [2, 4, 7, 0xffff, 0xffff_ffff]) {
      refuses(b, publicMessage(sealPublicBy(a, { senderType: 1, leafIndex }, content)), 'validation.sender');
    }
    refuses(b, publicMessage(sealPublicBy(a, { senderType: 1, leafIndex: 3 }, content)), 'crypto.signature');
  });

  test('R6-10 R14-01 a commit of another epoch', () => {
    const peers = trio();
    const [a, b, c] = peers;
    const stale = a.commit([], { handshake: 'public' }).message;
    const win = b.commit();
    a.follow(win.message);
    c.follow(win.message);
    b.accept(win);
    const { state } = c;
    expect(c.process(stale)).toEqual({ kind: 'expired', epoch: 1n });
    expect(c.state).toBe(state);
  });

  test('FRM-21 a wrong confirmation tag, rightly signed and tagged, leaves the old epoch usable', () => {
    const peers = trio();
    const [a, b] = peers;
    const sent = publicOf(a.commit([], { handshake: 'public' }).message);
    const tag = sent.auth.confirmationTag as Uint8Array;
    for (const wrong of [flipped(tag, 0), flipped(tag, 31), tag.slice(1), new Uint8Array(0)]) {
      const auth = { ...sent.auth, confirmationTag: wrong };
      refuses(b, publicMessage(tagged(a, { ...sent, auth })), 'crypto.confirmation-tag');
    }
    expectData(nth(peers, 2), b.encrypt(DATA), DATA);
    b.follow(publicMessage(sent));
  });

  test('R6-03 application content is parsed by the codec and refused by the group', () => {
    const [a, b] = trio();
    const bytes = publicMessage(sealPublicBy(a, { senderType: 1, leafIndex: 0 }, application(DATA)));
    expect(decode(MlsMessage, bytes).wireFormat).toBe(1);
    refuses(b, bytes, 'validation.wire-format');
  });
});

describe('wire formats', () => {
  const content: Content = { contentType: 2, proposal: { proposalType: 3, removed: 2 } };

  test('R6.1-04 FRM-17 content signed as private, re-framed as public by a member', () => {
    const [a, b, c] = trio();
    const asPublic = sealPublicBy(a, { senderType: 1, leafIndex: 0 }, content, { signedFormat: 2 });
    refuses(b, publicMessage(tagged(c, asPublic)), 'crypto.signature');
  });

  test('R6.1-04 FRM-17 content signed as public, re-framed as private', () => {
    const [a, b] = trio();
    const forged = sealPrivateBy(a, content, { signedFormat: 1 });
    refuses(b, forged, 'crypto.signature');
    expect(b.process(sealPrivateBy(a, content)).kind).toBe('proposal');
  });

  test('R6-02 R6-12 unknown wire formats and versions', () => {
    const [a, b] = trio();
    const good = a.encrypt(DATA);
    for (const [position, value] of [
      [3, 0],
      [3, 6],
      [2, 0xf0],
      [1, 0],
      [1, 2],
      [0, 1],
    ] as const) {
      const bytes = good.slice();
      bytes[position] = value;
      refuses(b, bytes, 'codec.unsupported');
    }
    const keyPackage = newcomer('k').keyPackage;
    const other = keyPackage.slice();
    other[5] = 2;
    expect(codeOf(() => decode(MlsMessage, other))).toBe('codec.unsupported');
    expectData(b, good, DATA);
  });

  test('R6-04 FRM-22 both framings in one epoch, and references across them', () => {
    let peers: Peer[] = [...trio()];
    const [a, b, c] = peers as [Peer, Peer, Peer];
    const asPrivate = a.propose(update(), { handshake: 'private' });
    const asPublic = b.propose(update(), { handshake: 'public' });
    for (const peer of peers) {
      if (peer !== a) expect(peer.process(asPrivate).kind).toBe('proposal');
      if (peer !== b) expect(peer.process(asPublic).kind).toBe('proposal');
    }
    peers = settle(peers, c, [], { handshake: 'public' });
    expect(new Set(peers.map((peer) => peer.authenticator())).size).toBe(1);
    peers = settle(peers, a, [], { handshake: 'private' });
    expect(new Set(peers.map((peer) => peer.authenticator())).size).toBe(1);
  });
});

describe('padding', () => {
  test('R6.3.1-02 the content is followed by zeros up to what the policy says', () => {
    const sizes = new Set<number>();
    const [a, b] = trio({ policy: { pad: (length) => Math.ceil(length / 256) * 256 } });
    for (const length of [0, 1, 50, 100, 150]) {
      const message = a.encrypt(new Uint8Array(length).fill(0xff));
      const { plaintext } = openedBy(b, message);
      const used = length + 1 + (length > 63 ? 1 : 0) + 66;
      expect(isZero(plaintext.subarray(used))).toBe(true);
      sizes.add(plaintext.length);
      expectData(b, message, new Uint8Array(length).fill(0xff));
    }
    expect([...sizes]).toEqual([256]);
  });

  test('R6.3.1-12 R15.1-01 R15.1-02 padding is the policy of the sender: none, a multiple, too little, bounded', () => {
    for (const [pad, expected] of [
      [(length: number) => length, 72],
      [() => 0, 72],
      [(length: number) => Math.ceil(length / 100) * 100, 100],
      [(length: number) => Math.min(1 << 16, length + (1 << 16)), 1 << 16],
    ] as const) {
      const [a, b] = trio({ policy: { pad } });
      const message = a.encrypt(DATA);
      expect(privateOf(message).ciphertext.length).toBe(expected + 16);
      expectData(b, message, DATA);
    }
    const [a, b] = trio();
    const proposal = a.propose(remove(2));
    expect((privateOf(proposal).ciphertext.length - 16) % 64).toBe(0);
    expect(b.process(proposal).kind).toBe('proposal');
  });

  test('R15.1-01 the policy is told what it pads', () => {
    const lengths = { 1: 1000, 2: 2000, 3: 3000 } as const;
    const [a, b] = trio({ policy: { pad: (_, contentType) => lengths[contentType] } });
    const length = (message: Uint8Array) => privateOf(message).ciphertext.length - 16;
    expect(length(a.encrypt(DATA))).toBe(1000);
    expect(length(a.propose(remove(2)))).toBe(2000);
    expect(length(b.commit([]).message)).toBe(3000);
  });

  test.each([
    ['first', 0],
    ['middle', 31],
    ['last', 63],
  ])(
    'R6.3.1-03 FRM-14 R9.2-08 the %s padding byte is not zero: refused, and the key is not consumed',
    (_, position) => {
      for (const content of [
        application(DATA),
        { contentType: 2, proposal: { proposalType: 3, removed: 2 } } as const,
      ]) {
        const [a, b] = trio();
        for (const value of [1, 0x80, 0xff]) {
          const padding = new Uint8Array(64);
          padding[position] = value;
          refuses(b, sealPrivateBy(a, content, { padding }), 'codec.padding');
        }
        const genuine = sealPrivateBy(a, content, { padding: new Uint8Array(64) });
        expect(b.process(genuine).kind).not.toBe('duplicate');
        expect(b.process(genuine).kind).toBe('duplicate');
      }
    },
  );

  test('FRM-14 R6.3.1-01 no padding and 64 KiB of it', () => {
    const [a, b] = trio();
    expectData(b, sealPrivateBy(a, application(DATA)), DATA);
    expectData(
      b,
      sealPrivateBy(a, application(DATA), { generation: 1, padding: new Uint8Array(1 << 16) }),
      DATA,
    );
  });

  test('R6.3.1-09 FRM-14 a body that does not parse, or is not canonical, is refused for free', () => {
    const [a, b] = trio();
    const bad: readonly (readonly [Uint8Array, MlsErrorCode])[] = [
      [new Uint8Array(0), 'codec.truncated'],
      [new Uint8Array([0x40, 0x01, 0x61, 0x00]), 'codec.varint'],
      [new Uint8Array([5, 1, 2]), 'codec.truncated'],
      [new Uint8Array([0xff]), 'codec.varint'],
    ];
    for (const [plaintext, code] of bad) refuses(b, sealPrivateBy(a, application(DATA), { plaintext }), code);
    // What is an application payload reads as a proposal of type 0x0568.
    refuses(
      b,
      sealPrivateBy(a, application(DATA), { headerType: 2, kind: 'handshake' }),
      'validation.unsupported',
    );
    refuses(
      b,
      sealPrivateBy(a, application(new Uint8Array(0)), { headerType: 3, kind: 'handshake' }),
      'codec.presence',
    );
    expectData(b, a.encrypt(DATA), DATA);
  });
});

describe('sender data', () => {
  test.each(['encryptedSenderData', 'ciphertext'] as const)(
    'FRM-06 R6.3.2-02 R6.3.1-11 every byte of %s counts',
    (field) => {
      const [a, b] = trio();
      const genuine = a.encrypt(DATA);
      const sealed = privateOf(genuine);
      const before = b.state;
      for (let i = 0; i < sealed[field].length; i++) {
        const mask = 1 << (i % 8);
        const bytes = privateMessage({ ...sealed, [field]: flipped(sealed[field], i, mask) });
        refuses(b, bytes, 'crypto.aead');
      }
      for (let length = 0; length < sealed[field].length; length += 7) {
        const bytes = privateMessage({ ...sealed, [field]: sealed[field].slice(0, length) });
        refuses(b, bytes, 'crypto.aead');
      }
      expect(b.state).toBe(before);
      expectData(b, genuine, DATA);
    },
  );

  test('FRM-06 sender data swapped between two messages', () => {
    const [a, b] = trio();
    const [one, two] = [privateOf(a.encrypt(DATA)), privateOf(a.encrypt(utf8('other')))];
    refuses(b, privateMessage({ ...one, encryptedSenderData: two.encryptedSenderData }), 'crypto.aead');
    refuses(b, privateMessage({ ...two, ciphertext: one.ciphertext }), 'crypto.aead');
    expectData(b, privateMessage(one), DATA);
  });

  test('R6.3.2-02 FRM-06 a ciphertext shorter than the sample is the sample', () => {
    const [a, b] = trio();
    const header = privateOf(a.encrypt(DATA));
    for (const length of [0, 1, 15, 16, 31]) {
      const ciphertext = new Uint8Array(length).fill(5);
      const data = encode(SenderData, { leafIndex: 0, generation: 0, reuseGuard: new Uint8Array(4) });
      const secret = a.state.epoch.secrets.senderDataSecret;
      const encryptedSenderData = sealSenderData(a, secret, { ...header, ciphertext }, data);
      const short = privateMessage({ ...header, ciphertext, encryptedSenderData });
      const { field } = refuses(b, short, 'crypto.aead').detail;
      expect(field).toBe('ciphertext');
    }
    expectData(b, privateMessage(header), DATA);
  });

  test('R6.3.2-07 FRM-07 a blank leaf, or one outside the tree, before any ratchet is touched', () => {
    const { provider, counts } = counting(nodeProvider);
    const peers = room(['a', 'b', 'c', 'd'], { provider });
    const [a, b] = peers as [Peer, Peer];
    settle(peers, a, [remove(2)]);
    for (const claimedLeaf of [2, 4, 5, 1000, 0xffff_ffff]) {
      const bytes = sealPrivateBy(a, application(DATA), { claimedLeaf });
      counts.reset();
      refuses(b, bytes, 'validation.sender');
      expect([counts.of('hkdfExpand'), counts.of('open'), counts.of()]).toEqual([2, 1, 3]);
    }
    expectData(b, a.encrypt(DATA), DATA);
  });

  test('R6.3.2-08 sender data of 11 or 13 bytes', () => {
    const [a, b] = trio();
    const data = encode(SenderData, { leafIndex: 0, generation: 0, reuseGuard: new Uint8Array(4) });
    refuses(b, sealPrivateBy(a, application(DATA), { senderData: data.slice(1) }), 'codec.truncated');
    refuses(
      b,
      sealPrivateBy(a, application(DATA), { senderData: concat(data, new Uint8Array(1)) }),
      'codec.trailing',
    );
    expectData(b, a.encrypt(DATA), DATA);
  });

  test('R6.3.2-09 FRM-07 FRM-20 our own leaf: the message is our own', () => {
    const [a, b] = trio();
    const { state } = b;
    const claim = () => sealPrivateBy(a, application(DATA), { claimedLeaf: b.self });
    // Generation 0 of ours is not used yet: whoever has sent in it would have our key.
    refuses(b, claim(), 'crypto.aead');
    expect(b.state).toBe(state);
    const mine = b.encrypt(DATA);
    expect(b.process(claim())).toEqual({ kind: 'own-message', content: 'application' });
    expect(b.process(mine)).toEqual({ kind: 'own-message', content: 'application' });
    const proposal = b.propose(remove(0));
    expect(b.process(proposal)).toEqual({ kind: 'own-message', content: 'proposal' });
    expect(a.process(mine).kind).toBe('application');
  });

  test('R6.3.2-01 R6.3.1-05 R6.3.1-06 R16.3-01 generations rise by one, guards are fresh, nothing repeats', () => {
    const [a, b] = trio();
    const sent = Array.from({ length: 20 }, () => a.encrypt(DATA));
    const opened = sent.map((message) => openedBy(b, message).senderData);
    expect(opened.map(({ generation }) => generation)).toEqual(sent.map((_, i) => i));
    expect(opened.every(({ leafIndex }) => leafIndex === 0)).toBe(true);
    expect(new Set(opened.map(({ reuseGuard }) => reuseGuard.join())).size).toBe(20);
    expect(new Set(sent.map((message) => privateOf(message).ciphertext.subarray(0, 32).join())).size).toBe(
      20,
    );
  });
});

describe('header', () => {
  test('R6.3.1-08 R6.3.2-04 FRM-13 every field of the header is authenticated', () => {
    const [a, b] = trio();
    const genuine = a.encrypt(DATA, { authenticatedData: utf8('aad') });
    const sealed = privateOf(genuine);
    for (const authenticatedData of [new Uint8Array(0), utf8('aae'), utf8('aad2')]) {
      refuses(b, privateMessage({ ...sealed, authenticatedData }), 'crypto.aead');
    }
    for (const contentType of [2, 3] as const)
      refuses(b, privateMessage({ ...sealed, contentType }), 'crypto.aead');
    const groupId = flipped(sealed.groupId, 0);
    expect(b.process(privateMessage({ ...sealed, groupId })).kind).toBe('foreign');
    const proposal = privateOf(a.propose(remove(2)));
    refuses(b, privateMessage({ ...proposal, contentType: 1 }), 'crypto.aead');
    refuses(b, privateMessage({ ...proposal, contentType: 3 }), 'crypto.aead');
    expectData(b, genuine, DATA);
    expect(b.process(privateMessage(proposal)).kind).toBe('proposal');
  });

  test('FRM-13 a message relabelled with the epoch before or after', () => {
    const peers = trio();
    const [a, b] = peers;
    settle(peers, a);
    const sealed = privateOf(a.encrypt(DATA));
    refuses(b, privateMessage({ ...sealed, epoch: 1n }), 'crypto.aead');
    expect(b.process(privateMessage({ ...sealed, epoch: 3n })).kind).toBe('held');
    expectData(b, privateMessage(sealed), DATA);
  });

  test('R6.3.1-14 R6.3.1-12 FRM-08 authenticated data come out with the message, after the signature holds', () => {
    const [a, b] = trio();
    const authenticatedData = utf8('seen by all');
    const taken = b.process(a.encrypt(DATA, { authenticatedData }));
    expect(taken.kind === 'application' && taken.authenticatedData).toEqual(authenticatedData);
    const proposed = b.process(a.propose(remove(2), { authenticatedData }));
    expect(proposed.kind === 'proposal' && proposed.authenticatedData).toEqual(authenticatedData);
    const forged = sealPrivateBy(a, application(DATA), {
      generation: 1,
      authenticatedData,
      secretKey: b.signer.secretKey,
    });
    const error = refuses(b, forged, 'crypto.signature');
    expect(JSON.stringify({ ...error.detail, text: error.message })).not.toContain('seen');
  });
});

describe('insiders', () => {
  test.each(['forgery first', 'genuine first'])(
    'FRM-05 R6.3.1-10 R6.3.1-11 R6.1-11 FRM-08 a member uses the ratchet of another member: %s',
    (order) => {
      const [a, b, c] = trio();
      const forged = sealPrivateBy(c, application(utf8('not from a')), { leaf: a.self });
      const genuine = a.encrypt(DATA);
      if (order === 'forgery first') {
        refuses(b, forged, 'crypto.signature');
        expectData(b, genuine, DATA);
      } else {
        expectData(b, genuine, DATA);
        expect(b.process(forged).kind).toBe('duplicate');
      }
      expectData(b, a.encrypt(utf8('next')), utf8('next'));
    },
  );

  test('FRM-05 FRM-08 in the handshake ratchet, and in skipped generations', () => {
    const [a, b, c] = trio();
    const sent = [0, 1, 2].map(() => a.encrypt(DATA));
    expectData(b, sent[2] as Uint8Array, DATA);
    for (const generation of [0, 1]) {
      refuses(b, sealPrivateBy(c, application(DATA), { leaf: a.self, generation }), 'crypto.signature');
    }
    expectData(b, sent[0] as Uint8Array, DATA);
    expectData(b, sent[1] as Uint8Array, DATA);
    const content: Content = { contentType: 2, proposal: { proposalType: 3, removed: 2 } };
    refuses(b, sealPrivateBy(c, content, { leaf: a.self }), 'crypto.signature');
    expect(b.process(a.propose(remove(2))).kind).toBe('proposal');
  });

  test('FRM-08 the author is the leaf of the sender data, whatever the payload claims', () => {
    const [a, b] = trio();
    const taken = b.process(a.encrypt(utf8('{"from":"c"}')));
    expect(taken.kind === 'application' && [taken.sender.leaf, taken.sender.signatureKey]).toEqual([
      0,
      a.signer.publicKey,
    ]);
  });

  test('FRM-19 R6.3.1-04 a key of the other ratchet does not open', () => {
    const [a, b] = trio();
    const content: Content = { contentType: 2, proposal: { proposalType: 3, removed: 2 } };
    refuses(b, sealPrivateBy(a, application(DATA), { kind: 'handshake' }), 'crypto.aead');
    refuses(b, sealPrivateBy(a, content, { kind: 'application' }), 'crypto.aead');
    expectData(b, a.encrypt(DATA), DATA);
  });

  test('FRM-01 R15.3-03 a generation too far ahead costs no derivation, and hinders nobody', () => {
    const { provider, counts } = counting(nodeProvider);
    const [a, b] = trio({ provider, policy: { maxForward: 1000 } });
    for (const generation of [1001, 20_000, 0x7fff_ffff, 0xffff_fffe, 0xffff_ffff]) {
      const bytes = sealPrivateBy(a, application(DATA), { claimedGeneration: generation });
      counts.reset();
      refuses(b, bytes, 'state.generation-gap');
      // Two keys for the sender data; then the way down to the leaf, which no generation changes.
      expect(counts.of()).toBeLessThanOrEqual(3 + 2 * 2 + 2);
    }
    expectData(b, sealPrivateBy(a, application(DATA), { generation: 1000 }), DATA);
    expectData(b, a.encrypt(utf8('0')), utf8('0'));
    const further = sealPrivateBy(a, application(DATA), { claimedGeneration: 2002 });
    const { retry, detail } = refuses(b, further, 'state.generation-gap');
    const { maxForward } = detail;
    expect([retry, maxForward]).toEqual(['after-sync', 1000]);
  });

  test('FRM-01 the default limit is at least 1000 steps', async () => {
    const { DEFAULT_POLICY } = await import('../../src/group/policy.ts');
    expect(DEFAULT_POLICY.maxForward).toBeGreaterThanOrEqual(1000);
  });

  test('R6.3.1-11 R9.2-08 FRM-25 garbage with a high generation, then the genuine message', () => {
    const [a, b] = trio();
    const genuine = privateOf(a.encrypt(DATA));
    const data = encode(SenderData, { leafIndex: 0, generation: 900, reuseGuard: new Uint8Array(4) });
    const ciphertext = new Uint8Array(80).fill(1);
    const secret = a.state.epoch.secrets.senderDataSecret;
    const encryptedSenderData = sealSenderData(a, secret, { ...genuine, ciphertext }, data);
    refuses(b, privateMessage({ ...genuine, ciphertext, encryptedSenderData }), 'crypto.aead');
    expectData(b, privateMessage(genuine), DATA);
    for (let i = 0; i < 50; i++) {
      const noise = privateMessage({
        ...genuine,
        ciphertext,
        encryptedSenderData: new Uint8Array(28).fill(i),
      });
      refuses(b, noise, 'crypto.aead');
    }
    expect(b.epoch).toBe(1n);
  });

  test('CRY-14 a failure gives the caller a code and the network nothing', () => {
    const [a, b] = trio();
    const failures = [
      [sealPrivateBy(a, application(DATA), { padding: new Uint8Array([1]) }), 'codec.padding'],
      [privateMessage({ ...privateOf(a.encrypt(DATA)), ciphertext: new Uint8Array(90) }), 'crypto.aead'],
      [sealPrivateBy(a, application(DATA), { secretKey: b.signer.secretKey }), 'crypto.signature'],
      [sealPrivateBy(a, application(DATA), { claimedLeaf: 77 }), 'validation.sender'],
    ] as const;
    for (const [bytes, code] of failures) expect(refuses(b, bytes, code).retry).toBe('never');
  });
});

describe('signatures', () => {
  test('R6.1-13 a commit that changes the signature key is signed with the old one', () => {
    const peers = trio();
    const [a, b, c] = peers;
    const signer = a.env.suite.signatureKeyPair(a.env.random(32));
    settle(peers, a, [], { leaf: { signer } });
    expect([...new Set(peers.map((peer) => peer.authenticator()))]).toHaveLength(1);
    expectData(b, a.encrypt(DATA), DATA);
    settle(peers, a);
    expectData(c, a.encrypt(DATA), DATA);
  });

  test.each([
    ['node', nodeProvider],
    ['noble', nobleProvider],
  ])('R6.1-11 R6.3.1-10 in every suite of %s a message signed by somebody else is refused', (_, provider) => {
    for (const suite of provider.suites) {
      const [a, b] = room(['a', 'b'], { provider, suite }) as [Peer, Peer];
      const other = newcomer('x', { provider, suite }).own.signer;
      refuses(b, sealPrivateBy(a, application(DATA), { secretKey: other.secretKey }), 'crypto.signature');
      expectData(b, a.encrypt(DATA), DATA);
    }
  });

  test('R6.1-02 the group context of the epoch is signed: a fork of the same group and epoch is told apart', () => {
    const peers = trio();
    const [a, b, c] = peers;
    const left = a.commit();
    const right = c.commit();
    a.accept(left);
    b.follow(right.message);
    c.accept(right);
    refuses(b, a.encrypt(DATA), 'crypto.aead');
    const forkTag = sealPublicBy(
      a,
      { senderType: 1, leafIndex: 0 },
      {
        contentType: 2,
        proposal: { proposalType: 3, removed: 1 },
      },
    );
    refuses(c, publicMessage(tagged(b, forkTag)), 'crypto.signature');
  });
});
