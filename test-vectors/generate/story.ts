/** A group whose members act by the public methods, and the case that its passive member makes of it. */

import { fromUtf8, toHex, utf8 } from '../../src/base/bytes.ts';
import { encode } from '../../src/codec/codec.ts';
import type { Provider } from '../../src/crypto/provider.ts';
import { Client } from '../../src/group/client.ts';
import type { ExternalJoinOptions } from '../../src/group/clientOptions.ts';
import type { NewGroup } from '../../src/group/create.ts';
import type { Environment } from '../../src/group/environment.ts';
import type { Group } from '../../src/group/group.ts';
import { environmentOf } from '../../src/group/options.ts';
import { acceptAnyCredential, type Policy } from '../../src/group/policy.ts';
import { add, type NewProposal, type ProposalInput } from '../../src/group/proposals.ts';
import type { SendOptions } from '../../src/group/protect.ts';
import { decodeKeyPackage } from '../../src/group/record.ts';
import type { CommitOptions } from '../../src/group/sendCommit.ts';
import { basicCredential } from '../../src/wire/credential.ts';
import { PskType } from '../../src/wire/registry.ts';
import { RatchetTree } from '../../src/wire/treeNode.ts';
import { type CaseRecord, type KnownPsk, newCase, type PassiveKeys, type Stage } from './record.ts';

/** What everybody in a case shares. */
export interface Setting {
  readonly provider: Provider;
  readonly suite: number;
  readonly psks: readonly KnownPsk[];
  readonly policy?: Partial<Policy>;
}

/** Lifetimes begin in 1970 and do not end while anybody cares: the cases are not about clocks. */
export const LIFETIME_SECONDS = Number.MAX_SAFE_INTEGER;
/** An hour after the epoch of Unix: KeyPackages are valid from an hour before they are made. */
export const NOW = 3600;
/** The name of the passive client. */
export const PASSIVE = 'pat';

interface Member {
  readonly client: Client;
  readonly group: Group;
}

/** A setting with some PSKs that everybody has, the passive client included. */
export function makeSetting(provider: Provider, suite: number, psks = 0): Setting {
  const known = Array.from({ length: psks }, (_, i) => ({
    id: utf8(`psk ${i}`),
    secret: provider.random(provider.suite(suite).sizes.hash),
  }));
  return { provider, suite, psks: known };
}

/** The environment of whoever is in a setting, for what no public method makes. */
export function environmentIn(setting: Setting): Environment {
  const options = optionsIn(setting);
  return environmentOf(options, setting.suite, options.psks);
}

/** A client by name. */
export function clientIn(setting: Setting, name: string): Client {
  return new Client({ ...optionsIn(setting), credential: basicCredential(name), suite: setting.suite });
}

function optionsIn({ provider, policy, psks }: Setting) {
  return {
    provider,
    validateCredential: acceptAnyCredential,
    policy: { maxLifetimeSeconds: Number.POSITIVE_INFINITY, ...policy },
    clock: () => NOW,
    psks: (id: Parameters<Environment['psks']>[0]) =>
      id.pskType === PskType.external
        ? psks.find((psk) => toHex(psk.id) === toHex(id.pskId))?.secret
        : undefined,
  };
}

/** Fresh keys for a passive client. */
export function passiveKeys(setting: Setting, name = PASSIVE): PassiveKeys {
  const { message, secrets } = clientIn(setting, name).createKeyPackage({
    lifetimeSeconds: LIFETIME_SECONDS,
  });
  const { signer, encryption, init } = decodeKeyPackage(environmentIn(setting), secrets);
  return {
    message,
    signature: signer.secretKey,
    encryption: encryption.secretKey,
    init: init.secretKey,
  };
}

/** One group. */
export class Story {
  readonly setting: Setting;
  readonly #members = new Map<string, Member>();
  #proposals: Uint8Array[] = [];
  #record: CaseRecord | undefined;

  constructor(setting: Setting, members: ReadonlyMap<string, Member>, record?: CaseRecord) {
    this.setting = setting;
    this.#members = new Map(members);
    this.#record = record;
  }

  /** A group of the given names, in which all but the first have been added at once. */
  static found(setting: Setting, names: readonly [string, ...string[]], options: NewGroup = {}): Story {
    const [founder, ...others] = names;
    const client = clientIn(setting, founder);
    const story = new Story(setting, new Map([[founder, { client, group: client.createGroup(options) }]]));
    story.commit(founder, [], { newcomers: others });
    return story;
  }

  /** The case, from the passive client's entry on. */
  get record(): CaseRecord {
    if (this.#record === undefined) throw new Error('the passive client has not joined');
    return this.#record;
  }
  /** Where to note what happens in this epoch. */
  get stage(): Stage {
    return this.record.epochs.at(-1) ?? this.record;
  }
  get names(): readonly string[] {
    return [...this.#members.keys()];
  }
  group(name: string): Group {
    return this.member(name).group;
  }
  member(name: string): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw new Error(`${name} is no member`);
    return member;
  }
  leafOf(name: string): number {
    const [first] = this.#members.values();
    const found = first?.group.members.find(
      ({ credential }) => 'identity' in credential && fromUtf8(credential.identity) === name,
    );
    if (found === undefined) throw new Error(`${name} has no leaf`);
    return found.leaf;
  }

  /** Take the passive client in; from here on the case is recorded. */
  admit(by: string, inputs: readonly ProposalInput[] = [], options: CommitOptions = {}): void {
    const keys = passiveKeys(this.setting);
    const welcome = this.commit(by, [add(keys.message), ...inputs], options);
    if (welcome === undefined) throw new Error('no Welcome');
    const { group } = this.member(by);
    this.#record = newCase(this.setting.suite, keys, this.setting.psks, {
      welcome,
      ratchetTree: options.ratchetTree === false ? encode(RatchetTree, group.ratchetTree) : undefined,
      authenticator: group.epochAuthenticator,
    });
  }

  /** A member proposes. @returns the reference */
  propose(name: string, input: NewProposal, options: SendOptions = {}): Uint8Array {
    const { message, ref } = this.group(name).propose(input, options);
    this.#spread(message, name);
    return ref;
  }

  /** A proposal from outside arrives. @returns its reference */
  hear(message: Uint8Array): Uint8Array {
    this.#spread(message, undefined);
    const [{ group } = { group: undefined }] = this.#members.values();
    const ref = group?.proposals.at(-1)?.ref;
    if (ref === undefined) throw new Error('nothing was stored');
    return ref;
  }

  /** A member commits what was proposed and `inputs`, and all follow. @returns the Welcome */
  commit(
    name: string,
    inputs: readonly ProposalInput[] = [],
    options: CommitOptions & { readonly newcomers?: readonly string[] } = {},
  ): Uint8Array | undefined {
    const { newcomers = [], ...how } = options;
    const clients = newcomers.map((one) => [one, clientIn(this.setting, one)] as const);
    const adds = clients.map(([, client]) =>
      add(client.createKeyPackage({ lifetimeSeconds: LIFETIME_SECONDS }).message),
    );
    const { group } = this.member(name);
    const commit = group.commit([...inputs, ...adds], how);
    this.#follow(commit.message, name);
    group.accept(commit);
    this.#note(commit.message, group);
    for (const [one, client] of clients) this.join(one, client, commit.welcome);
    return commit.welcome;
  }

  /** A client enters by a Welcome of the commit just made. */
  join(name: string, client: Client, welcome: Uint8Array | undefined): void {
    if (welcome === undefined) throw new Error('no Welcome');
    const [first] = this.#members.values();
    const ratchetTree = first && encode(RatchetTree, first.group.ratchetTree);
    const group = client.prepareJoin(welcome, ratchetTree && { ratchetTree }).accept();
    this.#members.set(name, { client, group });
  }

  /** Somebody joins by an external commit: a newcomer, or with `resync` or a former handle, the same client again. */
  enter(name: string, options: ExternalJoinOptions & { readonly client?: Client } = {}): void {
    const { client = clientIn(this.setting, name), ...how } = options;
    const [host] = [...this.#members].filter(([one]) => one !== name);
    if (host === undefined) throw new Error('nobody is there');
    const offer = client.prepareExternalJoin(host[1].group.groupInfo(), how);
    this.#members.delete(name);
    this.#follow(offer.message, undefined);
    const group = offer.accept();
    this.#members.set(name, { client, group });
    this.#note(offer.message, group);
  }

  #spread(message: Uint8Array, from: string | undefined): void {
    for (const [name, { group }] of this.#members) {
      if (name === from) continue;
      const { kind } = group.process(message);
      if (kind !== 'proposal') throw new Error(`${name}: the proposal is ${kind}`);
    }
    this.#proposals.push(message);
  }

  #follow(message: Uint8Array, from: string | undefined): void {
    for (const [name, { group }] of this.#members) {
      if (name === from) continue;
      const taken = group.process(message);
      if (taken.kind === 'rejected') throw taken.error;
      if (taken.kind !== 'commit') throw new Error(`${name}: the commit is ${taken.kind}`);
      group.accept(taken.commit);
      if (group.status === 'removed') this.#members.delete(name);
    }
  }

  #note(commit: Uint8Array, { epochAuthenticator }: Group): void {
    this.#record?.epochs.push({
      proposals: this.#proposals.map(toHex),
      commit: toHex(commit),
      epoch_authenticator: toHex(epochAuthenticator),
    });
    this.#proposals = [];
  }
}
