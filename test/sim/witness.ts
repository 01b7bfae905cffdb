/** Sees everything: which bytes were sealed with which key, who was in which epoch, what was shown to whom. */

import { toHex } from '../../src/base/bytes.ts';
import type { Provider, SuiteCrypto } from '../../src/crypto/provider.ts';
import { branchTag } from '../../src/xmpp/binding.ts';
import type { XmlElement } from '../../src/xmpp/element.ts';
import { headerOf } from '../../src/xmpp/ordered/header.ts';
import type { Conversation } from '../../src/xmpp/session/conversation.ts';
import type { MlsXmppEvent } from '../../src/xmpp/session/events.ts';
import { nameOf } from '../../src/xmpp/session/goals.ts';
import { mlsIn, readMls } from '../../src/xmpp/stanza/mls.ts';

type Shown = Extract<MlsXmppEvent, { kind: 'message' }>;

/** A message as its sender put it on the wire. */
export interface Wire {
  readonly group: string;
  readonly epoch: bigint;
  readonly branch: string;
  readonly by: string;
  readonly ciphertext: string;
}

/** A send that the application has asked for. */
export interface Sent {
  readonly body: string;
  readonly by: string;
  readonly talk: string;
  resolved: boolean;
}

interface Showing {
  readonly key: string;
  readonly life: number;
}

const MARK = /\u2039([^\u203a]+)\u203a/;

/** What a body looks like: found again in whatever is sealed. */
export function bodyOf(by: string, number: number): string {
  return `\u2039${by}#${number}\u203a`;
}

export class Witness {
  readonly failures: string[] = [];
  readonly sent = new Map<string, Sent>();
  /** Messages on the wire by the body in them. */
  readonly wires = new Map<string, Wire[]>();
  /** Devices in an epoch, by `group epoch branch`. */
  readonly #epochs = new Map<string, ReadonlySet<string>>();
  /** Bodies by ciphertexts, of everything that was sealed. */
  readonly #sealed = new Map<string, { readonly key: string; readonly body: string | undefined }>();
  readonly #onWire = new Set<string>();
  /** Ciphertexts on the wire, by the key that sealed them. */
  readonly #keys = new Map<string, string>();
  readonly #shown = new Map<string, Showing>();

  fail(what: string): void {
    if (this.failures.length < 20) this.failures.push(what);
  }

  /** A provider whose seals are seen. */
  watch(provider: Provider): Provider {
    const watched = new Map<number, SuiteCrypto>();
    const suite = (id: number): SuiteCrypto => {
      const made = watched.get(id) ?? this.#watchSuite(provider.suite(id));
      watched.set(id, made);
      return made;
    };
    return { ...provider, suite };
  }

  /** The state of a conversation on one device, now. */
  observe({ group }: Conversation, isMember: (names: ReadonlySet<string>) => void = () => {}): void {
    if (group === undefined || !group.isActive) return;
    const key = `${toHex(group.id)} ${group.epoch} ${toHex(branchTag(group))}`;
    if (!this.#epochs.has(key)) this.#epochs.set(key, namesIn(group.members));
    isMember(this.#epochs.get(key) as ReadonlySet<string>);
  }

  /** A stanza leaves a device. */
  leaves(by: string, stanza: XmlElement): void {
    if (stanza.name !== 'message') return;
    const mls = mlsIn(stanza);
    const payload = mls && readMls(mls);
    if (payload?.content.kind !== 'app') return;
    const message = toHex(payload.content.message);
    const header = headerOf(payload.content.message);
    const found = [...this.#sealed].reverse().find(([ciphertext]) => message.endsWith(ciphertext));
    if (header === undefined || found === undefined) {
      this.fail(`${by} sends what nobody has sealed`);
      return;
    }
    const [ciphertext, { key, body }] = found;
    if (this.#onWire.has(ciphertext)) return;
    this.#onWire.add(ciphertext);
    const other = this.#keys.get(key);
    if (other !== undefined && other !== ciphertext) this.fail(`${by} used one key for two messages: ${body}`);
    this.#keys.set(key, ciphertext);
    const wire: Wire = {
      group: toHex(header.groupId),
      epoch: header.epoch,
      branch: toHex(payload.branch ?? new Uint8Array()),
      by,
      ciphertext,
    };
    this.wires.set(body ?? '', [...(this.wires.get(body ?? '') ?? []), wire]);
  }

  /** A message is shown to the application of a device. */
  shown(to: string, life: number, event: Shown): void {
    const body = event.content.body ?? '';
    const sent = this.sent.get(body);
    const what = `${to} was shown ${body}`;
    if (sent === undefined) {
      this.fail(`${what}, which nobody has said`);
      return;
    }
    const by = `${event.sender.jid}/${event.sender.device}`;
    if (by !== sent.by) this.fail(`${what} as by ${by}, said by ${sent.by}`);
    this.#checkPlace(to, event, sent);
    this.#checkOnce(to, life, event);
    this.#checkMember(to, body);
  }

  /** Whether a device was ever shown a body. */
  has(device: string, body: string): boolean {
    return this.#shown.has(`${device} ${body}`);
  }

  get shownCount(): number {
    return this.#shown.size;
  }

  /** Whether a device was in all later epochs of the group that anybody has seen. */
  stayed(device: string, { group, epoch }: Wire): boolean {
    for (const [key, names] of this.#epochs) {
      const [id, at] = key.split(' ');
      if (id === group && BigInt(at ?? 0) >= epoch && !names.has(device)) return false;
    }
    return true;
  }

  /** Who could read a message. */
  readersOf({ group, epoch, branch }: Wire): ReadonlySet<string> | undefined {
    return this.#epochs.get(`${group} ${epoch} ${branch}`);
  }

  #checkPlace(to: string, { conversation, content }: Shown, { talk }: Sent): void {
    const [kind, a, b] = talk.split(' ');
    const jid = to.split('/')[0];
    const is = conversation.kind === 'room' ? ['room', conversation.jid] : ['chat', conversation.jid];
    const right = kind === 'room' ? is[1] === a : [a, b].includes(is[1]) && [a, b].includes(jid);
    if (is[0] !== kind || !right) this.fail(`${to} was shown ${content.body} in ${is.join(' ')}, said in ${talk}`);
  }

  #checkOnce(to: string, life: number, { content, key }: Shown): void {
    const name = `${to} ${content.body}`;
    const before = this.#shown.get(name);
    if (before !== undefined && before.key !== key) this.fail(`${to} was shown ${content.body} as two messages`);
    else if (before?.life === life) this.fail(`${to} was shown ${content.body} twice`);
    this.#shown.set(name, { key, life });
  }

  #checkMember(to: string, body: string): void {
    const wires = this.wires.get(body) ?? [];
    if (wires.length !== 1) this.fail(`${body} was sent as ${wires.length} messages`);
    for (const wire of wires) {
      const readers = this.readersOf(wire);
      if (readers !== undefined && !readers.has(to)) this.fail(`${to} was shown ${body} and was not in that epoch`);
      if (readers !== undefined && !readers.has(wire.by)) this.fail(`${wire.by} said ${body} and was not in that epoch`);
    }
  }

  #watchSuite(suite: SuiteCrypto): SuiteCrypto {
    const decoder = new TextDecoder();
    const seal: SuiteCrypto['seal'] = (key, nonce, aad, plaintext) => {
      const ciphertext = suite.seal(key, nonce, aad, plaintext);
      const body = MARK.exec(decoder.decode(plaintext))?.[0];
      if (body !== undefined) this.#sealed.set(toHex(ciphertext), { key: toHex(key), body });
      return ciphertext;
    };
    return { ...suite, seal };
  }
}

function namesIn(members: NonNullable<Conversation['group']>['members']): ReadonlySet<string> {
  return new Set(members.map(nameIn));
}

function nameIn(member: NonNullable<Conversation['group']>['members'][number]): string {
  const name = nameOf(member);
  return name === undefined ? '' : `${name.jid}/${name.device}`;
}
