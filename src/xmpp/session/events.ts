/** What an application is told, in one order. */

import type { MlsError } from '../../base/error.ts';
import type { MessageContent } from '../content/content.ts';
import type { RoomEvent } from '../sequencer/roomEvents.ts';
import type { Conversation } from './conversation.ts';

/** A device as its certificate names it. */
export interface DeviceName {
  /** Bare address of the account. */
  readonly jid: string;
  /** 16 hexadecimal digits. */
  readonly device: string;
}

/** What arrived in a conversation, or became of it. */
export type MlsXmppEvent =
  /** A message, decrypted; `sender` is proven. It is handed out again after a crash, until all listeners have returned. */
  | {
      readonly kind: 'message';
      readonly conversation: Conversation;
      /** The same whenever it is handed out. */
      readonly key: string;
      /** By which later messages refer to it. */
      readonly id: string;
      readonly sender: DeviceName;
      /** By the sender's clock, seconds since 1970. */
      readonly sentAt: number;
      /** By the archive's clock, where there is one. */
      readonly archivedAt: number | undefined;
      readonly content: MessageContent;
      /** What the stanza around it says otherwise: `xmpp.sender` for another sender, `xmpp.mixed-body` for text in the clear. */
      readonly warning: MlsError | undefined;
    }
  /** The group has a new epoch. */
  | {
      readonly kind: 'membership';
      readonly conversation: Conversation;
      readonly epoch: bigint;
      readonly joined: readonly DeviceName[];
      readonly left: readonly DeviceName[];
      /** Who committed; nothing if that is not known. */
      readonly by: DeviceName | undefined;
    }
  /** We are in. */
  | { readonly kind: 'joined'; readonly conversation: Conversation; readonly inviter: DeviceName | undefined }
  /** We are out. */
  | { readonly kind: 'removed'; readonly conversation: Conversation; readonly by: DeviceName | undefined }
  /** Somebody wants us in a group, and is nobody we know: accept, or leave it. */
  | {
      readonly kind: 'invitation';
      readonly from: string;
      readonly conversationWith: string;
      accept(): Promise<Conversation>;
      decline(): Promise<void>;
    }
  /** A message that cannot be read, with what follows from it (see `explain`). */
  | {
      readonly kind: 'undecryptable';
      readonly conversation: Conversation | undefined;
      readonly id: string;
      readonly from: string;
      readonly error: MlsError;
    }
  /** Text in the clear, or of another scheme, where everything is encrypted. */
  | {
      readonly kind: 'downgrade';
      readonly conversation: Conversation;
      readonly from: string;
      readonly error: MlsError;
    }
  /** What the room says: for display. */
  | { readonly kind: 'room'; readonly conversation: Conversation; readonly event: RoomEvent }
  /** Another has won a race; what we wanted is looked at again. */
  | { readonly kind: 'lost-race'; readonly conversation: Conversation }
  /** A long reading goes on. */
  | { readonly kind: 'progress'; readonly conversation: Conversation | undefined; readonly entries: number }
  /** Something that the account or its devices have to know of: see the code. */
  | {
      readonly kind: 'trust';
      readonly jid: string;
      readonly error: MlsError | undefined;
      readonly verdict: string;
    }
  /** Something went wrong, or messages are missing (`xmpp.gap`). */
  | { readonly kind: 'fault'; readonly conversation: Conversation | undefined; readonly error: MlsError };

/** Told of events; the next event waits for what it returns. */
export type Listener = (event: MlsXmppEvent) => void | Promise<void>;

/** Hands events to all listeners, one event after another. */
export class EventStream {
  readonly #listeners = new Set<Listener>();
  #turn: Promise<void> = Promise.resolve();

  /** Listen from now on; returns how to stop. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether anybody would hear. */
  get hasListeners(): boolean {
    return this.#listeners.size > 0;
  }

  /** Resolves with whether every listener has taken the event: one that throws has not. */
  emit(event: MlsXmppEvent): Promise<boolean> {
    const done = this.#turn.then(() => this.#tell(event));
    this.#turn = done.then(() => {});
    return done;
  }

  /** Events from now on, until the loop is left. What is not taken yet is kept without bound. */
  async *[Symbol.asyncIterator](): AsyncGenerator<MlsXmppEvent> {
    const waiting: { readonly event: MlsXmppEvent; readonly taken: () => void }[] = [];
    let wake: () => void = () => {};
    const stop = this.subscribe(
      (event) =>
        new Promise((taken) => {
          waiting.push({ event, taken });
          wake();
        }),
    );
    try {
      for (;;) {
        const next = waiting.shift();
        if (next === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        yield next.event;
        // Whoever asks for the next one is done with this one.
        next.taken();
      }
    } finally {
      stop();
      for (const { taken } of waiting) taken();
    }
  }

  async #tell(event: MlsXmppEvent): Promise<boolean> {
    let isTaken = this.#listeners.size > 0;
    for (const listener of this.#listeners) {
      try {
        await listener(event);
      } catch {
        isTaken = false;
      }
    }
    return isTaken;
  }
}
