/** XEP-0004 (2.13.1): data forms. */

import { attr, childrenOf, el, refuse, text, type XmlElement } from '../element.ts';

/** Data forms. */
export const NS_FORM = 'jabber:x:data';

/** Fields of a form: name to values, in the order of the form. */
export type Form = ReadonlyMap<string, readonly string[]>;

/** A form to submit. */
export function submit(formType: string, fields: Readonly<Record<string, string>>): XmlElement {
  return el(
    'x',
    { xmlns: NS_FORM, type: 'submit' },
    el('field', { var: 'FORM_TYPE', type: 'hidden' }, el('value', {}, formType)),
    ...Object.entries(fields).map(([name, value]) => el('field', { var: name }, el('value', {}, value))),
  );
}

/** Read a form. @throws `xmpp.stanza` for a name that stands twice */
export function readForm(x: XmlElement): Form {
  const form = new Map<string, readonly string[]>();
  for (const field of childrenOf(x, 'field', NS_FORM)) {
    // Fields of type `fixed` are text for people, and have no name.
    const name = attr(field, 'var');
    if (name === undefined) continue;
    if (form.has(name)) refuse('field', 'several');
    form.set(name, childrenOf(field, 'value').map(text));
  }
  return form;
}

/**
 * The form in an element, if it has one of this type.
 * @throws `xmpp.stanza`
 */
export function formIn(parent: XmlElement, formType: string): Form | undefined {
  const forms = childrenOf(parent, 'x', NS_FORM).map(readForm);
  return forms.find((form) => form.get('FORM_TYPE')?.[0] === formType);
}

/** Of the wanted fields those that a form offers, since servers differ in refusing or ignoring what they do not know. */
export function offered(form: Form, wanted: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(wanted).filter(([name]) => form.has(name)));
}
