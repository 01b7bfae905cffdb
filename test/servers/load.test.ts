/**
 * Ten devices that commit at once, while their connections are cut at random. ROUNDS is how often. Without
 * it nothing is run: on a machine that does much else this takes minutes. What is lost of races is printed.
 */

import { expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { MlsError } from '../../src/base/error.ts';
import { Random } from '../fuzz/random.ts';
import { type Breakable, connectBreakable } from './cutting.ts';
import { People, type Person, talk } from './people.ts';
import { SERVERS } from './servers.ts';

const ROUNDS = Number(process.env['ROUNDS'] ?? 0);
if (ROUNDS === 0) console.info('no load test: set ROUNDS to have one');
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];

/** Patient with what is only late: it is done when there is a connection again. */
async function patiently(step: Promise<unknown>): Promise<void> {
  await step.catch((error: unknown) => {
    if (!(error instanceof MlsError) || error.retry !== 'after-sync') throw error;
  });
}

/** Break somebody's connection at some moment of a round. */
async function breakOne({ connected }: Person, random: Random): Promise<'resumed' | 'renewed'> {
  const breakable = connected as Breakable;
  const isEnd = random.below(2) === 0;
  await new Promise((resolve) => setTimeout(resolve, random.below(400)));
  if (isEnd && (await breakable.renew())) return 'renewed';
  breakable.cut();
  return 'resumed';
}

test.skipIf(ROUNDS === 0).each(SERVERS.filter(({ available }) => available))(
  'XMP-01, XMP-33: ten devices commit at once on $name',
  { timeout: 60_000 + ROUNDS * 30_000 },
  async ({ name, start }) => {
    const server = await start();
    const people = new People(server);
    const random = new Random(2026);
    const began = performance.now();
    const all: Person[] = [];
    for (const one of NAMES) all.push(await people.join(one, { connect: connectBreakable }));
    const [first, ...others] = all;
    const room = await people.room(first!, 'crowd', others);
    const crowd = await first!.mls.room(room);
    await crowd.invite(...others.map(({ jid }) => jid));
    await people.until('all are in', () => others.every((one) => one.mls.conversations.length === 1));
    const cuts = { resumed: 0, renewed: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      let open = 0;
      const counted = async (step: Promise<unknown>): Promise<void> => {
        open += 1;
        await patiently(step);
        open -= 1;
      };
      const steps = all.flatMap((one) => [
        counted(talk(one, room).refresh()),
        counted(talk(one, room).send(`${one.name} ${round}`)),
      ]);
      const index = random.below(NAMES.length);
      const broken = [index, (index + 5) % NAMES.length].map(async (which) => {
        cuts[await breakOne(all[which]!, random)] += 1;
      });
      await Promise.all(broken);
      await people.until(`round ${round} is over`, () => open === 0, 40);
      await Promise.all(steps);
    }
    const authenticator = (one: Person): string => toHex(talk(one, room).group!.epochAuthenticator);
    await people.until('all agree', () => new Set(all.map(authenticator)).size === 1, 120);
    await people.until('all heard all', () => all.every((one) => one.heard().length >= 9 * ROUNDS), 120);
    for (const one of all) {
      const expected = NAMES.filter((other) => other !== one.name).flatMap((other) =>
        Array.from({ length: ROUNDS }, (_, round) => `${other} ${round}`),
      );
      expect(one.heard().sort()).toEqual(expected.sort());
      expect(one.faults().filter((fault) => !fault.startsWith('fault xmpp.timeout'))).toEqual([]);
    }
    const lost = all.flatMap(({ events }) => events.filter(({ kind }) => kind === 'lost-race')).length;
    const commits = Number(talk(first!, room).group!.epoch) - 2;
    const seconds = Math.round((performance.now() - began) / 1000);
    console.info(
      `${name}: ${ROUNDS} rounds in ${seconds} s: ${commits} commits, ${lost} races lost, ` +
        `${cuts.resumed} sockets cut, ${cuts.renewed} sessions renewed`,
    );
    await people.stop();
    await server.stop();
  },
);
