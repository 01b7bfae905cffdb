/** Requests of an owner about a node: configuration, affiliations, emptying and deleting it. */

import { attr, childrenOf, el, elementsOf, type XmlElement } from '../../xmpp/element.ts';
import { NS_FORM } from '../../xmpp/stanza/form.ts';
import { NS_PUBSUB_OWNER } from '../../xmpp/stanza/pubsub.ts';
import { type Account, bareOf, type Core, given } from '../core.ts';
import { type Answer, BAD, byDialect, FORBIDDEN, isRefusal, NOT_FOUND, UNAVAILABLE } from '../replies.ts';
import { formOf, type Node, reconfigured } from './node.ts';
import { notifyEmptied } from './notify.ts';

/** Answer a request that only an owner may make. */
export function answerOwner(core: Core, owner: Account, iq: XmlElement, pubsub: XmlElement): Answer {
  const who = bareOf(given(iq, 'from'));
  const [part] = elementsOf(pubsub);
  if (part === undefined) return BAD;
  const node = owner.nodes.get(given(part, 'node'));
  const isOwner = who === owner.jid || node?.affiliations.get(who) === 'owner';
  if (!isOwner) return byDialect(core, FORBIDDEN, node === undefined ? NOT_FOUND : FORBIDDEN);
  if (node === undefined) return NOT_FOUND;
  const handler = HANDLERS[`${given(iq, 'type')} ${part.name}`];
  return handler === undefined ? UNAVAILABLE : handler(core, owner, node, part);
}

type Handler = (core: Core, owner: Account, node: Node, part: XmlElement) => Answer;

const HANDLERS: Readonly<Record<string, Handler>> = {
  'get configure': (_core, _owner, node) => {
    const fields = [...node.config].map(([name, value]) =>
      el('field', { var: name }, el('value', {}, value)),
    );
    const type = el('field', { var: 'FORM_TYPE', type: 'hidden' }, el('value', {}, NODE_CONFIG));
    return owned(
      el('configure', { node: node.name }, el('x', { xmlns: NS_FORM, type: 'form' }, type, ...fields)),
    );
  },
  'set configure': (core, _owner, node, part) => {
    const config = reconfigured(core, node, formOf(part));
    if (isRefusal(config)) return config;
    node.config = config;
    return undefined;
  },
  'set delete': (core, owner, node) => {
    owner.nodes.delete(node.name);
    notifyEmptied(core, owner, node, 'delete');
    return undefined;
  },
  'set purge': (core, owner, node) => {
    node.items = [];
    notifyEmptied(core, owner, node, 'purge');
    return undefined;
  },
  'get affiliations': (_core, owner, node) => {
    const all = [[owner.jid, 'owner'], ...node.affiliations];
    const list = all.map(([jid, affiliation]) => el('affiliation', { jid, affiliation }));
    return owned(el('affiliations', { node: node.name }, ...list));
  },
  'set affiliations': (_core, owner, node, part) => {
    const wanted = childrenOf(part, 'affiliation');
    if (wanted.some((one) => !AFFILIATIONS.has(attr(one, 'affiliation') ?? ''))) return BAD;
    for (const one of wanted) {
      const [jid, affiliation] = [bareOf(given(one, 'jid')), given(one, 'affiliation')];
      if (jid === owner.jid) continue;
      if (affiliation === 'none') node.affiliations.delete(jid);
      else node.affiliations.set(jid, affiliation);
    }
    return undefined;
  },
};

const NODE_CONFIG = 'http://jabber.org/protocol/pubsub#node_config';
const AFFILIATIONS = new Set(['owner', 'publisher', 'member', 'none', 'outcast']);

function owned(content: XmlElement): XmlElement {
  return el('pubsub', { xmlns: NS_PUBSUB_OWNER }, content);
}
