/**
 * What a room keeps: every message in one order for all, as an archive does. It hands everything out as often as it is
 * asked for. Of the commits of an epoch the first one counts.
 */

import { fromHex, toHex } from '../../src/base/bytes.ts';
import { decode } from '../../src/codec/codec.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import { ContentType, WireFormat } from '../../src/wire/registry.ts';

/** The group of all scenarios. */
export const GROUP_ID: Uint8Array = fromHex('6b696c6c');

/** A Welcome on its way: to whomever it is for. */
export interface Mail {
  readonly welcome: Uint8Array;
  /** Where in the room the joiner begins to read. */
  readonly from: number;
}

/** A text as it was said. */
export interface Said {
  readonly text: string;
  readonly by: string;
  /** Where it stands in the room. */
  readonly index: number;
}

/** All that a room holds, as plain values. */
export interface NetworkMemory {
  readonly entries: readonly Uint8Array[];
  readonly authors: readonly string[];
  readonly mail: readonly Mail[];
  readonly said: readonly Said[];
  readonly packages: ReadonlyMap<string, Uint8Array>;
  readonly winners: ReadonlyMap<bigint, number>;
}

/** The room of one group. */
export class Network {
  readonly entries: Uint8Array[];
  /** Who published the messages. */
  readonly authors: string[];
  readonly mail: Mail[];
  readonly said: Said[];
  /** KeyPackages, by owner. */
  readonly packages: Map<string, Uint8Array>;
  /** The first commit of each epoch, by its place. */
  readonly #winners: Map<bigint, number>;

  constructor(from?: NetworkMemory) {
    this.entries = [...(from?.entries ?? [])];
    this.authors = [...(from?.authors ?? [])];
    this.mail = [...(from?.mail ?? [])];
    this.said = [...(from?.said ?? [])];
    this.packages = new Map(from?.packages);
    this.#winners = new Map(from?.winners);
  }

  /** All that it holds. */
  get memory(): NetworkMemory {
    const { entries, authors, mail, said, packages } = this;
    return { entries, authors, mail, said, packages, winners: this.#winners };
  }

  /** Publish a message. @param words what it says, if it is a text; @returns its place */
  post(message: Uint8Array, by: string, words?: string): number {
    this.authors.push(by);
    const index = this.entries.push(message.slice()) - 1;
    const { epoch, isCommit } = headOf(message);
    if (isCommit && !this.#winners.has(epoch)) this.#winners.set(epoch, index);
    // A text that is published again stays where it was first.
    if (words !== undefined && !this.said.some(({ text }) => text === words))
      this.said.push({ text: words, by, index });
    return index;
  }

  /** Send a Welcome to whomever it is for. */
  send(welcome: Uint8Array, from: number): void {
    this.mail.push({ welcome, from });
  }

  /** Publish a KeyPackage. */
  publish(name: string, message: Uint8Array): void {
    this.packages.set(name, message);
  }

  /** Place of the first copy; -1 for none. */
  find(message: Uint8Array): number {
    const text = toHex(message);
    return this.entries.findIndex((entry) => toHex(entry) === text);
  }

  /** Whether a commit is the one that its epoch ends with. */
  counts(message: Uint8Array): boolean {
    return this.#winners.get(headOf(message).epoch) === this.find(message);
  }

  /** Place of the commit that an epoch ends with. */
  winner(epoch: bigint): number {
    return this.#winners.get(epoch) ?? this.entries.length;
  }
}

function headOf(bytes: Uint8Array): { readonly epoch: bigint; readonly isCommit: boolean } {
  const message = decode(MlsMessage, bytes);
  if (message.wireFormat === WireFormat.privateMessage) {
    const { epoch, contentType } = message.privateMessage;
    return { epoch, isCommit: contentType === ContentType.commit };
  }
  if (message.wireFormat !== WireFormat.publicMessage) throw new Error('no message of a group');
  const { epoch, content } = message.publicMessage.content;
  return { epoch, isCommit: content.contentType === ContentType.commit };
}
