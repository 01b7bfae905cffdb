/** OpenMLS and mls-rs: a child process each, which serves all clients of its library over JSON lines. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fromHex, toHex } from 'xmpp-mls';
import type { Committed, Library, Outcome, Peer, Proposed, Setup, State } from './peer.ts';

/** Longer than any single request takes on a slow machine. */
const PATIENCE_MS = 60_000;

/** Bytes as hex, at any depth. */
type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

interface Waiting {
  readonly done: (value: Json) => void;
  readonly failed: (error: Error) => void;
}

/** Start the peer that cargo has built. */
export function startRust(name: 'openmls' | 'mls-rs', manifest: string): Library {
  const service = new Service(name, manifest);
  return {
    name,
    client: async ({ suite, identity, ...rest }: Setup) => {
      const id = await service.ask({ op: 'client', suite, identity: toHex(identity), ...rest });
      return new RustPeer(service, id as number);
    },
    stop: () => service.stop(),
  };
}

/** Requests and replies, in order. */
class Service {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #waiting: Waiting[] = [];
  /** Why it serves no more. */
  #broken: Error | undefined;

  constructor(name: string, manifest: string) {
    this.#name = name;
    // `cargo run` knows where its own target folder is.
    const options = ['run', '--quiet', '--offline', '--manifest-path', manifest, '--', name];
    this.#child = spawn('cargo', options, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.on('error', (error) => this.#fail(error));
    this.#child.on('exit', (code) => this.#fail(new Error(`${name} ended with status ${code}`)));
    this.#child.stdin?.on('error', () => {}); // `exit` tells
    if (this.#child.stdout)
      createInterface({ input: this.#child.stdout }).on('line', (line) => this.#reply(line));
  }

  ask(request: Json): Promise<Json> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise<Json>((resolve, reject) => {
      const overdue = () => this.#fail(new Error(`${this.#name} does not answer`));
      const timer = setTimeout(overdue, PATIENCE_MS);
      const ending =
        <T>(then: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          then(value);
        };
      this.#waiting.push({ done: ending(resolve), failed: ending(reject) });
      this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  }

  stop(): void {
    this.#child.removeAllListeners('exit');
    this.#child.stdin?.end();
  }

  #reply(line: string): void {
    const reply = JSON.parse(line) as { readonly ok?: Json; readonly error?: string };
    const waiting = this.#waiting.shift();
    if (reply.error === undefined) waiting?.done(reply.ok ?? null);
    else waiting?.failed(new Error(reply.error));
  }

  #fail(error: Error): void {
    this.#broken = error;
    for (const { failed } of this.#waiting.splice(0)) failed(error);
  }
}

class RustPeer implements Peer {
  readonly #service: Service;
  readonly #id: number;

  constructor(service: Service, id: number) {
    this.#service = service;
    this.#id = id;
  }

  async keyPackage(): Promise<Uint8Array> {
    return bytes(await this.#call('keyPackage'));
  }
  async createGroup(id: Uint8Array): Promise<void> {
    await this.#call('createGroup', { id: toHex(id) });
  }
  async join(welcome: Uint8Array): Promise<void> {
    await this.#call('join', { welcome: toHex(welcome) });
  }
  async externalJoin(groupInfo: Uint8Array): Promise<Uint8Array> {
    return bytes(await this.#call('externalJoin', { groupInfo: toHex(groupInfo) }));
  }
  async registerPsk(id: Uint8Array, value: Uint8Array): Promise<void> {
    await this.#call('registerPsk', { id: toHex(id), value: toHex(value) });
  }
  async propose(proposal: Proposed): Promise<Uint8Array> {
    return bytes(await this.#call('propose', { proposal: plain(proposal) }));
  }
  async commit(proposals: readonly Proposed[]): Promise<Committed> {
    const made = (await this.#call('commit', { proposals: proposals.map(plain) })) as Record<string, Json>;
    const { message = null, welcome = null } = made;
    return { message: bytes(message), welcome: welcome === null ? undefined : bytes(welcome) };
  }
  async accept(): Promise<void> {
    await this.#call('accept');
  }
  async discard(): Promise<void> {
    await this.#call('discard');
  }
  async process(message: Uint8Array): Promise<Outcome> {
    const outcome = (await this.#call('process', { message: toHex(message) })) as Record<string, Json>;
    const { data = null } = outcome;
    return (data === null ? outcome : { ...outcome, data: bytes(data) }) as Outcome;
  }
  async encrypt(data: Uint8Array): Promise<Uint8Array> {
    return bytes(await this.#call('encrypt', { data: toHex(data) }));
  }
  async groupInfo(): Promise<Uint8Array> {
    return bytes(await this.#call('groupInfo'));
  }
  async export(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return bytes(await this.#call('export', { label, context: toHex(context), length }));
  }
  async state(): Promise<State> {
    const state = (await this.#call('state')) as Record<string, Json>;
    const { authenticator = null, treeHash = null, members = [] } = state;
    return {
      ...(state as unknown as Pick<State, 'epoch' | 'leaf'>),
      authenticator: bytes(authenticator),
      treeHash: bytes(treeHash),
      members: (members as readonly { leaf: number; identity: string }[]).map(({ leaf, identity }) => ({
        leaf,
        identity: bytes(identity),
      })),
    };
  }
  async close(): Promise<void> {
    await this.#service.ask({ op: 'close', client: this.#id });
  }

  #call(call: string, parts: { readonly [name: string]: Json } = {}): Promise<Json> {
    return this.#service.ask({ op: 'call', client: this.#id, call, ...parts });
  }
}

function bytes(json: Json): Uint8Array {
  if (typeof json !== 'string') throw new Error(`hex expected: ${JSON.stringify(json)}`);
  return fromHex(json);
}

function plain(proposal: Proposed): Json {
  switch (proposal.kind) {
    case 'add':
      return { kind: 'add', keyPackage: toHex(proposal.keyPackage) };
    case 'psk':
      return { kind: 'psk', id: toHex(proposal.id) };
    default:
      return { ...proposal };
  }
}
