/** The cases as they are written: the fields of the official format, and ours behind them (see ../README.md). */

import { toHex } from '../../src/base/bytes.ts';

/** Output of the exporter (RFC 9420 §8.5). */
export interface ExporterRecord {
  readonly label: string;
  readonly context: string;
  readonly length: number;
  readonly secret: string;
}

/** An application message that arrives, and what becomes of it. */
export type MessageRecord =
  | {
      readonly message: string;
      readonly outcome: 'delivered';
      readonly epoch: number;
      readonly sender: number;
      readonly generation: number;
      readonly authenticated_data: string;
      readonly plaintext: string;
    }
  | { readonly message: string; readonly outcome: 'duplicate' | 'expired' };

/** A message that must be refused. */
export interface RefusalRecord {
  readonly title: string;
  /** Ids of test/house/checklist-ids.json. */
  readonly rules: readonly string[];
  readonly proposals: readonly string[];
  readonly message: string;
  readonly code: string;
}

/** What may happen within an epoch. */
export interface Stage {
  exporters?: ExporterRecord[];
  messages?: MessageRecord[];
  rejected?: RefusalRecord[];
  follow_ups?: CaseRecord[];
}

/** How an epoch is entered. */
export interface EpochRecord extends Stage {
  readonly proposals: readonly string[];
  readonly commit: string;
  readonly epoch_authenticator: string;
}

/** One passive client in one group. */
export interface CaseRecord extends Stage {
  family?: string;
  past_epochs?: number;
  readonly cipher_suite: number;
  readonly external_psks: readonly { readonly psk_id: string; readonly psk: string }[];
  readonly key_package: string;
  readonly signature_priv: string;
  readonly encryption_priv: string;
  readonly init_priv: string;
  readonly welcome: string;
  readonly ratchet_tree: string | null;
  readonly initial_epoch_authenticator: string;
  readonly epochs: EpochRecord[];
}

/** Keys of the passive client. */
export interface PassiveKeys {
  /** The KeyPackage as an MLSMessage. */
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly encryption: Uint8Array;
  readonly init: Uint8Array;
}

/** An external PSK. */
export interface KnownPsk {
  readonly id: Uint8Array;
  readonly secret: Uint8Array;
}

/** A case whose client has just joined. */
export function newCase(
  suite: number,
  keys: PassiveKeys,
  psks: readonly KnownPsk[],
  joined: {
    readonly welcome: Uint8Array;
    readonly ratchetTree: Uint8Array | undefined;
    readonly authenticator: Uint8Array;
  },
): CaseRecord {
  return {
    cipher_suite: suite,
    external_psks: psks.map(({ id, secret }) => ({ psk_id: toHex(id), psk: toHex(secret) })),
    key_package: toHex(keys.message),
    signature_priv: toHex(keys.signature),
    encryption_priv: toHex(keys.encryption),
    init_priv: toHex(keys.init),
    welcome: toHex(joined.welcome),
    ratchet_tree: joined.ratchetTree === undefined ? null : toHex(joined.ratchetTree),
    initial_epoch_authenticator: toHex(joined.authenticator),
    epochs: [],
  };
}

/** The text of a file: what belongs to an epoch stands before the epochs that follow on it. */
export function fileText(cases: readonly CaseRecord[]): string {
  return `${JSON.stringify(cases, ordered, 1)}\n`;
}

function ordered(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('epochs' in value)) return value;
  const { epochs, ...before } = value;
  return { ...before, epochs };
}
