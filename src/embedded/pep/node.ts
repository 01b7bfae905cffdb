/** Nodes of accounts: their configuration, whom they are open to, and their items. Facts, section 2. */

import { childrenOf, text, type XmlElement } from '../../xmpp/element.ts';
import { type Form, NS_FORM, readForm } from '../../xmpp/stanza/form.ts';
import type { Account, Core } from '../core.ts';
import { BAD, byDialect, FORBIDDEN, NOT_FOUND, type Refusal, refusal } from '../replies.ts';

/** One item. */
export interface Item {
  readonly id: string;
  readonly payload: XmlElement | undefined;
  /** Bare address. */
  readonly publisher: string;
}

/** One node. */
export interface Node {
  readonly name: string;
  /** Full name of a field to its value; truth is `1` or `0`. */
  config: ReadonlyMap<string, string>;
  /** In the order of the dialect: by last publish, or by creation. */
  items: Item[];
  /** Bare address to affiliation. */
  readonly affiliations: Map<string, string>;
  /** Addresses that asked for notifications. */
  readonly subscribers: Set<string>;
}

const TRUTH = new Set([
  'persist_items',
  'deliver_payloads',
  'notify_config',
  'notify_delete',
  'notify_retract',
]);

const COMMON: Readonly<Record<string, string>> = {
  title: '',
  max_items: '1',
  persist_items: '1',
  access_model: 'presence',
  publish_model: 'publishers',
  send_last_published_item: 'on_sub_and_presence',
  notification_type: 'headline',
};
const DEFAULTS: Readonly<Record<Core['dialect'], Readonly<Record<string, string>>>> = {
  prosody: { ...COMMON, description: '', type: '', notify_delete: '1', notify_retract: '1' },
  ejabberd: {
    ...COMMON,
    deliver_payloads: '1',
    notify_config: '0',
    notify_delete: '0',
    notify_retract: '0',
    max_payload_size: '250000',
  },
};
const VALUES: Readonly<Record<string, readonly string[]>> = {
  access_model: ['open', 'presence', 'whitelist', 'authorize', 'roster'],
  publish_model: ['publishers', 'subscribers', 'open'],
};

/** A node as it is made when nothing is said. */
export function makeNode(core: Core, name: string): Node {
  const fields = Object.entries(DEFAULTS[core.dialect]).map(
    ([key, value]) => [`pubsub#${key}`, value] as const,
  );
  return { name, config: new Map(fields), items: [], affiliations: new Map(), subscribers: new Set() };
}

/** The value of a field, by its short name. */
export function setting(node: Node, name: string): string {
  return node.config.get(`pubsub#${name}`) ?? '';
}

/** The form inside an element, if it has one. @throws `xmpp.stanza` */
export function formOf(parent: XmlElement): Form {
  const x = childrenOf(parent, 'x', NS_FORM)[0];
  return x === undefined ? new Map() : readForm(x);
}

/** The configuration with other values, where the dialect knows the fields and takes the values. */
export function reconfigured(core: Core, node: Node, form: Form): ReadonlyMap<string, string> | Refusal {
  const config = new Map(node.config);
  for (const [name, [value]] of form) {
    if (name === 'FORM_TYPE' || value === undefined) continue;
    if (!config.has(name)) {
      if (core.dialect === 'ejabberd') return unknownField();
      continue;
    }
    const normal = normalValue(name, value);
    if (!isAllowed(core, name, normal)) return byDialect(core, BAD, refusal('wait', 'resource-constraint'));
    config.set(name, normal);
  }
  return config;
}

/** What ejabberd says of a field that it does not know. */
export function unknownField(): Refusal {
  return refusal('wait', 'resource-constraint', { text: 'Unknown field' });
}

/** A value as it is kept. */
export function normalValue(name: string, value: string): string {
  if (!TRUTH.has(name.replace('pubsub#', ''))) return value;
  return value === '1' || value === 'true' ? '1' : '0';
}

function isAllowed(core: Core, name: string, value: string): boolean {
  const short = name.replace('pubsub#', '');
  if (short === 'max_items')
    return value === 'max' || (/^\d{1,9}$/.test(value) && Number(value) <= core.limits.nodeItems);
  return VALUES[short]?.includes(value) ?? true;
}

/** How many items a node keeps. */
export function capacity(core: Core, node: Node): number {
  const most = setting(node, 'max_items');
  return most === 'max' ? core.limits.nodeItems : Number(most);
}

/** Whether an account is kept from reading a node, and why. */
export function readRefusal(
  core: Core,
  owner: Account | undefined,
  node: Node | undefined,
  who: string,
): Refusal | undefined {
  if (owner !== undefined && owner.jid === who) return node === undefined ? NOT_FOUND : undefined;
  if (owner === undefined || node === undefined) return byDialect(core, FORBIDDEN, NOT_FOUND);
  const affiliation = node.affiliations.get(who);
  if (affiliation === 'outcast') return FORBIDDEN;
  if (affiliation !== undefined) return undefined;
  const model = setting(node, 'access_model');
  if (model === 'open') return undefined;
  const isContact = owner.contacts.has(who);
  if (model === 'presence' && isContact) return undefined;
  return byDialect(core, FORBIDDEN, closedTo(model));
}

function closedTo(model: string): Refusal {
  return model === 'presence'
    ? refusal('auth', 'not-authorized', { specific: 'presence-subscription-required' })
    : refusal('cancel', 'not-allowed', { specific: 'closed-node' });
}

/** The text inside an element that may not be there. */
export function textOf(element: XmlElement | undefined): string {
  return element === undefined ? '' : text(element);
}
