/** A client: one credential, one suite; it makes KeyPackages, and makes and joins groups. */

import { toHex } from '../base/bytes.ts';
import { fail, guarded } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import { decode } from '../codec/codec.ts';
import type { OpenTypes } from '../codec/reader.ts';
import type { CipherSuite, KeyPair, Provider } from '../crypto/provider.ts';
import { validateLifetimeNow } from '../tree/leafNode.ts';
import { leaves } from '../tree/tree.ts';
import type { Credential } from '../wire/credential.ts';
import { MlsMessage } from '../wire/message.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';
import { WireFormat } from '../wire/registry.ts';
import { createGroupState, type NewGroup } from './create.ts';
import { type Environment, requireCredential } from './environment.ts';
import { joinExternally } from './external.ts';
import { Group } from './group.ts';
import { joinFromWelcome } from './join.ts';
import {
  createKeyPackage,
  type KeyPackageOptions,
  type OwnKeyPackage,
  validateKeyPackage,
} from './keyPackage.ts';
import { type CredentialValidator, DEFAULT_POLICY, type Policy } from './policy.ts';
import { mlsMessage } from './protect.ts';
import { decodeKeyPackage, decodeState, encodeKeyPackage } from './record.ts';
import { stateSecrets } from './spent.ts';
import type { GroupState } from './state.ts';
import { type Member, memberAt } from './views.ts';

/** What a client is made of. */
export interface ClientOptions {
  /** Who we are. One client holds one credential; an account with two credentials is two clients. */
  readonly credential: Credential;
  /** Whether the identity in a credential owns its key (RFC 9420 §5.3.1). There is no default. */
  readonly validateCredential: CredentialValidator;
  /** Primitives. `createClient` of the package chooses them by platform. */
  readonly provider: Provider;
  /** Cipher suite (§17.1). @defaultValue 1, MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519 */
  readonly suite?: CipherSuite;
  /** Signature key pair. @defaultValue a fresh one */
  readonly signer?: KeyPair;
  /** What this client accepts, keeps and sends. */
  readonly policy?: Partial<Policy>;
  /** Values of PSKs (§8.4); those of earlier epochs of a group come from the group itself. @defaultValue none */
  readonly psks?: (id: PreSharedKeyId) => Uint8Array | undefined;
  /** Seconds since 1970, for lifetimes (§7.2). @defaultValue system clock */
  readonly clock?: () => number;
  /** Bodies of further credential and proposal types. @defaultValue none */
  readonly openTypes?: OpenTypes;
}

/** A KeyPackage to publish. */
export interface CreatedKeyPackage {
  /** MLSMessage. */
  readonly message: Uint8Array;
  /** Its KeyPackageRef (§5.2), hash-length bytes. */
  readonly ref: Uint8Array;
  /** The private halves, for keeping: `restoreKeyPackage` takes them back after a restart. */
  readonly secrets: Uint8Array;
}

/** A join that was checked but not taken: inspect `members`, then accept or discard. */
export interface StagedJoin {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly members: readonly Member[];
  /** Who invited us; `undefined` for an external join. */
  readonly inviter: Member | undefined;
  /** Enter the group; a single-use KeyPackage is used up. @throws `state.stale-handle` the second time */
  accept(): Group;
  /** Drop it; the KeyPackage stays usable. */
  discard(): void;
}

/** A join without invitation; `message` is to be sent first. */
export interface ExternalJoinOffer extends StagedJoin {
  /** MLSMessage with the external commit. */
  readonly message: Uint8Array;
}

/** One device of one user. Does no I/O. */
export class Client {
  readonly #env: Environment;
  readonly #credential: Credential;
  readonly #signer: KeyPair;
  readonly #keyPackages = new Map<string, OwnKeyPackage>();
  /** References of KeyPackages that a join has used up. */
  readonly #used = new Set<string>();
  /** Groups entered through this client, by id. */
  readonly #groups = new Map<string, Group>();

  /** @throws `codec.unsupported` for a suite the provider lacks, `validation.credential` for our own credential */
  constructor(options: ClientOptions) {
    const { provider, policy, validateCredential } = options;
    if (typeof validateCredential !== 'function') fail('codec.input', { expected: 'validateCredential' });
    const suite = provider.suite(options.suite ?? 1);
    this.#env = {
      suite,
      random: (length) => provider.random(length),
      policy: Object.freeze({ ...DEFAULT_POLICY, ...policy }),
      validateCredential,
      psks: options.psks ?? (() => undefined),
      clock: options.clock ?? (() => Math.floor(Date.now() / 1000)),
      decoding: options.openTypes === undefined ? {} : { openTypes: options.openTypes },
    };
    this.#credential = options.credential;
    this.#signer =
      options.signer ?? guarded(() => suite.signatureKeyPair(provider.random(suite.sizes.signatureSeed)));
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
      this.#keyPackages.set(toHex(own.ref), own);
      return { message: keyPackageMessage(own), ref: own.ref.slice(), secrets };
    });
  }

  /** Take back a KeyPackage's private halves. @param secrets as made with it @throws `storage.corrupt`, `storage.version` */
  restoreKeyPackage(secrets: Uint8Array): void {
    const own = guarded(() => decodeKeyPackage(this.#env, secrets));
    this.#keyPackages.set(toHex(own.ref), own);
  }

  /** Wipe a KeyPackage's private halves. Unknown refs are ignored. */
  forgetKeyPackage(ref: Uint8Array): void {
    const own = this.#keyPackages.get(toHex(ref));
    if (own === undefined) return;
    this.#keyPackages.delete(toHex(ref));
    wipe(own.init.secretKey, own.encryption.secretKey);
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
      if (options.id !== undefined) this.#refuseKnownGroup(options.id);
      return this.#enter(createGroupState(this.#env, this.#makeKeyPackage({}), options));
    });
  }

  /** Take back a group that `Group.save` wrote. @throws `storage.corrupt`, `storage.version`, `validation.group-id` */
  load(record: Uint8Array): Group {
    return guarded(() => {
      const state = decodeState(this.#env, record);
      this.#refuseKnownGroup(state.epoch.context.groupId);
      return this.#enter(state);
    });
  }

  /**
   * Open a Welcome (§12.4.3.1) and check everything. Nothing is consumed until `accept()`.
   * @param ratchetTree encoded, when the Welcome does not carry it (§12.4.3.3)
   * @throws `state.unknown-key-package`, `state.key-package-used`, `state.missing-psk`, `validation.group-id`, `validation.*`, `crypto.*`
   */
  prepareJoin(welcome: Uint8Array, options: { readonly ratchetTree?: Uint8Array } = {}): StagedJoin {
    return guarded(() => {
      const message = decode(MlsMessage, welcome, this.#env.decoding);
      if (message.wireFormat !== WireFormat.welcome)
        return fail('validation.welcome', { wireFormat: message.wireFormat });
      const find = (ref: Uint8Array): OwnKeyPackage | undefined => this.#keyPackages.get(toHex(ref));
      if (message.welcome.secrets.some(({ newMember }) => this.#used.has(toHex(newMember)))) {
        if (!message.welcome.secrets.some(({ newMember }) => find(newMember))) fail('state.key-package-used');
      }
      const joined = joinFromWelcome(this.#env, message.welcome, find, options.ratchetTree);
      const { state, inviter, own, spent } = joined;
      wipe(...spent);
      this.#refuseKnownGroup(state.epoch.context.groupId);
      return this.#stage(state, memberAt(state.epoch.tree, inviter), () => {
        if (!this.#keyPackages.has(toHex(own.ref))) fail('state.key-package-used');
        if (own.lastResort) return;
        this.#keyPackages.delete(toHex(own.ref));
        this.#used.add(toHex(own.ref));
        // The group has its own copy of the leaf key.
        wipe(own.init.secretKey, own.encryption.secretKey);
      });
    });
  }

  /**
   * Join from a GroupInfo without invitation (§12.4.3.2). Send `message`, then `accept()` when the group took it.
   * With `resync` we replace our own leaf, having lost step; a handle we still hold of that group ends with it.
   * @throws `validation.group-info`, `validation.*`, `crypto.*`
   */
  prepareExternalJoin(
    groupInfo: Uint8Array,
    options: { readonly ratchetTree?: Uint8Array; readonly resync?: boolean } = {},
  ): ExternalJoinOffer {
    return guarded(() => {
      const message = decode(MlsMessage, groupInfo, this.#env.decoding);
      if (message.wireFormat !== WireFormat.groupInfo) {
        return fail('validation.group-info', { wireFormat: message.wireFormat });
      }
      // Whoever resyncs replaces the state it has; anybody else has no business joining twice (§11).
      if (options.resync !== true) this.#refuseKnownGroup(message.groupInfo.groupContext.groupId);
      const joiner = { credential: this.#credential, signer: this.#signer, resync: options.resync ?? false };
      const joined = joinExternally(this.#env, message.groupInfo, joiner, options.ratchetTree);
      wipe(...joined.spent);
      return { ...this.#stage(joined.state, undefined, () => {}), message: joined.message };
    });
  }

  /** `Client(<hex of the signature key>)`: never a secret. */
  toString(): string {
    return `Client(${toHex(this.#signer.publicKey.subarray(0, 8))})`;
  }

  #enter(state: GroupState): Group {
    const group = new Group(this.#env, state);
    this.#groups.set(toHex(state.epoch.context.groupId), group);
    return group;
  }

  /** @throws `validation.group-id` while this client is in a group of that id */
  #refuseKnownGroup(id: Uint8Array): void {
    const known = this.#groups.get(toHex(id));
    if (known?.isActive === true) fail('validation.group-id');
  }

  #makeKeyPackage(options: Omit<KeyPackageOptions, 'credential' | 'signer'>): OwnKeyPackage {
    return createKeyPackage(this.#env, { ...options, credential: this.#credential, signer: this.#signer });
  }

  #stage(state: GroupState, inviter: Member | undefined, onAccept: () => void): StagedJoin {
    let decided = false;
    const decide = (): void => {
      if (decided) fail('state.stale-handle');
      decided = true;
    };
    const { context, tree } = state.epoch;
    return {
      groupId: context.groupId.slice(),
      epoch: context.epoch,
      members: [...leaves(tree.root)].flatMap(([leaf]) => memberAt(tree, leaf) ?? []),
      inviter,
      accept: () => {
        decide();
        onAccept();
        return this.#enter(state);
      },
      discard: () => {
        decide();
        wipe(...stateSecrets(state));
      },
    };
  }
}

function keyPackageMessage({ keyPackage }: OwnKeyPackage): Uint8Array {
  return mlsMessage({ wireFormat: WireFormat.keyPackage, keyPackage });
}
