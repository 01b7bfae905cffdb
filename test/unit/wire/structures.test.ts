import { describe, expect, test } from 'vitest';
import { toHex } from '../../../src/base/bytes.ts';
import { decode, encode, opaque } from '../../../src/codec/codec.ts';
import * as wire from '../../../src/wire/index.ts';
import { CUSTOM, OPTIONS } from '../../support/arbitraries.ts';
import {
  BASIC,
  b,
  cat,
  codeOf,
  contextBytes,
  extension,
  framedBytes,
  groupInfoBytes,
  keyPackageBytes,
  leafBytes,
  parentBytes,
  u8,
  u16,
  u32,
  u64,
  v,
  verdictAndOffset,
  verdictOf,
} from './layout.ts';

/** The value and the bytes built by hand belong together, both ways. */
function pair<T>(codec: wire.Codec<T>, bytes: Uint8Array, value: T): void {
  expect(toHex(encode(codec, value))).toBe(toHex(bytes));
  expect(decode(codec, bytes, OPTIONS)).toEqual(value);
}

const basic: wire.Credential = { credentialType: 1, identity: b('alice') };
const capabilities: wire.Capabilities = {
  versions: [1],
  cipherSuites: [1],
  extensions: [],
  proposals: [],
  credentials: [1],
};
const leaf: wire.LeafNode = {
  encryptionKey: b('enc'),
  signatureKey: b('sig'),
  credential: basic,
  capabilities,
  source: { leafNodeSource: 1, lifetime: { notBefore: 0n, notAfter: 9n } },
  extensions: [],
  signature: b('signature'),
};
const keyPackage: wire.KeyPackage = {
  version: 1,
  cipherSuite: 1,
  initKey: b('init'),
  leafNode: leaf,
  extensions: [],
  signature: b('kp-sig'),
};
const context: wire.GroupContext = {
  version: 1,
  cipherSuite: 1,
  groupId: b('group'),
  epoch: 3n,
  treeHash: b('tree'),
  confirmedTranscriptHash: b('transcript'),
  extensions: [],
};

describe('credentials', () => {
  test('R5.3-01: basic and x509', () => {
    pair(wire.Credential, BASIC, basic);
    pair(wire.Credential, cat(u16(2), v(v(b('end')), v(b('ca')))), {
      credentialType: 2,
      certificates: [b('end'), b('ca')],
    });
  });

  test.each([0, 3, 0x0a0a, 0xeaea, 0xf000, 0xf001, 0xffff])(
    'R5.3-02, DEC-10: unregistered credential type %d has no known end and is refused',
    (type) => {
      const bytes = cat(u16(type), v(b('body')));
      expect(verdictAndOffset(wire.Credential, bytes)).toEqual(['validation.unsupported', 2]);
      expect(verdictOf(wire.LeafNode, leafBytes(v(), undefined, bytes))).toBe('validation.unsupported');
    },
  );

  test('R5.3-03, R17.1-03: a registered type keeps its bytes', () => {
    const body = v(b('body'));
    pair(wire.Credential, cat(u16(CUSTOM.vector), body), { credentialType: CUSTOM.vector, body });
    const bytes = leafBytes(v(), undefined, cat(u16(CUSTOM.vector), body));
    const back = decode(wire.LeafNode, bytes, OPTIONS);
    expect(back.credential).toEqual({ credentialType: CUSTOM.vector, body });
    expect(toHex(encode(wire.LeafNode, structuredClone(back)))).toBe(toHex(bytes));
  });

  test('R5.3-04, DEC-22: an identity is bytes, well-formed text or not', () => {
    for (const identity of [Uint8Array.of(0xc0, 0x80), Uint8Array.of(0xff, 0), new Uint8Array(0)]) {
      const back = decode(wire.Credential, encode(wire.Credential, { credentialType: 1, identity }));
      expect(back).toEqual({ credentialType: 1, identity });
    }
  });

  test('R5.3-05: a chain of no certificates is refused, read or written', () => {
    expect(verdictOf(wire.Credential, cat(u16(2), v()))).toBe('validation.credential');
    expect(codeOf(() => encode(wire.Credential, { credentialType: 2, certificates: [] }))).toBe(
      'validation.credential',
    );
  });

  test('R5.3-07: any chain of at least one certificate is kept as it is', () => {
    for (const count of [1, 2, 7]) {
      const certificates = Array.from({ length: count }, (_, i) => Uint8Array.of(i));
      const value: wire.Credential = { credentialType: 2, certificates };
      expect(decode(wire.Credential, encode(wire.Credential, value))).toEqual(value);
    }
  });

  test('basicCredential copies bytes, a pooled Buffer too, and takes text as UTF-8', () => {
    const identity = Buffer.from('bob');
    const credential = wire.basicCredential(identity);
    identity.fill(0);
    expect(credential).toEqual({ credentialType: 1, identity: b('bob') });
    expect(wire.basicCredential('é').identity).toEqual(Uint8Array.of(0xc3, 0xa9));
    expect(codeOf(() => wire.basicCredential('\ud800'))).toBe('codec.utf8');
  });
});

describe('leaf nodes and key packages', () => {
  test('R7.2-01, R7.2-03, R2.1-08: LeafNode', () => {
    pair(wire.LeafNode, leafBytes(), leaf);
    const lists = cat(v(u16(1), u16(2)), v(u16(7)), v(u16(0x0a0a)), v(u16(8)), v(u16(2), u16(1)));
    const bytes = cat(v(b('enc')), v(b('sig')), BASIC, lists, u8(2), v(), v(b('signature')));
    pair(wire.LeafNode, bytes, {
      ...leaf,
      capabilities: {
        versions: [1, 2],
        cipherSuites: [7],
        extensions: [0x0a0a],
        proposals: [8],
        credentials: [2, 1],
      },
      source: { leafNodeSource: 2 },
    });
  });

  test('R7.2-02, R2.1-02: what depends on the source', () => {
    const last = 2n ** 64n - 1n;
    pair(wire.LeafNode, leafBytes(v(), cat(u8(1), u64(2n ** 53n + 1n), u64(last))), {
      ...leaf,
      source: { leafNodeSource: 1, lifetime: { notBefore: 2n ** 53n + 1n, notAfter: last } },
    });
    pair(wire.LeafNode, leafBytes(v(), u8(2)), { ...leaf, source: { leafNodeSource: 2 } });
    pair(wire.LeafNode, leafBytes(v(), cat(u8(3), v(b('hash')))), {
      ...leaf,
      source: { leafNodeSource: 3, parentHash: b('hash') },
    });
  });

  test('R7.2-04: Extension', () => {
    pair(wire.LeafNode, leafBytes(v(extension(0xf0f0, b('data')), extension(7, b('')))), {
      ...leaf,
      extensions: [
        { extensionType: 0xf0f0, extensionData: b('data') },
        { extensionType: 7, extensionData: b('') },
      ],
    });
  });

  test('R10-01: KeyPackage', () => {
    pair(wire.KeyPackage, keyPackageBytes(), keyPackage);
    const bytes = encode(wire.KeyPackage, keyPackage);
    expect(toHex(bytes)).toBe(toHex(cat(encode(wire.KeyPackageContent, keyPackage), v(b('kp-sig')))));
  });

  test('DEC-09: GREASE and private values in every list of capabilities are kept in order', () => {
    const all = [...wire.GREASE, 0xf000, 0xfafa, 0xffff, 0];
    const lists = cat(...Array.from({ length: 5 }, () => v(...all.map(u16))));
    const bytes = cat(v(b('enc')), v(b('sig')), BASIC, lists, u8(2), v(), v(b('signature')));
    const back = decode(wire.LeafNode, bytes);
    for (const list of Object.values(back.capabilities)) expect(list).toEqual(all);
    expect(toHex(encode(wire.LeafNode, structuredClone(back)))).toBe(toHex(bytes));
  });

  test('DEC-06: an odd byte in any list of capabilities is refused', () => {
    for (let odd = 0; odd < 5; odd++) {
      const lists = Array.from({ length: 5 }, (_, i) => (i === odd ? v(b('abc')) : v(u16(1))));
      const bytes = cat(v(b('enc')), v(b('sig')), BASIC, ...lists, u8(2), v(), v(b('signature')));
      expect(verdictOf(wire.LeafNode, bytes)).toBe('codec.length');
    }
  });
});

describe('nodes', () => {
  test('R7.1-01, R2.1-03: ParentNode', () => {
    pair(wire.ParentNode, parentBytes(v(u32(0), u32(5), u32(0xffffffff))), {
      encryptionKey: b('pk'),
      parentHash: b('ph'),
      unmergedLeaves: [0, 5, 0xffff_ffff],
    });
  });

  test('R7.1-02: unmerged leaves out of order or twice are refused, read or written', () => {
    for (const leaves of [
      [1, 0],
      [1, 1],
      [0, 2, 1],
      [0x8000_0000, 1],
      [0xffff_ffff, 0xffff_ffff],
    ]) {
      expect(verdictOf(wire.ParentNode, parentBytes(v(...leaves.map(u32))))).toBe(
        'validation.unmerged-leaves',
      );
      const value = { encryptionKey: b('pk'), parentHash: b('ph'), unmergedLeaves: leaves };
      expect(codeOf(() => encode(wire.ParentNode, value))).toBe('validation.unmerged-leaves');
    }
    expect(verdictOf(wire.ParentNode, parentBytes(v(u32(0x7fff_ffff), u32(0x8000_0000))))).toBe('accepted');
  });

  test('DEC-06: unmerged leaves of 6 bytes are refused', () => {
    expect(verdictAndOffset(wire.ParentNode, parentBytes(v(b('abcdef'))))).toEqual(['codec.length', 7]);
  });

  test('R7.6-01: HPKECiphertext, UpdatePathNode, UpdatePath', () => {
    const ciphertext = cat(v(b('kem')), v(b('ct')));
    pair(wire.HpkeCiphertext, ciphertext, { kemOutput: b('kem'), ciphertext: b('ct') });
    pair(wire.UpdatePath, cat(leafBytes(), v(v(b('key')), v(ciphertext, ciphertext), v(b('top')), v())), {
      leafNode: leaf,
      nodes: [
        {
          encryptionKey: b('key'),
          encryptedPathSecret: [
            { kemOutput: b('kem'), ciphertext: b('ct') },
            { kemOutput: b('kem'), ciphertext: b('ct') },
          ],
        },
        { encryptionKey: b('top'), encryptedPathSecret: [] },
      ],
    });
  });
});

describe('pre-shared keys', () => {
  test('R8.4-01, R2.1-02: PreSharedKeyID', () => {
    pair(wire.PreSharedKeyId, cat(u8(1), v(b('id')), v(b('nonce'))), {
      pskType: 1,
      pskId: b('id'),
      pskNonce: b('nonce'),
    });
    pair(wire.PreSharedKeyId, cat(u8(2), u8(1), v(b('g')), u64(2n ** 64n - 1n), v(b('nonce'))), {
      pskType: 2,
      usage: 1,
      pskGroupId: b('g'),
      pskEpoch: 2n ** 64n - 1n,
      pskNonce: b('nonce'),
    });
  });

  test('R8.4-02, R12.1.4-05: the usages 1, 2, 3 and no others', () => {
    expect(wire.PskUsage).toEqual({ application: 1, reinit: 2, branch: 3 });
    for (let usage = 0; usage < 256; usage++) {
      const bytes = cat(u8(2), u8(usage), v(b('g')), u64(0n), v());
      const expected = usage >= 1 && usage <= 3 ? ['accepted', undefined] : ['codec.enum', 1];
      expect(verdictAndOffset(wire.PreSharedKeyId, bytes)).toEqual(expected);
    }
  });

  test('R8.4-05: PSKLabel', () => {
    pair(wire.PskLabel, cat(u8(1), v(b('id')), v(), u16(2), u16(0xffff)), {
      id: { pskType: 1, pskId: b('id'), pskNonce: b('') },
      index: 2,
      count: 0xffff,
    });
  });
});

describe('proposals', () => {
  const resumption = cat(u8(2), u8(2), v(b('g')), u64(7n), v(b('n')));
  test.each<[string, Uint8Array, wire.Proposal]>([
    ['R12.1.1-01: Add', cat(u16(1), keyPackageBytes()), { proposalType: 1, keyPackage }],
    ['R12.1.2-01: Update', cat(u16(2), leafBytes()), { proposalType: 2, leafNode: leaf }],
    ['R12.1.3-01, R2.1-03: Remove', cat(u16(3), u32(0xffffffff)), { proposalType: 3, removed: 0xffff_ffff }],
    [
      'R12.1.4-01: PreSharedKey',
      cat(u16(4), resumption),
      {
        proposalType: 4,
        psk: { pskType: 2, usage: 2, pskGroupId: b('g'), pskEpoch: 7n, pskNonce: b('n') },
      },
    ],
    [
      'R12.1.5-01: ReInit',
      cat(u16(5), v(b('new')), u16(1), u16(0xf00d), v(extension(9, b('x')))),
      {
        proposalType: 5,
        groupId: b('new'),
        version: 1,
        cipherSuite: 0xf00d,
        extensions: [{ extensionType: 9, extensionData: b('x') }],
      },
    ],
    ['R12.1.6-01: ExternalInit', cat(u16(6), v(b('kem'))), { proposalType: 6, kemOutput: b('kem') }],
    [
      'R12.1.7-01: GroupContextExtensions',
      cat(u16(7), v(extension(9, b('x')))),
      { proposalType: 7, extensions: [{ extensionType: 9, extensionData: b('x') }] },
    ],
  ])('R12.1-01, %s', (_name, bytes, value) => {
    pair(wire.Proposal, bytes, value);
    expect(wire.isKnownProposal(value)).toBe(true);
  });

  test.each([0, 8, 0x0a0a, 0xeaea, 0xf000, 0xf001, 0xffff])(
    'R12.1-02, DEC-10: unregistered proposal type %d is refused, and the message with it',
    (type) => {
      const proposal = cat(u16(type), v(b('body')));
      expect(verdictAndOffset(wire.Proposal, proposal)).toEqual(['validation.unsupported', 2]);
      expect(verdictOf(wire.Commit, cat(v(u8(1), proposal), u8(0)))).toBe('validation.unsupported');
      const sender = cat(u8(1), u32(0));
      const message = cat(
        u16(1),
        u16(1),
        framedBytes(sender, cat(u8(2), proposal)),
        v(b('signature')),
        v(b('membership')),
      );
      expect(verdictOf(wire.MlsMessage, message)).toBe('validation.unsupported');
    },
  );

  test('R12.1-02, R17.1-03: a registered type keeps its bytes, between its neighbours', () => {
    const custom = cat(u16(CUSTOM.fixed), b('12345678'));
    const empty = u16(CUSTOM.empty);
    const bytes = cat(v(u8(1), custom, u8(1), empty, u8(2), v(b('ref'))), u8(0));
    const value: wire.Commit = {
      proposals: [
        { type: 1, proposal: { proposalType: CUSTOM.fixed, body: b('12345678') } },
        { type: 1, proposal: { proposalType: CUSTOM.empty, body: b('') } },
        { type: 2, reference: b('ref') },
      ],
      path: undefined,
    };
    pair(wire.Commit, bytes, value);
    expect(wire.isKnownProposal({ proposalType: CUSTOM.fixed, body: b('') })).toBe(false);
  });

  test('a registration cannot replace a type of the RFC', () => {
    const openTypes = { proposals: new Map([[3, opaque]]), credentials: new Map([[1, opaque]]) };
    expect(decode(wire.Proposal, cat(u16(3), u32(1)), { openTypes })).toEqual({
      proposalType: 3,
      removed: 1,
    });
    expect(decode(wire.Credential, BASIC, { openTypes })).toEqual(basic);
  });

  test('R12.4-01: ProposalOrRef and Commit', () => {
    const path = cat(leafBytes(v(), cat(u8(3), v(b('hash')))), v());
    pair(wire.Commit, cat(v(u8(1), u16(3), u32(4), u8(2), v(b('ref'))), u8(1), path), {
      proposals: [
        { type: 1, proposal: { proposalType: 3, removed: 4 } },
        { type: 2, reference: b('ref') },
      ],
      path: { leafNode: { ...leaf, source: { leafNodeSource: 3, parentHash: b('hash') } }, nodes: [] },
    });
    pair(wire.Commit, cat(v(), u8(0)), { proposals: [], path: undefined });
  });
});

describe('groups and joining', () => {
  test('R2.1-11: GroupContext', () => {
    pair(wire.GroupContext, contextBytes(), context);
  });

  test('R11.1-01: RequiredCapabilities, carried as extension 3', () => {
    const value = { extensionTypes: [7, 0xf001], proposalTypes: [], credentialTypes: [1] };
    const body = cat(v(u16(7), u16(0xf001)), v(), v(u16(1)));
    pair(wire.RequiredCapabilities, body, value);
    const made = wire.makeExtension(3, wire.RequiredCapabilities, value);
    expect(made).toEqual({ extensionType: 3, extensionData: body });
    const back = decode(wire.GroupContext, contextBytes(v(extension(3, body))));
    expect(wire.extensionBody(back.extensions, 3, wire.RequiredCapabilities)).toEqual(value);
  });

  test('R12.1.8.1-01: external_senders', () => {
    const body = v(v(b('k1')), BASIC, v(b('k2')), BASIC);
    pair(wire.ExternalSenders, body, [
      { signatureKey: b('k1'), credential: basic },
      { signatureKey: b('k2'), credential: basic },
    ]);
  });

  test('R12.4.3-01: GroupInfo', () => {
    const value: wire.GroupInfo = {
      groupContext: context,
      extensions: [],
      confirmationTag: b('tag'),
      signer: 2,
      signature: b('gi-sig'),
    };
    pair(wire.GroupInfo, groupInfoBytes(), value);
    const content = encode(wire.GroupInfoContent, value);
    expect(toHex(groupInfoBytes())).toBe(toHex(cat(content, v(b('gi-sig')))));
  });

  test('R12.4.3.1-01: Welcome', () => {
    const secrets = v(v(b('ref')), v(b('kem')), v(b('ct')));
    pair(wire.Welcome, cat(u16(2), secrets, v(b('info'))), {
      cipherSuite: 2,
      secrets: [{ newMember: b('ref'), encryptedGroupSecrets: { kemOutput: b('kem'), ciphertext: b('ct') } }],
      encryptedGroupInfo: b('info'),
    });
  });

  test('R12.4.3.1-02, R12.4.3.1-06: GroupSecrets, to the last byte', () => {
    const psk = cat(u8(1), v(b('id')), v());
    const bytes = cat(v(b('joiner')), u8(1), v(b('path')), v(psk));
    pair(wire.GroupSecrets, bytes, {
      joinerSecret: b('joiner'),
      pathSecret: { pathSecret: b('path') },
      psks: [{ pskType: 1, pskId: b('id'), pskNonce: b('') }],
    });
    pair(wire.GroupSecrets, cat(v(b('joiner')), u8(0), v()), {
      joinerSecret: b('joiner'),
      pathSecret: undefined,
      psks: [],
    });
    expect(verdictOf(wire.GroupSecrets, cat(bytes, u8(0)))).toBe('codec.trailing');
  });
});

describe('messages', () => {
  const member = cat(u8(1), u32(0xffffffff));
  const application = cat(u8(1), v(b('hello')));

  test.each<[number, Uint8Array, string]>([
    [1, cat(framedBytes(member, application), v(b('s')), v(b('m'))), 'publicMessage'],
    [2, cat(v(b('g')), u64(2n ** 64n - 1n), u8(3), v(), v(b('sd')), v(b('ct'))), 'privateMessage'],
    [3, cat(u16(1), v(), v()), 'welcome'],
    [4, groupInfoBytes(), 'groupInfo'],
    [5, keyPackageBytes(), 'keyPackage'],
  ])('R6-01, R17.2-01: wire format %d', (format, body, key) => {
    const bytes = cat(u16(1), u16(format), body);
    const back = decode(wire.MlsMessage, bytes);
    expect(Object.keys(back)).toEqual(['version', 'wireFormat', key]);
    expect(back.wireFormat).toBe(format);
    expect(toHex(encode(wire.MlsMessage, structuredClone(back)))).toBe(toHex(bytes));
  });

  test('R6-02, DEC-13: no other wire format of the 65536', () => {
    const accepted: number[] = [];
    for (let format = 0; format < 0x1_0000; format++) {
      const verdict = verdictOf(wire.MlsMessage, cat(u16(1), u16(format)));
      if (verdict !== 'codec.unsupported') accepted.push(format);
    }
    expect(accepted).toEqual([1, 2, 3, 4, 5]);
  });

  test.each([0, 2, 3, 0x0a0a, 0x0100, 0xffff])(
    'R2.1-11, DEC-13: version %d is refused wherever it stands',
    (version) => {
      const swap = (bytes: Uint8Array): Uint8Array => cat(u16(version), bytes.subarray(2));
      const message = cat(u16(1), u16(5), keyPackageBytes());
      const unsupported = (at: number) => ['codec.unsupported', at];
      expect(verdictAndOffset(wire.MlsMessage, swap(message))).toEqual(unsupported(0));
      expect(verdictAndOffset(wire.KeyPackage, swap(keyPackageBytes()))).toEqual(unsupported(0));
      expect(verdictAndOffset(wire.GroupContext, swap(contextBytes()))).toEqual(unsupported(0));
      expect(verdictAndOffset(wire.MlsMessage, cat(u16(1), u16(5), swap(keyPackageBytes())))).toEqual(
        unsupported(4),
      );
      expect(verdictAndOffset(wire.GroupInfo, swap(groupInfoBytes()))).toEqual(unsupported(0));
      expect(codeOf(() => encode(wire.GroupContext, { ...context, version: version as 1 }))).toBe(
        'codec.input',
      );
    },
  );

  test('DEC-13: nested content of any wire format but the two of groups is refused', () => {
    const rest = cat(framedBytes(member, application), v(b('s')));
    for (const format of [0, 3, 4, 5, 6, 0xf000]) {
      expect(verdictAndOffset(wire.AuthenticatedContent, cat(u16(format), rest))).toEqual(['codec.enum', 0]);
    }
  });

  test('R6-05, R6-07, R6-08, R2.1-03: Sender, FramedContent and AuthenticatedContent', () => {
    for (const [bytes, sender] of [
      [member, { senderType: 1, leafIndex: 0xffff_ffff }],
      [cat(u8(2), u32(0x80000000)), { senderType: 2, senderIndex: 0x8000_0000 }],
      [u8(3), { senderType: 3 }],
      [u8(4), { senderType: 4 }],
    ] as const) {
      const content: wire.FramedContent = {
        groupId: b('group'),
        epoch: 3n,
        sender,
        authenticatedData: b('aad'),
        content: { contentType: 2, proposal: { proposalType: 3, removed: 1 } },
      };
      const framed = framedBytes(bytes, cat(u8(2), u16(3), u32(1)));
      pair(wire.FramedContent, framed, content);
      pair(wire.AuthenticatedContent, cat(u16(2), framed, v(b('s'))), {
        wireFormat: 2,
        content,
        auth: { signature: b('s'), confirmationTag: undefined },
      });
    }
  });

  test('R6-03: application data in a PublicMessage decodes; refusing it is for the layer above', () => {
    const bytes = cat(framedBytes(member, application), v(b('s')), v(b('m')));
    expect(decode(wire.PublicMessage, bytes).content.content).toEqual({
      contentType: 1,
      applicationData: b('hello'),
    });
  });

  test('R12.1-08, R2.1-02: the epoch is 8 bytes', () => {
    for (const epoch of [0n, 2n ** 53n + 1n, 2n ** 64n - 1n]) {
      const bytes = cat(v(b('g')), u64(epoch), u8(1), v(), v(), v());
      expect(decode(wire.PrivateMessage, bytes).epoch).toBe(epoch);
    }
  });

  test('R6.1-05: the confirmation tag is there exactly for commits', () => {
    const commit = cat(u8(3), v(), u8(0));
    for (const content of [application, cat(u8(2), u16(3), u32(1))]) {
      const framed = framedBytes(member, content);
      expect(verdictOf(wire.AuthenticatedContent, cat(u16(1), framed, v(b('s'))))).toBe('accepted');
      expect(verdictOf(wire.AuthenticatedContent, cat(u16(1), framed, v(b('s')), v(b('t'))))).toBe(
        'codec.trailing',
      );
    }
    const framed = framedBytes(member, commit);
    const bytes = cat(u16(1), framed, v(b('s')), v(b('t')));
    const back = decode(wire.AuthenticatedContent, bytes);
    expect(back.auth).toEqual({ signature: b('s'), confirmationTag: b('t') });
    expect(verdictOf(wire.AuthenticatedContent, cat(u16(1), framed, v(b('s'))))).toBe('codec.truncated');
    const without = { ...back, auth: { signature: b('s'), confirmationTag: undefined } };
    expect(codeOf(() => encode(wire.AuthenticatedContent, without))).toBe('codec.input');
  });

  test('R6.2-01, R12.1.8-01: the membership tag is there exactly for members', () => {
    const proposal = cat(u8(2), u16(3), u32(1));
    const bytes = cat(framedBytes(member, proposal), v(b('s')), v(b('m')));
    const fromMember = decode(wire.PublicMessage, bytes);
    expect(fromMember.membershipTag).toEqual(b('m'));
    expect(verdictOf(wire.PublicMessage, cat(framedBytes(member, proposal), v(b('s'))))).toBe(
      'codec.truncated',
    );
    expect(codeOf(() => encode(wire.PublicMessage, { ...fromMember, membershipTag: undefined }))).toBe(
      'codec.input',
    );
    for (const sender of [cat(u8(2), u32(0)), u8(3), u8(4)]) {
      const framed = framedBytes(sender, proposal);
      const external = decode(wire.PublicMessage, cat(framed, v(b('s'))));
      expect(external.membershipTag).toBeUndefined();
      expect(verdictOf(wire.PublicMessage, cat(framed, v(b('s')), v(b('m'))))).toBe('codec.trailing');
      expect(codeOf(() => encode(wire.PublicMessage, { ...external, membershipTag: b('m') }))).toBe(
        'codec.input',
      );
    }
  });

  test('R6.3-01: PrivateMessage', () => {
    pair(wire.PrivateMessage, cat(v(b('g')), u64(9n), u8(1), v(b('aad')), v(b('sd')), v(b('ct'))), {
      groupId: b('g'),
      epoch: 9n,
      contentType: 1,
      authenticatedData: b('aad'),
      encryptedSenderData: b('sd'),
      ciphertext: b('ct'),
    });
  });

  test('R2.1-03, DEC-05: SenderData, to the last byte', () => {
    const bytes = cat(u32(0x80000000), u32(0xffffffff), b('rrrr'));
    pair(wire.SenderData, bytes, {
      leafIndex: 0x8000_0000,
      generation: 0xffff_ffff,
      reuseGuard: b('rrrr'),
    });
    expect(verdictOf(wire.SenderData, cat(bytes, u8(0)))).toBe('codec.trailing');
  });
});
