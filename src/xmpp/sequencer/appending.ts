/** One message on its way into the archive, and how one learns what became of it (sections 4.2 and 4.3 of the design). */

import { fail, type MlsError } from '../../base/error.ts';
import { attr, needAttr, type XmlElement } from '../element.ts';
import { sameJid } from '../jid.ts';
import type { MlsPayload } from '../stanza/mls.ts';
import { failWith, isBounceOf } from '../stanza/stanzaError.ts';
import type { Appended } from './contract.ts';
import { digestOf, failureOf, type Hash, payloadOf } from './entry.ts';
import type { Live, Membership } from './membership.ts';

/** Where a message is appended. */
export interface Place {
  readonly jid: string;
  readonly membership: Membership;
  readonly hash: Hash;
}

/** Milliseconds until an append counts as unanswered, at the rate that servers let through. @param size bytes */
export function patienceFor(size: number): number {
  return 20_000 + Math.ceil(size / 3);
}

/** Waits for the reflection of one message, or for its bounce. */
export class Appending {
  /** What became of it; never fails. */
  readonly outcome: Promise<Appended>;
  /** Of the message, as of entries. */
  readonly digest: string;
  readonly #place: Place;
  readonly #id: string;
  readonly #payload: MlsPayload | undefined;
  #done: (outcome: Appended) => void = () => {};

  /** @param stanza with an `id` */
  constructor(place: Place, stanza: XmlElement) {
    this.#place = place;
    this.#id = needAttr(stanza, 'id');
    this.#payload = payloadOf(stanza).payload;
    this.digest = digestOf(stanza, this.#payload, place.hash);
    this.outcome = new Promise((done) => {
      this.#done = done;
    });
  }

  /** Look at a stanza that came. */
  see(stanza: XmlElement, live: Live | undefined): void {
    if (live !== undefined) this.#seeLive(live);
    // The room answers, not its occupants: those would have a nick (XMP-31).
    else if (isBounceOf(stanza, this.#id) && sameJid(attr(stanza, 'from') ?? '', this.#place.jid)) {
      this.#bounced(failureOf(() => failWith(stanza)));
    }
  }

  /** Give up waiting. */
  giveUp(error: MlsError): void {
    this.#done({ kind: 'unknown', error });
  }

  #seeLive(live: Live): void {
    if (!this.#isOurs(live)) return;
    if (live.id !== undefined) this.#done({ kind: 'archived', id: live.id });
    else if (live.doubtful) this.giveUp(failureOf(() => fail('xmpp.gap', { why: 'several places' })));
    else this.#done({ kind: 'not-archived' });
  }

  /**
   * Our bytes with a place are ours, whoever is said to have sent them. Without a place the sender and the `id` have to be
   * ours too, since anybody can send a copy around that is not archived.
   */
  #isOurs({ message, id }: Live): boolean {
    const { membership, hash } = this.#place;
    const mine = membership.isOurs(message, this.#id);
    if (this.#payload === undefined) return mine;
    if (!mine && id === undefined) return false;
    return digestOf(message, payloadOf(message).payload, hash) === this.digest;
  }

  #bounced(error: MlsError): void {
    if (this.#place.membership.isAbsence(error)) {
      // An earlier copy may have got through all the same.
      this.giveUp(error);
      this.#place.membership.lost();
    } else if (error.code === 'xmpp.timeout') this.giveUp(error);
    else this.#done({ kind: 'refused', error });
  }
}
