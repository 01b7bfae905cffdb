/**
 * What a large room costs over XMPP: times and sizes of stanzas, on the embedded server or a throw-away Prosody.
 *   npm run bench:xmpp -- [--devices 1000] [--server embedded|prosody] [--messages 5000] [--quick] [--json FILE]
 * Most devices are leaves and nothing more; a few have sessions. Times are of one run on a machine with other work, both ends
 * in one process or on one machine: read them as orders of magnitude. Sizes do not depend on the machine.
 */

import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import type { Conversation } from '../src/xmpp/session/conversation.ts';
import { bareMember, renewed, withMembers } from '../test/support/bareMembers.ts';
import { comeOnline, type Device, makeRoom, type Place, placeOf, Sizes, until } from './xmppPlaces.ts';

const { values } = parseArgs({
  options: {
    devices: { type: 'string', default: '1000' },
    server: { type: 'string', default: 'embedded' },
    messages: { type: 'string', default: '5000' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});
const server = values.server === 'prosody' ? 'prosody' : 'embedded';
const devices = values.quick ? 50 : Number(values.devices);
const messages = values.quick ? 200 : Number(values.messages);
/** Devices with sessions beside that of the owner. */
const PRESENT = 8;
const COMMITS = 5;
const BATCH = 40;
const RENEWED_EVERY = 20;

interface Row {
  readonly what: string;
  readonly ms: number;
  /** Longest time in which the process did nothing else. */
  readonly blockedMs: number;
  readonly bytes: Readonly<Record<string, string>>;
  readonly note: string;
}

const rows: Row[] = [];
const sizes = new Sizes();
const KINDS = ['commit', 'welcome', 'tree', 'app', 'group-info'];

await main();

async function main(): Promise<void> {
  const place = await placeOf(server);
  try {
    await run(place);
  } finally {
    await place.stop();
  }
  const load = loadavg().map((one) => one.toFixed(1));
  console.log(`\n${devices} devices, ${server}; load average ${load.join(' ')}, ${cpus().length} cores`);
  for (const { what, ms, blockedMs, bytes, note } of rows) {
    const stanzas = Object.entries(bytes).map(([kind, text]) => `${kind} ${text}`);
    console.log(
      [what.padEnd(34), `${ms.toFixed(0)} ms`, `blocked ${blockedMs.toFixed(0)} ms`, ...stanzas, note].join(
        '  ',
      ),
    );
  }
  if (values.json !== undefined) {
    const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, load };
    const report = { date: new Date().toISOString(), server, devices, messages, machine, rows };
    writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
  }
}

async function run(place: Place): Promise<void> {
  const owner = await comeOnline(place, 'owner', { sizes });
  const others: Device[] = [];
  for (let index = 0; index < PRESENT + 2; index++)
    others.push(await comeOnline(place, `guest${index}`, { sizes }));
  const [invited, outside, ...present] = others as [Device, Device, ...Device[]];
  const room = await makeRoom(place, owner, others);
  const hall = await owner.mls.room(room, { joinRule: 'affiliated' });
  const bare = devices - PRESENT - 3;
  await measured(`a room of ${bare + 1} is filled`, () => filled(hall, bare));
  await measured(`${PRESENT} accounts are invited`, async () => {
    await hall.invite(...present.map(({ mls }) => mls.device.jid));
    for (const one of present) await isIn(one);
  });
  await measured('a Welcome, until it is taken', async () => {
    await hall.invite(invited.mls.device.jid);
    await isIn(invited);
  });
  await measured('an external commit', async () => {
    await outside.mls.room(room);
    await isIn(outside);
  });
  for (let count = 0; count < COMMITS; count++) await measured('a commit', () => hall.refresh());
  await said(hall, others);
  await caughtUp(place, hall, others);
  await owner.stop();
}

/** Adds in batches, some of each renewing their keys, as the design wants it: a commit is linear in leaves that never did. */
async function filled({ ordered }: Conversation, count: number): Promise<void> {
  if (ordered === undefined) throw new Error('no group');
  const now = Math.floor(Date.now() / 1000);
  for (let made = 0; made < count; made += BATCH) {
    const clients = Array.from({ length: Math.min(BATCH, count - made) }, (_, index) =>
      bareMember(`someone${made + index}@many.example`, now),
    );
    await ordered.reach(withMembers(clients));
    for (const [index, client] of clients.entries())
      if (index % RENEWED_EVERY === 0) await renewed(ordered, client);
    progress(`${ordered.stored.group.members.length} leaves`);
  }
}

/** One message to everybody who is there. */
async function said(hall: Conversation, present: readonly Device[]): Promise<void> {
  await measured(
    'a message',
    async () => {
      await hall.send('hello');
      await until('heard', () => present.every((one) => one.heard().count >= 1));
    },
    `${present.length} deliveries`,
  );
}

/** Somebody was away. */
async function caughtUp(place: Place, hall: Conversation, present: readonly Device[]): Promise<void> {
  const [away, ...others] = present as [Device, ...Device[]];
  for (const one of [...others, away]) await one.stop();
  await measured(`${messages} messages are sent`, async () => {
    for (let sent = 0; sent < messages; sent += 50) {
      const some = Array.from({ length: Math.min(50, messages - sent) }, (_, index) =>
        hall.send(`message ${sent + index}`),
      );
      await Promise.all(some);
      progress(`sent ${sent + some.length}`);
    }
  });
  const before = performance.now();
  let told = '';
  await measured(`${messages} messages are caught up`, async () => {
    const again = await comeOnline(place, away.name, { sizes, store: away.store });
    await until('caught up', () => again.heard().count >= messages);
    const { count, first, last } = again.heard();
    const rate = Math.round((1000 * count) / (last - first));
    told = `${rate} messages/s, the first after ${(first - before).toFixed(0)} ms`;
    await again.stop();
  });
  const last = rows.pop();
  if (last !== undefined) rows.push({ ...last, note: told });
}

async function isIn(device: Device): Promise<void> {
  await until(`${device.name} is in`, () => device.events.some(({ kind }) => kind === 'joined'));
}

async function measured(what: string, step: () => Promise<unknown> | undefined, note = ''): Promise<void> {
  progress(what);
  for (const kind of KINDS) sizes.take(kind);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  // The first turn of the loop is where it begins to count.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const began = performance.now();
  await step();
  const ms = performance.now() - began;
  // Or the last delay would not be seen.
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  const bytes = Object.fromEntries(KINDS.flatMap((kind) => summary(kind, sizes.take(kind))));
  rows.push({ what, ms, blockedMs: delay.max / 1e6, bytes, note });
}

function summary(kind: string, all: readonly number[]): [string, string][] {
  if (all.length === 0) return [];
  const largest = `${Math.max(...all)} B`;
  return [[kind, all.length === 1 ? largest : `${all.length} × at most ${largest}`]];
}

function progress(text: string): void {
  process.stderr.write(`${text} …\n`);
}
