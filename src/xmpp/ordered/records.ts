/** What the binding keeps of a group beside the group itself: records written in one batch with its steps. */

import { toHex } from '../../base/bytes.ts';
import { fail } from '../../base/error.ts';
import {
  boolean,
  type Codec,
  decode,
  encode,
  opaque,
  optional,
  struct,
  text,
  uint8,
  uint64,
  vector,
} from '../../codec/codec.ts';
import type { Position } from '../sequencer/contract.ts';

/** What a conversation is, so that it is there again after a start. */
export interface Conversing {
  /** As in the binding of the group: 1 room, 2 one-to-one, 3 channel, 4 own devices. */
  readonly mode: number;
  /** Where the group is ordered. */
  readonly sequencer: string;
  /** The room, the channel, the peer or our own account: what the conversation is with. */
  readonly peer: string;
  readonly groupId: Uint8Array;
}

/** A Welcome, and the account whose devices it is for. */
export interface Invitation {
  readonly to: string;
  /** Where the group is ordered. */
  readonly sequencer: string;
  readonly welcome: Uint8Array;
}

/** A commit of ours on its way, with all that depends on its fate. */
export interface Bundle {
  /** The epoch that it ends. */
  readonly epoch: bigint;
  /** The stanza as it is sent, and sent again. */
  readonly stanza: string;
  readonly invitations: readonly Invitation[];
}

/** A stanza that waits for being taken. */
export interface Outgoing {
  /** Into the room, where its place is waited for; otherwise to whom it names. */
  readonly isOrdered: boolean;
  readonly stanza: string;
  /** Less than that of whatever is to go later. */
  readonly number: bigint;
}

/** Where a received plaintext came from, as long as it was not handed out. */
export interface Origin {
  /** The id by which others refer to the message. */
  readonly id: string;
  /** The stanza without its ciphertext. */
  readonly stanza: string;
  /** Seconds since 1970. */
  readonly time: number | undefined;
}

const Invitation: Codec<Invitation> = /* @__PURE__ */ struct<Invitation>({
  to: text,
  sequencer: text,
  welcome: opaque,
});
const seconds: Codec<number | undefined> = {
  read: (reader) => {
    const time = optional(uint64).read(reader);
    return time === undefined ? undefined : Number(time);
  },
  write: (writer, value) => optional(uint64).write(writer, value === undefined ? undefined : BigInt(value)),
};
/** @see the interface of this name */
export const Conversing: Codec<Conversing> = /* @__PURE__ */ struct<Conversing>({
  mode: uint8,
  sequencer: text,
  peer: text,
  groupId: opaque,
});
/** @see the interface of this name */
export const Bundle: Codec<Bundle> = /* @__PURE__ */ struct<Bundle>({
  epoch: uint64,
  stanza: text,
  invitations: /* @__PURE__ */ vector(Invitation),
});
/** @see the interface of this name */
export const Outgoing: Codec<Outgoing> = /* @__PURE__ */ struct<Outgoing>({
  isOrdered: boolean,
  stanza: text,
  number: uint64,
});
/** @see the interface of this name */
export const Origin: Codec<Origin> = /* @__PURE__ */ struct<Origin>({
  id: text,
  stanza: text,
  time: seconds,
});
/** How far a group's order was read. */
export const PositionRecord: Codec<Position> = /* @__PURE__ */ struct<Position>({
  id: text,
  digest: text,
  anchor: /* @__PURE__ */ optional(text),
});

/** Prefix of records about conversations. */
export const CONVERSATIONS = 'xmpp/conversation/';

/** Names of the records of one group. */
export interface Names {
  readonly conversation: string;
  readonly position: string;
  readonly bundle: string;
  readonly outgoing: string;
  readonly origin: string;
  readonly repairs: string;
  readonly snapshot: string;
}

/** Names of the records of one group. */
export function namesOf(groupId: Uint8Array): Names {
  const id = toHex(groupId);
  return {
    conversation: CONVERSATIONS + id,
    position: `xmpp/position/${id}`,
    bundle: `xmpp/bundle/${id}`,
    outgoing: `xmpp/outgoing/${id}/`,
    origin: `xmpp/origin/${id}/`,
    repairs: `xmpp/repairs/${id}`,
    snapshot: `xmpp/snapshot/${id}`,
  };
}

/** A record as bytes. */
export function record<T>(codec: Codec<T>, value: T): Uint8Array {
  return encode(codec, value);
}

/** A record from its bytes. @throws `storage.corrupt` */
export function readRecord<T>(codec: Codec<T>, bytes: Uint8Array): T {
  try {
    return decode(codec, bytes);
  } catch (error) {
    return fail('storage.corrupt', {}, error);
  }
}
