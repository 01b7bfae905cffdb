/** A client: one credential, one suite; it makes KeyPackages, and makes and joins groups. */

import { toHex } from '../base/bytes.ts';
import { fail, guarded } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { decode } from '../codec/codec.ts';
import type { CipherSuite, KeyPair } from '../crypto/provider.ts';
import { validateLifetimeNow } from '../tree/leafNode.ts';
import type { Credential } from '../wire/credential.ts';
import type { GroupInfo } from '../wire/groupInfo.ts';
import { MlsMessage } from '../wire/message.ts';
import { WireFormat } from '../wire/registry.ts';
import type {
  CreatedKeyPackage,
  ExternalJoinOptions,
  FoundingOptions,
  JoinOptions,
} from './clientOptions.ts';
import { createGroupState, type NewGroup } from './create.ts';
import { type Environment, requireCredential } from './environment.ts';
import { type ExternalJoin, joinExternally, requestAdd } from './external.ts';
import { type FoundedMessages, foundBranch, foundSuccessor } from './found.ts';
import { Group, stateOf } from './group.ts';
import { joinFromWelcome } from './join.ts';
import {
  createKeyPackage,
  type KeyPackageOptions,
  type OwnKeyPackage,
  validateKeyPackage,
} from './keyPackage.ts';
import { KeyPackageStore } from './keyPackageStore.ts';
import { KnownGroups } from './knownGroups.ts';
import { type ClientOptions, environmentOf } from './options.ts';
import { mlsMessage } from './protect.ts';
import { decodeKeyPackage, decodeState, encodeKeyPackage } from './record.ts';
import { type ExternalJoinOffer, type FoundedGroup, type StagedJoin, stageJoin } from './staged.ts';
import type { GroupState } from './state.ts';
import type { Transition } from './transition.ts';
import { type Member, memberAt } from './views.ts';

/** What is behind a client, for a store. */
interface Inside {
  readonly env: Environment;
  readonly signer: KeyPair;
  /** Know a group that was stored, in place of another one of its id. */
  readonly keep: (group: Group) => void;
  /** As `prepareExternalJoin`, but the state is the caller's. */
  readonly joinExternally: (
    groupInfo: Uint8Array,
    options: ExternalJoinOptions,
  ) => Omit<ExternalJoin, 'spent'>;
  /** A KeyPackage as `restoreKeyPackage` takes it, while it is not used up. */
  readonly keyPackage: (ref: Uint8Array) => Uint8Array | undefined;
}

const insides = /* @__PURE__ */ new WeakMap<Client, Inside>();

/** For stores. */
export function insideOfClient(client: Client): Inside {
  return insides.get(client) ?? fail('codec.input', { expected: 'client' });
}

/** One device of one user. Does no I/O. */
export class Client {
  readonly #env: Environment;
  readonly #credential: Credential;
  readonly #signer: KeyPair;
  readonly #keyPackages = new KeyPackageStore();
  readonly #groups = new KnownGroups();

  /** @throws `codec.unsupported` for a suite the provider lacks, `validation.credential` for our own credential */
  constructor(options: ClientOptions) {
    const { provider, psks, credential } = options;
    this.#env = environmentOf(
      options,
      options.suite ?? 1,
      (id) => this.#groups.resumptionPsk(id) ?? psks?.(id),
    );
    const { suite } = this.#env;
    this.#credential = credential;
    this.#signer =
      options.signer ?? guarded(() => suite.signatureKeyPair(provider.random(suite.sizes.signatureSeed)));
    insides.set(this, {
      env: this.#env,
      signer: this.#signer,
      keep: (group) => void this.#groups.keep(group),
      joinExternally: (info, how) => this.#joinExternally(info, how),
      keyPackage: (ref) => {
        const own = this.#keyPackages.find(ref);
        return own && encodeKeyPackage(this.#env, own);
      },
    });
  }

  get credential(): Credential {
    return this.#credential;
  }
  get suite(): CipherSuite {
    return this.#env.suite.id;
  }
  /** Our signature public key. */
  get signatureKey(): Uint8Array {
    return this.#signer.publicKey.slice();
  }

  /** Make a KeyPackage (§10); its private halves stay here until a join uses them. */
  createKeyPackage(options: Omit<KeyPackageOptions, 'credential' | 'signer'> = {}): CreatedKeyPackage {
    return guarded(() => {
      const own = this.#makeKeyPackage(options);
      const secrets = encodeKeyPackage(this.#env, own);
      this.#keyPackages.keep(own);
      return { message: keyPackageMessage(own), ref: own.ref.slice(), secrets };
    });
  }

  /** Take back a KeyPackage's private halves. @param secrets as made with it @throws `storage.corrupt`, `storage.version` */
  restoreKeyPackage(secrets: Uint8Array): void {
    this.#keyPackages.keep(guarded(() => decodeKeyPackage(this.#env, secrets)));
  }

  /** Wipe a KeyPackage's private halves. Unknown refs are ignored. */
  forgetKeyPackage(ref: Uint8Array): void {
    this.#keyPackages.forget(ref);
  }

  /** Check a KeyPackage before it is used (§10.1). @param message MLSMessage @throws `validation.*`, `policy.lifetime`, `codec.*` */
  validateKeyPackage(message: Uint8Array): Member {
    return guarded(() => {
      const decoded = decode(MlsMessage, message, this.#env.decoding);
      if (decoded.wireFormat !== WireFormat.keyPackage) return fail('validation.key-package');
      const { leafNode } = validateKeyPackage(this.#env, decoded.keyPackage);
      validateLifetimeNow(leafNode, this.#env.clock());
      requireCredential(this.#env, leafNode);
      return {
        leaf: 0 as Member['leaf'],
        credential: leafNode.credential,
        signatureKey: leafNode.signatureKey,
      };
    });
  }

  /** A group of one, in epoch 0 (§11). @throws `validation.capabilities`, `validation.unsupported`, `validation.group-id` */
  createGroup(options: NewGroup = {}): Group {
    return guarded(() => {
      if (options.id !== undefined) this.#groups.refuse(options.id);
      const own = this.#makeKeyPackage({});
      const state = createGroupState(this.#env, own, options);
      wipe(own.init.secretKey); // Nobody invites us with it.
      return this.#enter(state);
    });
  }

  /** Take back a group that `Group.save` wrote. @throws `storage.corrupt`, `storage.version`, `validation.group-id` */
  load(record: Uint8Array): Group {
    return guarded(() => {
      const state = decodeState(this.#env, record);
      this.#groups.refuse(state.epoch.context.groupId);
      return this.#enter(state);
    });
  }

  /**
   * Open a Welcome (§12.4.3.1) and check everything. Nothing is consumed until `accept()`.
   * @throws `state.unknown-key-package`, `state.key-package-used`, `state.missing-psk`, `validation.group-id`, `validation.*`, `crypto.*`
   */
  prepareJoin(welcome: Uint8Array, { ratchetTree, from }: JoinOptions = {}): StagedJoin {
    return guarded(() => {
      const message = decode(MlsMessage, welcome, this.#env.decoding);
      if (message.wireFormat !== WireFormat.welcome) {
        return fail('validation.welcome', { wireFormat: message.wireFormat });
      }
      this.#keyPackages.requireUsable(message.welcome);
      const find = (ref: Uint8Array): OwnKeyPackage | undefined => this.#keyPackages.find(ref);
      const joined = joinFromWelcome(this.#env, message.welcome, find, {
        ratchetTree,
        groupOf: (id) => this.#groups.stateOf(id, from),
        announcing: (id) => this.#groups.announcing(id, from),
      });
      const { state, own, succession, spent } = joined;
      wipe(...spent);
      this.#groups.refuse(state.epoch.context.groupId);
      const inviter = memberAt(state.epoch.tree, joined.inviter);
      return stageJoin(state, { inviter, succession, keyPackage: own.ref.slice() }, () => {
        // Another join of this group may have been accepted since.
        if (this.#keyPackages.find(own.ref)) this.#groups.refuse(state.epoch.context.groupId);
        this.#keyPackages.use(own);
        return this.#enter(state);
      });
    });
  }

  /**
   * Join from a GroupInfo without invitation (§12.4.3.2). Send `message`, then `accept()` when the group took it.
   * With `resync` we replace our own leaf, having lost step; a handle we still hold of that group ends with it.
   * @throws `validation.group-info`, `state.missing-psk`, `validation.*`, `crypto.*`
   */
  prepareExternalJoin(groupInfo: Uint8Array, options: ExternalJoinOptions = {}): ExternalJoinOffer {
    return guarded(() => {
      const { state, message } = this.#joinExternally(groupInfo, options);
      const { groupId } = state.epoch.context;
      const enter = (): Group => {
        if (options.resync === true) this.#groups.close(groupId);
        else this.#groups.refuse(groupId);
        return this.#enter(state);
      };
      return { ...stageJoin(state, {}, enter), message };
    });
  }

  /**
   * Ask to be added, as a would-be member (§12.1.8): an Add of a fresh KeyPackage, which a member may commit.
   * @returns the MLSMessage, and the reference of the KeyPackage @throws `validation.group-info`, `codec.*`
   */
  requestJoin(
    groupInfo: Uint8Array,
    options: Omit<KeyPackageOptions, 'credential' | 'signer'> = {},
  ): CreatedKeyPackage {
    return guarded(() => {
      const { groupContext } = this.#readGroupInfo(groupInfo);
      if (groupContext.cipherSuite !== this.suite)
        fail('validation.group-info', { suite: groupContext.cipherSuite });
      const own = this.#makeKeyPackage(options);
      const message = requestAdd(this.#env, groupContext, own);
      this.#keyPackages.keep(own);
      return { message, ref: own.ref.slice(), secrets: encodeKeyPackage(this.#env, own) };
    });
  }

  /**
   * Found the group that a ReInit announced (§11.2), with KeyPackages for everybody else in the closed one. The client
   * is of the new suite. Others join with `prepareJoin`. @throws `validation.reinit`, `validation.*`, `policy.lifetime`
   */
  reinitialise(
    closed: Group,
    keyPackages: readonly Uint8Array[],
    options: FoundingOptions = {},
  ): FoundedGroup {
    return this.#found((own) => foundSuccessor(this.#env, stateOf(closed), { own, keyPackages, options }));
  }

  /**
   * Found a subgroup (§11.3), with KeyPackages for some of the members of `parent`, which goes on unchanged.
   * @throws `validation.reinit`, `state.closed`, `state.not-member`, `validation.*`, `policy.lifetime`
   */
  branch(
    parent: Group,
    keyPackages: readonly Uint8Array[],
    { id, extensions, ...options }: NewGroup & FoundingOptions = {},
  ): FoundedGroup {
    const group = { ...(id && { id }), ...(extensions && { extensions }) };
    return this.#found((own) =>
      foundBranch(this.#env, stateOf(parent), group, { own, keyPackages, options }),
    );
  }

  /** `Client(<hex of the signature key>)`: never a secret. */
  toString(): string {
    return `Client(${toHex(this.#signer.publicKey.subarray(0, 8))})`;
  }

  #joinExternally(groupInfo: Uint8Array, options: ExternalJoinOptions): Omit<ExternalJoin, 'spent'> {
    const { ratchetTree, ...how } = options;
    const info = this.#readGroupInfo(groupInfo);
    // Whoever resyncs replaces the state it has; anybody else has no business joining twice (§11).
    if (how.resync !== true) this.#groups.refuse(info.groupContext.groupId);
    const joiner = { credential: this.#credential, signer: this.#signer, ...how };
    const { spent, ...joined } = joinExternally(this.#env, info, joiner, ratchetTree);
    wipe(...spent);
    return joined;
  }

  #enter(state: GroupState): Group {
    return this.#groups.keep(new Group(this.#env, state));
  }

  #makeKeyPackage(options: Omit<KeyPackageOptions, 'credential' | 'signer'>): OwnKeyPackage {
    return createKeyPackage(this.#env, { ...options, credential: this.#credential, signer: this.#signer });
  }

  #found(make: (own: OwnKeyPackage) => Transition<GroupState, FoundedMessages>): FoundedGroup {
    return guarded(() => {
      const own = this.#makeKeyPackage({});
      const { next, result, spent = [] } = make(own);
      this.#groups.refuse(next.epoch.context.groupId);
      wipe(...spent, own.init.secretKey);
      return { group: this.#enter(next), ...result };
    });
  }

  #readGroupInfo(bytes: Uint8Array): GroupInfo {
    const message = decode(MlsMessage, bytes, this.#env.decoding);
    return message.wireFormat === WireFormat.groupInfo
      ? message.groupInfo
      : fail('validation.group-info', { wireFormat: message.wireFormat });
  }
}

function keyPackageMessage({ keyPackage }: OwnKeyPackage): Uint8Array {
  return mlsMessage({ wireFormat: WireFormat.keyPackage, keyPackage });
}
