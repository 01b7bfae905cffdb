/** What a joiner takes along of members that are leaving (extensions draft §6.3): their own proposals, by reference. */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { decode } from '../codec/codec.ts';
import { framedContentTbs, proposalRef, verifyContent } from '../framing/authentic.ts';
import type { AuthenticatedContent } from '../wire/content.ts';
import { GroupContext } from '../wire/groupContext.ts';
import { MlsMessage, type PublicMessage } from '../wire/message.ts';
import { WireFormat } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import type { RulesEpoch } from './proposalRules.ts';
import { proposalOf, senderLeaf } from './receive.ts';
import { senderSignatureKey } from './sender.ts';
import type { ProposalItem } from './state.ts';

/**
 * A member's proposal that an external commit may refer to, checked as far as somebody outside can: all but the
 * membership tag.
 * @param message MLSMessage
 * @throws `validation.external-commit` for any other message, `validation.sender`, `crypto.signature`, `codec.*`
 */
export function leavingItem(env: Environment, epoch: RulesEpoch, message: Uint8Array): ProposalItem {
  const { content, auth } = publicMessageOf(env, message);
  const { context } = epoch;
  if (!equal(content.groupId, context.groupId) || content.epoch !== context.epoch)
    fail('validation.external-commit', { epoch: content.epoch });
  const wireFormat = WireFormat.publicMessage;
  const tbs = framedContentTbs(wireFormat, content, GroupContext.bytes(context));
  verifyContent(env.suite, senderSignatureKey(env, epoch, content), tbs, auth.signature);
  const authentic: AuthenticatedContent = { wireFormat, content, auth };
  const proposal = proposalOf(authentic);
  const leaf = senderLeaf(content);
  if (leaf === undefined) return fail('validation.sender', { proposal: proposal.proposalType });
  return { proposal, sender: { kind: 'member', leaf }, ref: proposalRef(env.suite, authentic) };
}

function publicMessageOf(env: Environment, message: Uint8Array): PublicMessage {
  const decoded = decode(MlsMessage, message, env.decoding);
  return decoded.wireFormat === WireFormat.publicMessage
    ? decoded.publicMessage
    : fail('validation.external-commit', { wireFormat: decoded.wireFormat });
}
