/**
 * XEP-0369 (0.14.6) and XEP-0405 (0.5.3), as far as ejabberd serves them: channels, and taking part in them by way of our
 * own server. Requests are those of version 1; messages still come in version 0.
 */

import {
  attr,
  child,
  childrenOf,
  childText,
  el,
  needAttr,
  needChild,
  refuse,
  type XmlElement,
} from '../element.ts';
import { bareJidIn } from '../jid.ts';
import { iqSet } from './iq.ts';

/** Channels. */
export const NS_MIX = 'urn:xmpp:mix:core:1';
const NS_MIX_0 = 'urn:xmpp:mix:core:0';
const NS_PAM = 'urn:xmpp:mix:pam:2';
const NS_EVENT = 'http://jabber.org/protocol/pubsub#event';
const MESSAGES = 'urn:xmpp:mix:nodes:messages';
const PARTICIPANTS = 'urn:xmpp:mix:nodes:participants';

/** What a channel says of a message: its sender's words for himself, and his account where the channel shows it. */
export interface MixSender {
  readonly nick: string | undefined;
  readonly jid: string | undefined;
  /** The `id` that the message was sent with; for its sender only. */
  readonly submissionId: string | undefined;
}

/** Make a channel. @param channel the part of its address before the `@` */
export function createChannel(service: string, channel: string): XmlElement {
  return iqSet(service, el('create', { xmlns: NS_MIX, channel }));
}

/** Take part in a channel, or say so again. */
export function joinChannel(channel: string, nick: string): XmlElement {
  const join = el(
    'join',
    { xmlns: NS_MIX },
    el('nick', {}, nick),
    ...[MESSAGES, PARTICIPANTS].map((node) => el('subscribe', { node })),
  );
  return iqSet(undefined, el('client-join', { xmlns: NS_PAM, channel }, join));
}

/** The id that a channel gives us, from the answer to {@link joinChannel}. @throws `xmpp.stanza` */
export function readJoined(result: XmlElement): string {
  // Under whichever version's name the server answers.
  const outer = result.children.find((one): one is XmlElement => typeof one !== 'string');
  if (outer?.name !== 'client-join') return refuse('client-join', 'missing');
  const join = outer.children.find(
    (one): one is XmlElement => typeof one !== 'string' && one.name === 'join',
  );
  if (join === undefined) return refuse('join', 'missing');
  const id = attr(join, 'id') ?? needAttr(join, 'jid').split('#')[0];
  return id === undefined || id === '' ? refuse('join', 'id') : id;
}

/** Take no more part in a channel, with any device. */
export function leaveChannel(channel: string): XmlElement {
  return iqSet(undefined, el('client-leave', { xmlns: NS_PAM, channel }, el('leave', { xmlns: NS_MIX })));
}

/** What a channel says of a message that it passed on; nothing for any other message. @throws `xmpp.stanza` */
export function readMixSender(message: XmlElement): MixSender | undefined {
  const mix = child(message, 'mix', NS_MIX) ?? child(message, 'mix', NS_MIX_0);
  if (mix === undefined) return undefined;
  const jid = childText(mix, 'jid');
  return {
    nick: childText(mix, 'nick'),
    jid: jid === undefined ? undefined : bareJidIn(jid),
    submissionId: childText(mix, 'submission-id'),
  };
}

/** Ids of participants who are gone, by a notification of the channel. @throws `xmpp.stanza` */
export function readDeparted(message: XmlElement): string[] {
  const event = message.name === 'message' ? child(message, 'event', NS_EVENT) : undefined;
  if (event === undefined || childrenOf(event, 'items').length === 0) return [];
  const items = needChild(event, 'items');
  if (attr(items, 'node') !== PARTICIPANTS) return [];
  return childrenOf(items, 'retract').map((one) => needAttr(one, 'id'));
}
