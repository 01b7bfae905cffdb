/**
 * What a stored group writes, and how long it takes to open it again: batches, records and bytes (names included) for each
 * kind of step, over group sizes, beside ts-mls, which has its state as a whole and nothing smaller. Suite 1.
 *   npm run bench:storage -- [--sizes 16,1024] [--smoke]
 * Byte counts do not depend on the machine. Times do: LevelDB in a temporary folder, synchronous writes.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Level } from 'level';
import { provider } from '../src/crypto/node/index.ts';
import { acceptAnyCredential } from '../src/group/policy.ts';
import { add, remove } from '../src/group/proposals.ts';
import { levelBackend } from '../src/storage/level.ts';
import { openStore } from '../src/storage/store.ts';
import type { StoredClient } from '../src/storage/storedClient.ts';
import type { StoredGroup } from '../src/storage/storedGroup.ts';
import { basicCredential } from '../src/wire/credential.ts';
import { environment } from '../test/support/peers.ts';
import { CountingBackend } from './counting.ts';
import { filled } from './ours.ts';
import { loadPeer } from './peer.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '16,128,1024,4096,16384' },
    smoke: { type: 'boolean', default: false },
  },
});
const sizes = values.smoke ? [16] : values.sizes.split(',').map(Number);
/** Above this, ts-mls takes minutes to join. */
const PEER_LIMIT = 1024;
const REOPENINGS = values.smoke ? 1 : 5;
const DATA = new Uint8Array(100).fill(7);

const peer = await loadPeer();
if (peer === undefined)
  console.log('ts-mls is not installed (npm --prefix bench ci): its column stays empty');
console.log('| N | step | batches | records | bytes | inbox bytes | ts-mls, whole state |');
console.log('|---|---|---|---|---|---|---|');
const times: string[] = [];
for (const size of sizes) await measure(size);
console.log('\n| N | join, ms | reopen LevelDB, ms (median) | records | bytes on opening |');
console.log('|---|---|---|---|---|');
for (const line of times) console.log(line);

async function measure(size: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mls-bench-'));
  try {
    await inFolder(size, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function inFolder(size: number, folder: string): Promise<void> {
  const whole = peer !== undefined && size <= PEER_LIMIT ? await peer.stateBytes(size) : undefined;
  const open = async (): Promise<{
    counting: CountingBackend;
    client: StoredClient;
    close(): Promise<void>;
  }> => {
    const counting = new CountingBackend(levelBackend(new Level(folder)), 'i/');
    const store = await openStore(counting, { provider });
    const client = await store.client({
      credential: basicCredential('guest'),
      validateCredential: acceptAnyCredential,
    });
    return {
      counting,
      client,
      close: async () => {
        await store.close();
        await counting.close();
      },
    };
  };
  const first = await open();
  const { counting } = first;
  const inviter = filled(size).member(0, environment());
  const { message } = await first.client.createKeyPackage();
  const invitation = inviter.commit([remove(size / 2), add(message)]);
  inviter.accept(invitation);
  counting.take();
  const report = (step: string): void => {
    const { batches, records, bytes, apart } = counting.take();
    console.log(`| ${size} | ${step} | ${batches} | ${records} | ${bytes} | ${apart} | ${whole ?? ''} |`);
  };
  const start = performance.now();
  const group = await (await first.client.prepareJoin(invitation.welcome as Uint8Array)).accept();
  const joined = performance.now() - start;
  report('join');
  await steps(group, inviter, report);
  const { id } = group.group;
  await first.close();
  const reopened: number[] = [];
  let read = { records: 0, bytes: 0 };
  for (let i = 0; i < REOPENINGS; i++) {
    const began = performance.now();
    const again = await open();
    await again.client.group(id);
    reopened.push(performance.now() - began);
    read = await contents(again.counting);
    await again.close();
  }
  reopened.sort((a, b) => a - b);
  const median = reopened[Math.floor(reopened.length / 2)] as number;
  times.push(`| ${size} | ${joined.toFixed(1)} | ${median.toFixed(1)} | ${read.records} | ${read.bytes} |`);
}

async function steps(
  group: StoredGroup,
  inviter: ReturnType<ReturnType<typeof filled>['member']>,
  report: (step: string) => void,
): Promise<void> {
  for (const step of ['commit of another', 'commit of another, the second']) {
    const commit = inviter.commit([]);
    inviter.accept(commit);
    const outcome = await group.process(commit.message);
    if (outcome.kind !== 'commit') throw new Error(`a commit became ${outcome.kind}`);
    await group.accept(outcome.commit);
    report(step);
  }
  for (const step of ['first message of a sender', 'message', 'message']) {
    await group.process(inviter.encrypt(DATA));
    report(step);
  }
  inviter.encrypt(DATA);
  await group.process(inviter.encrypt(DATA));
  report('message, one passed over');
  await group.acknowledge(...group.inbox.map(({ id }) => id));
  report('acknowledge 4');
  await group.encrypt(DATA);
  report('first send of an epoch');
  for (let i = 0; i < 32; i++) await group.encrypt(DATA);
  report('32 sends');
  const own = await group.commit();
  report('own commit, made');
  await group.accept(own);
  report('own commit, taken');
}

async function contents(counting: CountingBackend): Promise<{ records: number; bytes: number }> {
  let [records, bytes] = [0, 0];
  for await (const [key, value] of counting.scan('')) {
    records += 1;
    bytes += key.length + value.length;
  }
  return { records, bytes };
}
