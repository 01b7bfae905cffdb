/** Care for our nodes, and reading those of others: MLS for XMPP, version 0, section 1.2. */

import { fail, MlsError } from '../base/error.ts';
import type { XmlElement } from './element.ts';
import { serialise } from './serialise.ts';
import { type Form, offered } from './stanza/form.ts';
import {
  affiliate,
  configuration,
  configurationOf,
  configure,
  createNode,
  fetchItems,
  isAbsent,
  type NodeOptions,
  type PubsubItem,
  publish,
  readConfiguration,
  readItems,
} from './stanza/pubsub.ts';
import { refusedWith } from './stanza/stanzaError.ts';
import type { Transport } from './transport.ts';

/** Longest item, as characters of XML: what stays below the limits of servers, and passes their rate limits in time. */
export const MOST_ITEM_LENGTH = 60 * 1024;

/** What is asked for in turn where `max` is. */
const LADDER = ['max', 256, 32] as const;
/** Fewer than this are too few for the devices of an account. */
const LEAST_MAX = 32;
const NOT_THIS_VALUE = ['bad-request', 'resource-constraint', 'not-acceptable', 'invalid-options'];
const PUBLISH_MODEL = 'pubsub#publish_model';
const MAX_ITEMS = 'pubsub#max_items';

/** What {@link Nodes} is made of. */
export interface NodesOptions {
  readonly transport: Transport;
  /** Our own bare JID. */
  readonly account: string;
  /** Told, once for each node, that a node of ours was not as we had made it and has been put right (XMP-15). */
  readonly repaired?: (node: string, fields: readonly string[]) => void;
}

/** The nodes of our account, and what others publish. */
export class Nodes {
  readonly #transport: Transport;
  readonly #account: string;
  readonly #repaired: (node: string, fields: readonly string[]) => void;
  /** Nodes that were seen to be as they should. */
  #cared = new Set<string>();
  readonly #told = new Set<string>();

  constructor({ transport, account, repaired = () => {} }: NodesOptions) {
    this.#transport = transport;
    this.#account = account;
    this.#repaired = repaired;
  }

  /** Our own bare address. */
  get account(): string {
    return this.#account;
  }

  /** Let one account read a node of ours that is closed to others. @throws `xmpp.refused`, `xmpp.timeout`, `xmpp.offline` */
  async share(node: string, jid: string): Promise<void> {
    await this.#transport.request(affiliate(node, jid, 'member'));
  }

  /** Look after the nodes anew: for a new session. */
  renew(): void {
    this.#cared = new Set();
  }

  /**
   * Have a node with these options, which nobody else can publish to. Asks the server once until {@link renew}.
   * @throws `xmpp.server-unfit` with `node` and `field` when the server cannot have it, `xmpp.refused`, `xmpp.timeout`,
   *   `xmpp.offline`, `xmpp.stanza`
   */
  async ensure(node: string, options: NodeOptions): Promise<void> {
    if (this.#cared.has(node)) return;
    if (!(await this.#create(node, options))) await this.#putRight(node, options);
    this.#cared.add(node);
  }

  /**
   * Publish one item to a node of our own, which is made or put right where necessary.
   * @throws `xmpp.too-large` above {@link MOST_ITEM_LENGTH}, and as {@link ensure}
   */
  async publish(
    node: string,
    item: { readonly id: string; readonly payload: XmlElement },
    options: NodeOptions,
  ): Promise<void> {
    const { length } = serialise(item.payload);
    if (length > MOST_ITEM_LENGTH) fail('xmpp.too-large', { node, length, limit: MOST_ITEM_LENGTH });
    await this.ensure(node, options);
    const stanza = publish(node, item, options);
    try {
      await this.#transport.request(stanza);
    } catch (error) {
      const isGone = refusedWith(error, 'item-not-found');
      if (!isGone && !isPrecondition(error)) throw error;
      this.#cared.delete(node);
      if (isGone) await this.ensure(node, options);
      else await this.#putRight(node, options);
      await this.#publishAgain(node, stanza);
    }
  }

  /**
   * What an account has published under these ids. Empty when there is nothing for us: servers do not tell absent from hidden.
   * @param owner bare JID
   * @throws `xmpp.node-owner`, `xmpp.stanza`, `xmpp.refused`, `xmpp.timeout`, `xmpp.offline`
   */
  async fetch(owner: string, node: string, ids: readonly string[]): Promise<readonly PubsubItem[]> {
    const to = owner === this.#account ? undefined : owner;
    try {
      const result = await this.#transport.request(fetchItems(to, node, ids));
      return readItems(result, owner, node).filter(({ id }) => ids.includes(id));
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  /** @returns false when the node exists already */
  async #create(node: string, options: NodeOptions): Promise<boolean> {
    const steps = options.maxItems === 'max' ? LADDER : [options.maxItems];
    for (const maxItems of steps) {
      const outcome = await this.#tryToCreate(node, { ...options, maxItems });
      if (outcome !== 'refused') return outcome === 'made';
    }
    return fail('xmpp.server-unfit', { node, feature: 'create-and-configure', field: MAX_ITEMS });
  }

  async #tryToCreate(node: string, options: NodeOptions): Promise<'made' | 'exists' | 'refused'> {
    try {
      await this.#transport.request(createNode(node, options));
      return 'made';
    } catch (error) {
      if (refusedWith(error, 'conflict')) return 'exists';
      if (refusedWith(error, ...NOT_THIS_VALUE)) return 'refused';
      return unfit(error, { node, feature: 'create-and-configure' });
    }
  }

  /** A node that exists: read its configuration, and change what is not as it should be. */
  async #putRight(node: string, options: NodeOptions): Promise<void> {
    const wrong = wrongFields(await this.#configuration(node), options);
    if (Object.keys(wrong).length === 0) return;
    await this.#configure(node, wrong);
    const [left] = Object.keys(wrongFields(await this.#configuration(node), options));
    if (left !== undefined) fail('xmpp.server-unfit', { node, field: left });
    if (this.#told.has(node)) return;
    this.#told.add(node);
    this.#repaired(node, Object.keys(wrong));
  }

  async #configuration(node: string): Promise<Form> {
    return readConfiguration(await this.#transport.request(configurationOf(node)));
  }

  async #configure(node: string, fields: Readonly<Record<string, string>>): Promise<void> {
    const steps = fields[MAX_ITEMS] === 'max' ? LADDER.map(String) : [fields[MAX_ITEMS]];
    for (const maxItems of steps) {
      const step = maxItems === undefined ? fields : { ...fields, [MAX_ITEMS]: maxItems };
      try {
        await this.#transport.request(configure(node, step));
        return;
      } catch (error) {
        if (maxItems === steps.at(-1)) unfit(error, { node, field: Object.keys(fields).join(' ') });
        if (!refusedWith(error, ...NOT_THIS_VALUE)) throw error;
      }
    }
  }

  async #publishAgain(node: string, stanza: XmlElement): Promise<void> {
    try {
      await this.#transport.request(stanza);
    } catch (error) {
      if (isPrecondition(error)) fail('xmpp.server-unfit', { node, feature: 'publish-options' }, error);
      throw error;
    }
  }
}

/** Fields of a node's form that say something else than they should, with what they should say. */
function wrongFields(form: Form, options: NodeOptions): Record<string, string> {
  const wanted: Record<string, string> = { ...configuration(options), [PUBLISH_MODEL]: 'publishers' };
  const isWrong = ([name, value]: [string, string]): boolean =>
    !isAs(name, form.get(name)?.[0], value, options);
  return Object.fromEntries(Object.entries(offered(form, wanted)).filter(isWrong));
}

function isAs(name: string, found: string | undefined, wanted: string, options: NodeOptions): boolean {
  if (name === 'pubsub#persist_items') return found === '1' || found === 'true';
  // Servers put a number in place of `max`.
  if (name === MAX_ITEMS && options.maxItems === 'max') return found === 'max' || Number(found) >= LEAST_MAX;
  return found === wanted;
}

/** The node is not what the options of the publish say. */
function isPrecondition(error: unknown): boolean {
  return refusedWith(error, 'precondition-not-met', 'conflict');
}

/** The server does not do what is needed, rather than not now. @throws always */
function unfit(error: unknown, detail: Readonly<Record<string, string>>): never {
  if (!(error instanceof MlsError) || error.code !== 'xmpp.refused') throw error;
  const { condition, type } = error.detail;
  if (type === 'wait' && condition !== 'resource-constraint') throw error;
  fail('xmpp.server-unfit', { ...detail, condition }, error);
}
