/** Requests to accounts and to the server itself, by what they contain. */

import { attr, child, el, elementsOf, type XmlElement } from '../xmpp/element.ts';
import { NS_CARBONS } from '../xmpp/stanza/carbons.ts';
import { NS_DISCO_INFO, NS_DISCO_ITEMS } from '../xmpp/stanza/disco.ts';
import { NS_MAM } from '../xmpp/stanza/mam.ts';
import { NS_PUBSUB, NS_PUBSUB_OWNER } from '../xmpp/stanza/pubsub.ts';
import { answerQuery } from './archive.ts';
import { type Account, bareOf, type Core, given } from './core.ts';
import { accountInfo, accountItems, hasNode, hostInfo, hostItems } from './disco.ts';
import { answerOwner } from './pep/ownerRequests.ts';
import { answerGet, answerSet } from './pep/requests.ts';
import { sessionOf } from './presence.ts';
import {
  type Answer,
  BAD,
  byDialect,
  FORBIDDEN,
  isRefusal,
  NOT_FOUND,
  replyTo,
  UNAVAILABLE,
} from './replies.ts';
import { answerSlot, NS_UPLOAD, uploadInfo } from './upload.ts';

const NS_PING = 'urn:xmpp:ping';

/** Answer a request to an account, by the account's server. The account may not exist, which strangers are not told. */
export function accountRequest(core: Core, account: Account | undefined, iq: XmlElement): void {
  const [payload, ...others] = elementsOf(iq);
  const answer = payload === undefined || others.length > 0 ? BAD : answerFor(core, account, iq, payload);
  core.route(replyTo(core, iq, answer));
}

/** Answer a request to the server or a service that is none of rooms. */
export function hostRequest(core: Core, iq: XmlElement): void {
  const [payload] = elementsOf(iq);
  core.route(replyTo(core, iq, payload === undefined ? BAD : hostAnswer(core, iq, payload)));
}

function answerFor(core: Core, account: Account | undefined, iq: XmlElement, payload: XmlElement): Answer {
  const key = `${given(iq, 'type')} ${payload.name} ${given(payload, 'xmlns')}`;
  if (key === `get pubsub ${NS_PUBSUB}`) return answerGet(core, account, iq, payload);
  if (account === undefined) return UNAVAILABLE;
  const common = SHARED[key];
  if (common !== undefined) return common(core, account, iq, payload);
  const own = OWN[key];
  if (own === undefined) return UNAVAILABLE;
  return bareOf(given(iq, 'from')) === account.jid
    ? own(core, account, iq, payload)
    : byDialect(core, UNAVAILABLE, FORBIDDEN);
}

type Handler = (core: Core, account: Account, iq: XmlElement, payload: XmlElement) => Answer;

/** What others may ask too; each looks at who asks. */
const SHARED: Readonly<Record<string, Handler>> = {
  [`get query ${NS_DISCO_INFO}`]: (core, account, iq, query) =>
    hasNode(query) ? NOT_FOUND : accountInfo(core, account, iq),
  [`get query ${NS_DISCO_ITEMS}`]: (core, account, iq, query) =>
    hasNode(query) ? NOT_FOUND : accountItems(core, account, iq),
  [`set pubsub ${NS_PUBSUB}`]: answerSet,
  [`get pubsub ${NS_PUBSUB_OWNER}`]: answerOwner,
  [`set pubsub ${NS_PUBSUB_OWNER}`]: answerOwner,
};

/** What the owner alone may ask. */
const OWN: Readonly<Record<string, Handler>> = {
  [`get ping ${NS_PING}`]: () => undefined,
  [`get query jabber:iq:roster`]: (_core, account) => {
    const items = [...account.contacts].map((jid) => el('item', { jid, subscription: 'both' }));
    return el('query', { xmlns: 'jabber:iq:roster' }, ...items);
  },
  [`set enable ${NS_CARBONS}`]: (core, _account, iq) => setCarbons(core, iq, true),
  [`set disable ${NS_CARBONS}`]: (core, _account, iq) => setCarbons(core, iq, false),
  [`set query ${NS_MAM}`]: (core, account, iq, query) => archivePage(core, account, iq, query),
};

function setCarbons(core: Core, iq: XmlElement, on: boolean): Answer {
  const session = sessionOf(core, given(iq, 'from'));
  if (session !== undefined) session.carbons = on;
  return undefined;
}

function archivePage(core: Core, account: Account, iq: XmlElement, query: XmlElement): Answer {
  const answer = answerQuery(core, account.archive, query, given(iq, 'from'));
  if (isRefusal(answer)) return answer;
  for (const result of answer.results) core.route(result);
  return answer.fin;
}

function hostAnswer(core: Core, iq: XmlElement, payload: XmlElement): Answer {
  const key = `${given(iq, 'type')} ${payload.name} ${given(payload, 'xmlns')}`;
  const isUpload = attr(iq, 'to') === core.uploadService;
  if (hasNode(payload)) return NOT_FOUND;
  if (key === `get query ${NS_DISCO_INFO}`) return isUpload ? uploadInfo(core) : hostInfo(core);
  if (key === `get query ${NS_DISCO_ITEMS}`)
    return isUpload ? child(hostItems(core), 'none') : hostItems(core);
  if (key === `get ping ${NS_PING}`) return undefined;
  if (key === `get request ${NS_UPLOAD}` && isUpload) return answerSlot(core, payload);
  return UNAVAILABLE;
}
