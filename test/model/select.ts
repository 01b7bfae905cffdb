/** What a commit must cover and do, from what its maker has seen and asks for (RFC 9420 §12.2, §12.4). */

import type { CommitFact, Item, ProposalFact, PskFact } from './facts.ts';

/** Where a commit is made. */
export interface CommitPlace {
  readonly committer: string;
  readonly members: readonly string[];
  readonly hasPsk: (psk: PskFact) => boolean;
}

/** The items of a commit; `undefined` when what was asked for cannot be committed. */
export function selectItems(
  place: CommitPlace,
  stored: readonly Item[],
  asked: readonly Item[],
): readonly Item[] | undefined {
  const { committer } = place;
  const rest = stored.filter((item) => !asked.some(({ ref }) => ref !== undefined && ref === item.ref));
  const foreign = rest.filter(({ fact, by }) => {
    if (fact.type === 'update') return by !== committer;
    return fact.type !== 'remove' || fact.who !== committer;
  });
  const perMember = foreign.filter((item, at) => !foreign.some((other, i) => beats(other, item, i > at)));
  const reinits = perMember.filter(({ fact }) => fact.type === 'reinit');
  const others = perMember.filter(({ fact }) => fact.type !== 'reinit');
  const seen = others.length === 0 ? reinits.slice(-1) : others;
  let kept: Item[] = [...seen];
  if (!isCommittable(place, [...kept, ...asked])) {
    kept = [];
    for (const item of seen) if (isCommittable(place, [...kept, item, ...asked])) kept.push(item);
  }
  return isCommittable(place, [...kept, ...asked]) ? [...kept, ...asked] : undefined;
}

/** A Remove beats an Update of the same member, and the later of two alike beats the earlier. */
function beats(other: Item, item: Item, isLater: boolean): boolean {
  const who = changedMember(item);
  if (who === undefined || other === item || changedMember(other) !== who) return false;
  const removes = [other, item].map(({ fact }) => fact.type === 'remove');
  return removes[0] === removes[1] ? isLater : removes[0] === true;
}

function changedMember({ fact }: Item): string | undefined {
  return fact.type === 'remove' || fact.type === 'update' ? fact.who : undefined;
}

/** Whether a list of proposals makes a valid commit. */
export function isCommittable(place: CommitPlace, items: readonly Item[]): boolean {
  const facts = items.map(({ fact }) => fact);
  const changed = items.flatMap((item) => changedMember(item) ?? []);
  const removed = facts.flatMap((fact) => (fact.type === 'remove' ? [fact.who] : []));
  const stay = place.members.filter((who) => !removed.includes(who));
  const added = facts.flatMap((fact) => (fact.type === 'add' ? [fact.who] : []));
  const isAlone = facts.length <= 1;
  return (
    isSet(changed) &&
    isSet(added) &&
    !changed.includes(place.committer) &&
    removed.every((who) => place.members.includes(who)) &&
    added.every((who) => !stay.includes(who)) &&
    facts.filter(({ type }) => type === 'extensions').length <= 1 &&
    (isAlone || !facts.some(({ type }) => type === 'reinit')) &&
    facts.every((fact) => fact.type !== 'psk' || place.hasPsk(fact.psk))
  );
}

/** What a commit over these items does. */
export function commitFact(committer: string, items: readonly Item[], wantsPath: boolean): CommitFact {
  const facts = items.map(({ fact }) => fact);
  const updated = facts.flatMap((fact) => (fact.type === 'update' ? [fact.who] : []));
  const hasPath = wantsPath || facts.length === 0 || facts.some(needsPath);
  return {
    items,
    external: false,
    added: facts.flatMap((fact) => (fact.type === 'add' ? [fact.who] : [])),
    removed: facts.flatMap((fact) => (fact.type === 'remove' ? [fact.who] : [])),
    updated: hasPath ? [...updated, committer] : updated,
    psks: facts.flatMap((fact) => (fact.type === 'psk' ? [fact.psk] : [])),
    extensions: facts.flatMap((fact) => (fact.type === 'extensions' ? [fact.value] : []))[0],
    successor: facts.flatMap((fact) =>
      fact.type === 'reinit' ? [{ groupId: fact.successor, extensions: fact.extensions }] : [],
    )[0],
  };
}

/** An external commit, by which a device takes a seat, in place of the one it had. */
export function externalFact(joiner: string, resync: boolean): CommitFact {
  const none = { items: [], updated: [], psks: [], extensions: undefined, successor: undefined };
  return { ...none, external: true, added: [joiner], removed: resync ? [joiner] : [] };
}

function needsPath({ type }: ProposalFact): boolean {
  return type === 'update' || type === 'remove' || type === 'extensions';
}

function isSet(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}
