/** Proposals of an external sender (RFC 9420 §12.1.8): made from what an observer knows. */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import type { KeyPair } from '../crypto/provider.ts';
import { proposalRef } from '../framing/authentic.ts';
import { ExternalSenders, extensionBody } from '../wire/extension.ts';
import type { GroupContext } from '../wire/groupContext.ts';
import { ContentType, ExtensionType, ProposalType, SenderType } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import { traitsOf, validateProposal } from './proposalRules.ts';
import { makePlainProposal, type NewProposal } from './proposals.ts';
import { authenticated, protectFromOutside, signAsOutsider } from './protect.ts';
import { type PublicState, requireOpen } from './publicState.ts';

/** Somebody whom the group lists in its external_senders. */
export interface ExternalSigner {
  readonly signer: KeyPair;
}

/**
 * A proposal as a PublicMessage of an external sender.
 * @throws `validation.sender` when the key is not listed or the type is not for external senders, `state.closed`, `validation.*`
 */
export function proposeFromOutside(
  env: Environment,
  state: PublicState,
  input: NewProposal,
  { signer }: ExternalSigner,
): { readonly message: Uint8Array; readonly ref: Uint8Array } {
  requireOpen(state);
  const { context } = state.epoch;
  const index = senderIndex(context, signer.publicKey);
  if (input.kind === 'update') return fail('validation.sender', { proposal: ProposalType.update });
  const proposal = makePlainProposal(env, input);
  if (!traitsOf(env, proposal.proposalType).external)
    fail('validation.sender', { proposal: proposal.proposalType });
  validateProposal(env, state.epoch, { proposal, sender: { kind: 'external', index }, ref: undefined });
  const sender = { senderType: SenderType.external, senderIndex: index };
  const content = { contentType: ContentType.proposal, proposal };
  const signed = signAsOutsider(env, context, { sender, secretKey: signer.secretKey }, content);
  const ref = proposalRef(env.suite, authenticated(signed, undefined));
  return { message: protectFromOutside(env, signed, undefined), ref };
}

/** @throws `validation.sender` */
function senderIndex({ extensions }: GroupContext, publicKey: Uint8Array): number {
  const senders = extensionBody(extensions, ExtensionType.externalSenders, ExternalSenders) ?? [];
  const index = senders.findIndex(({ signatureKey }) => equal(signatureKey, publicKey));
  return index < 0 ? fail('validation.sender', { listed: senders.length }) : index;
}
