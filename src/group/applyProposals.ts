/** Applying a valid list of proposals to copies of tree and context (RFC 9420 §12.3). */

import { type LeafIndex, leafIndex } from '../base/brand.ts';
import { fail } from '../base/error.ts';
import { occurrences } from '../tree/keyIndex.ts';
import { summaryOf } from '../tree/summary.ts';
import { addLeaf, blankLeaf, type Tree, truncate, updateLeaf } from '../tree/tree.ts';
import { type Extension, ExternalSenders, extensionBody } from '../wire/extension.ts';
import type { KeyPackage } from '../wire/keyPackage.ts';
import { isKnownProposal, type OtherProposal, type ReInitProposal } from '../wire/proposal.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';
import { ExtensionType, isDefaultProposal, ProposalType } from '../wire/registry.ts';
import { understandsExtension } from './capabilities.ts';
import { type Environment, requireExternalSenders } from './environment.ts';
import { type RulesEpoch, removedLeaf } from './proposalRules.ts';
import { validateRegistered } from './registry.ts';
import type { ProposalItem, ProposalSender } from './state.ts';
import { type Member, memberAt } from './views.ts';

/** A group after proposals and before the path. */
export interface Applied {
  readonly tree: Tree;
  readonly extensions: readonly Extension[];
  readonly added: readonly { readonly leaf: LeafIndex; readonly keyPackage: KeyPackage }[];
  readonly removed: readonly Member[];
  /** The leaf that a Remove takes out: in an external commit the joiner's former one. */
  readonly replaced: LeafIndex | undefined;
  /** Leaves replaced by Update proposals. */
  readonly updated: readonly LeafIndex[];
  readonly psks: readonly PreSharedKeyId[];
  readonly externalInit: Uint8Array | undefined;
  readonly reinit: ReInitProposal | undefined;
  /** Those of types beyond RFC 9420. */
  readonly custom: readonly { readonly proposal: OtherProposal; readonly sender: ProposalSender }[];
  /** The list replaced the extensions of the group. */
  readonly extensionsChanged: boolean;
}

/**
 * Apply a list in the order of §12.3: extensions, updates, removals, additions; PSKs keep the order of the list.
 * @throws `validation.unsupported`, `validation.duplicate-client`, `validation.credential`, `codec.limit`
 */
export function applyProposals(env: Environment, epoch: RulesEpoch, items: readonly ProposalItem[]): Applied {
  const replacing = newExtensions(env, epoch, items);
  const extensions = env.draft?.applyProposals(replacing, items) ?? replacing;
  const { tree: updatedTree, updated } = applyUpdates(epoch.tree, items);
  const { tree: reducedTree, removed, replaced } = applyRemoves(env, updatedTree, items);
  requireProposalSupport(reducedTree, items);
  const { tree, added } = applyAdds(truncate(reducedTree), items);
  const psks: PreSharedKeyId[] = [];
  let externalInit: Uint8Array | undefined;
  let reinit: ReInitProposal | undefined;
  const custom: Applied['custom'][number][] = [];
  for (const { proposal, sender } of items) {
    if (!isKnownProposal(proposal)) {
      custom.push({ proposal, sender });
      continue;
    }
    if (proposal.proposalType === ProposalType.psk) psks.push(proposal.psk);
    if (proposal.proposalType === ProposalType.externalInit) externalInit = proposal.kemOutput;
    if (proposal.proposalType === ProposalType.reinit) reinit = proposal;
  }
  const extensionsChanged = extensions !== epoch.context.extensions;
  return {
    tree,
    extensions,
    added,
    removed,
    replaced,
    updated,
    psks,
    externalInit,
    reinit,
    custom,
    extensionsChanged,
  };
}

/** GroupContextExtensions replaces the whole list (§12.1.7). */
function newExtensions(
  env: Environment,
  epoch: RulesEpoch,
  items: readonly ProposalItem[],
): readonly Extension[] {
  for (const { proposal } of items) {
    if (!isKnownProposal(proposal) || proposal.proposalType !== ProposalType.groupContextExtensions) continue;
    requireUnderstood(env, proposal.extensions);
    env.draft?.validateReplacement(epoch.context.extensions, proposal.extensions);
    const senders = extensionBody(proposal.extensions, ExtensionType.externalSenders, ExternalSenders);
    if (senders !== undefined) requireExternalSenders(env, senders);
    return proposal.extensions;
  }
  return epoch.context.extensions;
}

/**
 * @throws `validation.unsupported` for an extension of the group that this client does not understand (§13.4),
 *   `validation.extension`, `codec.*` for one that it understands and finds invalid
 */
export function requireUnderstood(env: Environment, extensions: readonly Extension[]): void {
  for (const { extensionType } of extensions) {
    if (!understandsExtension(env, extensionType))
      fail('validation.unsupported', { extension: extensionType });
  }
  validateRegistered(env, extensions);
}

function applyUpdates(
  before: Tree,
  items: readonly ProposalItem[],
): { readonly tree: Tree; readonly updated: readonly LeafIndex[] } {
  let tree = before;
  const updated: LeafIndex[] = [];
  for (const { proposal, sender } of items) {
    if (!isKnownProposal(proposal) || proposal.proposalType !== ProposalType.update) continue;
    if (sender.kind !== 'member') continue;
    tree = updateLeaf(tree, sender.leaf, proposal.leafNode);
    updated.push(sender.leaf);
  }
  return { tree, updated };
}

function applyRemoves(
  env: Environment,
  before: Tree,
  items: readonly ProposalItem[],
): Pick<Applied, 'tree' | 'removed' | 'replaced'> {
  let tree = before;
  const removed: Member[] = [];
  let replaced: LeafIndex | undefined;
  for (const { proposal, sender } of items) {
    const removal = removedLeaf(env, proposal, sender);
    if (removal === undefined) continue;
    const leaf = leafIndex(removal);
    const member = memberAt(before, leaf);
    if (member === undefined) fail('validation.proposal', { removed: leaf });
    removed.push(member);
    if (proposal.proposalType === ProposalType.remove) replaced = leaf;
    tree = blankLeaf(tree, leaf);
  }
  return { tree, removed, replaced };
}

function applyAdds(
  before: Tree,
  items: readonly ProposalItem[],
): { readonly tree: Tree; readonly added: Applied['added'] } {
  let tree = before;
  const added: Applied['added'][number][] = [];
  for (const { proposal } of items) {
    if (!isKnownProposal(proposal) || proposal.proposalType !== ProposalType.add) continue;
    const { keyPackage } = proposal;
    // A client is known by its signature key; a removal in the same list makes room for it (§12.2).
    if (occurrences(tree.signatureKeys, keyPackage.leafNode.signatureKey) > 0)
      fail('validation.duplicate-client');
    const placed = addLeaf(tree, keyPackage.leafNode);
    tree = placed.tree;
    added.push({ leaf: placed.leaf, keyPackage });
  }
  return { tree, added };
}

/** Types beyond the default ones need the support of all who stay (§12.2). @throws `validation.unsupported` */
function requireProposalSupport(staying: Tree, items: readonly ProposalItem[]): void {
  const supported = summaryOf(staying.root)?.proposals ?? [];
  for (const { proposal } of items) {
    const type = proposal.proposalType;
    if (!isDefaultProposal(type) && !supported.includes(type))
      fail('validation.unsupported', { proposal: type });
  }
}
