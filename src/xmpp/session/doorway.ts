/** What strangers may cost us: few of their Welcomes are opened, and few of their invitations wait (design, 5.8). */

import { toHex } from '../../base/bytes.ts';
import { failure, MlsError } from '../../base/error.ts';
import { decode } from '../../codec/codec.ts';
import { MlsMessage } from '../../wire/message.ts';
import { WireFormat } from '../../wire/registry.ts';
import type { Timers } from '../timers.ts';
import type { Delays } from './delays.ts';
import type { MlsXmppEvent } from './events.ts';

type Invitation = Extract<MlsXmppEvent, { kind: 'invitation' }>;

/** What a doorway needs of its session. */
export interface DoorwayOptions {
  readonly timers: Timers;
  readonly delays: Delays;
  /** Whether an account is our own, or one that we share a conversation with. */
  readonly isKnown: (jid: string) => boolean;
  readonly tell: (event: MlsXmppEvent) => void;
}

const HOUR_MS = 3_600_000;
/** Welcomes of all strangers together that are opened in an hour. */
const MOST_OPENED = 64;
/** Welcomes that wait unopened, and those of one stranger among them. */
const MOST_PARKED = 64;
const MOST_PARKED_EACH = 2;
/** Invitations that wait for an answer. */
const MOST_UNDECIDED = 64;

/** Decides when a Welcome is opened. Nothing here is answered: whoever knocks learns nothing (XMP-35). */
export class Doorway {
  readonly #options: DoorwayOptions;
  /** When a Welcome of a stranger was last opened. */
  readonly #opened = new Map<string, number>();
  readonly #parked = new Map<string, number>();
  #undecided = 0;

  constructor(options: DoorwayOptions) {
    this.#options = options;
  }

  /**
   * Open a Welcome now, later, or never. @param from bare address that it came from
   * @throws what `open` throws
   */
  async pass(from: string, open: () => Promise<void>): Promise<void> {
    const { isKnown, timers, delays } = this.#options;
    if (isKnown(from)) return open();
    const wait = this.#waitFor(from, timers.now());
    if (wait <= 0) {
      this.#opened.set(from, timers.now());
      return open();
    }
    const parked = this.#parked.get(from) ?? 0;
    const all = [...this.#parked.values()].reduce((sum, count) => sum + count, 0);
    if (parked >= MOST_PARKED_EACH || all >= MOST_PARKED) return;
    this.#parked.set(from, parked + 1);
    delays.later([wait / 1000, wait / 1000], () => {
      const left = (this.#parked.get(from) ?? 1) - 1;
      if (left === 0) this.#parked.delete(from);
      else this.#parked.set(from, left);
      return this.pass(from, open);
    });
  }

  /** Tell the user of an invitation, unless too many wait already. @returns whether it was told */
  invite(invitation: Invitation): boolean {
    const { tell } = this.#options;
    if (this.#undecided >= MOST_UNDECIDED) {
      tell({
        kind: 'fault',
        conversation: undefined,
        error: failure('codec.limit', { invitations: MOST_UNDECIDED }),
      });
      return false;
    }
    this.#undecided += 1;
    let isDecided = false;
    const decided = (): void => {
      if (!isDecided) this.#undecided -= 1;
      isDecided = true;
    };
    tell({
      ...invitation,
      accept: async () => {
        const conversation = await invitation.accept();
        decided();
        return conversation;
      },
      decline: async () => {
        decided();
        await invitation.decline();
      },
    });
    return true;
  }

  /** Milliseconds until a Welcome of this stranger may be opened. */
  #waitFor(from: string, now: number): number {
    for (const [one, at] of this.#opened) if (at + HOUR_MS <= now) this.#opened.delete(one);
    const last = this.#opened.get(from);
    if (last !== undefined) return last + HOUR_MS - now;
    if (this.#opened.size < MOST_OPENED) return 0;
    return Math.min(...this.#opened.values()) + HOUR_MS - now;
  }
}

/** Whether a Welcome names a KeyPackage of ours. Of what is malformed, opening it says what is wrong. */
export function isAddressedToUs(welcome: Uint8Array, keyPackages: readonly string[]): boolean {
  try {
    const message = decode(MlsMessage, welcome);
    if (message.wireFormat !== WireFormat.welcome) return true;
    return message.welcome.secrets.some(({ newMember }) => keyPackages.includes(toHex(newMember)));
  } catch (error) {
    if (error instanceof MlsError) return true;
    throw error;
  }
}
