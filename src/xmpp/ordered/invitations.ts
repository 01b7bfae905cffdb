/** One Welcome for each account, out of the one that a commit makes (RFC 9420 §12.4.3.1). */

import { fail } from '../../base/error.ts';
import { decode, encode } from '../../codec/codec.ts';
import { MlsMessage } from '../../wire/message.ts';
import { WireFormat } from '../../wire/registry.ts';
import type { Invitation } from './records.ts';

/** Whose device is added. */
export interface Invited {
  /** Bare address of the account. */
  readonly to: string;
}

/**
 * Split a Welcome: each account gets the secrets of its own devices only.
 * @param invited accounts in the order of the Add proposals, which is that of the secrets
 */
export function invitationsOf(
  welcome: Uint8Array | undefined,
  invited: readonly Invited[],
  sequencer: string,
): readonly Invitation[] {
  if (welcome === undefined) return [];
  const message = decode(MlsMessage, welcome);
  if (message.wireFormat !== WireFormat.welcome) return fail('internal.bug');
  const { secrets, ...shared } = message.welcome;
  if (secrets.length !== invited.length) fail('internal.bug', { expected: invited.length });
  const accounts = [...new Set(invited.map(({ to }) => to))];
  return accounts.map((to) => {
    const theirs = secrets.filter((_, index) => invited[index]?.to === to);
    const own = { ...message, welcome: { ...shared, secrets: theirs } };
    return { to, sequencer, welcome: encode(MlsMessage, own) };
  });
}
