/** This library, through its public door only. */

import {
  acceptAnyCredential,
  add,
  basicCredential,
  type CipherSuite,
  type Client,
  createClient,
  externalPsk,
  type Group,
  type NewProposal,
  type OwnCommit,
  type Processed,
  remove,
  toHex,
  update,
} from 'xmpp-mls';
import type { Committed, Library, Outcome, Peer, Proposed, Setup, State } from './peer.ts';

export const ours: Library = {
  name: 'ours',
  client: async (setup) => new OurPeer(setup),
  stop: () => {},
};

class OurPeer implements Peer {
  readonly #client: Client;
  readonly #path: 'always' | 'omit';
  readonly #psks = new Map<string, Uint8Array>();
  #group: Group | undefined;
  #pending: OwnCommit | undefined;

  constructor(setup: Setup) {
    this.#path = setup.alwaysPath ? 'always' : 'omit';
    this.#client = createClient({
      suite: setup.suite as CipherSuite,
      credential: basicCredential(setup.identity),
      validateCredential: acceptAnyCredential,
      policy: { handshake: setup.public ? 'public' : 'private', greaseKeyPackages: setup.greaseKeyPackages },
      psks: (id) => ('pskId' in id ? this.#psks.get(toHex(id.pskId)) : undefined),
    });
  }

  async keyPackage(): Promise<Uint8Array> {
    return this.#client.createKeyPackage().message;
  }
  async createGroup(id: Uint8Array): Promise<void> {
    this.#group = this.#client.createGroup({ id });
  }
  async join(welcome: Uint8Array): Promise<void> {
    this.#group = this.#client.prepareJoin(welcome).accept();
  }
  async externalJoin(groupInfo: Uint8Array): Promise<Uint8Array> {
    const offer = this.#client.prepareExternalJoin(groupInfo);
    this.#group = offer.accept();
    return offer.message;
  }
  async registerPsk(id: Uint8Array, value: Uint8Array): Promise<void> {
    this.#psks.set(toHex(id), value);
  }
  async propose(proposal: Proposed): Promise<Uint8Array> {
    return this.#in.propose(input(proposal)).message;
  }
  async commit(proposals: readonly Proposed[]): Promise<Committed> {
    const commit = this.#in.commit(proposals.map(input), { path: this.#path });
    this.#pending = commit;
    return { message: commit.message, welcome: commit.welcome };
  }
  async accept(): Promise<void> {
    this.#in.accept(this.#takePending());
  }
  async discard(): Promise<void> {
    this.#in.discard(this.#takePending());
  }
  async process(message: Uint8Array): Promise<Outcome> {
    const processed = taken(this.#in, message);
    switch (processed.kind) {
      case 'application':
        return { kind: 'application', data: processed.data, sender: processed.sender.leaf };
      case 'proposal':
        return { kind: 'proposal' };
      case 'commit':
        this.#in.accept(processed.commit);
        return { kind: this.#in.status === 'removed' ? 'removed' : 'commit' };
      default:
        throw new Error(`not taken in: ${processed.kind}`);
    }
  }
  async encrypt(data: Uint8Array): Promise<Uint8Array> {
    return this.#in.encrypt(data);
  }
  async groupInfo(): Promise<Uint8Array> {
    return this.#in.groupInfo();
  }
  async export(label: string, context: Uint8Array, length: number): Promise<Uint8Array> {
    return this.#in.export(label, context, length);
  }
  async state(): Promise<State> {
    const { epoch, self, epochAuthenticator, treeHash, members } = this.#in;
    return {
      epoch: Number(epoch),
      leaf: self,
      authenticator: epochAuthenticator,
      treeHash,
      members: members.map(({ leaf, credential }) => ({
        leaf,
        identity: 'identity' in credential ? credential.identity : new Uint8Array(),
      })),
    };
  }
  async close(): Promise<void> {
    this.#group?.close();
  }

  get #in(): Group {
    if (this.#group === undefined) throw new Error('not in a group');
    return this.#group;
  }
  #takePending(): OwnCommit {
    const pending = this.#pending;
    if (pending === undefined) throw new Error('no pending commit');
    this.#pending = undefined;
    return pending;
  }
}

/** A message that breaks a rule, as a throw or as a disposition: here it is a throw in both cases. */
function taken(group: Group, message: Uint8Array): Processed {
  const processed = group.process(message);
  const { kind, error }: { readonly kind: string; readonly error?: unknown } = processed;
  if (kind === 'rejected') throw error;
  return processed;
}

function input(proposal: Proposed): NewProposal {
  switch (proposal.kind) {
    case 'add':
      return add(proposal.keyPackage);
    case 'remove':
      return remove(proposal.leaf);
    case 'psk':
      return externalPsk(proposal.id);
    case 'update':
      return update();
  }
}
