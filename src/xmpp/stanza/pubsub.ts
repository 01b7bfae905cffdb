/**
 * XEP-0060 (1.26) and XEP-0163 (1.2.2): nodes and items, as far as both measured servers agree.
 *
 * A node is created with its configuration in one request, because options that a publish may carry differ between servers;
 * every publish and retract has one item, because of more than one some servers take the first and report success.
 */

import { fail } from '../../base/error.ts';
import {
  attr,
  child,
  childrenOf,
  el,
  elementsOf,
  needAttr,
  needChild,
  refuse,
  type XmlElement,
} from '../element.ts';
import { sameBareJid } from '../jid.ts';
import { type Form, formIn, submit } from './form.ts';
import { iqGet, iqSet } from './iq.ts';
import { refusedWith } from './stanzaError.ts';

/** Use of nodes. */
export const NS_PUBSUB = 'http://jabber.org/protocol/pubsub';
/** Notifications. */
export const NS_PUBSUB_EVENT = `${NS_PUBSUB}#event`;
/** Care for one's own nodes. */
export const NS_PUBSUB_OWNER = `${NS_PUBSUB}#owner`;
const NODE_CONFIG = `${NS_PUBSUB}#node_config`;
const PUBLISH_OPTIONS = `${NS_PUBSUB}#publish-options`;

/** Configuration that nodes of ours have. */
export interface NodeOptions {
  readonly accessModel: 'open' | 'presence' | 'whitelist';
  /** Items kept; `max` is what the server allows, and not more than 256 can be relied upon. */
  readonly maxItems: number | 'max';
}

/** One item as it was found. */
export interface PubsubItem {
  readonly id: string;
  readonly payload: XmlElement | undefined;
}

/** What happened at a node. */
export interface PubsubEvent {
  /** The account whose node it is: `from` of the message. */
  readonly from: string;
  readonly node: string;
  readonly items: readonly PubsubItem[];
  readonly retracted: readonly string[];
  /** All items went, or the node itself. */
  readonly emptied: boolean;
}

/** Create a node of our own with its configuration. The condition `conflict` says that it exists. */
export function createNode(node: string, options: NodeOptions): XmlElement {
  const form = submit(NODE_CONFIG, configuration(options));
  return iqSet(undefined, pubsub(el('create', { node }), el('configure', {}, form)));
}

/** The fields of a configuration that {@link NodeOptions} means. */
export function configuration({ accessModel, maxItems }: NodeOptions): Record<string, string> {
  return { ...guardOf(accessModel), 'pubsub#max_items': String(maxItems) };
}

/** The two options that every server takes with a publish. */
function guardOf(accessModel: string): Record<string, string> {
  return { 'pubsub#access_model': accessModel, 'pubsub#persist_items': 'true' };
}

/** Publish one item to a node of our own, on condition that the node is what we think it is. */
export function publish(
  node: string,
  item: { id: string; payload: XmlElement },
  options: NodeOptions,
): XmlElement {
  return iqSet(
    undefined,
    pubsub(
      el('publish', { node }, el('item', { id: item.id }, item.payload)),
      el('publish-options', {}, submit(PUBLISH_OPTIONS, guardOf(options.accessModel))),
    ),
  );
}

/** Fetch items by id; unknown ids are left out of the answer. */
export function fetchItems(owner: string | undefined, node: string, ids: readonly string[]): XmlElement {
  return iqGet(owner, pubsub(el('items', { node }, ...ids.map((id) => el('item', { id })))));
}

/** Take one item of our own away. */
export function retract(node: string, id: string): XmlElement {
  return iqSet(undefined, pubsub(el('retract', { node, notify: '1' }, el('item', { id }))));
}

/** Ask for the configuration of a node of our own. */
export function configurationOf(node: string): XmlElement {
  return iqGet(undefined, el('pubsub', { xmlns: NS_PUBSUB_OWNER }, el('configure', { node })));
}

/** Read the configuration of a node. @throws `xmpp.stanza` */
export function readConfiguration(result: XmlElement): Form {
  const configure = needChild(needChild(result, 'pubsub', NS_PUBSUB_OWNER), 'configure');
  return formIn(configure, NODE_CONFIG) ?? refuse('form', 'missing');
}

/** Change the configuration of a node of our own: fields that its form has. */
export function configure(node: string, fields: Readonly<Record<string, string>>): XmlElement {
  const form = submit(NODE_CONFIG, fields);
  return iqSet(undefined, el('pubsub', { xmlns: NS_PUBSUB_OWNER }, el('configure', { node }, form)));
}

/** Let one account read a node of our own whose access model is `whitelist`, or no longer. */
export function affiliate(node: string, jid: string, affiliation: 'member' | 'none'): XmlElement {
  const list = el('affiliations', { node }, el('affiliation', { jid, affiliation }));
  return iqSet(undefined, el('pubsub', { xmlns: NS_PUBSUB_OWNER }, list));
}

/**
 * Read the answer to {@link fetchItems}.
 * @param owner whose node was asked for; an answer without `from` is from our own account
 * @throws `xmpp.node-owner` for an answer of somebody else, `xmpp.stanza`
 */
export function readItems(result: XmlElement, owner: string, node: string): PubsubItem[] {
  ownedBy(result, owner);
  const items = needChild(needChild(result, 'pubsub', NS_PUBSUB), 'items');
  if (attr(items, 'node') !== node) refuse('items', 'node');
  return itemsOf(items);
}

/**
 * Read a notification, or nothing if the message is none. An item in it is what the owner of the node says, and no more.
 * @param self our own address, whose notifications may lack `from`
 * @throws `xmpp.stanza`
 */
export function readEvent(message: XmlElement, self: string): PubsubEvent | undefined {
  const event = message.name === 'message' ? child(message, 'event', NS_PUBSUB_EVENT) : undefined;
  if (event === undefined || attr(message, 'type') === 'error') return undefined;
  const parts = elementsOf(event);
  const [part] = parts;
  if (part === undefined || parts.length !== 1) return refuse('event', 'content');
  const kind = part.name;
  if (!['items', 'purge', 'delete'].includes(kind)) return undefined;
  return {
    from: attr(message, 'from') ?? self,
    node: needAttr(part, 'node'),
    items: itemsOf(part),
    retracted: childrenOf(part, 'retract').map((one) => needAttr(one, 'id')),
    emptied: kind !== 'items',
  };
}

/** Whether a fetch failed for a reason that means "nothing for us": servers do not tell absent from hidden alike. */
export function isAbsent(error: unknown): boolean {
  return refusedWith(error, 'forbidden', 'item-not-found', 'closed-node', 'presence-subscription-required');
}

function ownedBy(stanza: XmlElement, owner: string): void {
  const from = attr(stanza, 'from');
  if (from !== undefined && !sameBareJid(from, owner)) fail('xmpp.node-owner', { at: 'answer' });
}

function itemsOf(items: XmlElement): PubsubItem[] {
  const found = childrenOf(items, 'item').map((item) => {
    const payloads = elementsOf(item);
    if (payloads.length > 1) refuse('item', 'several');
    return { id: needAttr(item, 'id'), payload: payloads[0] };
  });
  if (new Set(found.map(({ id }) => id)).size !== found.length) refuse('item', 'several');
  return found;
}

function pubsub(...children: readonly XmlElement[]): XmlElement {
  return el('pubsub', { xmlns: NS_PUBSUB }, ...children);
}
