/**
 * An insider who breaks rules: builds any message of a group correctly signed, hashed and tagged, but for what a tweak
 * changes. Nothing is validated here. Tree hash, parent hashes, transcript, key schedule, confirmation and membership
 * tag follow from whatever was tweaked, so that a test breaks the one rule that it is about.
 */

import { type LeafIndex, leafIndex, type NodeIndex } from '../../src/base/brand.ts';
import { EMPTY } from '../../src/base/bytes.ts';
import { encode } from '../../src/codec/codec.ts';
import { encryptWithLabel, signWithLabel } from '../../src/crypto/labels.ts';
import type { KeyPair } from '../../src/crypto/provider.ts';
import { framedContentTbs, proposalRef, signContent } from '../../src/framing/authentic.ts';
import { ownCapabilities } from '../../src/group/capabilities.ts';
import type { Environment } from '../../src/group/environment.ts';
import { keyPackageRef, type OwnKeyPackage } from '../../src/group/keyPackage.ts';
import {
  deriveNextEpoch,
  type EpochKeys,
  enterEpoch,
  epochFromJoiner,
  lookUpPsks,
  provisionalContext,
} from '../../src/group/nextEpoch.ts';
import { authenticated, mlsMessage, protect, type SignedContent } from '../../src/group/protect.ts';
import type {
  CachedProposal,
  GroupState,
  NextEpoch,
  ProposalItem,
  ProposalSender,
} from '../../src/group/state.ts';
import { deriveWelcomeSecret, externalKeyPair, welcomeKeys } from '../../src/schedule/epoch.ts';
import { sealExternalInit } from '../../src/schedule/exporter.ts';
import { type Psk, pskSecret } from '../../src/schedule/psk.ts';
import { interimTranscriptHash } from '../../src/schedule/transcript.ts';
import { treeHash } from '../../src/tree/hash.ts';
import { type LeafPlace, signLeaf } from '../../src/tree/leafNode.ts';
import { commonAncestor, leafNodeIndex } from '../../src/tree/math.ts';
import { pathParentHashes } from '../../src/tree/parentHash.ts';
import {
  nextPathSecret,
  nodeKeyPair,
  type PrivatePath,
  prunePrivatePath,
} from '../../src/tree/privatePath.ts';
import { filteredPath, type PathStep, resolution } from '../../src/tree/resolve.ts';
import {
  addLeaf,
  blankLeaf,
  firstBlank,
  leafAt,
  setLeaf,
  type Tree,
  treeFromNodes,
  treeToNodes,
  truncate,
  updateLeaf,
  withPlace,
} from '../../src/tree/tree.ts';
import type { Commit, HpkeCiphertext, UpdatePath } from '../../src/wire/commit.ts';
import type { Content, FramedContent, Sender } from '../../src/wire/content.ts';
import type { Credential } from '../../src/wire/credential.ts';
import { type Extension, ExternalPub, makeExtension } from '../../src/wire/extension.ts';
import { GroupContext } from '../../src/wire/groupContext.ts';
import { GroupInfo, GroupInfoContent } from '../../src/wire/groupInfo.ts';
import { type KeyPackage, KeyPackageContent } from '../../src/wire/keyPackage.ts';
import type { LeafNode, LeafNodeContent } from '../../src/wire/leafNode.ts';
import { isKnownProposal, type Proposal } from '../../src/wire/proposal.ts';
import type { PreSharedKeyId } from '../../src/wire/psk.ts';
import {
  ContentType,
  ExtensionType,
  LeafSource,
  MLS10,
  ProposalType,
  SenderType,
  WireFormat,
} from '../../src/wire/registry.ts';
import { withSignature } from '../../src/wire/signed.ts';
import { RatchetTree, type TreeNode } from '../../src/wire/treeNode.ts';
import { GroupSecrets, type Welcome } from '../../src/wire/welcome.ts';

type Change<T> = (value: T) => T;

/** Who somebody is: what a KeyPackage or a leaf presents. */
export interface Identity {
  readonly credential: Credential;
  readonly signer: KeyPair;
}

/** How a leaf node is to be wrong. */
export interface LeafTweaks {
  /** Before signing. */
  readonly leaf?: Change<LeafNodeContent> | undefined;
  /** Key that signs the leaf. @defaultValue the one that belongs to its signature key */
  readonly leafSecretKey?: Uint8Array | undefined;
  /** Where the leaf claims to stand. */
  readonly place?: Change<LeafPlace> | undefined;
  /** After signing. */
  readonly signedLeaf?: Change<LeafNode> | undefined;
}

export interface KeyPackageTweaks extends LeafTweaks {
  readonly content?: Change<KeyPackageContent>;
  readonly secretKey?: Uint8Array;
  readonly signed?: Change<KeyPackage>;
  readonly init?: KeyPair;
  readonly encryption?: KeyPair;
}

/** A fresh HPKE key pair. */
export function kemPair({ suite, random }: Environment): KeyPair {
  return suite.deriveKeyPair(random(suite.sizes.kemSeed));
}

/** A fresh signature key pair. */
export function signaturePair({ suite, random }: Environment): KeyPair {
  return suite.signatureKeyPair(random(suite.sizes.signatureSeed));
}

/** A KeyPackage, correct but for the tweaks. */
export function forgeKeyPackage(
  env: Environment,
  { credential, signer }: Identity,
  tweaks: KeyPackageTweaks = {},
): OwnKeyPackage {
  const { suite } = env;
  const init = tweaks.init ?? kemPair(env);
  const encryption = tweaks.encryption ?? kemPair(env);
  const now = BigInt(env.clock());
  const template: LeafNodeContent = {
    encryptionKey: encryption.publicKey,
    signatureKey: signer.publicKey,
    credential,
    capabilities: ownCapabilities(env),
    source: {
      leafNodeSource: LeafSource.keyPackage,
      lifetime: { notBefore: now - 10n, notAfter: now + 1000n },
    },
    extensions: [],
  };
  const leafNode = forgeLeaf(env, template, signer, undefined, tweaks);
  const plain = {
    version: MLS10,
    cipherSuite: suite.id,
    initKey: init.publicKey,
    leafNode,
    extensions: [],
  } as const;
  const content = apply(tweaks.content, plain);
  const made = withSignature(KeyPackageContent, content, (tbs) =>
    signWithLabel(suite, tweaks.secretKey ?? signer.secretKey, 'KeyPackageTBS', tbs),
  );
  const keyPackage = apply(tweaks.signed, made);
  return { keyPackage, ref: keyPackageRef(suite, keyPackage), init, encryption, signer, reusable: false };
}

/** As an MLSMessage. */
export function keyPackageMessage({ keyPackage }: Pick<OwnKeyPackage, 'keyPackage'>): Uint8Array {
  return mlsMessage({ wireFormat: WireFormat.keyPackage, keyPackage });
}

/** A new leaf node for the member at `state.epoch.self`, as an Update would carry it. */
export function forgeUpdateLeaf(
  env: Environment,
  { epoch }: GroupState,
  tweaks: LeafTweaks & { readonly encryption?: KeyPair } = {},
): LeafNode {
  const current = leafAt(epoch.tree, epoch.self) as LeafNode;
  const encryption = tweaks.encryption ?? kemPair(env);
  const template = {
    ...contentOf(current),
    encryptionKey: encryption.publicKey,
    source: { leafNodeSource: LeafSource.update },
  } as const;
  const place = { groupId: epoch.context.groupId, leaf: epoch.self };
  return forgeLeaf(env, template, epoch.signer, place, tweaks);
}

function forgeLeaf(
  env: Environment,
  template: LeafNodeContent,
  signer: KeyPair,
  place: LeafPlace | undefined,
  tweaks: LeafTweaks,
): LeafNode {
  const content = apply(tweaks.leaf, template);
  const at = apply(tweaks.place, place ?? { groupId: EMPTY, leaf: leafIndex(0) });
  return apply(tweaks.signedLeaf, signLeaf(env.suite, content, tweaks.leafSecretKey ?? signer.secretKey, at));
}

/** How a framed message is to be wrong. */
export interface FrameTweaks {
  /** @defaultValue 'public' */
  readonly handshake?: 'public' | 'private' | undefined;
  /** Before signing: group id, epoch, sender, authenticated data. */
  readonly framed?: Change<FramedContent>;
  /** Key that signs the content. @defaultValue the sender's */
  readonly secretKey?: Uint8Array;
  /** The GroupContext that is signed. @defaultValue the epoch's */
  readonly signedContext?: GroupContext;
  readonly signature?: Change<Uint8Array>;
}

function sign(
  env: Environment,
  context: GroupContext,
  from: { readonly sender: Sender; readonly secretKey: Uint8Array },
  content: Content,
  tweaks: FrameTweaks,
): SignedContent {
  const plain = {
    groupId: context.groupId,
    epoch: context.epoch,
    sender: from.sender,
    authenticatedData: EMPTY,
    content,
  };
  const framed = apply(tweaks.framed, plain);
  const wireFormat = tweaks.handshake === 'private' ? WireFormat.privateMessage : WireFormat.publicMessage;
  const tbs = framedContentTbs(wireFormat, framed, GroupContext.bytes(tweaks.signedContext ?? context));
  const signature = signContent(env.suite, tweaks.secretKey ?? from.secretKey, tbs);
  return { wireFormat, content: framed, tbs, signature: apply(tweaks.signature, signature) };
}

/** A proposal message, and what its receivers would store. */
export interface ForgedProposal {
  readonly message: Uint8Array;
  readonly item: CachedProposal;
}

/** A proposal message from a member, or from outside when `from` says so. */
export function forgeProposal(
  env: Environment,
  state: GroupState,
  proposal: Proposal,
  tweaks: FrameTweaks & {
    readonly from?: { readonly sender: Sender; readonly secretKey: Uint8Array };
    readonly ownKeys?: CachedProposal['ownKeys'];
  } = {},
): ForgedProposal {
  const { epoch } = state;
  const member = { senderType: SenderType.member, leafIndex: epoch.self } as const;
  const from = tweaks.from ?? { sender: member, secretKey: epoch.signer.secretKey };
  const signed = sign(env, epoch.context, from, { contentType: ContentType.proposal, proposal }, tweaks);
  const { message } = protect(env, state, signed, undefined);
  const ref = proposalRef(env.suite, authenticated(signed, undefined));
  const sender = senderOf(signed.content.sender);
  return { message, item: { proposal, sender, ref, ownKeys: tweaks.ownKeys } };
}

function senderOf(sender: Sender): ProposalSender {
  if (sender.senderType === SenderType.member) return { kind: 'member', leaf: leafIndex(sender.leafIndex) };
  if (sender.senderType === SenderType.external) return { kind: 'external', index: sender.senderIndex };
  return { kind: 'new-member' };
}

/** How an UpdatePath is to be wrong. Positions count the nodes of the filtered path from the leaf up. */
export interface PathTweaks extends LeafTweaks {
  /** Key pair of the new leaf. */
  readonly encryption?: KeyPair;
  /** Signer of the new leaf, if it is to be another one. */
  readonly signer?: KeyPair;
  /** Key pair of a node: hashes above and below follow. */
  readonly keyPair?: (pair: KeyPair, position: number) => KeyPair;
  /** What is encrypted to one target. */
  readonly secret?: (secret: Uint8Array, position: number, target: number) => Uint8Array;
  readonly ciphertext?: (sealed: HpkeCiphertext, position: number, target: number) => HpkeCiphertext;
  /** Leaves that get no ciphertext. @defaultValue those added */
  readonly unserved?: ReadonlySet<number>;
  /** When everything else is done, with tree and hashes as they were. */
  readonly path?: Change<UpdatePath>;
}

/** How a commit is to be wrong. */
export interface CommitTweaks extends FrameTweaks {
  readonly omitPath?: boolean;
  readonly update?: PathTweaks;
  /** Before signing. */
  readonly commit?: Change<Commit>;
  readonly tag?: Change<Uint8Array>;
  readonly provisional?: Change<GroupContext>;
  readonly commitSecret?: Change<Uint8Array>;
  readonly initSecret?: Change<Uint8Array>;
}

/** A commit, and the epoch it would make. */
export interface Forged {
  readonly message: Uint8Array;
  readonly next: NextEpoch;
  readonly keys: EpochKeys;
  readonly psks: readonly Psk[];
  readonly added: readonly { readonly leaf: LeafIndex; readonly keyPackage: KeyPackage }[];
  readonly pathSecrets: ReadonlyMap<NodeIndex, Uint8Array>;
}

/** Where a commit starts from, as its maker sees it. */
interface Base {
  readonly context: GroupContext;
  readonly tree: Tree;
  readonly sender: Sender;
  /** Leaf of the committer, once the proposals are applied. */
  readonly place: (tree: Tree) => LeafIndex;
  readonly leaf: LeafNodeContent;
  readonly signer: KeyPair;
  readonly initSecret: Uint8Array;
  readonly interimHash: Uint8Array;
  readonly privatePath: PrivatePath;
  readonly psks: (ids: readonly PreSharedKeyId[]) => Psk[];
}

/** A commit by a member over any list. */
export function forgeCommit(
  env: Environment,
  state: GroupState,
  items: readonly ProposalItem[],
  tweaks: CommitTweaks = {},
): Forged {
  const { epoch } = state;
  const base: Base = {
    context: epoch.context,
    tree: epoch.tree,
    sender: { senderType: SenderType.member, leafIndex: epoch.self },
    place: () => epoch.self,
    leaf: contentOf(leafAt(epoch.tree, epoch.self) as LeafNode),
    signer: epoch.signer,
    initSecret: epoch.secrets.initSecret,
    interimHash: epoch.interimHash,
    privatePath: epoch.privatePath,
    psks: (ids) => lookUpPsks(env, ids, state),
  };
  const made = build(env, base, items, tweaks);
  const { message } = protect(env, state, made.signed, made.tag);
  return { ...made, message };
}

/** How an external commit is to be wrong. */
export interface ExternalTweaks extends CommitTweaks {
  /** The list, which has one ExternalInit. */
  readonly items?: Change<readonly ProposalItem[]>;
  readonly kemOutput?: Change<Uint8Array>;
}

/** A commit from outside, made from what a GroupInfo tells: here read from a member's state. */
export function forgeExternalCommit(
  env: Environment,
  { epoch }: GroupState,
  joiner: Identity,
  tweaks: ExternalTweaks = {},
): Forged {
  const { suite, random } = env;
  const { publicKey } = externalKeyPair(suite, epoch.secrets.externalSecret);
  const { kemOutput, initSecret } = sealExternalInit(suite, publicKey, random);
  const init = { proposalType: ProposalType.externalInit, kemOutput: apply(tweaks.kemOutput, kemOutput) };
  const sender = { kind: 'new-member' } as const;
  const items = apply(tweaks.items, [{ proposal: init, sender, ref: undefined }]);
  const base: Base = {
    context: epoch.context,
    tree: epoch.tree,
    sender: { senderType: SenderType.newMemberCommit },
    place: firstBlank,
    leaf: {
      encryptionKey: EMPTY,
      signatureKey: joiner.signer.publicKey,
      credential: joiner.credential,
      capabilities: ownCapabilities(env),
      source: { leafNodeSource: LeafSource.commit, parentHash: EMPTY },
      extensions: [],
    },
    signer: joiner.signer,
    initSecret,
    interimHash: interimTranscriptHash(suite, epoch.context.confirmedTranscriptHash, epoch.confirmationTag),
    privatePath: new Map(),
    psks: (ids) => lookUpPsks(env, ids),
  };
  const made = build(env, base, items, tweaks);
  const { content, auth } = authenticated(made.signed, made.tag);
  const publicMessage = { content, auth, membershipTag: undefined };
  return { ...made, message: mlsMessage({ wireFormat: WireFormat.publicMessage, publicMessage }) };
}

function build(
  env: Environment,
  base: Base,
  items: readonly ProposalItem[],
  tweaks: CommitTweaks,
): Omit<Forged, 'message'> & { readonly signed: SignedContent; readonly tag: Uint8Array } {
  const { suite } = env;
  const applied = applyAnyway(base, items);
  const self = base.place(applied.tree);
  const draft = tweaks.omitPath === true ? undefined : draftAnyway(env, base, applied, tweaks.update ?? {});
  const tree = draft?.tree ?? applied.tree;
  const plain = provisionalContext(suite, base.context, tree, applied.extensions);
  const provisional = apply(tweaks.provisional, plain);
  const path = draft && sealAnyway(env, draft, applied, provisional, tweaks.update ?? {});
  const proposals = items.map(({ proposal, ref }) =>
    ref === undefined ? ({ type: 1, proposal } as const) : ({ type: 2, reference: ref } as const),
  );
  const commit = apply(tweaks.commit, { proposals, path });
  const from = { sender: base.sender, secretKey: base.signer.secretKey };
  const signed = sign(env, base.context, from, { contentType: ContentType.commit, commit }, tweaks);
  const psks = base.psks(applied.psks);
  const commitSecret = apply(tweaks.commitSecret, draft?.commitSecret ?? new Uint8Array(suite.sizes.hash));
  const initSecret = apply(tweaks.initSecret, base.initSecret);
  const old = { interimHash: base.interimHash, initSecret };
  const keys = deriveNextEpoch(suite, old, signed, { provisional, commitSecret, psks });
  const privatePath = draft?.privatePath ?? prunePrivatePath(base.privatePath, tree);
  const signer = (draft && tweaks.update?.signer) ?? base.signer;
  const entered = enterEpoch(keys, { tree, self, privatePath, signer });
  const next = { ...entered, reinit: applied.reinit };
  const tag = apply(tweaks.tag, keys.confirmationTag);
  return {
    signed,
    tag,
    next,
    keys,
    psks,
    added: applied.added,
    pathSecrets: draft?.secretsByNode ?? new Map(),
  };
}

interface Applied {
  readonly tree: Tree;
  readonly extensions: readonly Extension[];
  readonly added: Forged['added'];
  readonly psks: readonly PreSharedKeyId[];
  readonly reinit: NextEpoch['reinit'];
}

/** §12.3 without a question asked. */
function applyAnyway({ context, tree: before }: Base, items: readonly ProposalItem[]): Applied {
  let tree = before;
  let { extensions } = context;
  let reinit: NextEpoch['reinit'];
  const psks: PreSharedKeyId[] = [];
  const added: { leaf: LeafIndex; keyPackage: KeyPackage }[] = [];
  const each = (visit: (proposal: Exclude<Proposal, { body: Uint8Array }>, item: ProposalItem) => void) => {
    for (const item of items) if (isKnownProposal(item.proposal)) visit(item.proposal, item);
  };
  each((proposal) => {
    if (proposal.proposalType === ProposalType.groupContextExtensions) extensions = proposal.extensions;
    if (proposal.proposalType === ProposalType.psk) psks.push(proposal.psk);
    if (proposal.proposalType === ProposalType.reinit) reinit = proposal;
  });
  each((proposal, { sender }) => {
    if (proposal.proposalType !== ProposalType.update || sender.kind !== 'member') return;
    tree = updateLeaf(tree, sender.leaf, proposal.leafNode);
  });
  each((proposal) => {
    if (proposal.proposalType !== ProposalType.remove || proposal.removed >= tree.width) return;
    tree = blankLeaf(tree, leafIndex(proposal.removed));
  });
  tree = truncate(tree);
  each((proposal) => {
    if (proposal.proposalType !== ProposalType.add) return;
    const placed = addLeaf(tree, proposal.keyPackage.leafNode);
    tree = placed.tree;
    added.push({ leaf: placed.leaf, keyPackage: proposal.keyPackage });
  });
  return { tree, extensions, added, psks, reinit };
}

interface Draft {
  readonly tree: Tree;
  readonly leafNode: LeafNode;
  readonly steps: readonly PathStep[];
  readonly keyPairs: readonly KeyPair[];
  readonly pathSecrets: readonly Uint8Array[];
  readonly commitSecret: Uint8Array;
  readonly privatePath: PrivatePath;
  readonly secretsByNode: ReadonlyMap<NodeIndex, Uint8Array>;
}

/** §7.4 with the pairs one likes. */
function draftAnyway(env: Environment, base: Base, applied: Applied, tweaks: PathTweaks): Draft {
  const { suite, random } = env;
  const leaf = base.place(applied.tree);
  const tree = withPlace(applied.tree, leaf);
  const steps = filteredPath(tree, leaf);
  const pathSecrets: Uint8Array[] = [];
  let secret = random(suite.sizes.hash);
  for (let i = 0; i < steps.length; i++) {
    pathSecrets.push(secret);
    secret = nextPathSecret(suite, secret);
  }
  const keyPairs = pathSecrets.map((one, i) => {
    const pair = nodeKeyPair(suite, one);
    return tweaks.keyPair?.(pair, i) ?? pair;
  });
  const keys = keyPairs.map((pair) => pair.publicKey);
  const hashes = pathParentHashes(suite, steps, keys);
  const encryption = tweaks.encryption ?? kemPair(env);
  const signer = tweaks.signer ?? base.signer;
  const template: LeafNodeContent = {
    ...base.leaf,
    encryptionKey: encryption.publicKey,
    signatureKey: signer.publicKey,
    source: { leafNodeSource: LeafSource.commit, parentHash: hashes.leaf },
  };
  const leafNode = forgeLeaf(env, template, signer, { groupId: base.context.groupId, leaf }, tweaks);
  const position = new Map(steps.map((step, i) => [step.node, i]));
  const merged = setLeaf(tree, leaf, leafNode, (_, node) => {
    const i = position.get(node);
    return i === undefined
      ? undefined
      : {
          encryptionKey: keys[i] as Uint8Array,
          parentHash: hashes.nodes[i] as Uint8Array,
          unmergedLeaves: [],
        };
  });
  const pairs = steps.map((step, i) => [step.node, keyPairs[i] as KeyPair] as const);
  const privatePath = new Map([[leafNodeIndex(leaf), encryption] as const, ...pairs]);
  const secretsByNode = new Map(steps.map((step, i) => [step.node, pathSecrets[i] as Uint8Array]));
  return {
    tree: merged,
    leafNode,
    steps,
    keyPairs,
    pathSecrets,
    commitSecret: secret,
    privatePath,
    secretsByNode,
  };
}

/** §7.5 with whatever one likes inside. */
function sealAnyway(
  { suite, random }: Environment,
  draft: Draft,
  applied: Applied,
  provisional: GroupContext,
  tweaks: PathTweaks,
): UpdatePath {
  const unserved = tweaks.unserved ?? new Set<number>(applied.added.map(({ leaf }) => leaf));
  const context = GroupContext.bytes(provisional);
  const nodes = draft.steps.map((step, i) => ({
    encryptionKey: (draft.keyPairs[i] as KeyPair).publicKey,
    encryptedPathSecret: resolution(step.copath, unserved).map((entry, target) => {
      const plain = draft.pathSecrets[i] as Uint8Array;
      const secret = tweaks.secret?.(plain, i, target) ?? plain;
      const label = 'UpdatePathNode';
      const sealed = encryptWithLabel(suite, entry.encryptionKey, label, context, secret, random);
      return tweaks.ciphertext?.(sealed, i, target) ?? sealed;
    }),
  }));
  return apply(tweaks.path, { leafNode: draft.leafNode, nodes });
}

/** How a GroupInfo is to be wrong. */
export interface GroupInfoTweaks {
  /** The tree that it carries. `undefined`: none. */
  readonly nodes?: (nodes: (TreeNode | undefined)[]) => readonly (TreeNode | undefined)[] | undefined;
  /** Make the context agree with the tweaked tree. @defaultValue false */
  readonly rehash?: boolean;
  readonly context?: Change<GroupContext>;
  /** Before signing. */
  readonly info?: Change<GroupInfoContent>;
  readonly secretKey?: Uint8Array;
  readonly signature?: Change<Uint8Array>;
  /** Also an external_pub. */
  readonly externalPub?: Uint8Array;
}

/** A GroupInfo of an epoch, signed by its member `self`; `tag` confirms a context. */
export function forgeGroupInfo(
  env: Environment,
  { epoch }: Pick<GroupState, 'epoch'>,
  tweaks: GroupInfoTweaks = {},
  tag: (context: GroupContext) => Uint8Array = () => epoch.confirmationTag,
): GroupInfo {
  const { suite } = env;
  const all = treeToNodes(epoch.tree);
  const nodes = tweaks.nodes === undefined ? all : tweaks.nodes(all);
  const extensions: Extension[] = [];
  if (nodes !== undefined) extensions.push(makeExtension(ExtensionType.ratchetTree, RatchetTree, nodes));
  if (tweaks.externalPub !== undefined) {
    const body = { externalPub: tweaks.externalPub };
    extensions.push(makeExtension(ExtensionType.externalPub, ExternalPub, body));
  }
  const hash =
    tweaks.rehash === true && nodes !== undefined
      ? treeHash(suite, treeFromNodes(nodes).root)
      : epoch.context.treeHash;
  const groupContext = apply(tweaks.context, { ...epoch.context, treeHash: hash });
  const confirmationTag = tag(groupContext);
  const content = apply(tweaks.info, { groupContext, extensions, confirmationTag, signer: epoch.self });
  const made = withSignature(GroupInfoContent, content, (tbs) =>
    signWithLabel(suite, tweaks.secretKey ?? epoch.signer.secretKey, 'GroupInfoTBS', tbs),
  );
  return tweaks.signature === undefined ? made : { ...made, signature: tweaks.signature(made.signature) };
}

/** As an MLSMessage. */
export function groupInfoMessage(groupInfo: GroupInfo): Uint8Array {
  return mlsMessage({ wireFormat: WireFormat.groupInfo, groupInfo });
}

/** How a Welcome is to be wrong. The key schedule follows a tweaked context: the maker knows the joiner secret. */
export interface WelcomeTweaks extends GroupInfoTweaks {
  readonly secrets?: Change<GroupSecrets>;
  /** Encoded GroupSecrets, before sealing. */
  readonly secretBytes?: Change<Uint8Array>;
  /** Encoded GroupInfo, before sealing. */
  readonly infoBytes?: Change<Uint8Array>;
  readonly tag?: Change<Uint8Array>;
  readonly welcome?: Change<Welcome>;
  /** Key to which the secrets are sealed. @defaultValue the init key */
  readonly initKey?: Uint8Array;
}

/** The Welcome of a commit, for everybody it adds. */
export function forgeWelcome(env: Environment, forged: Forged, tweaks: WelcomeTweaks = {}): Uint8Array {
  const { suite, random } = env;
  const { keys, psks, next } = forged;
  const confirm = (context: GroupContext): Uint8Array =>
    apply(tweaks.tag, epochFromJoiner(suite, keys.joinerSecret, context, psks).confirmationTag);
  const groupInfo = forgeGroupInfo(env, next, tweaks, confirm);
  const welcomeSecret = deriveWelcomeSecret(suite, keys.joinerSecret, pskSecret(suite, psks));
  const { key, nonce } = welcomeKeys(suite, welcomeSecret);
  const infoBytes = apply(tweaks.infoBytes, GroupInfo.bytes(groupInfo).slice());
  const encryptedGroupInfo = suite.seal(key, nonce, EMPTY, infoBytes);
  const secrets = forged.added.map(({ leaf, keyPackage }) => {
    const pathSecret = forged.pathSecrets.get(commonAncestor(leaf, next.epoch.self));
    const plain = {
      joinerSecret: keys.joinerSecret,
      pathSecret: pathSecret && { pathSecret },
      psks: psks.map(({ id }) => id),
    };
    const bytes = apply(tweaks.secretBytes, encode(GroupSecrets, apply(tweaks.secrets, plain)));
    const initKey = tweaks.initKey ?? keyPackage.initKey;
    const newMember = keyPackageRef(suite, keyPackage);
    const sealed = encryptWithLabel(suite, initKey, 'Welcome', encryptedGroupInfo, bytes, random);
    return { newMember, encryptedGroupSecrets: sealed };
  });
  const welcome = apply(tweaks.welcome, { cipherSuite: suite.id, secrets, encryptedGroupInfo });
  return mlsMessage({ wireFormat: WireFormat.welcome, welcome });
}

/** The signed fields of a leaf. */
export function contentOf({ signature: _, ...content }: LeafNode): LeafNodeContent {
  return content;
}

function apply<T>(change: Change<T> | undefined, value: T): T {
  return change === undefined ? value : change(value);
}
