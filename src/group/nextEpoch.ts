/** From a commit to the epoch it creates (RFC 9420 §8, §12.4): the part that committer, receivers and joiners share. */

import { equal } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { wipe } from '../base/secret.ts';
import type { SuiteCrypto } from '../crypto/provider.ts';
import {
  confirmationTag,
  deriveEpochSecrets,
  deriveJoinerSecret,
  type EpochSecrets,
} from '../schedule/epoch.ts';
import { type Psk, pskSecret } from '../schedule/psk.ts';
import { createExporterTree } from '../schedule/safeExporter.ts';
import { createSecretTree } from '../schedule/secretTree.ts';
import { confirmedTranscriptHash, interimTranscriptHash } from '../schedule/transcript.ts';
import { treeHash } from '../tree/hash.ts';
import type { Tree } from '../tree/tree.ts';
import type { AuthenticatedContent } from '../wire/content.ts';
import type { Extension } from '../wire/extension.ts';
import { GroupContext } from '../wire/groupContext.ts';
import type { PreSharedKeyId } from '../wire/psk.ts';
import { PskType, PskUsage } from '../wire/registry.ts';
import type { Environment } from './environment.ts';
import type { EpochState, GroupState } from './state.ts';

/** What the members of a new epoch agree on. */
export interface EpochKeys {
  readonly context: GroupContext;
  readonly joinerSecret: Uint8Array;
  readonly secrets: EpochSecrets;
  /** As computed; a received commit must carry the same. */
  readonly confirmationTag: Uint8Array;
  readonly interimHash: Uint8Array;
}

/**
 * The GroupContext against which path secrets are encrypted: everything new but the transcript hash, which the commit
 * at hand is still to enter (§7.6). @throws `crypto.limit` when the epoch counter is used up
 */
export function provisionalContext(
  suite: SuiteCrypto,
  old: GroupContext,
  tree: Tree,
  extensions: readonly Extension[],
): GroupContext {
  if (old.epoch === LAST_EPOCH) fail('crypto.limit', { epoch: old.epoch });
  return { ...old, epoch: old.epoch + 1n, treeHash: treeHash(suite, tree.root), extensions };
}

/** Transcript and key schedule of the epoch that a commit creates (§8). */
export function deriveNextEpoch(
  suite: SuiteCrypto,
  old: { readonly interimHash: Uint8Array; readonly initSecret: Uint8Array },
  commit: Pick<AuthenticatedContent, 'wireFormat' | 'content'> & { readonly signature: Uint8Array },
  made: {
    readonly provisional: GroupContext;
    readonly commitSecret: Uint8Array;
    readonly psks: readonly Psk[];
  },
): EpochKeys {
  const confirmedHash = confirmedTranscriptHash(suite, old.interimHash, commit);
  const context = { ...made.provisional, confirmedTranscriptHash: confirmedHash };
  const encoded = GroupContext.bytes(context);
  const joinerSecret = deriveJoinerSecret(suite, old.initSecret, made.commitSecret, encoded);
  return { joinerSecret, ...epochFromJoiner(suite, joinerSecret, context, made.psks) };
}

/** From the joiner secret on, as a new member does. */
export function epochFromJoiner(
  suite: SuiteCrypto,
  joinerSecret: Uint8Array,
  context: GroupContext,
  psks: readonly Psk[],
): Omit<EpochKeys, 'joinerSecret'> {
  const combined = pskSecret(suite, psks);
  const secrets = deriveEpochSecrets(suite, joinerSecret, combined, GroupContext.bytes(context));
  wipe(combined);
  const tag = confirmationTag(suite, secrets.confirmationKey, context.confirmedTranscriptHash);
  const interimHash = interimTranscriptHash(suite, context.confirmedTranscriptHash, tag);
  return { context, secrets, confirmationTag: tag, interimHash };
}

/** @throws `crypto.confirmation-tag` */
export function requireConfirmation(
  keys: Pick<EpochKeys, 'confirmationTag'>,
  received: Uint8Array | undefined,
): void {
  if (received === undefined || !equal(received, keys.confirmationTag)) fail('crypto.confirmation-tag');
}

/** Put an epoch together; its trees of secrets take over what they start from. */
export function enterEpoch(
  keys: Omit<EpochKeys, 'joinerSecret'>,
  member: Pick<EpochState, 'tree' | 'self' | 'privatePath' | 'signer'>,
): Pick<GroupState, 'epoch' | 'secretTree' | 'exporterTree'> {
  const { encryptionSecret, applicationExportSecret, ...secrets } = keys.secrets;
  const { context, confirmationTag: tag, interimHash } = keys;
  return {
    epoch: Object.freeze({ ...member, context, secrets, confirmationTag: tag, interimHash }),
    secretTree: createSecretTree(member.tree.width, encryptionSecret),
    exporterTree: createExporterTree(applicationExportSecret),
  };
}

/** Values of the PSKs that a commit or Welcome names, in its order. @throws `state.missing-psk` */
export function lookUpPsks(
  env: Environment,
  ids: readonly PreSharedKeyId[],
  state?: Pick<GroupState, 'epoch' | 'resumption'>,
): Psk[] {
  return ids.map((id) => {
    const secret = ownResumptionPsk(id, state) ?? env.psks(id);
    return secret === undefined ? fail('state.missing-psk', pskDetail(id)) : { id, secret };
  });
}

/** The resumption PSK of an epoch of a group (§8.6), if it is kept. */
export function resumptionSecret(
  { epoch, resumption }: Pick<GroupState, 'epoch' | 'resumption'>,
  of: bigint,
): Uint8Array | undefined {
  if (of === epoch.context.epoch) return epoch.secrets.resumptionPsk;
  return resumption.find((entry) => entry.epoch === of)?.secret;
}

const LAST_EPOCH = 0xffff_ffff_ffff_ffffn;

function ownResumptionPsk(
  id: PreSharedKeyId,
  state: Pick<GroupState, 'epoch' | 'resumption'> | undefined,
): Uint8Array | undefined {
  if (state === undefined || id.pskType !== PskType.resumption || id.usage !== PskUsage.application)
    return undefined;
  if (!equal(id.pskGroupId, state.epoch.context.groupId)) return undefined;
  return resumptionSecret(state, id.pskEpoch);
}

function pskDetail(id: PreSharedKeyId): { readonly pskType: number; readonly epoch?: bigint } {
  return id.pskType === PskType.resumption
    ? { pskType: id.pskType, epoch: id.pskEpoch }
    : { pskType: id.pskType };
}
