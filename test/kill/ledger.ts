/** Which keys were used, over all lives of all members: no key may have sealed two different messages. */

import { toHex } from '../../src/base/bytes.ts';
import { decode } from '../../src/codec/codec.ts';
import { provider } from '../../src/crypto/node/index.ts';
import { openSenderData } from '../../src/framing/privateMessage.ts';
import { insideOf } from '../../src/group/group.ts';
import type { StoredGroup } from '../../src/storage/storedGroup.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { ContentType, WireFormat } from '../../src/wire/registry.ts';

const SUITE = provider.suite(1);

/** Epochs that members were in, and messages that they sealed. */
export class Ledger {
  readonly #secrets: Map<bigint, Uint8Array>;
  readonly #authenticators: Map<bigint, string>;
  readonly #sealed: Set<string>;

  constructor(from?: Ledger) {
    this.#secrets = new Map(from === undefined ? [] : from.#secrets);
    this.#authenticators = new Map(from === undefined ? [] : from.#authenticators);
    this.#sealed = new Set(from === undefined ? [] : from.#sealed);
  }

  /** A member is in an epoch. */
  enter({ group }: StoredGroup): void {
    const { context, secrets } = insideOf(group).cell.state.epoch;
    this.note(context.epoch, toHex(secrets.epochAuthenticator), secrets.senderDataSecret.slice());
  }

  /** An epoch, which is the same one for all members. */
  note(epoch: bigint, authenticator: string, senderDataSecret: Uint8Array): void {
    const known = this.#authenticators.get(epoch);
    if (known !== undefined && known !== authenticator) throw new Error(`two epochs ${epoch}`);
    this.#authenticators.set(epoch, authenticator);
    this.#secrets.set(epoch, senderDataSecret);
  }

  /** The library has handed out a message. */
  seal(message: Uint8Array): void {
    this.#sealed.add(toHex(message));
  }

  /** How many messages were sealed. */
  get size(): number {
    return this.#sealed.size;
  }

  /** Keys that sealed more than one message, and messages of epochs that nobody was in. */
  repetitions(): readonly string[] {
    const uses = new Map<string, number>();
    for (const sealed of this.#sealed) {
      const use = this.#useOf(new Uint8Array(Buffer.from(sealed, 'hex')));
      if (use !== undefined) uses.set(use, (uses.get(use) ?? 0) + 1);
    }
    return [...uses].flatMap(([use, count]) => (count > 1 ? [`${use} used ${count} times`] : []));
  }

  #useOf(bytes: Uint8Array): string | undefined {
    const message = decode(MlsMessage, bytes);
    // What is public uses no key of a ratchet.
    if (message.wireFormat !== WireFormat.privateMessage) return undefined;
    const { epoch, contentType } = message.privateMessage;
    const secret = this.#secrets.get(epoch);
    if (secret === undefined) throw new Error(`nobody was in epoch ${epoch}`);
    const { leafIndex, generation } = openSenderData(SUITE, secret, message.privateMessage);
    const kind = contentType === ContentType.application ? 'application' : 'handshake';
    return `epoch ${epoch} leaf ${leafIndex} ${kind} ${generation}`;
  }
}
