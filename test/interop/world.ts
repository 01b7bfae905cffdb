/** One group and its members of all libraries: the server that orders messages, and the judge who compares. */

import { toHex, utf8 } from 'xmpp-mls';
import type { Random } from '../fuzz/random.ts';
import { isKnownRefusal, isSpared } from './limits.ts';
import type { Library, LibraryName, Outcome, Peer, Proposed, State } from './peer.ts';

/** How handshake messages travel; `mixed`: each member has its own way. */
export type Framing = 'public' | 'private' | 'mixed';

/** A client that has not joined yet. */
export interface Newcomer {
  readonly library: LibraryName;
  /** Unique in a history: `mls-rs 3`. */
  readonly name: string;
  readonly peer: Peer;
}

/** A client in the group. */
export interface Member extends Newcomer {
  readonly leaf: number;
}

/** A proposal, and whom it concerns. */
export type Planned =
  | { readonly kind: 'add'; readonly newcomer: Newcomer; readonly keyPackage: Uint8Array }
  | { readonly kind: 'remove'; readonly member: Member }
  | { readonly kind: 'psk'; readonly id: Uint8Array }
  | { readonly kind: 'update'; readonly member: Member };

/** What a history is made of. */
export interface Scene {
  readonly libraries: readonly Library[];
  readonly suite: number;
  readonly framing: Framing;
  readonly random: Random;
  /** Told of each step before it is taken. */
  readonly note: (step: string) => void;
}

/** A group that only we see from all sides. */
export class World {
  readonly scene: Scene;
  members: readonly Member[] = [];
  /** Leaves whose clients could not join for a known reason; to be removed next. */
  ghosts: readonly Member[] = [];
  /** Sent by reference, for the next commit. */
  proposed: readonly Planned[] = [];
  readonly #psks: { readonly id: Uint8Array; readonly value: Uint8Array }[] = [];
  #made = 0;

  constructor(scene: Scene) {
    this.scene = scene;
  }

  /** Found the group. */
  async create(library: Library): Promise<void> {
    const founder = await this.newcomer(library);
    this.scene.note(`${founder.name} creates the group`);
    await founder.peer.createGroup(this.scene.random.bytes(16));
    this.members = [{ ...founder, leaf: 0 }];
    await this.agree();
  }

  /** A new client that knows all PSKs: of the library named, or of one that is not in the group, or of any. */
  async newcomer(library?: Library): Promise<Newcomer> {
    const { libraries, suite, framing, random } = this.scene;
    const absent = libraries.filter(({ name }) => !this.members.some((member) => member.library === name));
    const chosen = library ?? random.pick(absent.length > 0 ? absent : libraries);
    this.#made += 1;
    const name = `${chosen.name} ${this.#made}`;
    const isPublic = framing === 'public' || (framing === 'mixed' && random.below(2) === 0);
    const alwaysPath = random.below(2) === 0;
    const greaseKeyPackages = !libraries.some((one) => isSpared('reserved-extension', one.name));
    const setup = { suite, identity: utf8(name), public: isPublic, alwaysPath, greaseKeyPackages };
    const peer = await chosen.client(setup);
    for (const { id, value } of this.#psks) await peer.registerPsk(id, value);
    return { library: chosen.name, name, peer };
  }

  /** What adds a client: the one given, or a new one. */
  async invitation(given?: Newcomer): Promise<Planned> {
    const newcomer = given ?? (await this.newcomer());
    return { kind: 'add', newcomer, keyPackage: await newcomer.peer.keyPackage() };
  }

  /** A PSK that all members, all who wait for a commit, and all who come later, know. */
  async psk(): Promise<Planned> {
    const [id, value] = [this.scene.random.bytes(8), this.scene.random.bytes(32)];
    this.#psks.push({ id, value });
    const waiting = this.proposed.flatMap((one) => (one.kind === 'add' ? [one.newcomer] : []));
    for (const { peer } of [...this.members, ...waiting]) await peer.registerPsk(id, value);
    return { kind: 'psk', id };
  }

  /** Send a proposal by reference to everybody. */
  async propose(sender: Member, planned: Planned): Promise<void> {
    this.scene.note(`${sender.name} proposes ${describe(planned)}`);
    const message = await sender.peer.propose(plain(planned));
    await this.deliver(sender, message, 'proposal');
    this.proposed = [...this.proposed, planned];
  }

  /** One commit from its making to the agreement of all: what was proposed before, and `inline`. */
  async commit(committer: Member, inline: readonly Planned[]): Promise<void> {
    const own = this.#emptiesLeftHalf(inline) ? [...inline, await this.invitation()] : inline;
    const covered = [...this.proposed, ...own];
    this.scene.note(`${committer.name} commits ${list(own)} after proposals ${list(this.proposed)}`);
    const commit = await by(`${committer.name} commits`, committer.peer.commit(own.map(plain)));
    await this.settle(committer, covered, commit);
  }

  /** The server took this commit: everybody follows, newcomers join. */
  async settle(
    committer: Member,
    covered: readonly Planned[],
    { message, welcome }: { readonly message: Uint8Array; readonly welcome: Uint8Array | undefined },
  ): Promise<void> {
    const leaving = covered.flatMap((one) => (one.kind === 'remove' ? [one.member] : []));
    for (const member of this.members.filter((one) => one !== committer)) {
      const expected = leaving.some(({ name }) => name === member.name) ? 'removed' : 'commit';
      await this.#take(member, message, expected);
    }
    await committer.peer.accept();
    this.proposed = [];
    const stays = (member: Member) => !leaving.some(({ name }) => name === member.name);
    for (const member of this.members) if (!stays(member)) await member.peer.close();
    this.members = this.members.filter(stays);
    this.ghosts = this.ghosts.filter(stays);
    await this.#welcome(
      committer,
      covered.flatMap((one) => (one.kind === 'add' ? [one.newcomer] : [])),
      welcome,
    );
    await this.agree();
  }

  /** Hand a message to all members but its sender. */
  async deliver(sender: Member, message: Uint8Array, expected: Outcome['kind']): Promise<void> {
    for (const member of this.members) if (member !== sender) await this.#take(member, message, expected);
  }

  /** All must see the same epoch, secrets, tree and members. */
  async agree(): Promise<void> {
    const [first] = this.members;
    if (first === undefined) throw new Error('nobody is left');
    const reference = await first.peer.state();
    const leaves = new Map(reference.members.map(({ leaf, identity }) => [toHex(identity), leaf]));
    const placed = (one: Newcomer): Member => ({ ...one, leaf: leaves.get(toHex(utf8(one.name))) ?? -1 });
    this.members = this.members.map(placed);
    this.ghosts = this.ghosts.map(placed);
    const names = [...this.members, ...this.ghosts].map(({ name }) => toHex(utf8(name)));
    same('members', [...leaves.keys()].sort(), names.sort(), first.name);
    const wanted = {
      label: `label ${this.scene.random.next()}`,
      context: this.scene.random.bytes(this.scene.random.below(40)),
      length: 16 + this.scene.random.below(49),
    };
    const view = await fingerprint(first.peer, reference, wanted);
    for (const member of this.members) {
      const state = await member.peer.state();
      same('own leaf', state.leaf, member.leaf, member.name);
      same('state', await fingerprint(member.peer, state, wanted), view, `${member.name} and ${first.name}`);
    }
  }

  /** Whether nobody would be left on the left of the root, where not all libraries can follow. */
  #emptiesLeftHalf(inline: readonly Planned[]): boolean {
    const planned = [...this.proposed, ...inline];
    const leaving = planned.flatMap((one) => (one.kind === 'remove' ? [one.member.leaf] : []));
    const present = [...this.members, ...this.ghosts].map(({ leaf }) => leaf);
    const leaves = present.filter((leaf) => !leaving.includes(leaf));
    const last = Math.max(...leaves);
    const half = 2 ** Math.floor(Math.log2(last));
    const isEmpty = last > 0 && leaves.every((leaf) => leaf >= half);
    if (!isEmpty || planned.some(({ kind }) => kind === 'add')) return false;
    return this.scene.libraries.some(({ name }) => isSpared('empty-left-half', name));
  }

  async #take(member: Member, message: Uint8Array, expected: Outcome['kind']): Promise<void> {
    const { name, library, peer } = member;
    try {
      const { kind } = await peer.process(message);
      same('outcome', kind, expected, name);
    } catch (error) {
      if (expected === 'removed' && isKnownRefusal(library, 'removal', error)) return;
      throw blamed(`${name} processes a message whose outcome is ${expected}`, error);
    }
  }

  async #welcome(
    committer: Member,
    newcomers: readonly Newcomer[],
    welcome: Uint8Array | undefined,
  ): Promise<void> {
    if (newcomers.length === 0) return;
    if (welcome === undefined) throw new Error(`${committer.name} made no Welcome`);
    for (const newcomer of newcomers) {
      try {
        await newcomer.peer.join(welcome);
        this.members = [...this.members, { ...newcomer, leaf: -1 }];
      } catch (error) {
        if (!isKnownRefusal(newcomer.library, 'join', error)) throw blamed(`${newcomer.name} joins`, error);
        await newcomer.peer.close();
        this.ghosts = [...this.ghosts, { ...newcomer, leaf: -1 }];
      }
    }
  }
}

/** A proposal as the peers take it. */
export function plain(planned: Planned): Proposed {
  switch (planned.kind) {
    case 'add':
      return { kind: 'add', keyPackage: planned.keyPackage };
    case 'remove':
      return { kind: 'remove', leaf: planned.member.leaf };
    case 'psk':
      return { kind: 'psk', id: planned.id };
    case 'update':
      return { kind: 'update' };
  }
}

/** @throws when the two differ as JSON */
export function same(what: string, got: unknown, expected: unknown, who: string): void {
  const [left, right] = [JSON.stringify(got), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${what} of ${who}: ${left} instead of ${right}`);
}

/** The promise's value; an error gets to say who could not do what. */
export async function by<T>(what: string, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw blamed(what, error);
  }
}

function blamed(what: string, error: unknown): Error {
  return new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
}

function list(planned: readonly Planned[]): string {
  return `[${planned.map(describe).join(', ')}]`;
}

function describe(planned: Planned): string {
  switch (planned.kind) {
    case 'add':
      return `add ${planned.newcomer.name}`;
    case 'psk':
      return `psk ${toHex(planned.id)}`;
    default:
      return `${planned.kind} ${planned.member.name} at ${planned.member.leaf}`;
  }
}

/** All that must be equal, as one value. */
async function fingerprint(
  peer: Peer,
  { epoch, authenticator, treeHash, members }: State,
  {
    label,
    context,
    length,
  }: { readonly label: string; readonly context: Uint8Array; readonly length: number },
): Promise<object> {
  const exported = await peer.export(label, context, length);
  return {
    epoch,
    authenticator: toHex(authenticator),
    treeHash: toHex(treeHash),
    exported: toHex(exported),
    members: members.map(({ leaf, identity }) => `${leaf} ${toHex(identity)}`),
  };
}
