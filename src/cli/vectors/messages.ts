/** Vectors of kind messages: structures of every sort, to be read and written back (RFC 9420 §6, §12). */

import { concat } from '../../base/bytes.ts';
import { type Codec, decode, encode, uint16 } from '../../codec/codec.ts';
import { Commit } from '../../wire/commit.ts';
import { MlsMessage } from '../../wire/message.ts';
import { Proposal } from '../../wire/proposal.ts';
import { ContentType, ProposalType, WireFormat } from '../../wire/registry.ts';
import { RatchetTree } from '../../wire/treeNode.ts';
import { GroupSecrets } from '../../wire/welcome.ts';
import { bytesOf, expectBytes, expectSame, type Json, type Verifier, within } from './verifier.ts';

/** Each field decodes as what its name says, and encodes to the same bytes from nothing but its values. */
export const verifyMessages: Verifier = (_, vector) => {
  for (const [field, check] of CHECKS) within(field, () => check(vector, field));
};

type Check = (vector: Json, field: string) => void;

function roundTrip<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const value = decode(codec, bytes);
  // A copy, since codecs remember the encoding of the very objects that they read.
  expectBytes('encoded again', encode(codec, structuredClone(value)), bytes);
  return value;
}

function structure<T>(codec: Codec<T>): Check {
  return (vector, field) => {
    roundTrip(codec, bytesOf(vector, field));
  };
}

function message(wireFormat: WireFormat, contentType?: ContentType): Check {
  return (vector, field) => {
    const value = roundTrip(MlsMessage, bytesOf(vector, field));
    expectSame('wire_format', value.wireFormat, wireFormat);
    if (value.wireFormat !== WireFormat.publicMessage) return;
    expectSame('content_type', value.publicMessage.content.content.contentType, contentType);
  };
}

/** These fields hold the body of a proposal without its type. */
function proposal(type: number): Check {
  return (vector, field) => {
    roundTrip(Proposal, concat(encode(uint16, type), bytesOf(vector, field)));
  };
}

const CHECKS: readonly (readonly [field: string, check: Check])[] = [
  ['mls_welcome', message(WireFormat.welcome)],
  ['mls_group_info', message(WireFormat.groupInfo)],
  ['mls_key_package', message(WireFormat.keyPackage)],
  ['ratchet_tree', structure(RatchetTree)],
  ['group_secrets', structure(GroupSecrets)],
  ['add_proposal', proposal(ProposalType.add)],
  ['update_proposal', proposal(ProposalType.update)],
  ['remove_proposal', proposal(ProposalType.remove)],
  ['pre_shared_key_proposal', proposal(ProposalType.psk)],
  ['re_init_proposal', proposal(ProposalType.reinit)],
  ['external_init_proposal', proposal(ProposalType.externalInit)],
  ['group_context_extensions_proposal', proposal(ProposalType.groupContextExtensions)],
  ['commit', structure(Commit)],
  ['public_message_application', message(WireFormat.publicMessage, ContentType.application)],
  ['public_message_proposal', message(WireFormat.publicMessage, ContentType.proposal)],
  ['public_message_commit', message(WireFormat.publicMessage, ContentType.commit)],
  ['private_message', message(WireFormat.privateMessage)],
];
