/** Invitations: Welcomes that came, and what becomes of them (design, 5.8). */

import { compare, equal } from '../../base/bytes.ts';
import { MlsError } from '../../base/error.ts';
import { uint64 } from '../../codec/codec.ts';
import { bindingOf, GroupMode, type XmppBinding } from '../binding.ts';
import { bareJid, parseJid } from '../jid.ts';
import { Conversing, namesOf, record } from '../ordered/records.ts';
import type { From } from '../sequencer/contract.ts';
import type { MlsContent } from '../stanza/mls.ts';
import type { Conversation, Talk } from './conversation.ts';
import type { MlsXmppEvent } from './events.ts';
import { nameOf } from './goals.ts';
import { askForTree, isWithoutTree, type PreparedJoin, prepareJoin } from './joining.ts';
import { orderGroup, requireOurs, type Setting } from './setting.ts';

/** What a session does with Welcomes. */
export interface Host {
  readonly setting: Setting;
  /** The conversation with somebody, made where there is none. */
  conversation(talk: Talk): Conversation;
  /** Whether there is a conversation with somebody already. */
  has(talk: Talk): boolean;
  /** Read what a new conversation has, in its own time. */
  begin(conversation: Conversation): void;
  /** Ask the user. @returns whether there is room for the question */
  invite(invitation: Extract<MlsXmppEvent, { kind: 'invitation' }>): boolean;
  /** Whether this account may take us into a group without our being asked. */
  mayInvite(jid: string, binding: XmppBinding): Promise<boolean>;
  /** Do something later, unless the session ends. @param between seconds */
  later(between: readonly [number, number], step: () => Promise<unknown>): void;
}

type Welcome = Extract<MlsContent, { kind: 'welcome' }>;

/** When a Welcome to a large group is tried again, seconds: its tree may be asked for, or not be readable yet. */
const AGAIN_S = [5, 30, 120] as const;

/**
 * Take a Welcome. One that is not for this device, or that was taken before, is nothing.
 * @param from whoever sent it, who is asked for what is missing
 * @throws `xmpp.gap` where the tree of the group cannot be had: it is tried again by itself; `storage.*`
 */
export async function takeWelcome(
  host: Host,
  welcome: Welcome,
  from: string,
  [again, ...later]: readonly number[] = AGAIN_S,
): Promise<void> {
  let prepared: PreparedJoin;
  try {
    prepared = await prepareJoin(host.setting, welcome);
  } catch (error) {
    if (isNotForUs(error)) return;
    if (again !== undefined && isWithoutTree(error)) {
      await askForTree(host.setting, from, error.detail['group']);
      host.later([again, again + 1], () => takeWelcome(host, welcome, from, later));
    }
    throw error;
  }
  await decide(host, welcome, prepared);
}

async function decide(host: Host, welcome: Welcome, { join, since }: PreparedJoin): Promise<void> {
  const { setting } = host;
  const binding = bindingOf(join.extensions);
  const talk = talkOf(setting, binding);
  const inviter = join.inviter && nameOf(join.inviter);
  if (await isAllowed(host, binding, talk, inviter?.jid)) {
    await enter(host, { join, since, binding, talk, welcome });
    return;
  }
  const isAsked = host.invite({
    kind: 'invitation',
    from: inviter?.jid ?? '',
    conversationWith: talk.jid,
    accept: () => enter(host, { join, since, binding, talk, welcome }),
    decline: () => join.discard(),
  });
  if (!isAsked) await join.discard();
}

async function isAllowed(
  host: Host,
  binding: XmppBinding,
  talk: Talk,
  by: string | undefined,
): Promise<boolean> {
  if (by === undefined) return false;
  return by === host.setting.self.jid || host.has(talk) || (await host.mayInvite(by, binding));
}

/** Somebody else's, another device's, or a second copy of one that was taken. */
function isNotForUs(error: unknown): boolean {
  return (
    error instanceof MlsError &&
    ['state.unknown-key-package', 'state.key-package-used', 'validation.group-id'].includes(error.code)
  );
}

/** With whom a group is. @throws `xmpp.binding` for one that we have no part in */
export function talkOf({ self }: Setting, { mode, sequencer, pair }: XmppBinding): Talk {
  if (mode === GroupMode.self) return { kind: 'self', jid: self.jid };
  if (pair === undefined) return { kind: 'room', jid: bareJid(parseJid(sequencer)) };
  return { kind: 'chat', jid: pair[0] === self.jid ? pair[1] : pair[0] };
}

interface Invited extends PreparedJoin {
  readonly binding: XmppBinding;
  readonly talk: Talk;
  readonly welcome: Welcome;
}

async function enter(host: Host, { join, since, binding, talk, welcome }: Invited): Promise<Conversation> {
  const { setting } = host;
  const conversing: Conversing = {
    mode: binding.mode,
    sequencer: binding.sequencer,
    peer: talk.jid,
    groupId: join.groupId,
  };
  requireOurs(setting, conversing, join.extensions);
  let mustRenew = false;
  const group = await join.accept((_, records) => {
    const names = namesOf(join.groupId);
    records.put(names.conversation, record(Conversing, conversing));
    if (since !== undefined) records.put(names.snapshot, record(uint64, since));
    const use = join.keyPackage && setting.ownPackages.use(join.keyPackage, records);
    mustRenew = use !== undefined && (use.lastResort || use.again);
  });
  const from: From = welcome.cursor === undefined ? 'start' : { cursor: welcome.cursor };
  const entered = host.conversation(talk);
  place(setting, entered, { group, conversing, from });
  if (mustRenew) entered.renewSoon();
  const inviter = join.inviter && nameOf(join.inviter);
  void setting.events.emit({ kind: 'joined', conversation: entered, inviter });
  host.begin(entered);
  return entered;
}

/** Of several groups of a conversation one is spoken in, and the others are read. */
function place(setting: Setting, conversation: Conversation, parts: Parameters<typeof orderGroup>[2]): void {
  const before = conversation.ordered;
  const isPreferred = isToBeSpokenIn(conversation, parts.group.group.id);
  const ordered = orderGroup(setting, conversation, parts);
  if (before === undefined) return;
  if (isPreferred) {
    conversation.keepReading(before);
    return;
  }
  conversation.begin(before);
  conversation.keepReading(ordered);
}

/** Of two groups of one pair, that with the smaller id is used for sending: both sides come to the same. */
function isToBeSpokenIn(conversation: Conversation, groupId: Uint8Array): boolean {
  const known = conversation.group;
  if (known === undefined || conversation.status !== 'active' || conversation.kind === 'room') return true;
  if (equal(known.id, groupId)) return true;
  return compare(groupId, known.id) < 0;
}
