/** External commits (RFC 9420 §12.4.3.2) and proposals from outside (§12.1.8). */

import type { LeafIndex } from '../base/brand.ts';
import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { KeyPair } from '../crypto/provider.ts';
import { sealExternalInit } from '../schedule/exporter.ts';
import { interimTranscriptHash } from '../schedule/transcript.ts';
import { signLeaf } from '../tree/leafNode.ts';
import { type DraftPath, draftPath, draftPrivatePath } from '../tree/path.ts';
import type { PrivatePath } from '../tree/privatePath.ts';
import { firstBlank, leaves, type Tree, withPlace } from '../tree/tree.ts';
import { validateMutualSupport, validateUniqueKeys } from '../tree/validate.ts';
import type { Credential } from '../wire/credential.ts';
import { ExternalPub, extensionBody } from '../wire/extension.ts';
import type { GroupContext } from '../wire/groupContext.ts';
import type { GroupInfo } from '../wire/groupInfo.ts';
import type { Proposal } from '../wire/proposal.ts';
import { ContentType, ExtensionType, LeafSource, ProposalType, SenderType } from '../wire/registry.ts';
import { type Applied, applyProposals } from './applyProposals.ts';
import { ownCapabilities } from './capabilities.ts';
import { firstState } from './create.ts';
import type { Environment } from './environment.ts';
import { treeOf, validateGroupInfo } from './groupInfo.ts';
import { deriveNextEpoch, enterEpoch, provisionalContext } from './nextEpoch.ts';
import { validateProposalList } from './proposalRules.ts';
import { protectFromOutside, signAsOutsider } from './protect.ts';
import { sealUpdatePath } from './sendCommit.ts';
import type { GroupState, ProposalItem } from './state.ts';

/** Who joins, and how. */
export interface ExternalJoiner {
  readonly credential: Credential;
  readonly signer: KeyPair;
  /** Replace the leaf that has our signature key: we lost our state. */
  readonly resync: boolean;
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
  const oldTree = treeOf(env, groupInfo, ratchetTree);
  validateGroupInfo(env, groupInfo, oldTree);
  const old = { context: groupInfo.groupContext, tree: oldTree };
  const { kemOutput, initSecret } = sealExternalInit(suite, externalPubOf(groupInfo), env.random);
  const proposals = joinProposals(oldTree, joiner, kemOutput);
  const sender = { kind: 'new-member' } as const;
  const items = proposals.map((proposal): ProposalItem => ({ proposal, sender, ref: undefined }));
  validateProposalList(env, old, items, { kind: 'external' });
  const applied = applyProposals(env, old, items);
  const seat = takeSeat(env, old.context, applied, joiner);
  const { draft } = seat;
  const provisional = provisionalContext(suite, old.context, draft.tree, applied.extensions);
  const path = sealUpdatePath(env, draft, applied, provisional);
  const commit = { proposals: proposals.map((proposal) => ({ type: 1, proposal }) as const), path };
  const from = {
    sender: { senderType: SenderType.newMemberCommit },
    secretKey: joiner.signer.secretKey,
  } as const;
  const signed = signAsOutsider(env, old.context, from, { contentType: ContentType.commit, commit });
  const interimHash = interimTranscriptHash(
    suite,
    old.context.confirmedTranscriptHash,
    groupInfo.confirmationTag,
  );
  const made = { provisional, commitSecret: draft.commitSecret, psks: [] };
  const keys = deriveNextEpoch(suite, { interimHash, initSecret }, signed, made);
  const member = { tree: draft.tree, self: seat.leaf, privatePath: seat.privatePath, signer: joiner.signer };
  return {
    message: protectFromOutside(env, signed, keys.confirmationTag),
    state: firstState(enterEpoch(keys, member)),
    spent: [initSecret, keys.joinerSecret, draft.commitSecret, ...draft.pathSecrets],
  };
}

/** The joiner's place in the tree after proposals (§12.4.1), with its new path. */
function takeSeat(
  env: Environment,
  { groupId }: GroupContext,
  applied: Applied,
  { credential, signer }: ExternalJoiner,
): { readonly leaf: LeafIndex; readonly draft: DraftPath; readonly privatePath: PrivatePath } {
  const { suite, random } = env;
  const leaf = firstBlank(applied.tree);
  const encryption = suite.deriveKeyPair(random(suite.sizes.kemSeed));
  const makeLeaf = (parentHash: Uint8Array) => {
    const content = {
      encryptionKey: encryption.publicKey,
      signatureKey: signer.publicKey,
      credential,
      capabilities: ownCapabilities(env),
      source: { leafNodeSource: LeafSource.commit, parentHash },
      extensions: [],
    };
    return signLeaf(suite, content, signer.secretKey, { groupId, leaf });
  };
  const draft = draftPath(suite, withPlace(applied.tree, leaf), leaf, { random, makeLeaf });
  validateUniqueKeys(draft.tree);
  validateMutualSupport(draft.tree, applied.extensions);
  return { leaf, draft, privatePath: draftPrivatePath(draft, leaf, encryption) };
}

/** @throws `validation.group-info` */
function externalPubOf({ extensions }: GroupInfo): Uint8Array {
  const body = extensionBody(extensions, ExtensionType.externalPub, ExternalPub);
  return body?.externalPub ?? fail('validation.group-info', { missing: 'external_pub' });
}

function joinProposals(tree: Tree, joiner: ExternalJoiner, kemOutput: Uint8Array): readonly Proposal[] {
  const init = { proposalType: ProposalType.externalInit, kemOutput } as const;
  if (!joiner.resync) return [init];
  for (const [leaf, node] of leaves(tree.root)) {
    if (equal(node.signatureKey, joiner.signer.publicKey)) {
      return [init, { proposalType: ProposalType.remove, removed: leaf }];
    }
  }
  return fail('validation.external-commit', { missing: 'own leaf' });
}
