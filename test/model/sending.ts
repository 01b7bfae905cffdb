/** What members do: talk, propose and commit, each with the answer that the model expects. */

import {
  add,
  externalPsk,
  type ProposalInput,
  remove,
  resumptionPsk,
  setExtensions,
  stored,
  update,
} from '../../src/index.ts';
import type { Random } from '../fuzz/random.ts';
import { type Device, EXTENSION, pskName } from './device.ts';
import { expectSame, type Item, Mismatch, type ProposalFact } from './facts.ts';
import { changesOf, expectedChanges } from './outcome.ts';
import type { Seat } from './seat.ts';
import { commitFact, selectItems } from './select.ts';
import type { Attempt } from './world.ts';

/** A proposal as the library takes it, with what it means. */
export interface Wish {
  readonly input: ProposalInput;
  readonly item: Item;
}

/** External PSKs that there are. */
export const PSKS = 3;

/** Say something. */
export function talk(seat: Seat): void {
  const { fact, group, world, room } = seat;
  const text = `${seat.who} says ${world.entries.length}`;
  const refusal = inactive(seat) ?? (fact.stored.length > 0 ? 'state.proposals-pending' : undefined);
  const bytes = attempt(seat, refusal, () => group.encrypt(new TextEncoder().encode(text)));
  if (bytes === undefined) return;
  const generation = fact.sent.application++;
  const head = { room: room.name, epoch: fact.epoch, sender: seat.who, bytes, isPrivate: true, generation };
  room.submit(world.record({ ...head, body: { kind: 'application', text } }));
}

/** Send a proposal by reference. */
export function propose(seat: Seat, { input, item }: Wish, random: Random): void {
  const { fact, group, world, room } = seat;
  if (input.kind === 'stored') return;
  const isPrivate = random.below(2) === 0;
  const own = fact.stored.filter((id) => world.senderOf(id) === seat.who).length;
  const refusal =
    inactive(seat) ??
    proposalRefusal(seat, item.fact) ??
    (own >= seat.device.policy.keptProposalsPerSender && !isRepeated(seat, item.fact, isPrivate)
      ? 'codec.limit'
      : undefined);
  const options = { handshake: isPrivate ? 'private' : 'public' } as const;
  const made = attempt(seat, refusal, () => group.propose(input, options));
  if (made === undefined) return;
  const generation = isPrivate ? fact.sent.handshake++ : 0;
  const head = { room: room.name, epoch: fact.epoch, sender: seat.who, bytes: made.message };
  const body = { kind: 'proposal', fact: item.fact } as const;
  const entry = world.record({ ...head, isPrivate, generation, body }, made.ref);
  if (!fact.stored.includes(entry.ref)) fact.stored.push(entry.ref);
  world.count(`proposal ${item.fact.type}`);
  room.submit(entry);
}

/** Make a commit, which is then under way. @returns `undefined` when it was rightly refused */
export function commit(seat: Seat, wishes: readonly Wish[], random: Random): Attempt | undefined {
  const { fact, group, world, room } = seat;
  const isPrivate = random.below(2) === 0;
  const wantsPath = random.below(3) > 0 || wishes.some(({ input }) => input.kind === 'update');
  const asked = wishes.flatMap(({ input, item }) => (input.kind === 'update' ? [] : [item]));
  const items = expectedItems(seat, asked);
  const isPending = fact.pending === undefined ? undefined : 'state.pending-commit';
  const refusal = inactive(seat) ?? isPending ?? (items === undefined ? '' : undefined);
  const options = {
    handshake: isPrivate ? 'private' : 'public',
    path: wantsPath ? 'always' : 'omit',
    groupInfo: random.below(4) > 0,
  } as const;
  const inputs = wishes.map(({ input }) => input);
  const made = attempt(seat, refusal, () => group.commit(inputs, options));
  if (made === undefined || items === undefined) return undefined;
  const predicted = commitFact(seat.who, items, wantsPath);
  expectSame('own changes', changesOf(made), expectedChanges(predicted));
  const generation = isPrivate ? fact.sent.handshake++ : 0;
  const head = { room: room.name, epoch: fact.epoch, sender: seat.who, bytes: made.message };
  const body = { kind: 'commit', fact: predicted } as const;
  const entry = world.record({ ...head, isPrivate, generation, body });
  fact.pending = entry.ref;
  for (const { fact: one } of items) world.count(`committed ${one.type}`);
  const { welcome, groupInfo } = made;
  const parcel = { room, entry, fact: predicted, welcome, groupInfo, offer: undefined, device: seat.device };
  world.attempts.push(parcel);
  return parcel;
}

function expectedItems(seat: Seat, asked: readonly Item[]): readonly Item[] | undefined {
  const { fact, world, room } = seat;
  const { members } = room.epochFact(fact.epoch);
  const place = { committer: seat.who, members, hasPsk: seat.place.hasPsk };
  return selectItems(
    place,
    fact.stored.map((id) => storedItem(seat, id)),
    asked,
  );

  function storedItem({ who: _ }: Seat, id: number): Item {
    const { body, sender } = world.entry(id);
    if (body.kind !== 'proposal') throw new Error('no proposal');
    return { fact: body.fact, by: sender, ref: id };
  }
}

/** Call, and see to it that it is refused with the expected code (any, if empty), or not at all. */
export function attempt<T>(seat: Seat, refusal: string | undefined, call: () => T): T | undefined {
  const before = refusal === undefined ? undefined : seat.bytes();
  seat.touched();
  try {
    const made = call();
    if (refusal === undefined) return made;
  } catch (error) {
    const code = codeOf(error);
    if (refusal === undefined || code === undefined) throw error;
    if (refusal !== '') expectSame('refusal', code, refusal);
    seat.world.count(`refused ${code}`);
    if (before !== undefined) seat.device.expectSameBytes(`state after ${code}`, seat.group, before);
    return undefined;
  }
  throw new Mismatch(`${seat.who} was expected to be refused: ${refusal === '' ? 'invalid' : refusal}`);
}

/** The code of an error of the library, of whichever build. */
export function codeOf(error: unknown): string | undefined {
  const isOurs = error instanceof Error && error.name === 'MlsError' && 'code' in error;
  return isOurs && error.code !== 'internal.bug' ? String(error.code) : undefined;
}

/** Equal contents get equal signatures from EdDSA, and so are one proposal. */
function isRepeated({ fact, world, who }: Seat, proposal: ProposalFact, isPrivate: boolean): boolean {
  const isFresh = proposal.type === 'psk' || proposal.type === 'update';
  if (isFresh || ![1, 3, 4, 6].includes(world.setup.suite)) return false;
  return fact.stored.some((id) => {
    const { body, sender, isPrivate: other } = world.entry(id);
    const isSame = body.kind === 'proposal' && JSON.stringify(body.fact) === JSON.stringify(proposal);
    return isSame && sender === who && other === isPrivate;
  });
}

function inactive({ fact }: Seat): string | undefined {
  if (fact.status === 'removed') return 'state.not-member';
  return fact.status === 'closed' ? 'state.closed' : undefined;
}

function proposalRefusal({ fact, room }: Seat, proposal: ProposalFact): string | undefined {
  const isGone = proposal.type === 'remove' && !room.epochFact(fact.epoch).members.includes(proposal.who);
  return isGone ? 'validation.proposal' : undefined;
}

/** Something to propose. */
export function wish(seat: Seat, random: Random): Wish {
  const kind = random.pick(['add', 'add', 'remove', 'update', 'update', 'psk', 'past', 'extensions']);
  if (kind === 'add') return addWish(seat, random);
  if (kind === 'remove') return removeWish(seat, random);
  if (kind === 'psk') {
    const id = random.below(PSKS);
    const input = externalPsk(new TextEncoder().encode(pskName(id)));
    return wishFor(seat, input, { type: 'psk', psk: { kind: 'external', id } });
  }
  if (kind === 'past') {
    const epoch = Math.max(0, seat.fact.epoch - random.below(4));
    const psk = { kind: 'resumption', room: seat.room.name, epoch } as const;
    return wishFor(seat, resumptionPsk(seat.room.id, BigInt(epoch)), { type: 'psk', psk });
  }
  if (kind === 'extensions') {
    const value = `extension ${random.below(100)}`;
    const extensionData = new TextEncoder().encode(value);
    const input = setExtensions([{ extensionType: EXTENSION, extensionData }]);
    return wishFor(seat, input, { type: 'extensions', value });
  }
  return wishFor(seat, update(), { type: 'update', who: seat.who });
}

/** Add somebody, a member already once in a while. */
export function addWish(seat: Seat, random: Random, chosen?: Device): Wish {
  const { world, room } = seat;
  const strangers = world.devices.filter(({ name }) => !room.members.includes(name));
  const isWild = strangers.length === 0 || random.below(12) === 0;
  const device = chosen ?? random.pick(isWild ? world.devices : strangers);
  const { id, message } = device.keyPackage(random.below(4) > 0);
  return wishFor(seat, add(message), { type: 'add', who: device.name, keyPackage: id });
}

function removeWish(seat: Seat, random: Random): Wish {
  const others = seat.group.members.filter(({ leaf }) => leaf !== seat.group.self);
  const member = others.length === 0 ? seat.group.member(seat.group.self) : random.pick(others);
  if (member === undefined || !('identity' in member.credential))
    return wishFor(seat, update(), { type: 'update', who: seat.who });
  const who = new TextDecoder().decode(member.credential.identity);
  return wishFor(seat, remove(member.leaf), { type: 'remove', who });
}

/** Commit one of the proposals seen by its reference. */
export function storedWish(seat: Seat, random: Random): Wish | undefined {
  const { fact, group, world } = seat;
  if (fact.stored.length === 0) return undefined;
  const at = random.below(fact.stored.length);
  const { body, sender, id } = world.entry(fact.stored[at] as number);
  const seen = group.proposals[at];
  if (seen === undefined || body.kind !== 'proposal') return undefined;
  return { input: stored(seen.ref), item: { fact: body.fact, by: sender, ref: id } };
}

function wishFor(seat: Seat, input: ProposalInput, fact: ProposalFact): Wish {
  return { input, item: { fact, by: seat.who, ref: undefined } };
}
