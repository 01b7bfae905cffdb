/** Groups that follow on another one, made by a member who breaks the rules: correct but for what is asked for. */

import { equal, fromHex } from '../../src/base/bytes.ts';
import { decode } from '../../src/codec/codec.ts';
import { createGroupState, type NewGroup } from '../../src/group/create.ts';
import type { Environment } from '../../src/group/environment.ts';
import { stateOf } from '../../src/group/group.ts';
import { createKeyPackage } from '../../src/group/keyPackage.ts';
import { resumptionSecret } from '../../src/group/nextEpoch.ts';
import type { ProposalItem } from '../../src/group/state.ts';
import { basicCredential, type Group } from '../../src/index.ts';
import { MlsMessage } from '../../src/wire/message.ts';
import type { Proposal } from '../../src/wire/proposal.ts';
import type { PreSharedKeyId, ResumptionPskId } from '../../src/wire/psk.ts';
import { ProposalType, PskType, PskUsage, WireFormat } from '../../src/wire/registry.ts';
import { forgeCommit, forgeWelcome, signaturePair, type WelcomeTweaks } from './forge.ts';
import { environment } from './peers.ts';

/** In what a group differs from an honest one. */
export interface FollowUp {
  /** @defaultValue reinit */
  readonly usage?: PskUsage;
  /** @defaultValue that of the ReInit, or of the old group */
  readonly suite?: number;
  /** @defaultValue what the ReInit says, or a group of a fresh id */
  readonly group?: NewGroup;
  /** PSKs of the first commit, from the honest one. @defaultValue that one */
  readonly psks?: (honest: ResumptionPskId) => readonly PreSharedKeyId[];
  /** @defaultValue that of the old group */
  readonly secret?: Uint8Array;
  /** Who founds. @defaultValue alice */
  readonly founder?: string;
  readonly welcome?: WelcomeTweaks;
}

/** The Welcome of a group that says it follows on another. @param keyPackages as MLSMessages */
export function forgeFollowUp(
  old: Group,
  keyPackages: readonly Uint8Array[],
  how: FollowUp = {},
): Uint8Array {
  const state = stateOf(old);
  const { context } = state.epoch;
  const announced = state.reinit && { id: state.reinit.groupId, extensions: state.reinit.extensions };
  const group = how.group ?? announced ?? {};
  const types = [0xff01, 0xff02];
  const plain = environment({
    suite: how.suite ?? state.reinit?.cipherSuite ?? context.cipherSuite,
    policy: { grease: false, extensionTypes: types },
  });
  const env: Environment = { ...plain, psks: (id) => how.secret ?? secretOf(old, id) };
  const own = createKeyPackage(env, {
    credential: basicCredential(how.founder ?? 'alice'),
    signer: signaturePair(env),
  });
  const start = createGroupState(env, own, group);
  const honest: ResumptionPskId = {
    pskType: PskType.resumption,
    usage: how.usage ?? PskUsage.reinit,
    pskGroupId: context.groupId,
    pskEpoch: context.epoch,
    pskNonce: env.random(env.suite.sizes.hash),
  };
  const psks = (how.psks?.(honest) ?? [honest]).map(
    (psk) => ({ proposalType: ProposalType.psk, psk }) as const,
  );
  const inline = (proposal: Proposal): ProposalItem => ({
    proposal,
    sender: { kind: 'member', leaf: start.epoch.self },
    ref: undefined,
  });
  const forged = forgeCommit(env, start, [...keyPackages.map(addOf), ...psks].map(inline));
  return forgeWelcome(env, forged, how.welcome);
}

/** Values that an insider has, and zeros for what it has not. */
function secretOf(old: Group, id: PreSharedKeyId): Uint8Array {
  const known = id.pskType === PskType.resumption && equal(id.pskGroupId, old.id);
  return (known ? resumptionSecret(stateOf(old), id.pskEpoch) : undefined) ?? fromHex('00'.repeat(32));
}

function addOf(message: Uint8Array): Proposal {
  const decoded = decode(MlsMessage, message);
  if (decoded.wireFormat !== WireFormat.keyPackage) throw new Error('no KeyPackage');
  return { proposalType: ProposalType.add, keyPackage: decoded.keyPackage };
}
