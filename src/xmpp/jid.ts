/**
 * XMPP addresses (RFC 7622), as far as they can be treated alike everywhere.
 *
 * Done here: the split, the lengths, the characters that a part may not have, case and width of the localpart, case of
 * the domain, spaces of the resource, and NFC. Left to the server, which has refused or changed the address before we see
 * it: which code points are assigned and of which PRECIS class (that depends on the Unicode version, and clients must not
 * disagree), the bidirectional rule, and `xn--` labels, which stay as they are.
 */

import { fail } from '../base/error.ts';
import { refuse } from './element.ts';

/** An address in parts, each normalised. */
export interface Jid {
  readonly local: string | undefined;
  readonly domain: string;
  readonly resource: string | undefined;
}

/** Bytes of UTF-8 in one part: RFC 7622, sections 3.2 to 3.4. */
const MOST_BYTES = 1023;
/** Section 3.3.1 beside what the PRECIS class excludes: white space and controls. */
const NOT_IN_LOCAL = /["&'/:<>@\p{White_Space}\p{Cc}\p{Surrogate}]/u;
const NOT_IN_DOMAIN = /["&'/:<>@[\]\p{White_Space}\p{Cc}\p{Surrogate}]/u;
const NOT_IN_RESOURCE = /[\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}]/u;
const SPACES = /\p{Zs}/gu;
/** Half-width and full-width forms: RFC 8265, section 3.3.2, rule 1. */
const WIDTHS = /[\u3000\uff00-\uffef]/g;
const IPV6 = /^\[[0-9a-f:.]+\]$/;

/** Read an address. `undefined` when it is not well-formed. */
export function readJid(address: string): Jid | undefined {
  const slash = address.indexOf('/');
  const bare = slash < 0 ? address : address.slice(0, slash);
  const at = bare.indexOf('@');
  const local = at < 0 ? undefined : readLocal(bare.slice(0, at));
  const domain = readDomain(bare.slice(at + 1));
  const resource = slash < 0 ? undefined : readResource(address.slice(slash + 1));
  if (domain === undefined || (at >= 0 && local === undefined)) return undefined;
  return slash >= 0 && resource === undefined ? undefined : { local, domain, resource };
}

/** Read an address that the application gave. @throws `codec.input` */
export function parseJid(address: string): Jid {
  return readJid(address) ?? fail('codec.input', { expected: 'JID' });
}

/** An address that a stanza holds, in its normal form. @throws `xmpp.stanza` */
export function jidIn(address: string): string {
  return formatJid(readJid(address) ?? refuse('jid', 'malformed'));
}

/** The bare form of an address that a stanza holds. @throws `xmpp.stanza` */
export function bareJidIn(address: string): string {
  return bareJid(readJid(address) ?? refuse('jid', 'malformed'));
}

/** The address as text. */
export function formatJid(jid: Jid): string {
  return jid.resource === undefined ? bareJid(jid) : `${bareJid(jid)}/${jid.resource}`;
}

/** The address as text, without the resource. */
export function bareJid({ local, domain }: Jid): string {
  return local === undefined ? domain : `${local}@${domain}`;
}

/** Whether two texts are one address. What is no address equals nothing. */
export function sameJid(a: string, b: string): boolean {
  return same(a, b, formatJid);
}

/** Whether two texts are addresses of one account or room, whatever their resources. */
export function sameBareJid(a: string, b: string): boolean {
  return same(a, b, bareJid);
}

function same(a: string, b: string, form: (jid: Jid) => string): boolean {
  const [left, right] = [readJid(a), readJid(b)];
  return left !== undefined && right !== undefined && form(left) === form(right);
}

/** UsernameCaseMapped of RFC 8265, without the tables. */
function readLocal(part: string): string | undefined {
  const mapped = part.replace(WIDTHS, (one) => one.normalize('NFKC'));
  const local = mapped.toLowerCase().normalize('NFC');
  return NOT_IN_LOCAL.test(local) ? undefined : sized(local);
}

function readDomain(part: string): string | undefined {
  const domain = part
    .replace(WIDTHS, (one) => one.normalize('NFKC'))
    .toLowerCase()
    .normalize('NFC');
  if (IPV6.test(domain)) return sized(domain);
  const absolute = domain.endsWith('.') ? domain.slice(0, -1) : domain;
  if (NOT_IN_DOMAIN.test(absolute) || absolute.split('.').includes('')) return undefined;
  return sized(absolute);
}

/** OpaqueString of RFC 8265, without the tables: case and width stay. */
function readResource(part: string): string | undefined {
  const resource = part.replace(SPACES, ' ').normalize('NFC');
  return NOT_IN_RESOURCE.test(resource) ? undefined : sized(resource);
}

function sized(part: string): string | undefined {
  return part !== '' && new TextEncoder().encode(part).length <= MOST_BYTES ? part : undefined;
}
