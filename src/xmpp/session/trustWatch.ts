/** Whether those in a group have the keys that their accounts are known by (design, 3.5). Commits count all the same. */

import { failure, MlsError } from '../../base/error.ts';
import type { Group, Member } from '../../index.ts';
import type { ListOutcome } from '../devices.ts';
import { type AccountKey, sameAccountKey } from '../identity/accountKey.ts';
import { isBlocked, type Pin } from '../pins.ts';
import { deviceOf } from '../validity/accounts.ts';
import type { Conversation } from './conversation.ts';
import type { Delays } from './delays.ts';
import { membersOf, nameOf } from './goals.ts';
import type { Setting } from './setting.ts';

/** Accounts without a pin whose lists are asked for at once; in larger groups only known ones are compared. */
const MOST_UNKNOWN = 32;

/** Seconds until newcomers are compared with what is known of them. */
const SOON_S = [0, 2] as const;

/** Looks at who comes into groups, and at what accounts publish. */
export class TrustWatch {
  readonly #setting: Setting;
  readonly #delays: Delays;
  readonly #blocked: Set<string>;

  /** @param blocked accounts that the user has to decide about */
  constructor(setting: Setting, delays: Delays, blocked: Set<string>) {
    this.#setting = setting;
    this.#delays = delays;
    this.#blocked = blocked;
  }

  /** What is thought of an account from now on. */
  learn(pin: Pin): void {
    if (isBlocked(pin)) this.#blocked.add(pin.jid);
    else this.#blocked.delete(pin.jid);
  }

  /** What an account publishes is told. */
  listed({ jid, verdict, pin, error }: ListOutcome): void {
    if (pin !== undefined) this.learn(pin);
    if (verdict !== 'same' || error !== undefined)
      void this.#setting.events.emit({ kind: 'trust', jid, verdict, error });
  }

  /** Some came into a group, or we did. @param who all of its members by default */
  soon(conversation: Conversation, who?: readonly Member[]): void {
    this.#delays.later(SOON_S, () => {
      const names = who === undefined ? conversation.members : who.flatMap((one) => nameOf(one) ?? []);
      return this.#look(
        conversation,
        names.map(({ jid }) => jid),
      );
    });
  }

  /**
   * An account that is not known yet is known from now on by the key that it publishes; one that has another key in the group
   * than it is known by is reported, and if somebody has compared that key, nothing more is said to it.
   */
  async #look({ group }: Conversation, accounts: readonly string[]): Promise<void> {
    const others = [...new Set(accounts)].filter((jid) => jid !== this.#setting.self.jid);
    if (group === undefined || !group.isActive) return;
    for (const jid of others) await this.#compare(group, jid, others.length <= MOST_UNKNOWN);
  }

  async #compare(group: Group, jid: string, mayAsk: boolean): Promise<void> {
    const { devices, events } = this.#setting;
    const keys = keysOf(group, jid);
    const known = await devices.pin(jid);
    if (keys.length === 0 || (known === undefined && !mayAsk)) return;
    if (known !== undefined && isKeyOf(known, keys)) return;
    // It may have another key by now, which the old one has named.
    const outcome = await devices.fetch(jid).catch(withoutList);
    if (outcome === undefined) return;
    if (known !== undefined || outcome.error !== undefined) this.listed(outcome);
    const { pin, verdict } = outcome;
    if (pin === undefined || isKeyOf(pin, keys)) return;
    if (pin.trust !== 'tofu') this.#blocked.add(jid);
    const error = failure('policy.identity-changed', { jid, rule: 'another key in the group' });
    void events.emit({ kind: 'trust', jid, verdict, error });
  }
}

/** An account whose server says no is not known any better than before. */
function withoutList(error: unknown): undefined {
  if (!(error instanceof MlsError) || error.retry === 'after-sync' || error.scope === 'profile') throw error;
}

function keysOf(group: Group, jid: string): readonly AccountKey[] {
  return membersOf(group, jid).flatMap(({ leaf }) => {
    const node = group.leafNode(leaf);
    return (node && deviceOf(node)?.accountKey) ?? [];
  });
}

function isKeyOf({ signed }: Pin, keys: readonly AccountKey[]): boolean {
  return keys.every((key) => sameAccountKey(key, signed.list.accountKey));
}
