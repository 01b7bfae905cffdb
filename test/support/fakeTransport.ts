/** A connection without a network: requests go to a function, and to nodes of accounts that live in memory. */

import {
  attr,
  child,
  childrenOf,
  el,
  elementsOf,
  needAttr,
  needChild,
  text,
  type XmlElement,
} from '../../src/xmpp/element.ts';
import { failWith } from '../../src/xmpp/stanza/stanzaError.ts';
import type { ConnectionState, Transport } from '../../src/xmpp/transport.ts';
import { sent, xml } from './xml.ts';

/** Answers a request, or throws what {@link refuse} makes of a condition. */
export type Answer = (iq: XmlElement, from: string) => XmlElement;

/** Refuse a request. */
export function refuse(condition: string, specific?: string, type = 'cancel'): never {
  const more =
    specific === undefined ? '' : `<${specific} xmlns='http://jabber.org/protocol/pubsub#errors'/>`;
  return failWith(
    xml(
      `<iq type='error'><error type='${type}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>${more}</error></iq>`,
    ),
  );
}

/** One resource of an account. */
export class FakeTransport implements Transport {
  readonly jid: string;
  /** Requests in their order. */
  readonly requests: XmlElement[] = [];
  readonly messages: XmlElement[] = [];
  answer: Answer;
  readonly #listeners = new Set<(stanza: XmlElement) => void>();

  constructor(jid: string, answer: Answer) {
    this.jid = jid;
    this.answer = answer;
  }

  async send(stanza: XmlElement): Promise<void> {
    this.messages.push(sent(stanza));
  }
  async request(iq: XmlElement): Promise<XmlElement> {
    const asked = sent(iq);
    this.requests.push(asked);
    return sent(this.answer(asked, this.jid));
  }
  subscribe(listener: (stanza: XmlElement) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  watch(_listener: (state: ConnectionState) => void): () => void {
    return () => {};
  }
  parse(document: string): XmlElement {
    return xml(document);
  }
  /** Let a stanza arrive. */
  arrive(stanza: XmlElement): void {
    for (const listener of this.#listeners) listener(sent(stanza));
  }
  /** What the requests were about: names of the elements inside. */
  get asked(): string[] {
    return this.requests.map((iq) => elementsOf(needChild(iq, 'pubsub', namespaceIn(iq)))[0]?.name ?? '');
  }
}

/** A node as the server has it. */
export interface FakeNode {
  readonly form: Map<string, string>;
  readonly items: Map<string, XmlElement>;
}

/** How the server behaves where servers differ. */
export interface Dialect {
  /** Values of max_items that it takes. */
  readonly takes?: (maxItems: string) => boolean;
  /** What configuration it takes at all. */
  readonly frozen?: boolean;
}

/** PEP of all accounts of a server. */
export class FakePep {
  readonly nodes = new Map<string, FakeNode>();
  dialect: Dialect = {};

  /** The node of an account, if it is there. */
  node(account: string, node: string): FakeNode | undefined {
    return this.nodes.get(`${account} ${node}`);
  }

  /** What {@link FakeTransport} asks. */
  readonly answer: Answer = (iq, from) => {
    const own = from.split('/')[0] ?? '';
    const account = attr(iq, 'to') ?? own;
    const pubsub = needChild(iq, 'pubsub', namespaceIn(iq));
    const [part] = elementsOf(pubsub);
    if (part === undefined) return refuse('bad-request');
    const node = needAttr(part, 'node');
    const key = `${account} ${node}`;
    const result = (...inside: XmlElement[]): XmlElement =>
      el('iq', { type: 'result', from: account }, ...inside);
    if (part.name === 'create') return this.#create(key, needChild(pubsub, 'configure'), result);
    const found = this.nodes.get(key);
    if (found === undefined) return refuse('item-not-found');
    if (part.name === 'publish') return this.#publish(found, pubsub, part, result);
    if (part.name === 'configure') return this.#configure(found, iq, part, result);
    const ids = childrenOf(part, 'item').map((one) => needAttr(one, 'id'));
    const items = ids.flatMap((id) => {
      const payload = found.items.get(id);
      return payload === undefined ? [] : [el('item', { id }, payload)];
    });
    return result(
      el('pubsub', { xmlns: 'http://jabber.org/protocol/pubsub' }, el('items', { node }, ...items)),
    );
  };

  #create(key: string, configure: XmlElement, result: (...inside: XmlElement[]) => XmlElement): XmlElement {
    if (this.nodes.has(key)) return refuse('conflict');
    const form = fields(configure);
    if (this.dialect.takes?.(form.get('pubsub#max_items') ?? '') === false) return refuse('bad-request');
    form.set('pubsub#publish_model', 'publishers');
    this.nodes.set(key, { form, items: new Map() });
    return result();
  }

  #publish(
    node: FakeNode,
    pubsub: XmlElement,
    part: XmlElement,
    result: (...inside: XmlElement[]) => XmlElement,
  ): XmlElement {
    const options = child(pubsub, 'publish-options');
    for (const [name, value] of options === undefined ? [] : fields(options))
      if (name !== 'FORM_TYPE' && node.form.get(name) !== value)
        return refuse('conflict', 'precondition-not-met');
    const item = needChild(part, 'item');
    const [payload] = elementsOf(item);
    if (payload !== undefined) node.items.set(needAttr(item, 'id'), payload);
    return result();
  }

  #configure(
    node: FakeNode,
    iq: XmlElement,
    part: XmlElement,
    result: (...inside: XmlElement[]) => XmlElement,
  ): XmlElement {
    if (attr(iq, 'type') === 'set') {
      const form = fields(part);
      if ([...form.keys()].some((name) => name !== 'FORM_TYPE' && !node.form.has(name)))
        return refuse('bad-request');
      if (this.dialect.takes?.(form.get('pubsub#max_items') ?? '1') === false)
        return refuse('not-acceptable');
      if (this.dialect.frozen !== true) for (const [name, value] of form) node.form.set(name, value);
      return result();
    }
    const form = [...node.form].map(([name, value]) => el('field', { var: name }, el('value', {}, value)));
    return result(
      el(
        'pubsub',
        { xmlns: 'http://jabber.org/protocol/pubsub#owner' },
        el('configure', { node: 'n' }, el('x', { xmlns: 'jabber:x:data', type: 'form' }, ...form)),
      ),
    );
  }
}

function fields(parent: XmlElement): Map<string, string> {
  const x = needChild(parent, 'x', 'jabber:x:data');
  return new Map(
    childrenOf(x, 'field').map((field) => [needAttr(field, 'var'), text(needChild(field, 'value'))] as const),
  );
}

function namespaceIn(iq: XmlElement): string {
  const [first] = elementsOf(iq);
  return (first && attr(first, 'xmlns')) ?? '';
}
