/** Requests to nodes of an account: XEP-0060 and XEP-0163 as the two servers do them. Facts, section 2. */

import { attr, child, childrenOf, el, elementsOf, type XmlElement } from '../../xmpp/element.ts';
import { serialise } from '../../xmpp/serialise.ts';
import { NS_PUBSUB } from '../../xmpp/stanza/pubsub.ts';
import { type Account, bareOf, type Core, given, token } from '../core.ts';
import {
  type Answer,
  BAD,
  byDialect,
  FORBIDDEN,
  isRefusal,
  NOT_FOUND,
  type Refusal,
  refusal,
  UNAVAILABLE,
} from '../replies.ts';
import {
  capacity,
  formOf,
  type Item,
  makeNode,
  type Node,
  normalValue,
  readRefusal,
  reconfigured,
  setting,
  unknownField,
} from './node.ts';
import { notifyItem, notifyRetract } from './notify.ts';

/** A request: whose nodes, who asks, and the element that says what. */
export interface Asked {
  readonly owner: Account;
  readonly who: string;
  readonly part: XmlElement;
  readonly pubsub: XmlElement;
}

/** Answer a request for information about nodes. The account may not exist, which is not told. */
export function answerGet(
  core: Core,
  owner: Account | undefined,
  iq: XmlElement,
  pubsub: XmlElement,
): Answer {
  const [part] = elementsOf(pubsub);
  if (part?.name !== 'items') return UNAVAILABLE;
  const node = owner?.nodes.get(given(part, 'node'));
  const refused = readRefusal(core, owner, node, bareOf(given(iq, 'from')));
  if (refused !== undefined || node === undefined) return refused ?? NOT_FOUND;
  const items = chosen(core, node, part, pubsub);
  const found = items.map(({ id, payload }) => el('item', { id }, payload));
  const count = core.dialect === 'ejabberd' ? pageOf(pubsub, node.items.length) : undefined;
  return el('pubsub', { xmlns: NS_PUBSUB }, el('items', { node: node.name }, ...found), count);
}

/** Carry out a change of nodes. */
export function answerSet(core: Core, owner: Account, iq: XmlElement, pubsub: XmlElement): Answer {
  const who = bareOf(given(iq, 'from'));
  const [part] = elementsOf(pubsub);
  if (part === undefined) return BAD;
  const asked: Asked = { owner, who, part, pubsub };
  switch (part.name) {
    case 'create':
      return create(core, asked);
    case 'publish':
      return publish(core, asked);
    case 'retract':
      return retract(core, asked);
    case 'subscribe':
    case 'unsubscribe':
      return subscribe(core, asked);
    default:
      return UNAVAILABLE;
  }
}

function chosen(core: Core, node: Node, part: XmlElement, pubsub: XmlElement): readonly Item[] {
  const ids = childrenOf(part, 'item').map((one) => given(one, 'id'));
  if (ids.length > 0) return node.items.filter(({ id }) => ids.includes(id));
  const most = attr(part, 'max_items');
  const set = core.dialect === 'ejabberd' ? child(pubsub, 'set', NS_RSM) : undefined;
  const max = set === undefined ? undefined : elementsOf(set).find(({ name }) => name === 'max')?.children[0];
  if (max !== undefined) return node.items.slice(0, Number(max));
  return most === undefined ? node.items : node.items.slice(-Number(most));
}

const NS_RSM = 'http://jabber.org/protocol/rsm';

function pageOf(pubsub: XmlElement, count: number): XmlElement | undefined {
  if (child(pubsub, 'set', NS_RSM) === undefined) return undefined;
  return el('set', { xmlns: NS_RSM }, el('count', {}, String(count)));
}

function create(core: Core, { owner, who, part, pubsub }: Asked): Answer {
  if (who !== owner.jid) return FORBIDDEN;
  const name = attr(part, 'node') ?? token(core);
  if (owner.nodes.has(name)) return refusal('cancel', 'conflict');
  const node = makeNode(core, name);
  const configure = child(pubsub, 'configure');
  const config = configure === undefined ? node.config : reconfigured(core, node, formOf(configure));
  if (isRefusal(config)) return config;
  owner.nodes.set(name, { ...node, config });
  return el('pubsub', { xmlns: NS_PUBSUB }, el('create', { node: name }));
}

function publish(core: Core, asked: Asked): Answer {
  const { owner, who, part } = asked;
  const items = childrenOf(part, 'item');
  const [item] = items;
  if (item === undefined) return refusal('modify', 'bad-request', { specific: 'item-required' });
  if (items.length > 1 && core.dialect === 'ejabberd') return invalidPayload();
  const payload = elementsOf(item)[0];
  if (payload !== undefined && sizeOf(payload) > core.limits.payloadBytes)
    return refusal('modify', 'not-acceptable', { specific: 'payload-too-big' });
  const node = nodeFor(core, asked);
  if (isRefusal(node)) return node;
  const id = attr(item, 'id') ?? token(core);
  const refused = mayPublish(core, asked, node, id);
  if (refused !== undefined) return refused;
  owner.nodes.set(node.name, node);
  const published: Item = { id, payload, publisher: who };
  insert(core, node, published);
  notifyItem(core, owner, node, published);
  return el('pubsub', { xmlns: NS_PUBSUB }, el('publish', { node: node.name }, el('item', { id })));
}

function sizeOf(payload: XmlElement): number {
  return new TextEncoder().encode(serialise(payload)).length;
}

/** The node to publish to: it is made if its owner publishes, and checked against the options that are given. */
function nodeFor(core: Core, { owner, who, part, pubsub }: Asked): Node | Refusal {
  const name = attr(part, 'node');
  if (name === undefined) return BAD;
  const options = child(pubsub, 'publish-options');
  const form = options === undefined ? new Map() : formOf(options);
  if (core.dialect === 'ejabberd' && [...form.keys()].some((field) => !PORTABLE.has(field)))
    return unknownField();
  const found = owner.nodes.get(name);
  if (found !== undefined) {
    const differs = [...form].some(
      ([field, [value = '']]) =>
        found.config.has(field) && found.config.get(field) !== normalValue(field, value),
    );
    return differs ? refusal('cancel', 'conflict', { specific: 'precondition-not-met' }) : found;
  }
  if (who !== owner.jid) return byDialect(core, FORBIDDEN, NOT_FOUND);
  const node = makeNode(core, name);
  const config = reconfigured(core, node, form);
  return isRefusal(config) ? config : { ...node, config };
}

const PORTABLE = new Set(['FORM_TYPE', 'pubsub#access_model', 'pubsub#persist_items']);

function mayPublish(core: Core, { owner, who }: Asked, node: Node, id: string): Refusal | undefined {
  const affiliation = node.affiliations.get(who);
  const may =
    who === owner.jid ||
    affiliation === 'publisher' ||
    affiliation === 'owner' ||
    setting(node, 'publish_model') === 'open';
  if (!may || affiliation === 'outcast') return FORBIDDEN;
  const before = node.items.find((item) => item.id === id);
  return core.dialect === 'ejabberd' && before !== undefined && before.publisher !== who
    ? FORBIDDEN
    : undefined;
}

/** An item that is published again goes to the end in Prosody, and keeps its place in ejabberd. */
function insert(core: Core, node: Node, item: Item): void {
  const place = node.items.findIndex(({ id }) => id === item.id);
  if (place >= 0 && core.dialect === 'ejabberd') node.items = node.items.with(place, item);
  else node.items = [...node.items.filter(({ id }) => id !== item.id), item];
  const most = capacity(core, node);
  if (node.items.length > most) node.items = node.items.slice(node.items.length - most);
}

function retract(core: Core, { owner, who, part }: Asked): Answer {
  const node = owner.nodes.get(given(part, 'node'));
  if (node === undefined) return who === owner.jid ? NOT_FOUND : byDialect(core, FORBIDDEN, NOT_FOUND);
  const items = childrenOf(part, 'item');
  if (items.length > 1 && core.dialect === 'ejabberd') return invalidPayload();
  const id = items[0] === undefined ? undefined : attr(items[0], 'id');
  if (id === undefined) return refusal('modify', 'bad-request', { specific: 'item-required' });
  const item = node.items.find((one) => one.id === id);
  const affiliation = node.affiliations.get(who);
  const may = byDialect(core, affiliation === 'publisher', item?.publisher === who);
  if (who !== owner.jid && affiliation !== 'owner' && !may) return FORBIDDEN;
  if (item === undefined) return NOT_FOUND;
  node.items = node.items.filter((one) => one.id !== id);
  const asked = attr(part, 'notify') === '1' || attr(part, 'notify') === 'true';
  notifyRetract(core, owner, node, { id, asked });
  return undefined;
}

function invalidPayload(): Refusal {
  return refusal('modify', 'bad-request', { specific: 'invalid-payload' });
}

function subscribe(core: Core, { owner, who, part }: Asked): Answer {
  const node = owner.nodes.get(given(part, 'node'));
  const refused = readRefusal(core, owner, node, who);
  if (refused !== undefined || node === undefined) return refused ?? NOT_FOUND;
  const jid = attr(part, 'jid') ?? who;
  if (bareOf(jid) !== who) return refusal('modify', 'bad-request');
  if (part.name === 'unsubscribe') {
    node.subscribers.delete(jid);
    return undefined;
  }
  node.subscribers.add(jid);
  const subscription = el('subscription', { node: node.name, jid, subscription: 'subscribed' });
  return el('pubsub', { xmlns: NS_PUBSUB }, subscription);
}
