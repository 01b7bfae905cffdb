/** Who may send what, and with which key (RFC 9420 §6.1, §12.1.8). */

import { fail } from '../base/error.ts';
import { leafAt } from '../tree/tree.ts';
import type { FramedContent } from '../wire/content.ts';
import { ExternalSenders, extensionBody } from '../wire/extension.ts';
import { isKnownProposal, type Proposal } from '../wire/proposal.ts';
import { ContentType, ExtensionType, ProposalType, SenderType } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import { type RulesEpoch, traitsOf } from './proposalRules.ts';

/** The signature key that must verify a content. @throws `validation.sender`, `validation.external-commit` */
export function senderSignatureKey(
  env: Environment,
  epoch: RulesEpoch,
  { sender, content }: FramedContent,
): Uint8Array {
  switch (sender.senderType) {
    case SenderType.member: {
      const leaf = leafAt(epoch.tree, sender.leafIndex);
      return leaf?.signatureKey ?? fail('validation.sender', { leaf: sender.leafIndex });
    }
    case SenderType.external: {
      if (content.contentType !== ContentType.proposal) return refuse(sender.senderType, content.contentType);
      return externalSenderKey(env, epoch, sender.senderIndex, content.proposal);
    }
    case SenderType.newMemberProposal: {
      if (content.contentType !== ContentType.proposal) return refuse(sender.senderType, content.contentType);
      const { proposal } = content;
      if (isKnownProposal(proposal) && proposal.proposalType === ProposalType.add) {
        return proposal.keyPackage.leafNode.signatureKey;
      }
      return fail('validation.sender', { proposal: proposal.proposalType });
    }
    case SenderType.newMemberCommit: {
      if (content.contentType !== ContentType.commit) return refuse(sender.senderType, content.contentType);
      return (
        content.commit.path?.leafNode.signatureKey ?? fail('validation.external-commit', { missing: 'path' })
      );
    }
  }
}

function externalSenderKey(
  env: Environment,
  epoch: RulesEpoch,
  index: number,
  proposal: Proposal,
): Uint8Array {
  const senders = extensionBody(epoch.context.extensions, ExtensionType.externalSenders, ExternalSenders);
  const sender = senders?.[index];
  if (sender === undefined) return fail('validation.sender', { index, listed: senders?.length ?? 0 });
  if (!traitsOf(env, proposal.proposalType).external) {
    fail('validation.sender', { proposal: proposal.proposalType });
  }
  return sender.signatureKey;
}

function refuse(senderType: number, contentType: number): never {
  return fail('validation.sender', { senderType, contentType });
}
