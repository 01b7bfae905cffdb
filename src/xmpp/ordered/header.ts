/** What anybody sees of an MLS message: which group and epoch it is for, and what it is. */

import { decode } from '../../codec/codec.ts';
import type { GroupInfo } from '../../wire/groupInfo.ts';
import { MlsMessage } from '../../wire/message.ts';
import { ContentType, WireFormat } from '../../wire/registry.ts';

/** The readable part of a message of a group. Nothing of it is proven. */
export interface Header {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly content: 'application' | 'proposal' | 'commit';
}

/** The header of a message of a group; nothing for anything else. */
export function headerOf(message: Uint8Array): Header | undefined {
  const decoded = messageIn(message);
  if (decoded?.wireFormat === WireFormat.privateMessage) {
    const { groupId, epoch, contentType } = decoded.privateMessage;
    return { groupId, epoch, content: nameOf(contentType) };
  }
  if (decoded?.wireFormat !== WireFormat.publicMessage) return undefined;
  const { groupId, epoch, content } = decoded.publicMessage.content;
  return { groupId, epoch, content: nameOf(content.contentType) };
}

/** A GroupInfo that was not checked; nothing for anything else. */
export function groupInfoIn(message: Uint8Array): GroupInfo | undefined {
  const decoded = messageIn(message);
  return decoded?.wireFormat === WireFormat.groupInfo ? decoded.groupInfo : undefined;
}

function messageIn(bytes: Uint8Array): MlsMessage | undefined {
  try {
    return decode(MlsMessage, bytes);
  } catch {
    return undefined;
  }
}

function nameOf(type: ContentType): Header['content'] {
  if (type === ContentType.application) return 'application';
  return type === ContentType.commit ? 'commit' : 'proposal';
}
