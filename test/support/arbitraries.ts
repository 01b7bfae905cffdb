/** fast-check arbitraries for every structure of RFC 9420, and the table that pairs each with its codec. */

import fc from 'fast-check';
import { type Codec, encode, fixedOpaque, opaque } from '../../src/codec/codec.ts';
import type { DecodeOptions, Reader } from '../../src/codec/reader.ts';
import type { Writer } from '../../src/codec/writer.ts';
import * as wire from '../../src/wire/index.ts';

/** Credential and proposal types that the tests register: a vector, a fixed length, and nothing at all. */
export const CUSTOM = { vector: 0xf001, fixed: 0xf002, empty: 0x0a0a } as const;

const nothing: Codec<null> = { read: () => null, write: () => {} };
const registered = new Map<number, Codec<unknown>>([
  [CUSTOM.vector, opaque],
  [CUSTOM.fixed, fixedOpaque(8)],
  [CUSTOM.empty, nothing],
]);

/** Decoding options under which every value made here is decodable. */
export const OPTIONS: DecodeOptions = { openTypes: { credentials: registered, proposals: registered } };

function record<T extends object>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

export const byte: fc.Arbitrary<number> = fc.nat(0xff);
export const uint16: fc.Arbitrary<number> = fc.oneof(
  { arbitrary: fc.nat(0xffff), weight: 2 },
  { arbitrary: fc.nat(8), weight: 2 },
  { arbitrary: fc.constantFrom(...wire.GREASE, 0xf000, 0xfafa, 0xffff), weight: 2 },
);
export const uint32: fc.Arbitrary<number> = fc.oneof(
  fc.nat(40),
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
);
export const uint64: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 40n }),
  fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
  fc.constantFrom(0n, 1n << 32n, (1n << 53n) + 1n, 1n << 63n, 0xffff_ffff_ffff_ffffn),
);

/** Mostly short; now and then around the step to the two-byte length. */
export const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  { arbitrary: fc.uint8Array({ maxLength: 12 }), weight: 16 },
  { arbitrary: fc.uint8Array({ minLength: 32, maxLength: 32 }), weight: 4 },
  { arbitrary: fc.integer({ min: 62, max: 66 }).map(filled), weight: 2 },
);
/** As {@link bytes}, but also around the step to the four-byte length. */
export const longBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  { arbitrary: bytes, weight: 24 },
  { arbitrary: fc.integer({ min: 16382, max: 16386 }).map(filled), weight: 1 },
);

function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i);
}

function list<T>(item: fc.Arbitrary<T>, maxLength = 3): fc.Arbitrary<T[]> {
  return fc.array(item, { maxLength });
}

/** A registered custom body of one of the types in {@link CUSTOM}. */
const customBody: fc.Arbitrary<{ type: number; body: Uint8Array }> = fc.oneof(
  bytes.map((content) => ({ type: CUSTOM.vector, body: encode(opaque, content) })),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((body) => ({ type: CUSTOM.fixed, body })),
  fc.constant({ type: CUSTOM.empty, body: new Uint8Array(0) }),
);

export const credential: fc.Arbitrary<wire.Credential> = fc.oneof(
  bytes.map((identity) => ({ credentialType: 1 as const, identity })),
  fc
    .array(bytes, { minLength: 1, maxLength: 3 })
    .map((certificates) => ({ credentialType: 2 as const, certificates })),
  customBody.map(({ type, body }) => ({ credentialType: type, body })),
);

type Bodies = ReadonlyMap<number, fc.Arbitrary<Uint8Array>>;

/** Types that may be unknown, GREASE, or known in another container only: there the body is opaque. */
function extensions(known: Bodies): fc.Arbitrary<wire.Extension[]> {
  const one = uint16.chain((extensionType) =>
    (known.get(extensionType) ?? bytes).map((extensionData) => ({ extensionType, extensionData })),
  );
  return fc.uniqueArray(one, { maxLength: 4, selector: (extension) => extension.extensionType });
}

export const applicationId = record<wire.Decoded<typeof wire.ApplicationId>>({ applicationId: bytes });
export const externalPub = record<wire.Decoded<typeof wire.ExternalPub>>({ externalPub: bytes });
export const uint16List: fc.Arbitrary<number[]> = list(uint16, 5);
export const requiredCapabilities = record<wire.RequiredCapabilities>({
  extensionTypes: uint16List,
  proposalTypes: uint16List,
  credentialTypes: uint16List,
});
export const externalSenders = list(record<wire.ExternalSender>({ signatureKey: bytes, credential }));

export const leafExtensions = extensions(
  new Map([
    [wire.ExtensionType.applicationId, applicationId.map((value) => encode(wire.ApplicationId, value))],
  ]),
);
export const contextExtensions = extensions(
  new Map<number, fc.Arbitrary<Uint8Array>>([
    [
      wire.ExtensionType.requiredCapabilities,
      requiredCapabilities.map((value) => encode(wire.RequiredCapabilities, value)),
    ],
    [wire.ExtensionType.externalSenders, externalSenders.map((value) => encode(wire.ExternalSenders, value))],
  ]),
);
const packageExtensions = extensions(new Map());

export const leafNodeContent: fc.Arbitrary<wire.LeafNodeContent> = record<wire.LeafNodeContent>({
  encryptionKey: bytes,
  signatureKey: bytes,
  credential,
  capabilities: record<wire.Capabilities>({
    versions: uint16List,
    cipherSuites: uint16List,
    extensions: uint16List,
    proposals: uint16List,
    credentials: uint16List,
  }),
  source: fc.oneof(
    record<wire.Lifetime>({ notBefore: uint64, notAfter: uint64 }).map((lifetime) => ({
      leafNodeSource: 1 as const,
      lifetime,
    })),
    fc.constant({ leafNodeSource: 2 as const }),
    bytes.map((parentHash) => ({ leafNodeSource: 3 as const, parentHash })),
  ),
  extensions: leafExtensions,
});

function signed<T extends object>(content: fc.Arbitrary<T>): fc.Arbitrary<T & { signature: Uint8Array }> {
  return fc.tuple(content, bytes).map(([value, signature]) => ({ ...value, signature }));
}

export const leafNode: fc.Arbitrary<wire.LeafNode> = signed(leafNodeContent);
export const keyPackageContent: fc.Arbitrary<wire.KeyPackageContent> = record<wire.KeyPackageContent>({
  version: fc.constant(1),
  cipherSuite: uint16,
  initKey: bytes,
  leafNode,
  extensions: packageExtensions,
});
export const keyPackage: fc.Arbitrary<wire.KeyPackage> = signed(keyPackageContent);

export const parentNode: fc.Arbitrary<wire.ParentNode> = record<wire.ParentNode>({
  encryptionKey: bytes,
  parentHash: bytes,
  unmergedLeaves: fc.uniqueArray(uint32, { maxLength: 5 }).map((leaves) => leaves.sort((a, b) => a - b)),
});

/** Nodes in their places, blanks between them, the last one not blank. */
export const ratchetTree: fc.Arbitrary<(wire.TreeNode | undefined)[]> = fc
  .integer({ min: 1, max: 9 })
  .chain((width) =>
    fc.tuple(
      ...Array.from({ length: width }, (_, index) => {
        const node: fc.Arbitrary<wire.TreeNode> =
          index % 2 === 0
            ? leafNode.map((value) => ({ nodeType: 1 as const, leafNode: value }))
            : parentNode.map((value) => ({ nodeType: 2 as const, parentNode: value }));
        return index === width - 1 ? node : fc.option(node, { nil: undefined });
      }),
    ),
  );

export const pskId: fc.Arbitrary<wire.PreSharedKeyId> = fc.oneof(
  record<wire.ExternalPskId>({ pskType: fc.constant(1), pskId: bytes, pskNonce: bytes }),
  record<wire.ResumptionPskId>({
    pskType: fc.constant(2),
    usage: fc.constantFrom(1, 2, 3),
    pskGroupId: bytes,
    pskEpoch: uint64,
    pskNonce: bytes,
  }),
);

export const proposal: fc.Arbitrary<wire.Proposal> = fc.oneof(
  keyPackage.map((value) => ({ proposalType: 1 as const, keyPackage: value })),
  leafNode.map((value) => ({ proposalType: 2 as const, leafNode: value })),
  uint32.map((removed) => ({ proposalType: 3 as const, removed })),
  pskId.map((psk) => ({ proposalType: 4 as const, psk })),
  record<wire.ReInitProposal>({
    proposalType: fc.constant(5),
    groupId: bytes,
    version: uint16,
    cipherSuite: uint16,
    extensions: contextExtensions,
  }),
  bytes.map((kemOutput) => ({ proposalType: 6 as const, kemOutput })),
  contextExtensions.map((value) => ({ proposalType: 7 as const, extensions: value })),
  customBody.map(({ type, body }) => ({ proposalType: type, body })),
);

export const hpkeCiphertext: fc.Arbitrary<wire.HpkeCiphertext> = record<wire.HpkeCiphertext>({
  kemOutput: bytes,
  ciphertext: bytes,
});
export const updatePath: fc.Arbitrary<wire.UpdatePath> = record<wire.UpdatePath>({
  leafNode,
  nodes: list(
    record<wire.UpdatePathNode>({ encryptionKey: bytes, encryptedPathSecret: list(hpkeCiphertext) }),
  ),
});
export const commit: fc.Arbitrary<wire.Commit> = record<wire.Commit>({
  proposals: list(
    fc.oneof(
      proposal.map((value) => ({ type: 1 as const, proposal: value })),
      bytes.map((reference) => ({ type: 2 as const, reference })),
    ),
  ),
  path: fc.option(updatePath, { nil: undefined }),
});

export const sender: fc.Arbitrary<wire.Sender> = fc.oneof(
  uint32.map((leafIndex) => ({ senderType: 1 as const, leafIndex })),
  uint32.map((senderIndex) => ({ senderType: 2 as const, senderIndex })),
  fc.constant({ senderType: 3 as const }),
  fc.constant({ senderType: 4 as const }),
);
export const content: fc.Arbitrary<wire.Content> = fc.oneof(
  longBytes.map((applicationData) => ({ contentType: 1 as const, applicationData })),
  proposal.map((value) => ({ contentType: 2 as const, proposal: value })),
  commit.map((value) => ({ contentType: 3 as const, commit: value })),
);
export const framedContent: fc.Arbitrary<wire.FramedContent> = record<wire.FramedContent>({
  groupId: bytes,
  epoch: uint64,
  sender,
  authenticatedData: bytes,
  content,
});

const authFor = ({ contentType }: wire.Content): fc.Arbitrary<wire.FramedContentAuthData> =>
  record<wire.FramedContentAuthData>({
    signature: bytes,
    confirmationTag: contentType === 3 ? bytes : fc.constant(undefined),
  });
export const authenticatedContent: fc.Arbitrary<wire.AuthenticatedContent> = framedContent.chain((value) =>
  record<wire.AuthenticatedContent>({
    wireFormat: fc.constantFrom(1, 2),
    content: fc.constant(value),
    auth: authFor(value.content),
  }),
);
export const publicMessage: fc.Arbitrary<wire.PublicMessage> = framedContent.chain((value) =>
  record<wire.PublicMessage>({
    content: fc.constant(value),
    auth: authFor(value.content),
    membershipTag: value.sender.senderType === 1 ? bytes : fc.constant(undefined),
  }),
);
export const privateMessage: fc.Arbitrary<wire.PrivateMessage> = record<wire.PrivateMessage>({
  groupId: bytes,
  epoch: uint64,
  contentType: fc.constantFrom(1, 2, 3),
  authenticatedData: bytes,
  encryptedSenderData: bytes,
  ciphertext: longBytes,
});
export const senderData: fc.Arbitrary<wire.SenderData> = record<wire.SenderData>({
  leafIndex: uint32,
  generation: uint32,
  reuseGuard: fc.uint8Array({ minLength: 4, maxLength: 4 }),
});

export const groupContext: fc.Arbitrary<wire.GroupContext> = record<wire.GroupContext>({
  version: fc.constant(1),
  cipherSuite: uint16,
  groupId: bytes,
  epoch: uint64,
  treeHash: bytes,
  confirmedTranscriptHash: bytes,
  extensions: contextExtensions,
});
export const groupInfoContent: fc.Arbitrary<wire.GroupInfoContent> = record<wire.GroupInfoContent>({
  groupContext,
  extensions: extensions(
    new Map<number, fc.Arbitrary<Uint8Array>>([
      [wire.ExtensionType.ratchetTree, ratchetTree.map((value) => encode(wire.RatchetTree, value))],
      [wire.ExtensionType.externalPub, externalPub.map((value) => encode(wire.ExternalPub, value))],
    ]),
  ),
  confirmationTag: bytes,
  signer: uint32,
});
export const groupInfo: fc.Arbitrary<wire.GroupInfo> = signed(groupInfoContent);

export const welcome: fc.Arbitrary<wire.Welcome> = record<wire.Welcome>({
  cipherSuite: uint16,
  secrets: list(
    record<wire.EncryptedGroupSecrets>({ newMember: bytes, encryptedGroupSecrets: hpkeCiphertext }),
  ),
  encryptedGroupInfo: longBytes,
});
export const groupSecrets: fc.Arbitrary<wire.GroupSecrets> = record<wire.GroupSecrets>({
  joinerSecret: bytes,
  pathSecret: fc.option(
    bytes.map((pathSecret) => ({ pathSecret })),
    { nil: undefined },
  ),
  psks: list(pskId),
});

/** Entries of components, in the order of their ids. */
function ascending<T extends { readonly componentId: number }>(entry: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc
    .uniqueArray(entry, { maxLength: 4, selector: ({ componentId }) => componentId })
    .map((entries) => entries.sort((a, b) => a.componentId - b.componentId));
}
export const componentData = record<wire.ComponentData>({ componentId: uint16, data: bytes });
export const appDataDictionary = ascending(componentData);
export const safeAad = ascending(record<wire.SafeAadItem>({ componentId: uint16, aadItemData: bytes }));
export const componentOperationLabel = record<wire.ComponentOperationLabel>({
  baseLabel: bytes,
  componentId: uint16,
  label: bytes,
});
export const appDataUpdate: fc.Arbitrary<wire.AppDataUpdate> = fc.oneof(
  fc.tuple(uint16, bytes).map(([componentId, update]) => ({ componentId, operation: 1 as const, update })),
  uint16.map((componentId) => ({ componentId, operation: 2 as const })),
);
export const appEphemeral = record<wire.AppEphemeral>({ componentId: uint16, data: bytes });
export const draftProposal: fc.Arbitrary<wire.DraftProposal> = fc.oneof(
  appDataUpdate.map((body) => ({ kind: 'app-data-update' as const, body })),
  appEphemeral.map((body) => ({ kind: 'app-ephemeral' as const, body })),
  fc.constant({ kind: 'self-remove' as const, body: {} }),
);

export const mlsMessage: fc.Arbitrary<wire.MlsMessage> = fc
  .oneof(
    publicMessage.map((value) => ({ wireFormat: 1 as const, publicMessage: value })),
    privateMessage.map((value) => ({ wireFormat: 2 as const, privateMessage: value })),
    welcome.map((value) => ({ wireFormat: 3 as const, welcome: value })),
    groupInfo.map((value) => ({ wireFormat: 4 as const, groupInfo: value })),
    keyPackage.map((value) => ({ wireFormat: 5 as const, keyPackage: value })),
  )
  .map((body) => ({ version: 1 as const, ...body }));

/** One codec with the values it carries. */
export interface WireCase<T = unknown> {
  readonly name: string;
  readonly codec: Codec<T>;
  readonly arbitrary: fc.Arbitrary<T>;
}

function wireCase<T>(name: string, codec: Codec<T>, arbitrary: fc.Arbitrary<T>): WireCase {
  return { name, codec: codec as Codec<unknown>, arbitrary };
}

/** Every codec that `src/wire/index.ts` exports, under the name of its export. */
export const EXPORTED: readonly WireCase[] = [
  wireCase('HpkeCiphertext', wire.HpkeCiphertext, hpkeCiphertext),
  wireCase('UpdatePath', wire.UpdatePath, updatePath),
  wireCase('Commit', wire.Commit, commit),
  wireCase('FramedContent', wire.FramedContent, framedContent),
  wireCase('AuthenticatedContent', wire.AuthenticatedContent, authenticatedContent),
  wireCase('Credential', wire.Credential, credential),
  wireCase('uint16List', wire.uint16List, uint16List),
  wireCase('ApplicationId', wire.ApplicationId, applicationId),
  wireCase('RequiredCapabilities', wire.RequiredCapabilities, requiredCapabilities),
  wireCase('ExternalPub', wire.ExternalPub, externalPub),
  wireCase('ExternalSenders', wire.ExternalSenders, externalSenders),
  wireCase('GroupContext', wire.GroupContext, groupContext),
  wireCase('GroupInfoContent', wire.GroupInfoContent, groupInfoContent),
  wireCase('GroupInfo', wire.GroupInfo, groupInfo),
  wireCase('ProtocolVersion', wire.ProtocolVersion, fc.constant(1)),
  wireCase('KeyPackageContent', wire.KeyPackageContent, keyPackageContent),
  wireCase('KeyPackage', wire.KeyPackage, keyPackage),
  wireCase('LeafNodeContent', wire.LeafNodeContent, leafNodeContent),
  wireCase('LeafNode', wire.LeafNode, leafNode),
  wireCase('PublicMessage', wire.PublicMessage, publicMessage),
  wireCase('PrivateMessage', wire.PrivateMessage, privateMessage),
  wireCase('SenderData', wire.SenderData, senderData),
  wireCase('MlsMessage', wire.MlsMessage, mlsMessage),
  wireCase('Proposal', wire.Proposal, proposal),
  wireCase('PreSharedKeyId', wire.PreSharedKeyId, pskId),
  wireCase(
    'PskLabel',
    wire.PskLabel,
    record<wire.PskLabel>({ id: pskId, index: fc.nat(0xffff), count: fc.nat(0xffff) }),
  ),
  wireCase('ParentNode', wire.ParentNode, parentNode),
  wireCase<wire.TreeNode>(
    'TreeNode',
    wire.TreeNode,
    fc.oneof(
      leafNode.map((value) => ({ nodeType: 1 as const, leafNode: value })),
      parentNode.map((value) => ({ nodeType: 2 as const, parentNode: value })),
    ),
  ),
  wireCase<wire.Decoded<typeof wire.RatchetTree>>('RatchetTree', wire.RatchetTree, ratchetTree),
  wireCase('Welcome', wire.Welcome, welcome),
  wireCase('GroupSecrets', wire.GroupSecrets, groupSecrets),
  wireCase('ComponentId', wire.ComponentId, uint16),
  wireCase('ComponentData', wire.ComponentData, componentData),
  wireCase<wire.AppDataDictionary>('AppDataDictionary', wire.AppDataDictionary, appDataDictionary),
  wireCase<wire.ComponentsList>('ComponentsList', wire.ComponentsList, uint16List),
  wireCase<wire.SafeAad>('SafeAad', wire.SafeAad, safeAad),
  wireCase('ComponentOperationLabel', wire.ComponentOperationLabel, componentOperationLabel),
  wireCase('AppDataUpdate', wire.AppDataUpdate, appDataUpdate),
  wireCase('AppEphemeral', wire.AppEphemeral, appEphemeral),
  wireCase<wire.SelfRemove>('SelfRemove', wire.SelfRemove, fc.constant({})),
];

function contentBody(contentType: 1 | 2 | 3): Codec<wire.Content> {
  return {
    read: (reader: Reader) => wire.readContentBody(reader, contentType),
    write: (writer: Writer, value: wire.Content) => wire.writeContentBody(writer, value),
  };
}
function authData(contentType: 1 | 2 | 3): Codec<wire.FramedContentAuthData> {
  return {
    read: (reader: Reader) => wire.readAuthData(reader, contentType),
    write: (writer: Writer, value) => wire.writeAuthData(writer, contentType, value),
  };
}
const ofType = (contentType: 1 | 2 | 3) => content.filter((value) => value.contentType === contentType);

/** Every codec there is: the exported ones, and those that depend on something outside the bytes. */
export const WIRE_CASES: readonly WireCase[] = [
  ...EXPORTED,
  wireCase('extensionList(leaf)', wire.extensionList(wire.LEAF_BODIES), leafExtensions),
  wireCase('extensionList(context)', wire.extensionList(wire.CONTEXT_BODIES), contextExtensions),
  wireCase('extensionList(none)', wire.extensionList(new Map()), packageExtensions),
  wireCase('content body(application)', contentBody(1), ofType(1)),
  wireCase('content body(proposal)', contentBody(2), ofType(2)),
  wireCase('content body(commit)', contentBody(3), ofType(3)),
  wireCase(
    'auth data(application)',
    authData(1),
    bytes.map((signature) => ({ signature, confirmationTag: undefined })),
  ),
  wireCase(
    'auth data(commit)',
    authData(3),
    fc.tuple(bytes, bytes).map(([signature, confirmationTag]) => ({ signature, confirmationTag })),
  ),
];

/** Values of a case, the same for the same seed. */
export function samplesOf(wireCase: WireCase, count: number, seed: number): unknown[] {
  return fc.sample(wireCase.arbitrary, { numRuns: count, seed });
}

/** Encodings of values of a case, the same for the same seed. */
export function encodedSamples(wireCase: WireCase, count: number, seed: number): Uint8Array[] {
  return samplesOf(wireCase, count, seed).map((value) => encode(wireCase.codec, value));
}

/** Any byte string, with a leaning towards the bytes that mean something in this format. */
export const anyBytes: fc.Arbitrary<Uint8Array> = fc
  .array(fc.oneof(byte, fc.nat(5), fc.constantFrom(0x40, 0x80, 0xc0, 0xff)), { maxLength: 80 })
  .map((values) => Uint8Array.from(values));
