/** What of a member's own intentions is left after a commit (RFC 9420 §14), told from the facts. */

import type { NewProposal } from '../../src/index.ts';
import { pskName } from './device.ts';
import {
  type CommitFact,
  type Entry,
  expectSame,
  type Item,
  Mismatch,
  type ProposalFact,
  type SeatFact,
} from './facts.ts';
import { nameOf } from './outcome.ts';
import type { Seat } from './seat.ts';
import { type CommitPlace, isCommittable } from './select.ts';
import type { Wish } from './sending.ts';

/** Compare `Accepted.again` with what was sent or tried, was not done, and still makes sense. */
export function expectAgain(
  seat: Seat,
  again: readonly NewProposal[],
  before: SeatFact,
  winner: Entry,
): void {
  const { world, room, who } = seat;
  const { body } = winner;
  if (body.kind !== 'commit') throw new Error('no commit');
  const sent = before.stored.map((id) => world.entry(id)).filter(({ sender }) => sender === who);
  const isOwn = before.pending === winner.ref;
  const lost = before.pending === undefined || isOwn ? [] : [world.entry(before.pending)];
  const ours = [...sent, ...lost].flatMap(intentions);
  const { members } = room.epochFact(before.epoch + 1);
  const wanted = stillWanted(ours, body.fact, members);
  // The committer's path, and a commit over our Update, have renewed our leaf already.
  const isRenewed = body.fact.updated.includes(who);
  const updates = ours.filter(({ type }) => type === 'update' && !isRenewed).slice(-1);
  const place = { committer: who, members, hasPsk: seat.place.hasPsk };
  const left = [...possible(place, distinct(wanted)), ...updates];
  const actual = again.map((input) => wishOf(seat, input).item.fact);
  expectSame('left to be done', actual, left);
}

function intentions({ body }: Entry): readonly ProposalFact[] {
  if (body.kind === 'proposal') return [body.fact];
  if (body.kind !== 'commit') return [];
  return body.fact.items.filter(({ ref }) => ref === undefined).map(({ fact }) => fact);
}

/** Removes first, for whoever is still there; then what the winner has not done. */
function stillWanted(
  ours: readonly ProposalFact[],
  winner: CommitFact,
  members: readonly string[],
): readonly ProposalFact[] {
  const added = winner.items.flatMap(({ fact }) => (fact.type === 'add' ? [JSON.stringify(fact)] : []));
  const ownAdds = ours.filter((fact) => fact.type === 'add' && added.includes(JSON.stringify(fact)));
  const targets = new Set<string>();
  for (const fact of ours) {
    if (fact.type !== 'remove' || !members.includes(fact.who)) continue;
    const isPutThere = ownAdds.some((add) => add.type === 'add' && add.who === fact.who);
    if (!winner.removed.includes(fact.who) || !isPutThere) targets.add(fact.who);
  }
  const others = ours.filter((fact) => {
    if (fact.type === 'add') return !members.includes(fact.who) || targets.has(fact.who);
    if (fact.type === 'psk') return !winner.psks.some((psk) => isSame(psk, fact.psk));
    if (fact.type === 'extensions') return winner.extensions === undefined;
    return fact.type === 'reinit';
  });
  return [...[...targets].map((who) => ({ type: 'remove', who }) as const), ...others];
}

/** The later stands for both. */
function distinct(facts: readonly ProposalFact[]): readonly ProposalFact[] {
  return facts.filter((fact, at) => {
    const later = facts.slice(at + 1);
    const isWhole = fact.type === 'extensions' || fact.type === 'reinit';
    return !later.some((other) => (isWhole ? other.type === fact.type : isSame(other, fact)));
  });
}

/** All of it if that can be committed, and otherwise what can, one after the other. */
function possible(place: CommitPlace, facts: readonly ProposalFact[]): readonly ProposalFact[] {
  const items = facts.map((fact) => ({ fact, by: place.committer, ref: undefined }));
  if (isCommittable(place, items)) return facts;
  const kept: Item[] = [];
  for (const item of items) if (isCommittable(place, [...kept, item])) kept.push(item);
  return kept.map(({ fact }) => fact);
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** An input as the library hands it back, with what it means. */
export function wishOf(seat: Seat, input: NewProposal): Wish {
  return { input, item: { fact: factOf(seat, input), by: seat.who, ref: undefined } };
}

function factOf(seat: Seat, input: NewProposal): ProposalFact {
  const { group, room, world } = seat;
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  switch (input.kind) {
    case 'add':
      return addFact(seat, input.keyPackage);
    case 'remove':
      return { type: 'remove', who: nameOf(group.member(input.leaf)) ?? '' };
    case 'update':
      return { type: 'update', who: seat.who };
    case 'external-psk': {
      const id = [0, 1, 2].find((one) => pskName(one) === text(input.id)) ?? -1;
      return { type: 'psk', psk: { kind: 'external', id } };
    }
    case 'resumption-psk': {
      const from = world.rooms.find(({ id }) => text(id) === text(input.groupId))?.name ?? room.name;
      return { type: 'psk', psk: { kind: 'resumption', room: from, epoch: Number(input.epoch) } };
    }
    case 'extensions':
      return { type: 'extensions', value: text(input.extensions[0]?.extensionData ?? new Uint8Array(0)) };
    case 'reinit':
      return {
        type: 'reinit',
        successor: text(input.successor.groupId),
        extensions: input.successor.extensions?.map(({ extensionData }) => text(extensionData))[0],
      };
    default:
      throw new Mismatch(`nobody has asked for ${input.kind}`);
  }
}

function addFact({ world }: Seat, message: Uint8Array): ProposalFact {
  for (const { name, keyPackages } of world.devices) {
    const known = keyPackages.find((one) => Buffer.compare(one.message, message) === 0);
    if (known !== undefined) return { type: 'add', who: name, keyPackage: known.id };
  }
  throw new Mismatch('a KeyPackage that nobody has made');
}
