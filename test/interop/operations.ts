/** What can happen in a history; each operation is one or more commits, or messages, that all must agree on. */

import { toHex } from 'xmpp-mls';
import { forge } from './forgeries.ts';
import { isSpared } from './limits.ts';
import { by, type Member, type Planned, plain, same, type World } from './world.ts';

/** Most members at a time: every message is processed by all. */
const CROWD = 9;
const FEW = 3;

interface Operation {
  readonly weight: number;
  readonly run: (world: World) => Promise<void>;
}

const OPERATIONS: readonly Operation[] = [
  { weight: 2, run: (world) => addMany(world, 1) },
  { weight: 1, run: (world) => addMany(world, 2 + world.scene.random.below(2)) },
  { weight: 3, run: update },
  { weight: 3, run: proposeAndCommit },
  { weight: 2, run: removeSome },
  { weight: 2, run: commitPsk },
  { weight: 2, run: joinExternally },
  { weight: 3, run: talk },
  { weight: 2, run: race },
  { weight: 1, run: lateMessage },
  { weight: 1, run: everythingAtOnce },
  { weight: 3, run: forge },
];

/** One random operation. */
export async function operate(world: World): Promise<void> {
  await buryGhosts(world);
  const deck = OPERATIONS.flatMap(({ weight, run }) => Array.from({ length: weight }, () => run));
  await world.scene.random.pick(deck)(world);
}

/** Leaves without a client are removed by anybody. */
export async function buryGhosts(world: World): Promise<void> {
  if (world.ghosts.length === 0) return;
  await world.commit(world.scene.random.pick(world.members), world.ghosts.map(removal));
}

/** The founder invites one client of every other library with one Welcome. */
export async function gatherAll(world: World): Promise<void> {
  const [founder] = world.members as readonly [Member];
  const others = world.scene.libraries.filter(({ name }) => name !== founder.library);
  const added: Planned[] = [];
  for (const library of others) added.push(await world.invitation(await world.newcomer(library)));
  await world.commit(founder, added);
}

/** Some members say something; everybody else hears all of it, in an order of its own. */
export async function talk(world: World): Promise<void> {
  const senders = shuffled(world, world.members).slice(0, FEW);
  const sent: Letter[] = [];
  for (const sender of senders) {
    for (let i = world.scene.random.below(3); i >= 0; i--) sent.push(await write(world, sender));
  }
  for (const member of world.members) await read(member, shuffled(world, sent));
}

async function addMany(world: World, count: number): Promise<void> {
  if (world.members.length + count > CROWD) return removeSome(world);
  const added: Planned[] = [];
  for (let i = 0; i < count; i++) added.push(await world.invitation());
  await world.commit(world.scene.random.pick(world.members), added);
}

async function update(world: World): Promise<void> {
  await world.commit(world.scene.random.pick(world.members), []);
}

async function removeSome(world: World): Promise<void> {
  const [committer, ...rest] = shuffled(world, world.members);
  if (committer === undefined || rest.length < 2) return addMany(world, 2);
  await world.commit(committer, rest.slice(0, 1 + world.scene.random.below(2)).map(removal));
}

async function commitPsk(world: World): Promise<void> {
  await world.commit(world.scene.random.pick(world.members), [await world.psk()]);
}

/** Up to three proposals of different members, and a commit by somebody whom they do not remove. An Update of the
 * committer's own is passed over (§12.2). */
async function proposeAndCommit(world: World): Promise<void> {
  const { random } = world.scene;
  const [committer, ...others] = shuffled(world, world.members);
  if (committer === undefined || others.length < FEW) return addMany(world, 2);
  const victim = others.pop() as Member;
  for (const sender of shuffled(world, [committer, ...others]).slice(0, 1 + random.below(FEW))) {
    const choices = [
      async () =>
        isSpared('propose-update', sender.library)
          ? world.psk()
          : ({ kind: 'update', member: sender } as const),
      async () => (isAbout(world.proposed, victim) ? world.psk() : removal(victim)),
      async () => world.invitation(),
      async () => world.psk(),
    ];
    await world.propose(sender, await random.pick(choices)());
  }
  const inline = random.below(2) === 0 ? [await world.invitation()] : [];
  await world.commit(committer, inline);
}

async function everythingAtOnce(world: World): Promise<void> {
  const [committer, victim] = shuffled(world, world.members);
  if (committer === undefined || victim === undefined) return addMany(world, 2);
  const psk = await world.psk();
  const added = [await world.invitation(), await world.invitation()];
  await world.commit(committer, [...added, removal(victim), psk]);
}

async function joinExternally(world: World): Promise<void> {
  const { libraries, random } = world.scene;
  const helpers = world.members.filter(({ library }) => !isSpared('external-join', library));
  if (world.members.length >= CROWD || helpers.length === 0) return removeSome(world);
  const helper = random.pick(helpers);
  const joiner = await world.newcomer(
    random.pick(libraries.filter(({ name }) => !isSpared('external-join', name))),
  );
  world.scene.note(`${joiner.name} joins externally by a GroupInfo of ${helper.name}`);
  const groupInfo = await helper.peer.groupInfo();
  const message = await by(`${joiner.name} joins externally`, joiner.peer.externalJoin(groupInfo));
  const present = world.members;
  for (const { name, peer } of present) {
    const outcome = await by(`${name} processes an external commit`, peer.process(message));
    same('outcome', outcome.kind, 'commit', name);
  }
  world.members = [...present, { ...joiner, leaf: -1 }];
  await world.agree();
}

/** Two members commit in the same epoch; the server takes the first, the other gives way. */
async function race(world: World): Promise<void> {
  const [winner, loser] = shuffled(world, world.members);
  if (winner === undefined || loser === undefined) return addMany(world, 2);
  world.scene.note(`${winner.name} and ${loser.name} commit at the same time, the latter loses`);
  const added = world.members.length < CROWD ? [await world.invitation()] : [];
  const lost = await loser.peer.commit([]);
  const won = await winner.peer.commit(added.map(plain));
  await loser.peer.discard();
  same('message of the loser', lost.message.length > 0, true, loser.name);
  await world.settle(winner, added, won);
}

/** A message that is overtaken by a commit. */
async function lateMessage(world: World): Promise<void> {
  const [sender, committer] = shuffled(world, world.members);
  if (sender === undefined || committer === undefined) return addMany(world, 2);
  const readers = world.members;
  const letter = await write(world, sender);
  await world.commit(committer, []);
  world.scene.note(`the message of ${sender.name} arrives an epoch late`);
  for (const member of readers) await read(member, [letter]);
}

interface Letter {
  readonly from: Member;
  readonly data: Uint8Array;
  readonly message: Uint8Array;
}

async function write(world: World, from: Member): Promise<Letter> {
  const data = world.scene.random.bytes(world.scene.random.below(300));
  world.scene.note(`${from.name} sends ${data.length} bytes`);
  return { from, data, message: await by(`${from.name} encrypts`, from.peer.encrypt(data)) };
}

async function read({ name, peer }: Member, letters: readonly Letter[]): Promise<void> {
  for (const { from, data, message } of letters) {
    if (from.name === name) continue;
    const outcome = await by(`${name} reads a message of ${from.name}`, peer.process(message));
    if (outcome.kind !== 'application') throw new Error(`${name} takes a message for a ${outcome.kind}`);
    same('data', toHex(outcome.data), toHex(data), name);
    same('sender', outcome.sender ?? from.leaf, from.leaf, name);
  }
}

function removal(member: Member): Planned {
  return { kind: 'remove', member };
}

function isAbout(planned: readonly Planned[], { name }: Member): boolean {
  return planned.some((one) => 'member' in one && one.member.name === name);
}

function shuffled<T>({ scene: { random } }: World, items: readonly T[]): T[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0] as T);
}
