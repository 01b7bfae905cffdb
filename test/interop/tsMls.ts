/** ts-mls: the state of a client is a value there, and every call gives the next one. */

import { ECDH } from 'node:crypto';
import type { Committed, Library, Outcome, Peer, Proposed, Setup, State } from './peer.ts';
import {
  type GroupState,
  type KeyPackages,
  loadTsMls,
  type Message,
  type Processed,
  type PskIndex,
  type Suite,
  type TsMls,
} from './tsMlsApi.ts';

/** @throws when it is not installed in the folder */
export async function startTsMls(folder: string): Promise<Library> {
  const library = await loadTsMls(folder);
  return {
    name: 'ts-mls',
    client: async (setup) => {
      const name = Object.entries(library.ciphersuites).find(([, id]) => id === setup.suite)?.[0] ?? '';
      const suite = await library.getCiphersuiteImpl(library.getCiphersuiteFromName(name));
      return new TsMlsPeer(library, suite, setup, await makeKeyPackages(library, suite, setup));
    },
    stop: () => {},
  };
}

class TsMlsPeer implements Peer {
  readonly #library: TsMls;
  readonly #suite: Suite;
  readonly #public: boolean;
  readonly #own: KeyPackages;
  readonly #config: object;
  readonly #psks: Record<string, Uint8Array> = {};
  #state: GroupState | undefined;
  #pending: GroupState | undefined;

  constructor(library: TsMls, suite: Suite, setup: Setup, own: KeyPackages) {
    this.#library = library;
    this.#suite = suite;
    this.#public = setup.public;
    this.#own = own;
    this.#config = {
      keyRetentionConfig: {
        retainKeysForGenerations: 100,
        retainKeysForEpochs: 6,
        maximumForwardRatchetSteps: 1000,
      },
      lifetimeConfig: library.defaultLifetimeConfig,
      keyPackageEqualityConfig: library.defaultKeyPackageEqualityConfig,
      paddingConfig: library.defaultPaddingConfig,
      authService: library.defaultAuthenticationService,
    };
  }

  async keyPackage(): Promise<Uint8Array> {
    return this.#encoded({ wireformat: 'mls_key_package', keyPackage: this.#own.publicPackage });
  }
  async createGroup(id: Uint8Array): Promise<void> {
    const { publicPackage, privatePackage } = this.#own;
    this.#state = await this.#library.createGroup(
      id,
      publicPackage,
      privatePackage,
      [],
      this.#suite,
      this.#config,
    );
  }
  async join(welcome: Uint8Array): Promise<void> {
    const { publicPackage, privatePackage } = this.#own;
    const body = this.#decoded(welcome).welcome;
    if (body === undefined) throw new Error('not a Welcome');
    const psks = this.#library.makePskIndex(undefined, this.#psks);
    const parts = [
      body,
      publicPackage,
      privatePackage,
      psks,
      this.#suite,
      undefined,
      undefined,
      this.#config,
    ];
    this.#state = await this.#library.joinGroup(...parts);
  }
  async externalJoin(groupInfo: Uint8Array): Promise<Uint8Array> {
    const { publicPackage, privatePackage } = this.#own;
    const body = this.#decoded(groupInfo).groupInfo;
    if (body === undefined) throw new Error('not a GroupInfo');
    const parts = [body, publicPackage, privatePackage, false, this.#suite, undefined, this.#config];
    const { publicMessage, newState } = await this.#library.joinGroupExternal(...parts);
    this.#state = newState;
    return this.#encoded({ wireformat: 'mls_public_message', publicMessage });
  }
  async registerPsk(id: Uint8Array, value: Uint8Array): Promise<void> {
    this.#psks[Buffer.from(id).toString('base64')] = value;
  }
  async propose(proposal: Proposed): Promise<Uint8Array> {
    const made = await this.#library.createProposal(
      this.#in,
      this.#public,
      this.#proposal(proposal),
      this.#suite,
    );
    this.#state = made.newState;
    return this.#encoded(made.message);
  }
  async commit(proposals: readonly Proposed[]): Promise<Committed> {
    const context = { state: this.#in, cipherSuite: this.#suite, pskIndex: this.#pskIndex() };
    const { newState, commit, welcome } = await this.#library.createCommit(context, {
      extraProposals: proposals.map((proposal) => this.#proposal(proposal)),
      wireAsPublicMessage: this.#public,
      ratchetTreeExtension: true,
    });
    this.#pending = newState;
    return {
      message: this.#encoded(commit),
      welcome: welcome && this.#encoded({ wireformat: 'mls_welcome', welcome }),
    };
  }
  async accept(): Promise<void> {
    this.#state = this.#pending;
    this.#pending = undefined;
  }
  async discard(): Promise<void> {
    this.#pending = undefined;
  }
  async process(message: Uint8Array): Promise<Outcome> {
    const { privateMessage, publicMessage } = this.#decoded(message);
    const [before, psks] = [this.#in, this.#pskIndex()];
    let processed: Processed;
    if (privateMessage)
      processed = await this.#library.processPrivateMessage(before, privateMessage, psks, this.#suite);
    else if (publicMessage)
      processed = await this.#library.processPublicMessage(before, publicMessage, psks, this.#suite);
    else throw new Error('neither PublicMessage nor PrivateMessage');
    this.#state = processed.newState;
    if (processed.message) return { kind: 'application', data: processed.message, sender: undefined };
    if (processed.newState.groupActiveState.kind === 'removedFromGroup') return { kind: 'removed' };
    return {
      kind: processed.newState.groupContext.epoch > before.groupContext.epoch ? 'commit' : 'proposal',
    };
  }
  async encrypt(data: Uint8Array): Promise<Uint8Array> {
    const made = await this.#library.createApplicationMessage(this.#in, data, this.#suite);
    this.#state = made.newState;
    return this.#encoded({ wireformat: 'mls_private_message', privateMessage: made.privateMessage });
  }
  async groupInfo(): Promise<Uint8Array> {
    const { createGroupInfoWithExternalPubAndRatchetTree: create } = this.#library;
    return this.#encoded({
      wireformat: 'mls_group_info',
      groupInfo: await create(this.#in, [], this.#suite),
    });
  }
  async export(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    const { exporterSecret } = this.#in.keySchedule;
    return this.#library.mlsExporter(exporterSecret, label, context, length, this.#suite);
  }
  async state(): Promise<State> {
    const { groupContext, keySchedule, privatePath, ratchetTree } = this.#in;
    return {
      epoch: Number(groupContext.epoch),
      leaf: privatePath.leafIndex,
      authenticator: keySchedule.epochAuthenticator,
      treeHash: groupContext.treeHash,
      members: ratchetTree.flatMap((node, index) =>
        node?.leaf === undefined ? [] : [{ leaf: index / 2, identity: node.leaf.credential.identity }],
      ),
    };
  }
  async close(): Promise<void> {
    this.#state = undefined;
  }

  get #in(): GroupState {
    if (this.#state === undefined) throw new Error('not in a group');
    return this.#state;
  }
  #pskIndex(): PskIndex {
    return this.#library.makePskIndex(this.#state, this.#psks);
  }
  #proposal(proposal: Proposed): object {
    switch (proposal.kind) {
      case 'add':
        return { proposalType: 'add', add: { keyPackage: this.#decoded(proposal.keyPackage).keyPackage } };
      case 'remove':
        return { proposalType: 'remove', remove: { removed: proposal.leaf } };
      case 'psk': {
        const pskNonce = this.#suite.rng.randomBytes(this.#suite.kdf.size);
        return {
          proposalType: 'psk',
          psk: { preSharedKeyId: { psktype: 'external', pskId: proposal.id, pskNonce } },
        };
      }
      case 'update':
        throw new Error('ts-mls makes no Update proposals');
    }
  }
  #encoded(message: Message): Uint8Array {
    return this.#library.encodeMlsMessage({ version: 'mls10', ...message });
  }
  #decoded(bytes: Uint8Array): Message {
    const decoded = this.#library.decodeMlsMessage(bytes, 0);
    if (decoded?.[1] !== bytes.length) throw new Error('ts-mls does not understand the message');
    return decoded[0];
  }
}

async function makeKeyPackages(library: TsMls, suite: Suite, setup: Setup): Promise<KeyPackages> {
  const now = Math.floor(Date.now() / 1000);
  const lifetime = { notBefore: BigInt(now - 3600), notAfter: BigInt(now + 86_400) };
  const credential = { credentialType: 'basic', identity: setup.identity };
  const capabilities = library.defaultCapabilities();
  const made = await suite.signature.keygen();
  const signer = setup.suite === 2 ? { ...made, publicKey: uncompressed(made.publicKey) } : made;
  return library.generateKeyPackageWithKey(credential, capabilities, lifetime, [], signer, suite);
}

/** ts-mls makes P-256 keys in compressed form, but RFC 9420 §5.1.1 wants them uncompressed. */
function uncompressed(key: Uint8Array): Uint8Array {
  return new Uint8Array(ECDH.convertKey(key, 'prime256v1', undefined, undefined, 'uncompressed') as Buffer);
}
