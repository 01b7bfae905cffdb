/** External commits (RFC 9420 §12.4.3.2) and proposals from outside (§12.1.8). */

import type { LeafIndex } from '../base/brand.ts';
import { EMPTY, equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { KeyPair } from '../crypto/provider.ts';
import { sealExternalInit } from '../schedule/exporter.ts';
import { interimTranscriptHash } from '../schedule/transcript.ts';
import { signLeaf } from '../tree/leafNode.ts';
import { type DraftPath, draftPath, draftPrivatePath } from '../tree/path.ts';
import type { PrivatePath } from '../tree/privatePath.ts';
import { firstBlank, leaves, type Tree, withPlace } from '../tree/tree.ts';
import type { UpdatePath } from '../wire/commit.ts';
import type { Credential } from '../wire/credential.ts';
import { type Extension, ExternalPub, extensionBody } from '../wire/extension.ts';
import type { GroupContext } from '../wire/groupContext.ts';
import type { GroupInfo } from '../wire/groupInfo.ts';
import type { Proposal } from '../wire/proposal.ts';
import { ContentType, ExtensionType, LeafSource, ProposalType, SenderType } from '../wire/registry.ts';
import { type Applied, applyProposals } from './applyProposals.ts';
import { validateNextTree } from './bounds.ts';
import { listing, ownCapabilities } from './capabilities.ts';
import { firstState } from './create.ts';
import { type Environment, ownLeafExtensions } from './environment.ts';
import { treeOf, validateGroupInfo } from './groupInfo.ts';
import type { OwnKeyPackage } from './keyPackage.ts';
import { leavingItem } from './leaving.ts';
import { deriveNextEpoch, enterEpoch, lookUpPsks, provisionalContext } from './nextEpoch.ts';
import { type RulesEpoch, validateProposalList } from './proposalRules.ts';
import { makePlainProposal, type NewProposal } from './proposals.ts';
import { framedAad, protectFromOutside, type SignedContent, signAsOutsider } from './protect.ts';
import { requireMayCommit } from './rules.ts';
import { commitOver, sealUpdatePath } from './sendCommit.ts';
import type { GroupState, ProposalItem } from './state.ts';

/** Who joins, and how. */
export interface ExternalJoiner {
  readonly credential: Credential;
  readonly signer: KeyPair;
  /** Replace the leaf that has our signature key: we lost our state. */
  readonly resync?: boolean | undefined;
  /** PSKs to mix in (§12.2): of `externalPsk` and `resumptionPsk`. */
  readonly psks?: readonly NewProposal[] | undefined;
  /** Proposals of members that are leaving (extensions draft §6.3), as MLSMessages: to be fetched with the GroupInfo. */
  readonly leaving?: readonly Uint8Array[] | undefined;
  /** Extensions of our leaf node. @defaultValue those that the client has for all of them */
  readonly leafExtensions?: readonly Extension[] | undefined;
  /** Authenticated with the commit, in the clear. */
  readonly authenticatedData?: Uint8Array | undefined;
}

/** An external commit, and the state it leads to once the group has taken it. */
export interface ExternalJoin {
  readonly message: Uint8Array;
  readonly state: GroupState;
  readonly spent: readonly Uint8Array[];
}

/**
 * Join a group from its GroupInfo.
 * @param ratchetTree encoded, when the GroupInfo does not carry it
 * @throws `validation.group-info` without external_pub, and what checking the GroupInfo throws
 */
export function joinExternally(
  env: Environment,
  groupInfo: GroupInfo,
  joiner: ExternalJoiner,
  ratchetTree: Uint8Array | undefined,
): ExternalJoin {
  const { suite } = env;
  const tree = treeOf(env, groupInfo, ratchetTree);
  validateGroupInfo(env, groupInfo, tree);
  const { groupContext: context, confirmationTag } = groupInfo;
  const { kemOutput, initSecret } = sealExternalInit(suite, externalPubOf(groupInfo), env.random);
  const items = [
    ...joinProposals(env, tree, joiner, kemOutput).map(inline),
    ...(joiner.leaving ?? []).map((message) => leavingItem(env, { context, tree }, message)),
  ];
  const applied = applyOwn(env, { context, tree }, items, joiner);
  const psks = lookUpPsks(env, applied.psks);
  const { draft, leaf: self, privatePath } = takeSeat(env, context, applied, joiner);
  const provisional = provisionalContext(suite, context, draft.tree, applied.extensions);
  const path = sealUpdatePath(env, draft, applied, provisional);
  const signed = signJoin(env, context, joiner, { items, path });
  const interimHash = interimTranscriptHash(suite, context.confirmedTranscriptHash, confirmationTag);
  const { commitSecret, pathSecrets } = draft;
  const made = { provisional, commitSecret, psks };
  const keys = deriveNextEpoch(suite, { interimHash, initSecret }, signed, made);
  const member = { tree: draft.tree, self, privatePath, signer: joiner.signer };
  return {
    message: protectFromOutside(env, signed, keys.confirmationTag),
    state: firstState(enterEpoch(keys, member)),
    spent: [initSecret, keys.joinerSecret, commitSecret, ...pathSecrets],
  };
}

function inline(proposal: Proposal): ProposalItem {
  return { proposal, sender: { kind: 'new-member' }, ref: undefined };
}

/** Check and apply a joiner's own list. @throws `validation.*`, `policy.external-commit` */
function applyOwn(
  env: Environment,
  old: RulesEpoch,
  items: readonly ProposalItem[],
  joiner: ExternalJoiner,
): Applied {
  const committer = { kind: 'external' } as const;
  const { credential, signer, authenticatedData: data } = joiner;
  const extensions = ownLeafExtensions(env, joiner.leafExtensions);
  const leafNode = { credential, signatureKey: signer.publicKey, extensions };
  validateProposalList(env, old, items, committer);
  const authenticatedData = framedAad(env, old.context, data);
  requireMayCommit(env, old, items, { committer, leafNode, authenticatedData });
  return applyProposals(env, old, items);
}

function signJoin(
  env: Environment,
  context: GroupContext,
  { signer, authenticatedData = EMPTY }: ExternalJoiner,
  { items, path }: { readonly items: readonly ProposalItem[]; readonly path: UpdatePath },
): SignedContent {
  const commit = commitOver(items, path);
  const sender = { senderType: SenderType.newMemberCommit } as const;
  const from = { sender, secretKey: signer.secretKey, authenticatedData };
  return signAsOutsider(env, context, from, { contentType: ContentType.commit, commit });
}

/** A would-be member's proposal to be added (§12.1.8), as an MLSMessage. */
export function requestAdd(env: Environment, context: GroupContext, own: OwnKeyPackage): Uint8Array {
  const from = {
    sender: { senderType: SenderType.newMemberProposal },
    secretKey: own.signer.secretKey,
  } as const;
  const proposal = { proposalType: ProposalType.add, keyPackage: own.keyPackage } as const;
  const signed = signAsOutsider(env, context, from, { contentType: ContentType.proposal, proposal });
  return protectFromOutside(env, signed, undefined);
}

/** The joiner's place in the tree after proposals (§12.4.1), with its new path. */
function takeSeat(
  env: Environment,
  { groupId }: GroupContext,
  applied: Applied,
  joiner: ExternalJoiner,
): { readonly leaf: LeafIndex; readonly draft: DraftPath; readonly privatePath: PrivatePath } {
  const { suite, random } = env;
  const { credential, signer } = joiner;
  const leafExtensions = ownLeafExtensions(env, joiner.leafExtensions);
  const leaf = firstBlank(applied.tree);
  const encryption = suite.deriveKeyPair(random(suite.sizes.kemSeed));
  const makeLeaf = (parentHash: Uint8Array) => {
    const content = {
      encryptionKey: encryption.publicKey,
      signatureKey: signer.publicKey,
      credential,
      capabilities: listing(ownCapabilities(env), leafExtensions),
      source: { leafNodeSource: LeafSource.commit, parentHash },
      extensions: leafExtensions,
    };
    return signLeaf(suite, content, signer.secretKey, { groupId, leaf });
  };
  const draft = draftPath(suite, withPlace(applied.tree, leaf), leaf, { random, makeLeaf });
  validateNextTree(env, draft.tree, applied.extensions);
  return { leaf, draft, privatePath: draftPrivatePath(draft, leaf, encryption) };
}

/** @throws `validation.group-info` */
function externalPubOf({ extensions }: GroupInfo): Uint8Array {
  const body = extensionBody(extensions, ExtensionType.externalPub, ExternalPub);
  return body?.externalPub ?? fail('validation.group-info', { missing: 'external_pub' });
}

function joinProposals(
  env: Environment,
  tree: Tree,
  { resync = false, signer, psks = [] }: ExternalJoiner,
  kemOutput: Uint8Array,
): readonly Proposal[] {
  const init = { proposalType: ProposalType.externalInit, kemOutput } as const;
  const others = psks.map((input) => {
    if (input.kind === 'external-psk' || input.kind === 'resumption-psk')
      return makePlainProposal(env, input);
    return fail('validation.external-commit', { input: input.kind });
  });
  return resync ? [init, removalOf(tree, signer), ...others] : [init, ...others];
}

/** The removal of our former leaf. @throws `validation.external-commit` when there is none */
function removalOf(tree: Tree, { publicKey }: KeyPair): Proposal {
  for (const [leaf, node] of leaves(tree.root)) {
    if (equal(node.signatureKey, publicKey)) return { proposalType: ProposalType.remove, removed: leaf };
  }
  return fail('validation.external-commit', { missing: 'own leaf' });
}
