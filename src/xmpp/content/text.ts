/**
 * What people read (RFC 6121, section 5.2.3 and following), and which part of it is there for other clients only:
 * XEP-0428 (0.2.1), with positions counted as in XEP-0426 (0.3.0), in code points.
 *
 * Styling (XEP-0393) is text; markup (XEP-0394) is an element like any other.
 */

import { fail } from '../../base/error.ts';
import { attr, decimal, el, elementsOf, is, NS_CLIENT, refuse, text, type XmlElement } from '../element.ts';

/** Fallbacks. */
export const NS_FALLBACK = 'urn:xmpp:fallback:0';

/** A part of a text, in code points: from `start` up to, but not including, `end`. */
export interface Region {
  readonly start: number;
  readonly end: number;
}

/** Says that a text, or a part of it, stands there for clients that do not know something. */
export interface Fallback {
  /** The namespace of what those clients do not know. */
  readonly for: string;
  /** Which part of the body; `whole` for all of it, nothing if the body is none. Only the first region of several. */
  readonly body?: Region | 'whole';
  /** Which part of the subject. */
  readonly subject?: Region | 'whole';
}

/** A text, with the language it is in where that was said. */
export function textElement(
  name: 'body' | 'subject' | 'thread',
  value: string,
  language?: string,
): XmlElement {
  return el(name, { xmlns: NS_CLIENT, 'xml:lang': language }, value);
}

/** The mark of a fallback. */
export function fallbackElement(fallback: Fallback): XmlElement {
  const part = (name: 'body' | 'subject'): XmlElement | undefined => {
    const region = fallback[name];
    return region && el(name, region === 'whole' ? {} : { start: region.start, end: region.end });
  };
  return el('fallback', { xmlns: NS_FALLBACK, for: fallback.for }, part('subject'), part('body'));
}

/** Read the mark of a fallback. @throws `xmpp.stanza` */
export function readFallback(element: XmlElement): Fallback {
  const inside = elementsOf(element);
  const part = (name: string): Region | 'whole' | undefined => {
    const found = inside.find((one) => is(one, name, NS_FALLBACK));
    // Without children the mark is about all texts.
    if (found === undefined) return inside.length === 0 ? 'whole' : undefined;
    return readRegion(found, 'start') ?? 'whole';
  };
  const [body, subject] = [part('body'), part('subject')];
  return { for: attr(element, 'for') ?? '', ...(body && { body }), ...(subject && { subject }) };
}

/** The region that an element names, if it names one. @throws `xmpp.stanza` for half of one, or one that ends before it begins */
export function readRegion(element: XmlElement, first: 'start' | 'begin'): Region | undefined {
  const [from, to] = [attr(element, first), attr(element, 'end')];
  if (from === undefined && to === undefined) return undefined;
  const start = decimal(from ?? refuse(first, 'missing'), first);
  const end = decimal(to ?? refuse('end', 'missing'), 'end');
  return end < start ? refuse('end', 'number') : { start, end };
}

/** The text of a body, subject or thread. @throws `xmpp.stanza` */
export function readText(element: XmlElement): string {
  return text(element);
}

/** The language that an element says it is in. */
export function languageOf(element: XmlElement): string | undefined {
  return attr(element, 'xml:lang');
}

/** A text with something in front of it for clients that do not know the namespace. */
export function withFallback(
  prefix: string,
  body: string,
  namespace: string,
): { readonly body: string; readonly fallbacks: readonly Fallback[] } {
  const region = { start: 0, end: [...prefix].length };
  return { body: prefix + body, fallbacks: [{ for: namespace, body: region }] };
}

/** A text as a quotation (XEP-0393): to be put in front of an answer. */
export function quoted(value: string): string {
  return value
    .split('\n')
    .map((line) => `> ${line}\n`)
    .join('');
}

/**
 * A body without what stands there for other clients.
 * @param understood namespaces that the reader shows in its own way
 * @returns `undefined` if nothing else was in it
 */
export function bodyWithout(
  body: string,
  fallbacks: readonly Fallback[],
  understood: ReadonlySet<string>,
): string | undefined {
  const regions = fallbacks.filter((one) => understood.has(one.for)).map((one) => one.body);
  if (regions.includes('whole')) return undefined;
  const hidden = regions.filter((one): one is Region => one !== undefined && one !== 'whole');
  const points = [...body];
  const shown = points.filter((_, at) => !hidden.some(({ start, end }) => at >= start && at < end));
  return shown.length === 0 && points.length > 0 ? undefined : shown.join('');
}

/** The text that a region of a body covers. @throws `codec.input` for a region outside the body */
export function textAt(body: string, { start, end }: Region): string {
  const points = [...body];
  if (start > end || end > points.length) fail('codec.input', { expected: 'region' });
  return points.slice(start, end).join('');
}
