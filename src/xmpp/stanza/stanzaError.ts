/** Stanza errors (RFC 6120, section 8.3; PubSub conditions of XEP-0060, 1.26) and what they mean to us. */

import { fail, MlsError } from '../../base/error.ts';
import { attr, childrenOf, elementsOf, namespaceOf, type XmlElement } from '../element.ts';

/** Conditions defined for all stanzas. */
export const NS_STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';
const NS_PUBSUB_ERRORS = 'http://jabber.org/protocol/pubsub#errors';

const CONDITIONS = new Set(
  (
    'bad-request conflict feature-not-implemented forbidden gone internal-server-error item-not-found jid-malformed ' +
    'not-acceptable not-allowed not-authorized policy-violation recipient-unavailable redirect registration-required ' +
    'remote-server-not-found remote-server-timeout resource-constraint service-unavailable subscription-required ' +
    'undefined-condition unexpected-request'
  ).split(' '),
);
/** Those of PubSub that we act on. */
const SPECIFIC = new Set(
  (
    'closed-node invalid-options invalid-payload item-required max-items-exceeded not-subscribed payload-too-big ' +
    'precondition-not-met presence-subscription-required unsupported unsupported-access-model'
  ).split(' '),
);
const TYPES = new Set(['auth', 'cancel', 'continue', 'modify', 'wait']);

/** What a stanza of type `error` says. */
export interface StanzaError {
  /** A condition of RFC 6120; `undefined-condition` for what is none of them. */
  readonly condition: string;
  readonly type: string;
  /** A condition of PubSub beside it. */
  readonly specific: string | undefined;
}

/** Read the error of a stanza; never fails, since an answer without a readable error is an error all the same. */
export function readError(stanza: XmlElement): StanzaError {
  const error = elementsOf(stanza).find(({ name }) => name === 'error');
  const inside = error === undefined ? [] : elementsOf(error);
  const named = (namespace: string, known: ReadonlySet<string>): string | undefined =>
    inside.find((one) => namespaceOf(one) === namespace && known.has(one.name))?.name;
  const type = error === undefined ? '' : (attr(error, 'type') ?? '');
  return {
    condition: named(NS_STANZAS, CONDITIONS) ?? 'undefined-condition',
    type: TYPES.has(type) ? type : 'cancel',
    specific: named(NS_PUBSUB_ERRORS, SPECIFIC),
  };
}

/**
 * Report a refused request: `xmpp.too-large`, `xmpp.timeout` when a server in between gave up (what became of the request
 * is then unknown), or `xmpp.refused` with the conditions in its detail.
 * @throws always
 */
export function failWith(stanza: XmlElement): never {
  const { condition, type, specific } = readError(stanza);
  if (specific === 'payload-too-big') fail('xmpp.too-large', { condition, specific });
  if (condition === 'policy-violation') fail('xmpp.too-large', { condition });
  if (condition === 'remote-server-timeout') fail('xmpp.timeout', { condition });
  fail('xmpp.refused', { condition, type, specific });
}

/** Whether a request failed with one of these conditions, general or specific. */
export function refusedWith(error: unknown, ...conditions: readonly string[]): boolean {
  if (!(error instanceof MlsError) || error.code !== 'xmpp.refused') return false;
  const { condition, specific } = error.detail;
  return [condition, specific].some((one) => typeof one === 'string' && conditions.includes(one));
}

/** Whether a stanza is an error that concerns what we sent under this id. */
export function isBounceOf(stanza: XmlElement, id: string): boolean {
  return (
    attr(stanza, 'type') === 'error' && attr(stanza, 'id') === id && childrenOf(stanza, 'error').length > 0
  );
}
