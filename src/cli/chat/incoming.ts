/** Events of a session, for the eyes of a user. */

import { explain } from '../../xmpp/content/undecryptable.ts';
import type { DeviceName, MlsXmppEvent } from '../../xmpp/session/events.ts';
import type { Said } from './history.ts';

/** What an event comes to. */
export interface Described {
  /** A message with words in it. */
  readonly said: Said | undefined;
  readonly lines: readonly string[];
}

/**
 * Describe an event.
 * @param numberOf how the user knows the message with this id
 * @param now milliseconds since 1970
 */
export function describeEvent(event: MlsXmppEvent, numberOf: (id: string) => string, now: number): Described {
  if (event.kind === 'message') return describeMessage(event, numberOf, now);
  return { said: undefined, lines: linesOf(event) };
}

function describeMessage(
  { conversation, content, sender, id, warning }: Extract<MlsXmppEvent, { kind: 'message' }>,
  numberOf: (id: string) => string,
  now: number,
): Described {
  const { body, reply, reactions, displayed, correction, files = [] } = content;
  const about =
    correction !== undefined
      ? `(instead of ${numberOf(correction)}) `
      : reply === undefined
        ? ''
        : `(to ${numberOf(reply.id)}) `;
  const said =
    body === undefined
      ? undefined
      : { jid: conversation.jid, id, from: sender.jid, text: `${about}${body}`, at: now };
  const lines = [
    ...files.map(({ metadata }) => `   ${sender.jid} shares ${metadata.name ?? 'a file'}`),
    ...(reactions === undefined
      ? []
      : [
          `   ${sender.jid} to ${numberOf(reactions.id)}: ${reactions.emoji.join(' ') || 'nothing any more'}`,
        ]),
    ...(displayed === undefined ? [] : [`   ${sender.jid} has read ${numberOf(displayed)}`]),
    ...(warning === undefined ? [] : [`!! ${warning.code}`]),
  ];
  return { said, lines };
}

function linesOf(event: Exclude<MlsXmppEvent, { kind: 'message' }>): readonly string[] {
  switch (event.kind) {
    case 'joined':
      return [`-- in the group of ${event.conversation.jid}, by ${event.inviter?.jid ?? 'somebody'}`];
    case 'removed':
      return [`-- out of ${event.conversation.jid}, by ${event.by?.jid ?? 'somebody'}`];
    case 'membership':
      return membership(event.conversation.jid, event);
    case 'invitation':
      return [`-- ${event.from} invites you to ${event.conversationWith}: /accept`];
    case 'undecryptable':
      return [`!! from ${event.from}: ${explain(event.error.code).text}`];
    case 'downgrade':
      return [`!! ${event.from} has written in the clear, which is not shown`];
    case 'trust':
      return event.error === undefined ? [] : [`!! the key of ${event.jid}: ${event.error.code}`];
    case 'fault':
      return [`!! ${event.error.code}`];
    default:
      return [];
  }
}

function membership(
  jid: string,
  { joined, left }: { readonly joined: readonly DeviceName[]; readonly left: readonly DeviceName[] },
): readonly string[] {
  return [
    ...accounts(joined).map((one) => `-- ${one} can read in ${jid}`),
    ...accounts(left).map((one) => `-- ${one} cannot read in ${jid} any more`),
  ];
}

function accounts(devices: readonly DeviceName[]): string[] {
  return [...new Set(devices.map((one) => one.jid))];
}
