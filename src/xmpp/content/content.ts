/**
 * What a message says: a typed view of the elements inside an envelope, and how such a message is to be sent.
 *
 * Reading never fails. What is malformed, or stands twice where one is meant, is set apart, so that one broken element
 * does not cost a reader the others. What servers act upon means nothing inside (XEP-0420, 0.5.0, section 8) and is dropped.
 */

import { MlsError } from '../../base/error.ts';
import { is, NS_CLIENT, namespaceOf, type XmlElement } from '../element.ts';
import { NS_CARBONS } from '../stanza/carbons.ts';
import { NS_EME } from '../stanza/eme.ts';
import { NS_FORWARD } from '../stanza/forwarded.ts';
import { NS_HINTS } from '../stanza/hints.ts';
import { NS_MLS } from '../stanza/mlsFields.ts';
import { NS_SID } from '../stanza/stanzaId.ts';
import { type Handling, KINDS, type Kind, type KnownContent } from './kinds.ts';
import { languageOf, readText, textElement } from './text.ts';

/** What a message says. A field that is not there stands for an element that is not there. */
export interface MessageContent extends KnownContent {
  readonly body?: string;
  /** The language of the body. */
  readonly language?: string;
  readonly subject?: string;
  /** Elements that are not known here, bodies and subjects in further languages among them. */
  readonly payload?: readonly XmlElement[];
}

/** What was read of a message. */
export interface ReadContent {
  readonly content: MessageContent;
  /** Elements of a known kind that could not be read, or of which there were too many. */
  readonly malformed: readonly XmlElement[];
}

/** Namespaces of what servers act upon, or make: not for messages of members to say. */
const OF_SERVERS: ReadonlySet<string> = /* @__PURE__ */ new Set([
  NS_HINTS,
  NS_SID,
  NS_EME,
  NS_MLS,
  NS_CARBONS,
  NS_FORWARD,
  'urn:xmpp:mam:2',
  'urn:xmpp:delay',
  'urn:xmpp:occupant-id:0',
  'http://jabber.org/protocol/address',
  'http://jabber.org/protocol/amp',
  'http://jabber.org/protocol/muc',
  'http://jabber.org/protocol/muc#user',
  'http://jabber.org/protocol/pubsub#event',
]);

/** Most elements of a kind of which there may be several: more are set apart. */
const MOST = 256;

/** The elements of a message. */
export function buildContent(content: MessageContent): XmlElement[] {
  const { body, language, subject, payload = [] } = content;
  return [
    ...(body === undefined ? [] : [textElement('body', body, language)]),
    ...(subject === undefined ? [] : [textElement('subject', subject)]),
    ...KINDS.flatMap((kind) => kind.write(content)),
    ...payload,
  ];
}

/** Read the elements of an envelope: `Envelope.content`. */
export function readContent(elements: readonly XmlElement[]): ReadContent {
  const heard = elements.filter((one) => !OF_SERVERS.has(namespaceOf(one)));
  const known = KINDS.map((kind) => takeKind(kind, heard));
  const texts = [takeTexts('body', heard), takeTexts('subject', heard)];
  const parts = [...known, ...texts];
  const taken = new Set(parts.flatMap((part) => part.elements));
  const payload = [...heard.filter((one) => !taken.has(one)), ...texts.flatMap((part) => part.others)];
  const content: MessageContent = Object.assign({}, ...parts.map((part) => part.fields));
  return {
    content: payload.length === 0 ? content : { ...content, payload },
    malformed: parts.flatMap((part) => part.malformed),
  };
}

/** How a message with this content is sent: as its weightiest part wishes. What is not known counts as visible. */
export function handlingOf(content: MessageContent): Handling {
  const wishes = new Set(KINDS.map((kind) => kind.handling(content)));
  const isText = content.body !== undefined || content.subject !== undefined;
  if (isText || (content.payload ?? []).length > 0 || wishes.has('visible')) return 'visible';
  return wishes.has('kept') ? 'kept' : 'ephemeral';
}

interface Taken {
  readonly fields: MessageContent;
  /** All that were looked at. */
  readonly elements: readonly XmlElement[];
  readonly malformed: readonly XmlElement[];
}

function takeKind(kind: Kind, heard: readonly XmlElement[]): Taken {
  const elements = heard.filter(
    (one) => namespaceOf(one) === kind.namespace && (kind.name === undefined || one.name === kind.name),
  );
  if (elements.length > (kind.isList ? MOST : 1)) return { fields: {}, elements, malformed: elements };
  const read = elements.map((one) => attempt(kind, one));
  const values = read.flatMap((one) => (one.isRead ? [one.value] : []));
  const value = kind.isList ? values : values[0];
  return {
    fields: values.length === 0 ? {} : { [kind.field]: value },
    elements,
    malformed: elements.filter((_, at) => !read[at]?.isRead),
  };
}

type Attempt = { readonly isRead: true; readonly value: unknown } | { readonly isRead: false };

function attempt(kind: Pick<Kind, 'read'>, element: XmlElement): Attempt {
  try {
    return { isRead: true, value: kind.read(element) };
  } catch (error) {
    if (error instanceof MlsError && error.code !== 'internal.bug') return { isRead: false };
    throw error;
  }
}

/** One text of a name: that without a language, else the first. Two for one language are both set apart. */
function takeTexts(
  name: 'body' | 'subject',
  heard: readonly XmlElement[],
): Taken & { readonly others: readonly XmlElement[] } {
  const elements = heard.filter((one) => is(one, name, NS_CLIENT));
  const languages = elements.map(languageOf);
  const isTwice = (one: XmlElement): boolean => {
    const language = languageOf(one);
    return languages.indexOf(language) !== languages.lastIndexOf(language);
  };
  const texts = elements.map((one) => (isTwice(one) ? undefined : attempt({ read: readText }, one)));
  const usable = elements.filter((_, at) => texts[at]?.isRead);
  const main = usable.find((one) => languageOf(one) === undefined) ?? usable[0];
  const malformed = elements.filter((one) => !usable.includes(one));
  if (main === undefined) return { fields: {}, elements, malformed, others: [] };
  const language = name === 'body' ? languageOf(main) : undefined;
  return {
    fields: { [name]: readText(main), ...(language !== undefined && { language }) },
    elements,
    malformed,
    others: usable.filter((one) => one !== main),
  };
}
