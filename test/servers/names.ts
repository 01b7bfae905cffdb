/** Names for servers that talk to each other on the loopback interface: a DNS that says at which port a domain is served. */

import { createSocket } from 'node:dgram';

/** Where the servers of a domain and of the services below it are to be found. */
export type Names = Map<string, number>;

const SRV = 33;
/** Not a name, so that nobody asks for its address: ejabberd would ask the C library, which does not ask us. */
const TARGET = '127.0.0.1';
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
  if (type !== SRV || !name.startsWith(SERVICE)) return undefined;
  const host = name.slice(SERVICE.length);
  const [, port] = [...names].find(([domain]) => host === domain || host.endsWith(`.${domain}`)) ?? [];
  if (port === undefined) return undefined;
  const target = TARGET.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  const data = [0, 0, 0, 0, port >> 8, port & 255, ...target, 0];
  return Buffer.from([0xc0, 12, 0, SRV, 0, 1, 0, 0, 0, 60, 0, data.length, ...data]);
}
