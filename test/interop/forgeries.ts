/** One flipped bit, which everybody must refuse; afterwards the true message is taken by all. */

import type { Random } from '../fuzz/random.ts';
import { isKnownRefusal, isSpared } from './limits.ts';
import { type Newcomer, plain, type World } from './world.ts';

/** The low byte of the wire format in an MLSMessage (RFC 9420 §6). */
const PRIVATE_MESSAGE = 2;

/** One random forgery. */
export async function forge(world: World): Promise<void> {
  const kinds = [forgedMessage, forgedCommit, forgedWelcome, forgedKeyPackage, forgedGroupInfo];
  await world.scene.random.pick(kinds)(world);
}

async function forgedMessage(world: World): Promise<void> {
  const { random, note } = world.scene;
  const sender = random.pick(world.members);
  note(`${sender.name} sends a message, of which the server flips a bit`);
  const forged = flipped(random, await sender.peer.encrypt(random.bytes(40)));
  for (const member of world.members) {
    if (member !== sender) await refuses(member, 'reads a forged message', () => member.peer.process(forged));
  }
  await world.agree();
}

async function forgedCommit(world: World): Promise<void> {
  const { random, note } = world.scene;
  const committer = random.pick(world.members);
  note(`${committer.name} commits nothing, after a copy of it with a flipped bit`);
  const commit = await committer.peer.commit([]);
  const isPrivate = commit.message[3] === PRIVATE_MESSAGE;
  const forged = flipped(random, commit.message);
  for (const member of world.members) {
    if (member === committer || (isPrivate && isSpared('forged-private-commit', member.library))) continue;
    await refuses(member, 'processes a forged commit', () => member.peer.process(forged));
  }
  await world.settle(committer, [], commit);
}

async function forgedWelcome(world: World): Promise<void> {
  const { random, note } = world.scene;
  const committer = random.pick(world.members);
  const newcomer = await world.newcomer();
  const added = [await world.invitation(newcomer)];
  note(`${committer.name} adds ${newcomer.name}, who first sees a Welcome with a flipped bit`);
  const commit = await committer.peer.commit(added.map(plain));
  const forged = flipped(random, commit.welcome ?? new Uint8Array(1));
  if (!isSpared('forged-welcome', newcomer.library)) {
    await refuses(newcomer, 'joins by a forged Welcome', () => newcomer.peer.join(forged));
  }
  await world.settle(committer, added, commit);
}

async function forgedKeyPackage(world: World): Promise<void> {
  const { random, note } = world.scene;
  const committer = random.pick(world.members);
  const newcomer = await world.newcomer();
  note(`${committer.name} is to add ${newcomer.name} by a KeyPackage with a flipped bit`);
  const keyPackage = flipped(random, await newcomer.peer.keyPackage());
  await refuses(committer, 'adds by a forged KeyPackage', () =>
    committer.peer.commit([{ kind: 'add', keyPackage }]),
  );
  await newcomer.peer.close();
  await world.commit(committer, []);
}

async function forgedGroupInfo(world: World): Promise<void> {
  const { random, note } = world.scene;
  const helpers = world.members.filter(({ library }) => !isSpared('external-join', library));
  const joiners = world.scene.libraries.filter(({ name }) => !isSpared('external-join', name));
  if (helpers.length === 0) return forgedMessage(world);
  const helper = random.pick(helpers);
  const joiner = await world.newcomer(random.pick(joiners));
  note(`${joiner.name} is to join by a GroupInfo of ${helper.name} with a flipped bit`);
  const forged = flipped(random, await helper.peer.groupInfo());
  await refuses(joiner, 'joins by a forged GroupInfo', () => joiner.peer.externalJoin(forged));
  await joiner.peer.close();
}

function flipped(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  const at = random.below(copy.length);
  copy[at] = (copy[at] ?? 0) ^ (1 << random.below(8));
  return copy;
}

async function refuses(
  { name, library }: Pick<Newcomer, 'name' | 'library'>,
  what: string,
  attempt: () => Promise<unknown>,
): Promise<void> {
  let taken: unknown;
  try {
    taken = await attempt();
  } catch (error) {
    if (!isCrash(error) || isKnownRefusal(library, 'forgery', error)) return;
    throw new Error(`${name} ${what}, and falls over: ${error}`, { cause: error });
  }
  throw new Error(`${name} ${what}, and takes it: ${JSON.stringify(taken)}`);
}

/** A refusal is an error that was meant. */
function isCrash(error: unknown): boolean {
  const kinds = [TypeError, RangeError, ReferenceError];
  return (
    kinds.some((kind) => error instanceof kind) || (error instanceof Error && /^panic:/.test(error.message))
  );
}
