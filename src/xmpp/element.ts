/**
 * XML elements as plain data, and how to find one's way in them.
 *
 * Namespaces are attributes called `xmlns`, inherited as in XML; there are no prefixes (`received.ts` resolves them). What
 * a finder returns carries its namespace, so that the next finder does not need the parent.
 */

import { fromBase64, toBase64 } from '../base/bytes.ts';
import { fail } from '../base/error.ts';

/** An XML element as plain data; those of ltx have the same shape. */
export interface XmlElement {
  readonly name: string;
  readonly attrs: Readonly<Record<string, string>>;
  readonly children: readonly (XmlElement | string)[];
}

/** The namespace of stanzas, which an element without any is taken to be in. */
export const NS_CLIENT = 'jabber:client';

/** What {@link el} takes as attributes. */
export type Attributes = Readonly<Record<string, string | number | bigint | undefined>>;

/** Make an element. Attributes and children that are `undefined` are left out, and numbers become text. */
export function el(
  name: string,
  attrs: Attributes = {},
  ...children: readonly (XmlElement | string | undefined)[]
): XmlElement {
  const given = Object.entries(attrs).filter(([, value]) => value !== undefined);
  return {
    name,
    attrs: Object.fromEntries(given.map(([key, value]) => [key, String(value)])),
    children: children.filter((child): child is XmlElement | string => child !== undefined && child !== ''),
  };
}

/** Whether a child is an element. */
export function isElement(child: XmlElement | string): child is XmlElement {
  return typeof child !== 'string';
}

/** An attribute of the element's own; never what `Object.prototype` has under that name. */
export function attr(element: XmlElement, name: string): string | undefined {
  return Object.hasOwn(element.attrs, name) ? element.attrs[name] : undefined;
}

/** The namespace of an element that a finder returned, or of a stanza. */
export function namespaceOf(element: XmlElement): string {
  return attr(element, 'xmlns') ?? NS_CLIENT;
}

/** Whether an element has this name in this namespace. */
export function is(element: XmlElement, name: string, namespace: string): boolean {
  return element.name === name && namespaceOf(element) === namespace;
}

/** The child elements, in order, each with its namespace. */
export function elementsOf(parent: XmlElement): XmlElement[] {
  const inherited = namespaceOf(parent);
  return parent.children.filter(isElement).map((child) => grounded(child, inherited));
}

function grounded(child: XmlElement, xmlns: string): XmlElement {
  return attr(child, 'xmlns') === undefined ? { ...child, attrs: { ...child.attrs, xmlns } } : child;
}

/** Children of this name; in the namespace of the parent, if none is named. Never looks deeper. */
export function childrenOf(
  parent: XmlElement,
  name: string,
  namespace: string = namespaceOf(parent),
): XmlElement[] {
  return elementsOf(parent).filter((child) => is(child, name, namespace));
}

/**
 * The one child of this name, or nothing.
 * @throws `xmpp.stanza` when there are several: no reader could know which one is meant
 */
export function child(parent: XmlElement, name: string, namespace?: string): XmlElement | undefined {
  const found = childrenOf(parent, name, namespace);
  if (found.length > 1) refuse(name, 'several');
  return found[0];
}

/** As {@link child}. @throws `xmpp.stanza` also when there is none */
export function needChild(parent: XmlElement, name: string, namespace?: string): XmlElement {
  return child(parent, name, namespace) ?? refuse(name, 'missing');
}

/** As {@link attr}. @throws `xmpp.stanza` when there is none */
export function needAttr(element: XmlElement, name: string): string {
  return attr(element, name) ?? refuse(name, 'missing');
}

/** The text of an element that has no child elements. @throws `xmpp.stanza` when it has */
export function text(element: XmlElement): string {
  return element.children.map((one) => (isElement(one) ? refuse('text', 'elements') : one)).join('');
}

/** The text of a child, if the child is there. @throws `xmpp.stanza` */
export function childText(parent: XmlElement, name: string, namespace?: string): string | undefined {
  const found = child(parent, name, namespace);
  return found === undefined ? undefined : text(found);
}

/**
 * The bytes in an element that holds exactly one piece of text, in strict base64.
 * @throws `xmpp.stanza` for anything else inside, `codec.base64`
 */
export function bytesIn(element: XmlElement): Uint8Array {
  const [content] = element.children;
  if (element.children.length !== 1 || typeof content !== 'string') refuse('base64', 'content');
  return fromBase64(content);
}

/** An element with bytes in base64. */
export function elBytes(name: string, attrs: Attributes, bytes: Uint8Array): XmlElement {
  return el(name, attrs, toBase64(bytes));
}

/**
 * A whole number in decimal, without sign and without zeros in front.
 * @throws `xmpp.stanza` for anything else, also above 2^53 - 1
 */
export function decimal(value: string, what: string): number {
  const number = /^(0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : refuse(what, 'number');
}

/** Refuse what was received. @throws `xmpp.stanza`, naming what of ours was looked at, not what stood there */
export function refuse(part: string, why: string): never {
  return fail('xmpp.stanza', { part, why });
}
