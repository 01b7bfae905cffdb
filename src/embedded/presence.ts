/**
 * Presence of accounts, and what it tells of a client's features.
 *
 * As real servers do, features are learned by asking: a presence with `<c/>` (XEP-0115) names a set, and of a set that is not
 * known yet the server asks that resource for disco#info.
 */

import { attr, child, childrenOf, el, elementsOf, needAttr, type XmlElement } from '../xmpp/element.ts';
import { NS_DISCO_INFO } from '../xmpp/stanza/disco.ts';
import { type Core, type Session, token, withAttrs } from './core.ts';
import { deliverOffline } from './messages.ts';
import { sendLastItems } from './pep/notify.ts';

const NS_CAPS = 'http://jabber.org/protocol/caps';
/** Ids of our own questions begin with this and go on with the set that was asked for. */
const QUESTION = 'caps:';

/** A presence that is for everybody who may know. */
export function broadcast(core: Core, session: Session, presence: XmlElement): void {
  const type = attr(presence, 'type');
  if (type !== undefined && type !== 'unavailable') return;
  const first = session.presence === undefined && type === undefined;
  session.presence = type === undefined ? presence : undefined;
  for (const other of audience(core, session)) other.deliver(withAttrs(presence, { to: other.jid }));
  if (first) {
    for (const other of audience(core, session)) {
      if (other.presence !== undefined && other !== session)
        session.deliver(withAttrs(other.presence, { to: session.jid }));
    }
    deliverOffline(session);
  }
  if (type === undefined) learnFeatures(core, session, presence);
}

/** The session is over for those who knew of it. */
export function withdraw(core: Core, session: Session): void {
  if (session.presence === undefined) return;
  broadcast(core, session, el('presence', { from: session.jid, type: 'unavailable' }));
}

/** An answer to a question of ours; false if it is none. */
export function takeFeatures(core: Core, iq: XmlElement): boolean {
  const id = attr(iq, 'id') ?? '';
  if (!id.startsWith(QUESTION)) return false;
  const session = sessionOf(core, attr(iq, 'from') ?? '');
  const query = attr(iq, 'type') === 'result' ? child(iq, 'query', NS_DISCO_INFO) : undefined;
  const set = session?.presence === undefined ? undefined : setOf(session.presence);
  if (session === undefined || query === undefined || set === undefined) return true;
  const features = new Set(childrenOf(query, 'feature').map((one) => needAttr(one, 'var')));
  core.caps.set(set, features);
  know(core, session, features);
  return true;
}

/** The session with this full address. */
export function sessionOf(core: Core, jid: string): Session | undefined {
  const slash = jid.indexOf('/');
  return slash < 0 ? undefined : core.accounts.get(jid.slice(0, slash))?.sessions.get(jid);
}

function audience(core: Core, session: Session): Session[] {
  const jids = [session.account.jid, ...session.account.contacts];
  const sessions = jids.flatMap((jid) => [...(core.accounts.get(jid)?.sessions.values() ?? [])]);
  return sessions.filter((one) => one.presence !== undefined || one === session);
}

function learnFeatures(core: Core, session: Session, presence: XmlElement): void {
  const set = setOf(presence);
  if (set === undefined) return;
  const known = core.caps.get(set);
  if (known !== undefined) {
    know(core, session, known);
    return;
  }
  const question = el('query', { xmlns: NS_DISCO_INFO, node: set });
  const id = `${QUESTION}${token(core, 12)}`;
  session.deliver(el('iq', { type: 'get', id, from: session.account.jid, to: session.jid }, question));
}

function know(core: Core, session: Session, features: ReadonlySet<string>): void {
  const before = session.features;
  session.features = features;
  sendLastItems(core, session, before);
}

function setOf(presence: XmlElement): string | undefined {
  const c = elementsOf(presence).find((one) => one.name === 'c' && attr(one, 'xmlns') === NS_CAPS);
  return c === undefined ? undefined : `${attr(c, 'node') ?? ''}#${attr(c, 'ver') ?? ''}`;
}
