/**
 * ts-mls as the passive client of our own vectors, in suite 1:
 *   npm --prefix bench ci && node scripts/run-ts.mjs bench/crosscheck.ts [FILE...]
 * It checks what that library can be asked: every epoch authenticator, the exporter, application data (not who sent
 * them), and refusals. It has no message that is a duplicate, so that a refusal counts as one. Groups that follow on
 * another are left out. Ends with `N passed, N failed, N beyond ts-mls`. Of the negative file, which is not among those
 * checked unless it is named, a line for each message tells which it takes; one family makes it grow without end.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fromHex, toHex, utf8 } from '../src/base/bytes.ts';
import type { CaseRecord, Stage } from '../test-vectors/generate/record.ts';

/** Its decoder takes the body of external_senders for one sender, where RFC 9420 §12.1.8.1 has a list. */
const BEYOND = /decode ExternalSender|decode external_senders/;

const FILES = ['psk-external', 'external-senders', 'messages'].map(
  (name) => `test-vectors/mls/passive-client-${name}.json`,
);

interface PskId {
  readonly psktype: string;
  readonly pskId?: Uint8Array;
  readonly pskGroupId?: Uint8Array;
  readonly pskEpoch?: bigint;
}
interface PskIndex {
  findPsk(id: PskId): Uint8Array | undefined;
}
interface State {
  readonly groupContext: { readonly groupId: Uint8Array; readonly epoch: bigint };
  readonly keySchedule: {
    readonly epochAuthenticator: Uint8Array;
    readonly resumptionPsk: Uint8Array;
    readonly exporterSecret: Uint8Array;
  };
}
interface Result {
  readonly kind: string;
  readonly newState: State;
  readonly message?: Uint8Array;
}
interface Suite {
  readonly hash: object;
}

/** The part of its interface that is used here. */
interface TsMls {
  getCiphersuiteFromName(name: string): object;
  getCiphersuiteImpl(suite: object): Promise<Suite>;
  decodeMlsMessage(bytes: Uint8Array, offset: number): readonly [Record<string, object>, number] | undefined;
  joinGroup(...args: readonly unknown[]): Promise<State>;
  processPrivateMessage(state: State, message: object, psks: PskIndex, suite: Suite): Promise<Result>;
  processPublicMessage(state: State, message: object, psks: PskIndex, suite: Suite): Promise<Result>;
  mlsExporter(
    secret: Uint8Array,
    label: string,
    context: Uint8Array,
    length: number,
    suite: Suite,
  ): Promise<Uint8Array>;
  readonly defaultKeyRetentionConfig: object;
  readonly defaultLifetimeConfig: object;
  readonly defaultKeyPackageEqualityConfig: object;
  readonly defaultPaddingConfig: object;
  readonly defaultAuthenticationService: object;
}

const file = createRequire(resolve('bench/package.json')).resolve('ts-mls');
const library = (await import(pathToFileURL(file).href)) as TsMls;
const suite = await library.getCiphersuiteImpl(
  library.getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'),
);

let passed = 0;
let failed = 0;
let beyond = 0;
async function check(path: string): Promise<void> {
  const cases = JSON.parse(readFileSync(path, 'utf8')) as CaseRecord[];
  for (const [index, vector] of cases.entries()) {
    if (vector.cipher_suite !== 1) continue;
    try {
      const notes = await new Follower(vector).run();
      passed += 1;
      console.log(`ok    ${basename(path)}, case ${index} ${vector.family ?? ''}`);
      for (const note of notes) console.log(`      ${note}`);
    } catch (error) {
      if (BEYOND.test(String(error))) beyond += 1;
      else failed += 1;
      console.log(`FAIL  ${basename(path)}, case ${index} ${vector.family ?? ''}: ${String(error)}`);
    }
  }
}

/** One case. */
class Follower {
  readonly #vector: CaseRecord;
  readonly #psks: PskIndex;
  /** Resumption PSKs by epoch. */
  readonly #resumption = new Map<bigint, Uint8Array>();
  readonly #notes: string[] = [];
  #state: State | undefined;

  constructor(vector: CaseRecord) {
    this.#vector = vector;
    const external = new Map(vector.external_psks.map(({ psk_id: id, psk }) => [id, fromHex(psk)]));
    this.#psks = {
      findPsk: ({ psktype, pskId, pskEpoch }) =>
        psktype === 'external'
          ? external.get(toHex(pskId ?? utf8('')))
          : this.#resumption.get(pskEpoch ?? -1n),
    };
  }

  async run(): Promise<readonly string[]> {
    this.#enter(await this.#join(), this.#vector.initial_epoch_authenticator);
    await this.#stage(this.#vector);
    for (const [number, epoch] of this.#vector.epochs.entries()) {
      try {
        for (const proposal of epoch.proposals) this.#state = (await this.#process(proposal)).newState;
        this.#enter((await this.#process(epoch.commit)).newState, epoch.epoch_authenticator);
        await this.#stage(epoch);
      } catch (error) {
        throw new Error(`epochs[${number}]: ${String(error)}`);
      }
    }
    return this.#notes;
  }

  async #join(): Promise<State> {
    const { welcome, key_package: own, ratchet_tree: tree, past_epochs: pastEpochs } = this.#vector;
    const config = {
      keyRetentionConfig: {
        ...library.defaultKeyRetentionConfig,
        retainKeysForEpochs: pastEpochs ?? 4,
        retainKeysForGenerations: 100,
      },
      lifetimeConfig: { ...library.defaultLifetimeConfig, maximumTotalLifetime: 2n ** 64n },
      keyPackageEqualityConfig: library.defaultKeyPackageEqualityConfig,
      paddingConfig: library.defaultPaddingConfig,
      authService: library.defaultAuthenticationService,
    };
    const keys = {
      initPrivateKey: fromHex(this.#vector.init_priv),
      hpkePrivateKey: fromHex(this.#vector.encryption_priv),
      signaturePrivateKey: fromHex(this.#vector.signature_priv),
    };
    const { welcome: opened } = decoded(welcome);
    const { keyPackage } = decoded(own);
    const ratchetTree = tree === null ? undefined : await treeOf(tree);
    return library.joinGroup(opened, keyPackage, keys, this.#psks, suite, ratchetTree, undefined, config);
  }

  async #stage({ exporters = [], messages = [], rejected = [] }: Stage): Promise<void> {
    for (const { label, context, length, secret } of exporters) {
      const from = this.#current.keySchedule.exporterSecret;
      same('exporter', await library.mlsExporter(from, label, fromHex(context), length, suite), secret);
    }
    for (const entry of messages) {
      const taken = await this.#process(entry.message).catch((error: unknown) => String(error));
      if (typeof taken === 'string') {
        if (entry.outcome === 'delivered') throw new Error(`a message is refused: ${taken}`);
        continue;
      }
      if (entry.outcome !== 'delivered') throw new Error(`a message that is ${entry.outcome} is delivered`);
      same('plaintext', taken.message, entry.plaintext);
      this.#state = taken.newState;
    }
    for (const { title, proposals, message } of rejected) {
      const before = this.#current;
      for (const proposal of proposals) this.#state = (await this.#process(proposal)).newState;
      const refused = await this.#process(message)
        .then(() => false)
        .catch(() => true);
      if (!refused) this.#notes.push(`takes: ${title}`);
      this.#state = before;
    }
  }

  get #current(): State {
    if (this.#state === undefined) throw new Error('not joined');
    return this.#state;
  }

  /** By framing: its `processMessage` forgets the PSKs when the message is private. */
  async #process(hex: string): Promise<Result> {
    const { publicMessage, privateMessage } = decoded(hex);
    return privateMessage === undefined
      ? library.processPublicMessage(this.#current, publicMessage ?? {}, this.#psks, suite)
      : library.processPrivateMessage(this.#current, privateMessage, this.#psks, suite);
  }

  #enter(state: State, expected: string): void {
    same('epoch_authenticator', state.keySchedule.epochAuthenticator, expected);
    this.#resumption.set(state.groupContext.epoch, state.keySchedule.resumptionPsk);
    this.#state = state;
  }
}

/** Its own module has the decoder, the door does not. */
async function treeOf(hex: string): Promise<object> {
  const module = new URL('ratchetTree.js', pathToFileURL(file)).href;
  const { decodeRatchetTree } = (await import(module)) as {
    decodeRatchetTree(bytes: Uint8Array, offset: number): readonly [object, number] | undefined;
  };
  const [tree] = decodeRatchetTree(fromHex(hex), 0) ?? [];
  if (tree === undefined) throw new Error('the tree is not understood');
  return tree;
}

function decoded(hex: string): Record<string, object> {
  const [message] = library.decodeMlsMessage(fromHex(hex), 0) ?? [];
  if (message === undefined) throw new Error('not understood');
  return message;
}

function same(what: string, actual: Uint8Array | undefined, expected: string): void {
  const hex = actual === undefined ? 'none' : toHex(actual);
  if (hex !== expected) throw new Error(`${what}: ${hex.slice(0, 16)}, expected ${expected.slice(0, 16)}`);
}

for (const path of process.argv.length > 2 ? process.argv.slice(2) : FILES) await check(path);
console.log(`${passed} passed, ${failed} failed, ${beyond} beyond ts-mls`);
process.exitCode = failed === 0 ? 0 : 1;
