/** Messages between accounts: who gets them, who gets copies, and who keeps them. Facts, section 3. */

import { attr, childrenOf, el, type XmlElement } from '../xmpp/element.ts';
import { NS_CARBONS } from '../xmpp/stanza/carbons.ts';
import { NS_FORWARD } from '../xmpp/stanza/forwarded.ts';
import { hasHint } from '../xmpp/stanza/hints.ts';
import { NS_SID } from '../xmpp/stanza/stanzaId.ts';
import { isKept, keep } from './archive.ts';
import {
  type Account,
  bareOf,
  type Core,
  given,
  resourceOf,
  type Session,
  stampNow,
  withAttrs,
  withChildren,
  without,
} from './core.ts';
import { errorFor, mayBounce, UNAVAILABLE } from './replies.ts';

const NS_MUC_USER = 'http://jabber.org/protocol/muc#user';

/** A message that a client sent: what its own account keeps and its other resources see of it, before it goes on. */
export function sendMessage(core: Core, session: Session, message: XmlElement): void {
  const { account } = session;
  const addressed = attr(message, 'to') === undefined ? withAttrs(message, { to: account.jid }) : message;
  const to = bareOf(given(addressed, 'to'));
  // A message to oneself is kept twice: as it goes out, and as it comes in.
  if (isArchived(core, addressed)) keep(core, account.archive, addressed, to);
  const copied = isCopied(addressed, 'sent');
  for (const other of account.sessions.values()) {
    if (copied && other.carbons && other !== session)
      other.deliver(carbon(account, other, 'sent', addressed));
  }
  core.route(addressed);
}

/** A message that comes to an account or one of its resources. */
export function receiveMessage(core: Core, account: Account, message: XmlElement): void {
  const type = attr(message, 'type') ?? 'normal';
  const target = account.sessions.get(given(message, 'to'));
  if (type === 'groupchat' || type === 'error') {
    deliverExactly(core, target, message);
    return;
  }
  if (target === undefined && resourceOf(given(message, 'to')) !== undefined && type === 'headline') return;
  const stored = archived(core, account, message);
  const reached = target === undefined ? available(account) : [target];
  for (const session of reached) session.deliver(stored);
  if (reached.length === 0) whenNobodyIsThere(core, account, stored, type);
  copyTo(account, reached, stored);
}

/** What waited while nobody was there, with the time it came. */
export function deliverOffline(session: Session): void {
  const { account } = session;
  const waiting = account.offline;
  account.offline = [];
  for (const message of waiting) session.deliver(message);
}

function deliverExactly(core: Core, target: Session | undefined, message: XmlElement): void {
  if (target !== undefined) target.deliver(message);
  else if (mayBounce(message)) core.route(errorFor(core, message, UNAVAILABLE));
}

function available(account: Account): Session[] {
  return [...account.sessions.values()].filter(({ presence }) => presence !== undefined);
}

/** The message as the account keeps it, under the id that only the account's archive may give. */
function archived(core: Core, account: Account, message: XmlElement): XmlElement {
  const honest = without(
    message,
    (one) => one.name === 'stanza-id' && attr(one, 'xmlns') === NS_SID && attr(one, 'by') === account.jid,
  );
  if (!isArchived(core, honest)) return honest;
  const id = keep(core, account.archive, honest, bareOf(given(honest, 'from')));
  return withChildren(honest, el('stanza-id', { xmlns: NS_SID, by: account.jid, id }));
}

function isArchived(core: Core, message: XmlElement): boolean {
  const type = attr(message, 'type') ?? 'normal';
  if (type === 'headline') return core.dialect === 'ejabberd' && hasHint(message, 'store');
  return (type === 'chat' || type === 'normal') && isKept(core, message);
}

function whenNobodyIsThere(core: Core, account: Account, message: XmlElement, type: string): void {
  const stored = hasHint(message, 'store');
  const refused = core.dialect === 'ejabberd' && hasHint(message, 'no-store');
  const kept = type === 'headline' ? core.dialect === 'ejabberd' && stored : !refused;
  if (!kept) return;
  const delay = el('delay', { xmlns: 'urn:xmpp:delay', from: core.domain, stamp: stampNow(core) });
  account.offline.push(withChildren(message, delay));
}

function isCopied(message: XmlElement, direction: 'sent' | 'received'): boolean {
  if (childrenOf(message, 'private', NS_CARBONS).length > 0 || hasHint(message, 'no-copy')) return false;
  if (direction === 'received' && childrenOf(message, 'x', NS_MUC_USER).length > 0) return false;
  const type = attr(message, 'type') ?? 'normal';
  return type === 'chat' || (type === 'normal' && childrenOf(message, 'body').length > 0);
}

function copyTo(account: Account, reached: readonly Session[], message: XmlElement): void {
  if (!isCopied(message, 'received')) return;
  for (const other of account.sessions.values()) {
    if (other.carbons && !reached.includes(other)) other.deliver(carbon(account, other, 'received', message));
  }
}

function carbon(
  account: Account,
  to: Session,
  direction: 'sent' | 'received',
  message: XmlElement,
): XmlElement {
  const type = attr(message, 'type');
  return el(
    'message',
    { from: account.jid, to: to.jid, type },
    el(direction, { xmlns: NS_CARBONS }, el('forwarded', { xmlns: NS_FORWARD }, message)),
  );
}
