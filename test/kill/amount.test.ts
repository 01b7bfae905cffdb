/** How much is written for a message. */

import { expect, test } from 'vitest';
import { memoryBackend } from '../../src/storage/memory.ts';
import { addTo, openProfile, text } from '../support/stored.ts';
import { Rigged } from './rigged.ts';

/** Bytes of a text, its header and its record; the rest is names, a ratchet, and the head. */
const MOST = 700;

test('STO-18: what a message writes does not depend on the size of the group', async () => {
  const small = await bytesPerMessage(4);
  const large = await bytesPerMessage(64);
  expect(large.received).toBeLessThan(MOST);
  expect(large.sent).toBeLessThan(MOST);
  // Numbers in names may have a digit more.
  expect(large.received - small.received).toBeLessThan(16);
  expect(large.sent - small.sent).toBeLessThan(16);
});

/** On the average over some messages, the first of a sender apart: that one opens the way to its ratchet. */
async function bytesPerMessage(members: number): Promise<{ received: number; sent: number }> {
  const rigged = new Rigged();
  const alice = await openProfile(rigged, 'alice', { open: { lostWrites: 0 } });
  const group = await alice.client.createGroup();
  const others = await Promise.all(
    Array.from({ length: members - 1 }, (_, i) => openProfile(memoryBackend(), `member ${i}`)),
  );
  const [first] = await addTo(group, ...others);
  await group.process(await first!.encrypt(text('first')));
  await group.encrypt(text('first'));
  let bytes = 0;
  rigged.rig = (_, ops) => {
    for (const op of ops) bytes += op.key.length + (op.type === 'put' ? op.value.length : 0);
    return undefined;
  };
  const over = async (step: () => Promise<unknown>): Promise<number> => {
    bytes = 0;
    for (let i = 0; i < 32; i++) await step();
    return bytes / 32;
  };
  const received = await over(async () => group.process(await first!.encrypt(text('hello'))));
  const sent = await over(() => group.encrypt(text('hello')));
  return { received, sent };
}
