/**
 * A MIX channel as the sequencer of a group: mode 3 (section 4.7 of the design; XEP-0369, XEP-0405). Experimental.
 *
 * An account takes part with all of its devices, and goes on taking part while none of them is there. So nothing is left
 * when a sequencer stops; `leaveChannel` does that.
 *
 * ejabberd 23.01 numbers a message before it puts it into the archive, so that of two sent at once the one with the lower
 * number may come into the archive behind a reader, and live copies come in yet another order. Hence entries are taken
 * from the archive alone. A message that came live and is not found after it was read ends the following with `xmpp.gap`.
 */

import { fail, MlsError } from '../../base/error.ts';
import { attr, type XmlElement } from '../element.ts';
import { readJid, sameBareJid, sameJid } from '../jid.ts';
import { isResult } from '../stanza/mam.ts';
import { joinChannel, readDeparted, readJoined, readMixSender } from '../stanza/mix.ts';
import { refusedWith } from '../stanza/stanzaError.ts';
import type { Transport } from '../transport.ts';
import { ArchiveSequencer, type SequencerOptions } from './archiveSequencer.ts';
import type { Live, Membership } from './membership.ts';

/** What a {@link MixSequencer} works with. */
export interface MixSequencerOptions extends SequencerOptions {
  /** Bare address. */
  readonly channel: string;
  readonly nick: string;
}

/** A channel that orders the messages of a group. */
export class MixSequencer extends ArchiveSequencer<MixMembership> {
  constructor(options: MixSequencerOptions) {
    super(options.channel, { ...options, archiveOnly: true }, (gone) => new MixMembership(options, gone));
  }

  /** Whether messages of the channel reach us. */
  get isPresent(): boolean {
    return this.membership.isPresent;
  }
}

/** Our taking part in one channel. */
export class MixMembership implements Membership {
  readonly #transport: Transport;
  readonly #channel: string;
  readonly #nick: string;
  readonly #gone: () => void;
  readonly #unwatch: () => void;
  #participant: string | undefined;
  #suspended = false;

  constructor(options: Pick<MixSequencerOptions, 'transport' | 'channel' | 'nick'>, gone: () => void) {
    this.#transport = options.transport;
    this.#channel = options.channel;
    this.#nick = options.nick;
    this.#gone = gone;
    this.#unwatch = options.transport.watch((state) => {
      this.#suspended = state === 'offline';
      if (state === 'online') this.lost();
    });
  }

  get isPresent(): boolean {
    return this.#participant !== undefined && !this.#suspended;
  }

  async enter(): Promise<void> {
    if (this.isPresent) return;
    if (this.#suspended) fail('xmpp.offline');
    this.#participant = readJoined(await this.#transport.request(joinChannel(this.#channel, this.#nick)));
  }

  async leave(): Promise<void> {
    this.#participant = undefined;
  }

  see(stanza: XmlElement): void {
    if (stanza.name !== 'message' || !sameJid(attr(stanza, 'from') ?? '', this.#channel)) return;
    try {
      if (readDeparted(stanza).some((id) => id === this.#participant)) this.lost();
    } catch (error) {
      if (!(error instanceof MlsError)) throw error;
    }
  }

  liveIn(stanza: XmlElement): Live | undefined {
    if (stanza.name !== 'message' || attr(stanza, 'type') !== 'groupchat' || isResult(stanza))
      return undefined;
    const from = readJid(attr(stanza, 'from') ?? '');
    if (from?.resource === undefined || !sameBareJid(attr(stanza, 'from') ?? '', this.#channel))
      return undefined;
    // The `id` is the channel's, and that of the archive: a channel keeps all of its messages.
    return { message: stanza, id: attr(stanza, 'id'), doubtful: false };
  }

  isOurs(message: XmlElement, id: string): boolean {
    try {
      const sender = readMixSender(message);
      return sender?.submissionId === id && sameBareJid(sender.jid ?? '', this.#transport.jid);
    } catch (error) {
      if (error instanceof MlsError) return false;
      throw error;
    }
  }

  isAbsence(error: unknown): boolean {
    return refusedWith(error, 'forbidden', 'not-acceptable');
  }

  lost(): void {
    const was = this.#participant !== undefined;
    this.#participant = undefined;
    if (was) this.#gone();
  }

  stop(): void {
    this.#unwatch();
  }
}
