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
import { isCommittable } from './select.ts';
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
  const lost =
    before.pending === undefined || before.pending === winner.ref ? [] : [world.entry(before.pending)];
  const wanted = [...sent, ...lost].flatMap((entry) => intentions(entry));
  const left = wanted.filter(({ fact, ref }) => {
    const isDone = ref !== undefined && body.fact.items.some((item) => item.ref === ref);
    return !isDone && makesSense(fact, body.fact, room.epochFact(before.epoch + 1).members);
  });
  const { members } = room.epochFact(before.epoch + 1);
  const place = { committer: who, members, hasPsk: seat.place.hasPsk };
  const items = ordered(left.map(({ fact }) => fact)).map(
    (fact): Item => ({ fact, by: who, ref: undefined }),
  );
  const kept: Item[] = isCommittable(place, items) ? items : [];
  if (kept.length === 0) for (const item of items) if (isCommittable(place, [...kept, item])) kept.push(item);
  const names = (facts: readonly ProposalFact[]): readonly string[] =>
    facts.map(named).filter(isCertain).sort();
  const actual = again.map((input) => wishOf(seat, input).item.fact).filter(({ type }) => type !== 'update');
  expectSame('left to be done', names(actual), names(kept.map(({ fact }) => fact)));

  // A member that left and came back may sit where it sat or elsewhere, which the facts do not tell.
  function isCertain(text: string): boolean {
    const { type, who: target } = JSON.parse(text) as { type: string; who?: string };
    const { fact } = body as { fact: CommitFact };
    return type !== 'remove' || !fact.removed.includes(target ?? '') || !fact.added.includes(target ?? '');
  }
}

/**
 * Removes first, and of what one list may have once the latest. Updates are not told: whether one is pointless depends on
 * keys, which the facts do not have.
 */
function ordered(facts: readonly ProposalFact[]): readonly ProposalFact[] {
  const once = (fact: ProposalFact): string =>
    fact.type === 'extensions' || fact.type === 'reinit' ? fact.type : named(fact);
  const wanted = facts.filter(({ type }) => type !== 'update');
  const latest = wanted.filter((fact, i) => !wanted.slice(i + 1).some((later) => once(later) === once(fact)));
  return [
    ...latest.filter(({ type }) => type === 'remove'),
    ...latest.filter(({ type }) => type !== 'remove'),
  ];
}

function intentions({
  id,
  body,
}: Entry): { readonly fact: ProposalFact; readonly ref: number | undefined }[] {
  if (body.kind === 'proposal') return [{ fact: body.fact, ref: id }];
  if (body.kind !== 'commit') return [];
  return body.fact.items.filter(({ ref }) => ref === undefined).map(({ fact }) => ({ fact, ref: undefined }));
}

function makesSense(fact: ProposalFact, winner: CommitFact, members: readonly string[]): boolean {
  switch (fact.type) {
    case 'add':
      return !members.includes(fact.who);
    case 'remove':
      return members.includes(fact.who);
    case 'psk':
      return !winner.psks.some((psk) => JSON.stringify(psk) === JSON.stringify(fact.psk));
    case 'extensions':
      return winner.extensions === undefined;
    default:
      return true;
  }
}

/** KeyPackages count by whose they are. */
function named(fact: ProposalFact): string {
  return JSON.stringify(fact.type === 'add' ? { type: 'add', who: fact.who } : fact);
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
