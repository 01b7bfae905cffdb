/** A small group with an insider who forges, and the case of a passive client that refuses what the insider makes. */

import { toHex } from '../../../src/base/bytes.ts';
import type { MlsErrorCode } from '../../../src/base/codes.ts';
import { createGroupState } from '../../../src/group/create.ts';
import type { Environment } from '../../../src/group/environment.ts';
import { createKeyPackage, type OwnKeyPackage } from '../../../src/group/keyPackage.ts';
import { storeProposal } from '../../../src/group/moves.ts';
import type { Processed } from '../../../src/group/processed.ts';
import { add } from '../../../src/group/proposals.ts';
import { type BuiltCommit, buildCommit, type CommitOptions } from '../../../src/group/sendCommit.ts';
import type { ProposalItem } from '../../../src/group/state.ts';
import { basicCredential } from '../../../src/wire/credential.ts';
import type { Extension } from '../../../src/wire/extension.ts';
import type { Proposal } from '../../../src/wire/proposal.ts';
import {
  type ForgedProposal,
  forgeKeyPackage,
  type Identity,
  type KeyPackageTweaks,
  keyPackageMessage,
} from '../../../test/support/forge.ts';
import { join, Peer } from '../../../test/support/peers.ts';
import { type CaseRecord, newCase } from '../record.ts';
import { environmentIn, LIFETIME_SECONDS, PASSIVE, type Setting } from '../story.ts';

/** Reasons that the passive client gives: a code, or what it takes a message for that changes nothing. */
export type Verdict = MlsErrorCode | Processed['kind'];

/** Members ann, bob, cid and the passive client, at leaves 0 to 3. Bob forges. */
export class Trial {
  readonly setting: Setting;
  readonly record: CaseRecord;
  readonly ann: Peer;
  readonly bob: Peer;
  readonly cid: Peer;

  /** @param extensions those of the group */
  constructor(setting: Setting, family: string, extensions: readonly Extension[] = []) {
    this.setting = setting;
    const env = this.env();
    const [ann, bob, cid] = ['ann', 'bob', 'cid'].map((name) => ({ name, own: ownPackage(env, name) })) as [
      Newcomer,
      Newcomer,
      Newcomer,
    ];
    this.ann = new Peer(env, 'ann', ann.own.signer, createGroupState(env, ann.own, { extensions }));
    const { welcome } = this.#committed(this.ann, [bob, cid]);
    [this.bob, this.cid] = [bob, cid].map(({ name, own }) =>
      join(
        { env: name === 'bob' ? carefree(env) : env, name, own, keyPackage: keyPackageMessage(own) },
        welcome,
      ),
    ) as [Peer, Peer];
    this.record = this.#admit(family);
    this.honest(this.cid, { path: true });
  }

  get members(): readonly Peer[] {
    return [this.ann, this.bob, this.cid];
  }

  /** What a client of this group works with: no reserved values, which would hide what a case is about. */
  env(): Environment {
    return environmentIn({ ...this.setting, policy: { ...this.setting.policy, grease: false } });
  }

  /** Somebody outside. */
  stranger(name: string): Identity {
    const { suite, random } = this.env();
    const signer = suite.signatureKeyPair(random(suite.sizes.signatureSeed));
    return { credential: basicCredential(name), signer };
  }

  /** A KeyPackage, right but for the tweaks. */
  keyPackage(who: Identity, tweaks: KeyPackageTweaks = {}): OwnKeyPackage {
    const source = {
      leafNodeSource: 1,
      lifetime: { notBefore: 0n, notAfter: BigInt(LIFETIME_SECONDS) },
    } as const;
    const leaf: KeyPackageTweaks['leaf'] = (one) => tweaks.leaf?.({ ...one, source }) ?? { ...one, source };
    return forgeKeyPackage(this.env(), who, { ...tweaks, leaf });
  }

  /** Hand proposals to all members but their makers; a refusal that covers them follows. */
  deliver(...made: readonly (readonly [from: Peer | undefined, forged: ForgedProposal])[]): ProposalItem[] {
    for (const [from, { message, item }] of made) {
      for (const peer of this.members) {
        if (peer !== from) peer.process(message);
        else peer.cell.run((state) => ({ next: storeProposal(peer.env, state, item), result: undefined }));
      }
    }
    return made.map(([, { item }]) => item);
  }

  /**
   * The passive client must refuse a message; then an honest commit follows.
   * @param title what is wrong, and behind a bar the rules that say so
   * @param proposals accepted before
   */
  refuse(title: string, code: Verdict, message: Uint8Array, proposals: readonly ForgedProposal[] = []): void {
    const [text = '', rules = ''] = title.split(' | ');
    const { epochs } = this.record;
    const stage = epochs.at(-1) ?? this.record;
    const refusal = {
      title: text,
      rules: rules.split(' '),
      proposals: proposals.map((one) => toHex(one.message)),
      message: toHex(message),
      code,
    };
    stage.rejected = [...(stage.rejected ?? []), refusal];
    this.honest(epochs.length % 2 === 0 ? this.ann : this.cid, { path: epochs.length % 4 === 0 });
  }

  /** A commit of a member that everybody follows, whatever proposals are about. */
  honest(by: Peer, { path }: { readonly path: boolean }): BuiltCommit {
    const { random, suite } = by.env;
    const pskId = this.setting.psks[0]?.id ?? new Uint8Array(0);
    const psk = { pskType: 1, pskId, pskNonce: random(suite.sizes.hash) } as const;
    const items = path ? [] : [inline(by, { proposalType: 4, psk })];
    const built = this.#follow(by, items, {
      path: path ? 'always' : 'omit',
      handshake: path ? 'private' : 'public',
    });
    this.record.epochs.push({
      proposals: [],
      commit: toHex(built.message),
      epoch_authenticator: by.authenticator(),
    });
    return built;
  }

  #follow(by: Peer, items: readonly ProposalItem[], options: CommitOptions): BuiltCommit {
    const built = buildCommit(by.env, by.state, items, options);
    for (const peer of this.members) if (peer !== by) peer.follow(built.message);
    by.accept(built);
    return built;
  }

  #committed(by: Peer, newcomers: readonly Newcomer[]): { readonly welcome: Uint8Array } {
    const built = by.commit(newcomers.map(({ own }) => add(keyPackageMessage(own))));
    by.accept(built);
    if (built.welcome === undefined) throw new Error('no Welcome');
    return { welcome: built.welcome };
  }

  #admit(family: string): CaseRecord {
    const { ann, setting } = this;
    this.#follow(this.bob, [], {});
    const own = ownPackage(this.env(), PASSIVE);
    const item = inline(ann, { proposalType: 1, keyPackage: own.keyPackage });
    const { welcome } = this.#follow(ann, [item], {});
    if (welcome === undefined) throw new Error('no Welcome');
    const keys = {
      message: keyPackageMessage(own),
      signature: own.signer.secretKey,
      encryption: own.encryption.secretKey,
      init: own.init.secretKey,
    };
    const authenticator = ann.state.epoch.secrets.epochAuthenticator;
    const joined = { welcome, ratchetTree: undefined, authenticator };
    return { family, ...newCase(setting.suite, keys, setting.psks, joined) };
  }
}

interface Newcomer {
  readonly name: string;
  readonly own: OwnKeyPackage;
}

/** A proposal by value in a commit of a member. */
export function inline(by: Peer, proposal: Proposal): ProposalItem {
  return { proposal, sender: { kind: 'member', leaf: by.self }, ref: undefined };
}

/** A copy with one bit changed. */
export function flipped(bytes: Uint8Array, index = 3): Uint8Array {
  return bytes.map((byte, i) => (i === index ? byte ^ 1 : byte));
}

/** A copy in which the first occurrence of some bytes is exchanged for as many others. */
export function exchanged(bytes: Uint8Array, from: readonly number[], to: readonly number[]): Uint8Array {
  const at = bytes.findIndex((_, i) => from.every((byte, j) => bytes[i + j] === byte));
  if (at < 0) throw new Error('the bytes do not occur');
  const out = bytes.slice();
  out.set(to, at);
  return out;
}

/** A forger has a value for every PSK: nobody gets to see that it is wrong. */
function carefree(env: Environment): Environment {
  return { ...env, psks: (id) => env.psks(id) ?? new Uint8Array(env.suite.sizes.hash) };
}

function ownPackage(env: Environment, name: string): OwnKeyPackage {
  const signer = env.suite.signatureKeyPair(env.random(env.suite.sizes.signatureSeed));
  return createKeyPackage(env, {
    credential: basicCredential(name),
    signer,
    lifetimeSeconds: LIFETIME_SECONDS,
  });
}
