/** What the server, its services, accounts and rooms say of themselves. Facts, section 6. */

import { attr, el, type XmlElement } from '../xmpp/element.ts';
import { NS_DISCO_INFO, NS_DISCO_ITEMS } from '../xmpp/stanza/disco.ts';
import { type Account, bareOf, type Core, given } from './core.ts';
import { readRefusal } from './pep/node.ts';
import { type Answer, byDialect, refusal, UNAVAILABLE } from './replies.ts';

const PUBSUB = 'http://jabber.org/protocol/pubsub';
const BOTH_NODES = [
  'publish-options',
  'multi-items',
  'auto-create',
  'access-open',
  'access-whitelist',
  'item-ids',
];

/** Who says something of itself: its identity and its features. */
export interface Described {
  readonly category: string;
  readonly type: string;
  readonly name?: string;
  readonly features: readonly string[];
  readonly form?: XmlElement;
}

/** The payload that describes an entity. */
export function infoOf({ category, type, name, features, form }: Described, node?: string): XmlElement {
  const all = [NS_DISCO_INFO, NS_DISCO_ITEMS, ...features];
  const listed = all.map((feature) => el('feature', { var: feature }));
  return el(
    'query',
    { xmlns: NS_DISCO_INFO, node },
    el('identity', { category, type, name }),
    ...listed,
    form,
  );
}

/** The payload that lists what belongs to an entity. */
export function itemsOf(items: readonly Readonly<Record<string, string | undefined>>[]): XmlElement {
  return el('query', { xmlns: NS_DISCO_ITEMS }, ...items.map((item) => el('item', item)));
}

/** What an account is, to whoever may know; to others it is as if there were none. */
export function accountInfo(core: Core, account: Account, iq: XmlElement): Answer {
  if (!mayKnow(account, iq)) return byDialect(core, UNAVAILABLE, refusal('auth', 'subscription-required'));
  const nodes = byDialect(core, [...BOTH_NODES, 'config-node-max', 'create-and-configure'], BOTH_NODES);
  const others = byDialect(core, ['urn:xmpp:mam:2#extended'], ['urn:xmpp:mix:pam:2']);
  const features = [
    'urn:xmpp:mam:2',
    'urn:xmpp:sid:0',
    ...others,
    PUBSUB,
    ...nodes.map((one) => `${PUBSUB}#${one}`),
  ];
  const pep = infoOf({ category: 'pubsub', type: 'pep', features });
  return el('query', pep.attrs, el('identity', { category: 'account', type: 'registered' }), ...pep.children);
}

/** The nodes of an account: contacts get the names of all from Prosody, and of those that they may read from ejabberd. */
export function accountItems(core: Core, account: Account, iq: XmlElement): Answer {
  if (!mayKnow(account, iq)) return byDialect(core, UNAVAILABLE, refusal('auth', 'subscription-required'));
  const who = bareOf(given(iq, 'from'));
  const nodes = [...account.nodes.values()].filter(
    (node) => core.dialect === 'prosody' || readRefusal(core, account, node, who) === undefined,
  );
  return itemsOf(nodes.map(({ name }) => ({ jid: account.jid, node: name })));
}

function mayKnow(account: Account, iq: XmlElement): boolean {
  const who = bareOf(given(iq, 'from'));
  return who === account.jid || account.contacts.has(who);
}

/** The server itself. */
export function hostInfo(core: Core): XmlElement {
  const more = byDialect(
    core,
    ['urn:xmpp:blocking'],
    ['urn:xmpp:mam:2', PUBSUB, `${PUBSUB}#config-node-max`],
  );
  const features = ['urn:xmpp:carbons:2', 'urn:xmpp:ping', 'jabber:iq:roster', 'msgoffline', ...more];
  return infoOf({ category: 'server', type: 'im', name: byDialect(core, 'Prosody', 'ejabberd'), features });
}

/** The services of the server. */
export function hostItems(core: Core): XmlElement {
  return itemsOf([{ jid: core.roomService }, { jid: core.uploadService }]);
}

/** Whether a request asks about a node that we do not have. */
export function hasNode(query: XmlElement): boolean {
  return attr(query, 'node') !== undefined;
}
