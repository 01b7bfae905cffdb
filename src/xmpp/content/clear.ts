/**
 * What of a message stands outside encryption and would mean something to a user.
 *
 * Beside an encrypted message it is not shown. In a conversation that is encrypted it is at most shown as what it is; it
 * never changes, marks or takes back a message that is.
 */

import { attr, childrenOf, elementsOf, NS_CLIENT, namespaceOf, type XmlElement } from '../element.ts';
import { NS_EME } from '../stanza/eme.ts';
import { NS_MLS } from '../stanza/mlsFields.ts';
import { NS_SHARING, NS_STICKERS } from './fileSharing.ts';
import { NS_CORRECTION, NS_REACTIONS, NS_REPLY, NS_RETRACTION } from './relations.ts';
import { NS_CALLS, NS_CHAT_STATES, NS_MARKERS, NS_RECEIPTS } from './signals.ts';
import { NS_FALLBACK } from './text.ts';

/** What a part outside is. `scheme`: encrypted by something else than MLS. */
export type ClearKind =
  | 'body'
  | 'subject'
  | 'correction'
  | 'reactions'
  | 'retraction'
  | 'reply'
  | 'marker'
  | 'receipt'
  | 'chat-state'
  | 'file'
  | 'sticker'
  | 'call'
  | 'scheme';

/** A part outside. */
export interface ClearPart {
  readonly kind: ClearKind;
  readonly element: XmlElement;
}

/** Kinds that say something by themselves; the others are about other messages, or about who is typing. */
const TELLING: ReadonlySet<ClearKind> = /* @__PURE__ */ new Set([
  'body',
  'file',
  'sticker',
  'call',
  'scheme',
]);

const BY_NAMESPACE: Readonly<Record<string, ClearKind>> = {
  [NS_CORRECTION]: 'correction',
  [NS_REACTIONS]: 'reactions',
  [NS_RETRACTION]: 'retraction',
  [NS_REPLY]: 'reply',
  [NS_MARKERS]: 'marker',
  [NS_RECEIPTS]: 'receipt',
  [NS_CHAT_STATES]: 'chat-state',
  [NS_SHARING]: 'file',
  'jabber:x:oob': 'file',
  [NS_STICKERS]: 'sticker',
  [NS_CALLS]: 'call',
  'urn:xmpp:jingle-message:0': 'call',
  // An earlier version of retractions, and moderators' retractions.
  'urn:xmpp:message-retract:0': 'retraction',
  'urn:xmpp:message-moderate:1': 'retraction',
  'urn:xmpp:fasten:0': 'retraction',
  'eu.siacs.conversations.axolotl': 'scheme',
  'urn:xmpp:omemo:1': 'scheme',
  'urn:xmpp:omemo:2': 'scheme',
  'urn:xmpp:openpgp:0': 'scheme',
  'jabber:x:encrypted': 'scheme',
};

/** The parts of a message that stand outside and mean something. A body that only says that MLS is needed means nothing. */
export function clearParts(message: XmlElement): ClearPart[] {
  const isExplained = childrenOf(message, 'fallback', NS_FALLBACK).some((one) => attr(one, 'for') === NS_MLS);
  return elementsOf(message).flatMap((element): ClearPart[] => {
    const kind = kindOf(element);
    return kind === undefined || (kind === 'body' && isExplained) ? [] : [{ kind, element }];
  });
}

/**
 * What is wrong with parts outside, in a conversation that is encrypted.
 * @param isBeside whether an encrypted message stands beside them
 */
export function judgeClear(
  parts: readonly ClearPart[],
  isBeside: boolean,
): 'xmpp.mixed-body' | 'xmpp.downgrade' | undefined {
  if (parts.length === 0) return undefined;
  return !isBeside && parts.some(({ kind }) => TELLING.has(kind)) ? 'xmpp.downgrade' : 'xmpp.mixed-body';
}

function kindOf(element: XmlElement): ClearKind | undefined {
  const namespace = namespaceOf(element);
  if (namespace === NS_CLIENT)
    return element.name === 'body' || element.name === 'subject' ? element.name : undefined;
  if (namespace === NS_EME) return attr(element, 'namespace') === NS_MLS ? undefined : 'scheme';
  return Object.hasOwn(BY_NAMESPACE, namespace) ? BY_NAMESPACE[namespace] : undefined;
}
