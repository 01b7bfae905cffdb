/**
 * An XMPP server inside the process, for demonstrations and tests: stanzas have the meaning that they have on Prosody or
 * ejabberd, as it was measured, and the server can be made hostile.
 *
 * No sockets, no files, no clock of its own. It is no server for people: nothing is authenticated.
 */

export type { Connection } from './connection.ts';
export type { Counters, ServerEvent } from './core.ts';
export type { Dialect, Fault, Hostility, Limits, Rates, ServerOptions } from './options.ts';
export { parseXml } from './parse.ts';
export { type ConnectOptions, createServer, type EmbeddedServer } from './server.ts';
export type { Uploads } from './upload.ts';
