/**
 * XEP-0513 (0.1.0): who is mentioned.
 *
 * What stands inside the encrypted message counts. A copy outside is for servers that push, and is there only where the
 * sender wishes it; it never notifies anybody of itself.
 */

import { attr, childrenOf, el, refuse, type XmlElement } from '../element.ts';
import { jidIn, sameBareJid } from '../jid.ts';
import { type Region, readRegion } from './text.ts';

/** Mentions. */
export const NS_MENTIONS = 'urn:xmpp:mentions:0';

/** A person or a group of people that a message mentions. */
export interface Mention {
  /** Address of the person. */
  readonly jid?: string;
  /** What the room calls the person; where an address stands beside it, that counts, because members vouch for it. */
  readonly occupantId?: string;
  /** The kind of group, a URI such as `urn:xmpp:mentions:0#channel`. */
  readonly group?: string;
  /** Which group of that kind. */
  readonly uri?: string;
  /** The part of the body, and the language of that body. */
  readonly region?: Region;
  readonly language?: string;
  /** Notify only who is active. */
  readonly isForActive?: true;
  /** Notify nobody. */
  readonly isQuiet?: true;
}

/** What a client knows of its own user when it asks whether a mention is of them. */
export interface Mentioned {
  readonly account: string;
  readonly occupantId?: string | undefined;
  readonly isActive: boolean;
  /** Whether the user belongs to a group. */
  readonly isInGroup: (group: string, uri: string | undefined) => boolean;
}

/** A mention. */
export function mentionElement(mention: Mention): XmlElement {
  const { jid, occupantId, group, uri, region, language } = mention;
  return el(
    'mention',
    {
      xmlns: NS_MENTIONS,
      begin: region?.start,
      end: region?.end,
      hreflang: language,
      jid,
      occupantid: occupantId,
      mentions: group,
      uri,
    },
    mention.isForActive && el('active'),
    mention.isQuiet && el('noping'),
  );
}

/** A mention for the server: who, and not where in the text. */
export function outerMention({ jid, occupantId, group, uri }: Mention): XmlElement {
  return el('mention', { xmlns: NS_MENTIONS, jid, occupantid: occupantId, mentions: group, uri });
}

/** Read a mention. @throws `xmpp.stanza` for one of nobody, or of a person and a group at once */
export function readMention(element: XmlElement): Mention {
  const [jid, occupantId] = [attr(element, 'jid'), attr(element, 'occupantid')];
  const [group, uri] = [attr(element, 'mentions'), attr(element, 'uri')];
  const language = attr(element, 'hreflang');
  const region = readRegion(element, 'begin');
  const isOfPerson = jid !== undefined || occupantId !== undefined;
  if (isOfPerson === (group !== undefined)) refuse('mention', 'malformed');
  return {
    ...(jid !== undefined && { jid: jidIn(jid) }),
    ...(occupantId !== undefined && { occupantId }),
    ...(group !== undefined && { group }),
    ...(uri !== undefined && { uri }),
    ...(region && { region }),
    ...(language !== undefined && { language }),
    ...(childrenOf(element, 'active').length > 0 && { isForActive: true }),
    ...(childrenOf(element, 'noping').length > 0 && { isQuiet: true }),
  };
}

/** Whether the mentions inside a message are to notify the user. What stands outside is not asked. */
export function notifies(mentions: readonly Mention[], user: Mentioned): boolean {
  return mentions.some((one) => !one.isQuiet && (user.isActive || !one.isForActive) && isOf(one, user));
}

function isOf({ jid, occupantId, group, uri }: Mention, user: Mentioned): boolean {
  if (group !== undefined) return user.isInGroup(group, uri);
  if (jid !== undefined) return sameBareJid(jid, user.account);
  return occupantId !== undefined && occupantId === user.occupantId;
}
