/** What a passive client does within one epoch: export, read messages, and refuse what breaks a rule. */

import { equal } from '../../base/bytes.ts';
import type { Group } from '../../group/group.ts';
import type { Processed } from '../../group/processed.ts';
import {
  bytesOf,
  differ,
  expectBytes,
  expectHex,
  expectSame,
  hexListOf,
  hexOf,
  type Json,
  numberOf,
  textOf,
  uint64Of,
  within,
} from './verifier.ts';

/** Each proposal is valid, and waits for its commit. */
export function takeProposals(group: Group, proposals: readonly (string | undefined)[]): void {
  proposals.forEach((hex, i) => {
    const field = `proposals[${i}]`;
    within(field, () => {
      const taken = group.process(bytesOf({ [field]: hex }, field));
      if (taken.kind === 'rejected') throw taken.error;
      if (taken.kind !== 'proposal') differ(`a message that is ${taken.kind}`);
    });
  });
}

/** Outputs of the exporter in the current epoch (RFC 9420 §8.5). */
export function checkExporters(group: Group, exporters: readonly Json[]): void {
  exporters.forEach((exporter, i) => {
    within(`exporters[${i}]`, () => {
      const length = numberOf(exporter, 'length');
      const secret = group.export(textOf(exporter, 'label'), bytesOf(exporter, 'context'), length);
      expectHex('secret', secret, hexOf(exporter, 'secret'));
    });
  });
}

/** Application messages in the order of their arrival, and what becomes of each (§9, §15). */
export function checkMessages(group: Group, messages: readonly Json[]): void {
  messages.forEach((entry, i) => {
    within(`messages[${i}]`, () => {
      const taken = group.process(bytesOf(entry, 'message'));
      if (taken.kind === 'rejected') throw taken.error;
      if (taken.kind !== 'application') {
        expectSame('outcome', taken.kind, textOf(entry, 'outcome'));
        return;
      }
      expectSame('outcome', 'delivered', textOf(entry, 'outcome'));
      expectSame('epoch', taken.epoch, uint64Of(entry, 'epoch'));
      expectSame('sender', taken.sender.leaf, numberOf(entry, 'sender'));
      expectSame('generation', taken.generation, numberOf(entry, 'generation'));
      expectBytes('authenticated_data', taken.authenticatedData, bytesOf(entry, 'authenticated_data'));
      expectBytes('plaintext', taken.data, bytesOf(entry, 'plaintext'));
    });
  });
}

/** Messages that break a rule: refused, and not a bit of the group has changed. */
export function checkRefusals(group: Group, refusals: readonly Json[]): void {
  refusals.forEach((entry, i) => {
    within(`rejected[${i}]`, () => {
      takeProposals(group, hexListOf(entry, 'proposals'));
      const before = group.save();
      const taken = group.process(bytesOf(entry, 'message'));
      expectSame('code', codeOf(taken), textOf(entry, 'code'));
      if (!equal(before, group.save())) differ('the group has changed');
    });
  });
}

/** A stable error code, or the disposition of a message that no rule forbids and that changes nothing. */
function codeOf(taken: Processed): string {
  if (taken.kind === 'rejected') return taken.error.code;
  if (taken.kind === 'desynchronised' && taken.evidence.kind === 'unusable-commit')
    return taken.evidence.error.code;
  if (taken.kind === 'application' || taken.kind === 'proposal' || taken.kind === 'commit')
    differ('accepted');
  return taken.kind;
}
