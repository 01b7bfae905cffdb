/** Stanzas of a group as they leave. */

import { toHex, utf8 } from '../../base/bytes.ts';
import { fail } from '../../base/error.ts';
import { attr, el, is, isElement, type XmlElement } from '../element.ts';
import { STANZA_BUDGET } from '../sequencer/archiveSequencer.ts';
import { serialise } from '../serialise.ts';
import { hint } from '../stanza/hints.ts';
import { buildMls, type GroupInfoPart, type MlsContent, mlsIn } from '../stanza/mls.ts';
import { originId } from '../stanza/stanzaId.ts';
import type { Invitation } from './records.ts';

/** A stanza as text, and by what it is known again. */
export interface Written {
  readonly stanza: string;
  /** SHA-256 of the message in it, in hex. */
  readonly digest: string;
}

/** What a handshake message of a group travels with. */
export interface HandshakeParts {
  /** Tag of the epoch in which it was made. */
  readonly branch: Uint8Array | undefined;
  readonly id: string;
}

/** A commit with the GroupInfo of the epoch that it creates: section 5.6. */
export function bundleStanza(
  message: Uint8Array,
  parts: HandshakeParts & { readonly groupInfo: GroupInfoPart | undefined; readonly treePatch?: Uint8Array },
): XmlElement {
  const { branch, id, groupInfo, treePatch } = parts;
  const content = {
    kind: 'commit',
    message,
    ...(groupInfo && { groupInfo }),
    ...(treePatch && { treePatch }),
  } as const;
  return orderedStanza(content, id, branch);
}

/** Anything else for the order of a group. Handshakes are archived and wake nobody: section 5.3. */
export function orderedStanza(content: MlsContent, id: string, branch?: Uint8Array): XmlElement {
  const children = [buildMls(content, branch), originId(id), hint('store')];
  return el('message', { type: 'groupchat', id }, ...children);
}

/** Something for one account, which is to arrive whenever its devices come online. */
export function directStanza(to: string, content: MlsContent, id: string): XmlElement {
  return el('message', { type: 'chat', id, to }, buildMls(content), hint('store'));
}

/** A Welcome, after the commit has won: section 5.8. @param cursor the place of the commit */
export function welcomeStanza(
  { to, sequencer, welcome }: Invitation,
  cursor: string | undefined,
  hash: (bytes: Uint8Array) => Uint8Array,
): Written {
  const digest = toHex(hash(welcome));
  const content = {
    kind: 'welcome',
    message: welcome,
    sequencer,
    ...(cursor !== undefined && { cursor }),
  } as const;
  // The same id whenever it is sent, so that a second copy is known as one.
  return { stanza: serialise(directStanza(to, content, `w-${digest.slice(0, 16)}`)), digest };
}

/** Bytes that are added on the way: addresses and the like. */
const ADDRESSES = 1024;

/** Whether a commit and its Welcomes can be sent: servers end the stream of whoever sends too much. @throws `xmpp.too-large` */
export function requireFitting(stanza: string, invitations: readonly Invitation[]): void {
  const size = utf8(stanza).length + ADDRESSES;
  if (size > STANZA_BUDGET) fail('xmpp.too-large', { what: 'commit', size, most: STANZA_BUDGET });
  for (const { welcome } of invitations) {
    const length = Math.ceil(welcome.length / 3) * 4 + ADDRESSES;
    if (length > STANZA_BUDGET) fail('xmpp.too-large', { what: 'commit', size: length, most: STANZA_BUDGET });
  }
}

/** A stanza without what MLS has in it. */
export function outline(stanza: XmlElement): string {
  const mls = mlsIn(stanza);
  const children = stanza.children.filter(
    (one) => !isElement(one) || mls === undefined || !is(one, mls.name, attr(mls, 'xmlns') ?? ''),
  );
  return serialise({ ...stanza, children });
}
