/**
 * Vectors of kind passive-client: a member that joins and then only listens (RFC 9420 §12.4.2, §12.4.3.1). Beside the
 * fields of the working group, a case and each of its epochs may have those of test-vectors/README.md.
 */

import type { Provider } from '../../crypto/provider.ts';
import type { Group } from '../../group/group.ts';
import { enterGroup } from './passiveMember.ts';
import { checkExporters, checkMessages, checkRefusals, takeProposals } from './passiveStage.ts';
import {
  bytesOf,
  differ,
  expectHex,
  hexListOf,
  hexOf,
  type Json,
  objectsOf,
  reason,
  type Verifier,
  within,
} from './verifier.ts';

/** Join, and enter every epoch; in each, the authenticator shows that all secrets are right. */
export const verifyPassiveClient: Verifier = (provider, vector) => follow(provider, vector, []);

/** @param earlier groups that the client is in already */
function follow(provider: Provider, vector: Json, earlier: readonly Group[]): void {
  const group = enterGroup(provider, vector, earlier);
  const groups = [...earlier, group];
  expectAuthenticator(group, hexOf(vector, 'initial_epoch_authenticator'));
  checkStage(provider, vector, groups);
  objectsOf(vector, 'epochs').forEach((epoch, number) => {
    within(`epochs[${number}]`, () => {
      takeProposals(group, hexListOf(epoch, 'proposals'));
      within('commit', () => takeCommit(group, bytesOf(epoch, 'commit')));
      expectAuthenticator(group, hexOf(epoch, 'epoch_authenticator'));
      checkStage(provider, epoch, groups);
    });
  });
}

/** What a case says of an epoch that was just entered, in the order in which it happens. */
function checkStage(provider: Provider, stage: Json, groups: readonly Group[]): void {
  const group = groups.at(-1) ?? differ('no group');
  checkExporters(group, optionalObjects(stage, 'exporters'));
  checkMessages(group, optionalObjects(stage, 'messages'));
  checkRefusals(group, optionalObjects(stage, 'rejected'));
  optionalObjects(stage, 'follow_ups').forEach((vector, number) => {
    within(`follow_ups[${number}]`, () => follow(provider, vector, groups));
  });
}

function optionalObjects(stage: Json, field: string): readonly Json[] {
  return field in stage ? objectsOf(stage, field) : [];
}

function expectAuthenticator(group: Group, expected: string): void {
  expectHex(`epoch_authenticator of epoch ${group.epoch}`, group.epochAuthenticator, expected);
}

function takeCommit(group: Group, bytes: Uint8Array): void {
  const taken = group.process(bytes);
  if (taken.kind === 'rejected') throw taken.error;
  if (taken.kind === 'desynchronised' && taken.evidence.kind === 'unusable-commit')
    differ(`unusable: ${reason(taken.evidence.error)}`);
  const { commit } = taken.kind === 'commit' ? taken : differ(`a message that is ${taken.kind}`);
  if (commit.changes.removesSelf) differ('removes this client');
  group.accept(commit);
}
