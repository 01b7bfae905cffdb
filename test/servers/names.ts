/** Names for servers that talk to each other on the loopback interface: a DNS of two kinds of record. */

import { createSocket } from 'node:dgram';

/** Where the servers of a domain and of the services below it are to be found. */
export type Names = Map<string, number>;

const A = 1;
const SRV = 33;
const SERVICE = '_xmpp-server._tcp.';

/** Answer until closed. @returns the port on 127.0.0.1 */
export async function answerNames(names: Names): Promise<{ port: number; close: () => void }> {
  const socket = createSocket('udp4');
  socket.on('message', (query, { port, address }) => socket.send(answer(query, names), port, address));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', () => resolve()));
  return { port: socket.address().port, close: () => socket.close() };
}

/** RFC 1035, section 4.1: the header, the question again, and at most one record. */
function answer(query: Buffer, names: Names): Buffer {
  const labels: string[] = [];
  let at = 12;
  while ((query[at] ?? 0) !== 0) {
    const length = query[at] ?? 0;
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1);
  const record = dataOf(labels.join('.').toLowerCase(), type, names);
  const header = Buffer.from([0, 0, 0x85, 0x80, 0, 1, 0, record === undefined ? 0 : 1, 0, 0, 0, 0]);
  query.copy(header, 0, 0, 2);
  const question = query.subarray(12, at + 5);
  return record === undefined ? Buffer.concat([header, question]) : Buffer.concat([header, question, record]);
}

/** A record under the name of the question; nothing for what we do not know. */
function dataOf(name: string, type: number, names: Names): Buffer | undefined {
  const host = name.startsWith(SERVICE) ? name.slice(SERVICE.length) : name;
  const [, port] = [...names].find(([domain]) => host === domain || host.endsWith(`.${domain}`)) ?? [];
  if (port === undefined) return undefined;
  if (type === A && host === name) return recordOf(A, Buffer.from([127, 0, 0, 1]));
  if (type !== SRV || host === name) return undefined;
  const target = host.split('.').flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]);
  return recordOf(SRV, Buffer.from([0, 0, 0, 0, port >> 8, port & 255, ...target, 0]));
}

function recordOf(type: number, data: Buffer): Buffer {
  const seconds = [0, 0, 0, 60];
  return Buffer.concat([
    Buffer.from([0xc0, 12, 0, type, 0, 1, ...seconds, data.length >> 8, data.length & 255]),
    data,
  ]);
}
