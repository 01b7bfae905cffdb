/** Notifications of nodes: to resources that say `+notify`, and to whoever subscribed. */

import { el, type XmlElement } from '../../xmpp/element.ts';
import { NS_PUBSUB_EVENT } from '../../xmpp/stanza/pubsub.ts';
import { type Account, bareOf, type Core, type Session, token } from '../core.ts';
import { type Item, type Node, readRefusal, setting } from './node.ts';

/** An item was published. */
export function notifyItem(core: Core, owner: Account, node: Node, item: Item): void {
  tell(core, { owner, node, interested: true }, itemsOf(core, node, item));
}

/** An item is gone. Prosody tells everybody, and only if asked to; ejabberd tells subscribers. */
export function notifyRetract(
  core: Core,
  owner: Account,
  node: Node,
  { id, asked }: { id: string; asked: boolean },
): void {
  if (setting(node, 'notify_retract') !== '1') return;
  const prosody = core.dialect === 'prosody';
  if (prosody && !asked) return;
  tell(core, { owner, node, interested: prosody }, el('items', { node: node.name }, el('retract', { id })));
}

/** All items are gone, or the node is. */
export function notifyEmptied(core: Core, owner: Account, node: Node, kind: 'purge' | 'delete'): void {
  if (kind === 'delete' && setting(node, 'notify_delete') !== '1') return;
  tell(core, { owner, node, interested: core.dialect === 'prosody' }, el(kind, { node: node.name }));
}

/** A resource is new to the nodes that it is interested in: the newest item of each. */
export function sendLastItems(core: Core, session: Session, before: ReadonlySet<string>): void {
  for (const jid of [session.account.jid, ...session.account.contacts]) {
    const owner = core.accounts.get(jid);
    for (const node of owner?.nodes.values() ?? []) {
      const item = node.items.at(-1);
      const wanted = isInterested(session, node) && !before.has(`${node.name}+notify`);
      if (owner === undefined || item === undefined || !wanted) continue;
      if (readRefusal(core, owner, node, session.account.jid) === undefined)
        send(core, owner, session.jid, itemsOf(core, node, item));
    }
  }
}

function itemsOf(core: Core, node: Node, { id, payload, publisher }: Item): XmlElement {
  const shown = core.dialect === 'prosody' ? publisher : undefined;
  return el('items', { node: node.name }, el('item', { id, publisher: shown }, payload));
}

/** Who is told: interested resources, unless only subscribers are, each once. */
interface Told {
  readonly owner: Account;
  readonly node: Node;
  readonly interested: boolean;
}

function tell(core: Core, { owner, node, interested }: Told, content: XmlElement): void {
  const readers = (interested ? [owner.jid, ...owner.contacts] : []).filter((jid) =>
    mayRead(core, owner, node, jid),
  );
  const sessions = readers.flatMap((jid) => [...(core.accounts.get(jid)?.sessions.values() ?? [])]);
  const resources = sessions.filter((session) => isInterested(session, node)).map(({ jid }) => jid);
  const subscribers = [...node.subscribers].filter((jid) => mayRead(core, owner, node, bareOf(jid)));
  for (const jid of new Set([...resources, ...subscribers])) send(core, owner, jid, content);
}

function mayRead(core: Core, owner: Account, node: Node, jid: string): boolean {
  return readRefusal(core, owner, node, jid) === undefined;
}

function isInterested(session: Session, node: Node): boolean {
  return session.presence !== undefined && session.features.has(`${node.name}+notify`);
}

function send(core: Core, owner: Account, to: string, content: XmlElement): void {
  const event = el('event', { xmlns: NS_PUBSUB_EVENT }, content);
  core.route(el('message', { type: 'headline', from: owner.jid, to, id: token(core, 12) }, event));
}
