/** The kinds of MLS test vectors, and how to tell them apart. */

import { verifyCryptoBasics } from './cryptoBasics.ts';
import { verifyDeserialization } from './deserialization.ts';
import { verifyKeySchedule } from './keySchedule.ts';
import { verifyMessageProtection } from './messageProtection.ts';
import { verifyMessages } from './messages.ts';
import { verifyPassiveClient } from './passiveClient.ts';
import { verifyPskSecret } from './pskSecret.ts';
import { verifySecretTree } from './secretTree.ts';
import { verifyTranscriptHashes } from './transcriptHashes.ts';
import { verifyTreekem } from './treekem.ts';
import { verifyTreeMath } from './treeMath.ts';
import { verifyTreeOperations } from './treeOperations.ts';
import { verifyTreeValidation } from './treeValidation.ts';
import type { Json, Verifier } from './verifier.ts';
import { verifyWelcome } from './welcome.ts';

/** One kind of vectors. */
export interface Kind {
  readonly name: string;
  /** Fields that a case of this kind has, and that no other kind has together. */
  readonly fields: readonly string[];
  readonly verify: Verifier;
}

/** All kinds of the MLS working group. */
export const KINDS: readonly Kind[] = [
  kind('crypto-basics', verifyCryptoBasics, 'ref_hash', 'expand_with_label'),
  kind('deserialization', verifyDeserialization, 'vlbytes_header', 'length'),
  kind('key-schedule', verifyKeySchedule, 'initial_init_secret', 'epochs'),
  kind('message-protection', verifyMessageProtection, 'proposal_pub', 'application_priv'),
  kind('messages', verifyMessages, 'mls_welcome', 'public_message_commit'),
  kind('passive-client', verifyPassiveClient, 'external_psks', 'initial_epoch_authenticator'),
  kind('psk-secret', verifyPskSecret, 'psks', 'psk_secret'),
  kind('secret-tree', verifySecretTree, 'encryption_secret', 'sender_data', 'leaves'),
  kind('transcript-hashes', verifyTranscriptHashes, 'authenticated_content', 'interim_transcript_hash_after'),
  kind('tree-math', verifyTreeMath, 'n_leaves', 'n_nodes', 'sibling'),
  kind('tree-operations', verifyTreeOperations, 'tree_before', 'tree_after', 'proposal_sender'),
  kind('tree-validation', verifyTreeValidation, 'tree', 'tree_hashes', 'resolutions'),
  kind('treekem', verifyTreekem, 'leaves_private', 'update_paths'),
  kind('welcome', verifyWelcome, 'welcome', 'init_priv', 'signer_pub'),
];

/** The kind of a case, by its fields; `undefined` for an unknown one. */
export function kindOf(vector: Json): Kind | undefined {
  return KINDS.find(({ fields }) => fields.every((field) => field in vector));
}

function kind(name: string, verify: Verifier, ...fields: readonly string[]): Kind {
  return { name, fields, verify };
}
