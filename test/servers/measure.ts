/**
 * Measurements that are too long for a test. Usage: node scripts/run-ts.mjs test/servers/measure.ts rooms 1000
 *
 * `rooms N`: make N log rooms on one service as section 4.4 of the design says; time and memory on each server.
 * `names`: what servers make of addresses that are not in their normal form, beside what we make of them.
 */

import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { attr, type XmlElement } from '../../src/xmpp/element.ts';
import { readJid, sameJid } from '../../src/xmpp/jid.ts';
import { discoInfo, readDiscoInfo } from '../../src/xmpp/stanza/disco.ts';
import { buildMls } from '../../src/xmpp/stanza/mls.ts';
import * as muc from '../../src/xmpp/stanza/muc.ts';
import { readError } from '../../src/xmpp/stanza/stanzaError.ts';
import type { Connected } from './clients.ts';
import type { Server } from './server.ts';
import { SERVERS } from './servers.ts';
import { append, connected, makeRoom, next, readAll } from './steps.ts';

const AT_ONCE = 8;
const info = buildMls({
  kind: 'group-info',
  groupInfo: { branch: new Uint8Array(8), message: new Uint8Array(2000) },
});
const NAMES = [
  'Juliet',
  '\uff4a\uff55\uff4c\uff49\uff45\uff54',
  '\uff2a\uff35',
  'e\u0301',
  '\u00c9',
  'E\u0301',
  '\u00df',
  '\u1e9e',
  '\u03a3\u03a3',
  '\u03c2',
  '\u0130',
  'I\u0307',
  '\u017f',
  '\ufb01',
  '\u2167',
  '\u00aa',
  '\u212a',
  'o\u0308\u0323',
  '\uac00',
  '\u1100\u1161',
  '\u0915\u093c',
  'a b',
  'a\u00adb',
  '\u{1f600}',
  '\u0660',
  '\u05d0a',
];

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function rooms(server: Server, count: number): Promise<void> {
  const owner = await connected(server, 'owner');
  const memory = (): number =>
    Math.round(
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid()}/status`, 'utf8'))?.[1]) / 1024,
    );
  const before = memory();
  const start = performance.now();
  let made = 0;
  const work = async (): Promise<void> => {
    while (made < count) {
      const room = `room${made++}@${server.rooms}`;
      await makeRoom(owner.transport, room, 'device', `peer@${server.domain}`);
      await append(owner.transport, room, info);
      await owner.transport.send(muc.leave(room, 'device'));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const seconds = (performance.now() - start) / 1000;
  say(
    `${server.dialect}: ${count} rooms in ${seconds.toFixed(1)} s; memory ${before} MB, then ${memory()} MB`,
  );
  await owner.disconnect();
  await restarted(server, owner, count, memory);
}

async function restarted(
  server: Server,
  owner: Connected,
  count: number,
  memory: () => number,
): Promise<void> {
  const begin = performance.now();
  await server.restart();
  const up = performance.now() - begin;
  await owner.connect();
  const fresh = memory();
  const reading = performance.now();
  let read = 0;
  for (let index = 0; index < count; index += 10)
    read += (await readAll(owner.transport, `room${index}@${server.rooms}`)).length;
  const each = (performance.now() - reading) / (count / 10);
  say(
    `${server.dialect}: restart ${Math.round(up)} ms, ${fresh} MB; ${read} of ${count / 10} archives read, ${each.toFixed(1)} ms each; ${memory()} MB`,
  );
  const features = readDiscoInfo(await owner.transport.request(discoInfo(`room0@${server.rooms}`))).features;
  say(`${server.dialect}: the first room is ${features.has('muc_persistent') ? 'still' : 'not'} persistent`);
  await owner.disconnect();
}

async function names(server: Server): Promise<void> {
  const { transport, disconnect } = await connected(server, 'someone');
  for (const name of NAMES) {
    const asked = `${name}@${server.rooms}/${name}`;
    const id = `n${NAMES.indexOf(name)}`;
    const heard = next(transport, (stanza) => stanza.name === 'presence' && isAnswer(stanza, id));
    const presence = muc.enter(`${name}@${server.rooms}`, name);
    await transport.send({ ...presence, attrs: { ...presence.attrs, id } });
    const answer = await heard.catch(() => undefined);
    const from = answer === undefined ? 'silence' : (attr(answer, 'from') ?? '');
    const ours = readJid(asked);
    const verdict =
      answer === undefined || attr(answer, 'type') === 'error'
        ? `refused (${answer === undefined ? 'silence' : readError(answer).condition})`
        : `${points(from.split('@')[0] ?? '')} / ${points(from.split('/')[1] ?? '')}${sameJid(from, asked) ? '' : ' NOT OURS'}`;
    say(
      `${server.dialect}: ${points(name)} -> ${verdict}; ours ${ours === undefined ? 'refused' : points(ours.local ?? '')}`,
    );
    if (answer !== undefined && attr(answer, 'type') !== 'error')
      await transport.send(muc.leave(from.split('/')[0] ?? '', from.split('/')[1] ?? ''));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await disconnect();
}

/** Our own presence in a room, or the refusal of it; not that of the room itself, which ejabberd sends first. */
function isAnswer(presence: XmlElement, id: string): boolean {
  if (attr(presence, 'type') === 'error') return attr(presence, 'id') === id;
  return (
    muc.readRoomPresence(presence)?.statuses.has(muc.STATUS.self) === true &&
    attr(presence, 'type') === undefined
  );
}

function points(text: string): string {
  return [...text]
    .map((one) => (one.charCodeAt(0) < 127 ? one : `U+${one.codePointAt(0)?.toString(16)}`))
    .join(' ');
}

const [what, amount] = process.argv.slice(2);
for (const { start } of SERVERS) {
  const server = await start();
  try {
    if (what === 'rooms') await rooms(server, Number(amount ?? 1000));
    else await names(server);
  } finally {
    await server.stop();
  }
}
