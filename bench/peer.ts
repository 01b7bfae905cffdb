/**
 * Rounds of ts-mls 1.6.4 over wire bytes. It is installed apart (`npm --prefix bench ci`), as its peer dependencies
 * are other versions of packages that we have; where it is missing its columns stay empty. Two of its members enter our
 * filled group by a Welcome of ours, so both libraries work on equal trees.
 */

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Environment } from '../src/group/environment.ts';
import { add, remove } from '../src/group/proposals.ts';
import { environment } from '../test/support/peers.ts';
import { BATCH, filled } from './ours.ts';
import { type Round, timed } from './rounds.ts';

/** What we hand back to ts-mls without looking into it. */
type Opaque<Name extends string> = object & { readonly [opaque]?: Name };
declare const opaque: unique symbol;

type State = Opaque<'state'>;
type PrivatePackage = Opaque<'private package'>;
type PublicPackage = Opaque<'public package'>;
type PskIndex = Opaque<'psk index'>;

interface Suite {
  readonly signature: {
    keygen(): Promise<{ readonly publicKey: Uint8Array; readonly signKey: Uint8Array }>;
  };
}

interface KeyPackages {
  readonly publicPackage: PublicPackage;
  readonly privatePackage: PrivatePackage;
}

interface Message {
  readonly wireformat: string;
  readonly version: string;
  readonly welcome?: object;
  readonly privateMessage?: object;
  readonly keyPackage?: object;
}

/** The part of its interface that is used here. */
export interface TsMls {
  getCiphersuiteFromName(name: string): object;
  getCiphersuiteImpl(suite: object): Promise<Suite>;
  defaultCapabilities(): object;
  generateKeyPackageWithKey(
    credential: object,
    capabilities: object,
    lifetime: { readonly notBefore: bigint; readonly notAfter: bigint },
    extensions: readonly object[],
    signer: { readonly publicKey: Uint8Array; readonly signKey: Uint8Array },
    suite: Suite,
  ): Promise<KeyPackages>;
  createGroup(
    id: Uint8Array,
    publicPackage: PublicPackage,
    privatePackage: PrivatePackage,
    extensions: readonly object[],
    suite: Suite,
    config: object,
  ): Promise<State>;
  joinGroup(
    welcome: object,
    publicPackage: PublicPackage,
    privatePackage: PrivatePackage,
    psks: PskIndex,
    suite: Suite,
    tree: undefined,
    resuming: undefined,
    config: object,
  ): Promise<State>;
  createCommit(
    context: { readonly state: State; readonly cipherSuite: Suite },
    options?: { readonly extraProposals?: readonly object[]; readonly ratchetTreeExtension?: boolean },
  ): Promise<{ readonly newState: State; readonly commit: Message; readonly welcome: object | undefined }>;
  createApplicationMessage(
    state: State,
    data: Uint8Array,
    suite: Suite,
  ): Promise<{ readonly newState: State; readonly privateMessage: object }>;
  processPrivateMessage(
    state: State,
    message: object,
    psks: PskIndex,
    suite: Suite,
  ): Promise<{ readonly newState: State }>;
  encodeMlsMessage(message: Message): Uint8Array;
  decodeMlsMessage(bytes: Uint8Array, offset: number): readonly [Message, number] | undefined;
  encodeGroupState(state: State): Uint8Array;
  readonly emptyPskIndex: PskIndex;
  readonly defaultKeyRetentionConfig: object;
  readonly defaultKeyPackageEqualityConfig: object;
  readonly defaultLifetimeConfig: object;
  readonly defaultPaddingConfig: object;
  readonly defaultAuthenticationService: object;
}

const DATA = new Uint8Array(100).fill(7);
const NOW = Math.floor(Date.now() / 1000);
const LIFETIME = { notBefore: BigInt(NOW - 86_400), notAfter: BigInt(NOW + 86_400) };

/** ts-mls with suite 1, or `undefined` when it is not installed. */
export async function loadPeer(): Promise<TsMlsPeer | undefined> {
  let file: string;
  try {
    file = createRequire(resolve('bench/package.json')).resolve('ts-mls');
  } catch {
    return undefined;
  }
  const library = (await import(pathToFileURL(file).href)) as TsMls;
  const suite = await library.getCiphersuiteImpl(
    library.getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'),
  );
  return new TsMlsPeer(library, suite);
}

/** Makes rounds. */
export class TsMlsPeer {
  readonly #library: TsMls;
  readonly #suite: Suite;
  readonly #config: object;

  constructor(library: TsMls, suite: Suite) {
    this.#library = library;
    this.#suite = suite;
    this.#config = {
      keyRetentionConfig: { ...library.defaultKeyRetentionConfig, maximumForwardRatchetSteps: 20_000 },
      lifetimeConfig: library.defaultLifetimeConfig,
      keyPackageEqualityConfig: library.defaultKeyPackageEqualityConfig,
      paddingConfig: library.defaultPaddingConfig,
      authService: library.defaultAuthenticationService,
    };
  }

  async keyPackage(): Promise<Round> {
    const signer = await this.#suite.signature.keygen();
    const make = async (): Promise<void> => {
      for (let i = 0; i < BATCH; i++) this.#encoded(await this.#generate('alice', signer));
    };
    return async () => ({ '': await timed(make, BATCH) });
  }

  async addMany(count: number): Promise<Round> {
    const packages: Uint8Array[] = [];
    for (let i = 0; i < count; i++) packages.push(this.#encoded(await this.#generate(`member ${i}`)));
    return async () => {
      const state = await this.#found();
      const create = async (): Promise<void> => {
        const { commit, welcome } = await this.#library.createCommit(
          { state, cipherSuite: this.#suite },
          {
            extraProposals: packages.map((bytes) => ({
              proposalType: 'add',
              add: { keyPackage: this.#decode(bytes).keyPackage },
            })),
            ratchetTreeExtension: true,
          },
        );
        this.#library.encodeMlsMessage(commit);
        if (welcome !== undefined)
          this.#library.encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome });
      };
      return { create: await timed(create) };
    };
  }

  async emptyCommit(size: number): Promise<Round> {
    let [committer, other] = await this.#pair(size);
    return async () => {
      let message = new Uint8Array();
      const create = await timed(async () => {
        const made = await this.#library.createCommit({ state: committer, cipherSuite: this.#suite });
        message = new Uint8Array(this.#library.encodeMlsMessage(made.commit));
        committer = made.newState;
      });
      const process = await timed(async () => {
        other = await this.#process(other, message);
      });
      [committer, other] = [other, committer];
      return { create, process };
    };
  }

  async joinWelcome(size: number): Promise<Round> {
    const inviter = filled(size).member(0, host());
    const guest = await this.#generate('guest');
    const { welcome } = inviter.commit([remove(size - 1), add(this.#encoded(guest))]);
    return async () => ({ '': await timed(() => this.#join(welcome as Uint8Array, guest)) });
  }

  async messages(size: number): Promise<Round> {
    let [sender, receiver] = await this.#pair(size);
    return async () => {
      const sent: Uint8Array[] = [];
      const encrypt = await timed(async () => {
        for (let i = 0; i < BATCH; i++) {
          const [state, message] = await this.#encrypt(sender);
          sent.push(message);
          sender = state;
        }
      }, BATCH);
      const decrypt = await timed(async () => {
        for (const message of sent) receiver = await this.#process(receiver, message);
      }, BATCH);
      return { encrypt, decrypt };
    };
  }

  async decryptAfter(skipped: number, size: number): Promise<Round> {
    let [sender, receiver] = await this.#pair(size);
    return async () => {
      let message = new Uint8Array();
      for (let i = 0; i <= skipped; i++) {
        const [state, bytes] = await this.#encrypt(sender);
        sender = state;
        message = new Uint8Array(bytes);
      }
      const process = async (): Promise<void> => {
        receiver = await this.#process(receiver, message);
      };
      return { '': await timed(process) };
    };
  }

  /** Two members in opposite halves of a filled tree. */
  async #pair(size: number): Promise<[State, State]> {
    const [a, b] = [await this.#generate('a'), await this.#generate('b')];
    if (size === 2) return this.#couple(a, b);
    const inviter = filled(size).member(1, host());
    const swap = [remove(0), remove(size / 2), add(this.#encoded(a)), add(this.#encoded(b))];
    const welcome = inviter.commit(swap).welcome as Uint8Array;
    const states: [State, State] = [await this.#join(welcome, a), await this.#join(welcome, b)];
    return this.#fillPaths(states);
  }

  async #couple(a: KeyPackages, b: KeyPackages): Promise<[State, State]> {
    const state = await this.#found(a);
    const { newState, welcome } = await this.#library.createCommit(
      { state, cipherSuite: this.#suite },
      {
        extraProposals: [{ proposalType: 'add', add: { keyPackage: b.publicPackage } }],
        ratchetTreeExtension: true,
      },
    );
    const bytes = this.#library.encodeMlsMessage({
      version: 'mls10',
      wireformat: 'mls_welcome',
      welcome: welcome as object,
    });
    return this.#fillPaths([newState, await this.#join(bytes, b)]);
  }

  /** Each commits once, which fills what their entry left blank. */
  async #fillPaths([a, b]: [State, State]): Promise<[State, State]> {
    const first = await this.#library.createCommit({ state: a, cipherSuite: this.#suite });
    const atB = await this.#process(b, this.#library.encodeMlsMessage(first.commit));
    const second = await this.#library.createCommit({ state: atB, cipherSuite: this.#suite });
    const atA = await this.#process(first.newState, this.#library.encodeMlsMessage(second.commit));
    return [atA, second.newState];
  }

  async #generate(
    name: string,
    signer?: { readonly publicKey: Uint8Array; readonly signKey: Uint8Array },
  ): Promise<KeyPackages> {
    return this.#library.generateKeyPackageWithKey(
      { credentialType: 'basic', identity: new TextEncoder().encode(name) },
      this.#library.defaultCapabilities(),
      LIFETIME,
      [],
      signer ?? (await this.#suite.signature.keygen()),
      this.#suite,
    );
  }

  /** Bytes of its saved state as a member of a group of ours: what it has to write after every step. */
  async stateBytes(size: number): Promise<number> {
    const [state] = await this.#pair(size);
    return this.#library.encodeGroupState(state).length;
  }

  async #found(own?: KeyPackages): Promise<State> {
    const { publicPackage, privatePackage } = own ?? (await this.#generate('founder'));
    const id = new Uint8Array(32).fill(1);
    return this.#library.createGroup(id, publicPackage, privatePackage, [], this.#suite, this.#config);
  }

  #join(welcome: Uint8Array, guest: KeyPackages): Promise<State> {
    const { publicPackage, privatePackage } = guest;
    const { emptyPskIndex } = this.#library;
    return this.#library.joinGroup(
      this.#decode(welcome).welcome as object,
      publicPackage,
      privatePackage,
      emptyPskIndex,
      this.#suite,
      undefined,
      undefined,
      this.#config,
    );
  }

  async #encrypt(state: State): Promise<[State, Uint8Array]> {
    const made = await this.#library.createApplicationMessage(state, DATA, this.#suite);
    const { newState, privateMessage } = made;
    const bytes = this.#library.encodeMlsMessage({
      version: 'mls10',
      wireformat: 'mls_private_message',
      privateMessage,
    });
    return [newState, bytes];
  }

  async #process(state: State, bytes: Uint8Array): Promise<State> {
    const message = this.#decode(bytes).privateMessage as object;
    const { emptyPskIndex } = this.#library;
    return (await this.#library.processPrivateMessage(state, message, emptyPskIndex, this.#suite)).newState;
  }

  #encoded({ publicPackage }: KeyPackages): Uint8Array {
    return this.#library.encodeMlsMessage({
      version: 'mls10',
      wireformat: 'mls_key_package',
      keyPackage: publicPackage,
    });
  }

  #decode(bytes: Uint8Array): Message {
    const decoded = this.#library.decodeMlsMessage(bytes, 0);
    if (decoded === undefined) throw new Error('ts-mls does not understand the message');
    return decoded[0];
  }
}

/** Our side, by the clock that ts-mls goes by. */
function host(): Environment {
  return { ...environment(), clock: () => NOW };
}
