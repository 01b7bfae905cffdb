/** Names of code points (RFC 9420 §17, and the closed enumerations of the text), as the RFC writes them. */

import { SUITES } from '../../crypto/suites.ts';
import { GREASE } from '../../wire/registry.ts';

/** The name of a code point; `undefined` for a field that is not an enumeration. */
export function codeName(field: string, value: number): string | undefined {
  const registry = REGISTRIES.get(field);
  if (registry === undefined) return undefined;
  return registry.get(value) ?? (GREASE.includes(value) ? 'GREASE' : fallback(field, value));
}

/** §17.1 to §17.5 leave the upper 4096 values of 16-bit registries for private use. */
function fallback(field: string, value: number): string {
  return !CLOSED.has(field) && value >= 0xf000 ? 'private use' : 'unknown';
}

function names(...list: readonly string[]): ReadonlyMap<number, string> {
  return new Map(list.map((name, i) => [i + 1, name]));
}

const versions = names('mls10');
const suites = new Map(SUITES.map((suite) => [suite.id, suite.name]));
const extensions = names(
  'application_id',
  'ratchet_tree',
  'required_capabilities',
  'external_pub',
  'external_senders',
);
const proposals = names(
  'add',
  'update',
  'remove',
  'psk',
  'reinit',
  'external_init',
  'group_context_extensions',
);
const credentials = names('basic', 'x509');

/** By field name as the outline prints it. */
const REGISTRIES: ReadonlyMap<string, ReadonlyMap<number, string>> = new Map([
  ['version', versions],
  ['versions', versions],
  ['cipher_suite', suites],
  ['cipher_suites', suites],
  ['extension_type', extensions],
  ['extension_types', extensions],
  ['extensions', extensions],
  ['proposal_type', proposals],
  ['proposal_types', proposals],
  ['proposals', proposals],
  ['credential_type', credentials],
  ['credential_types', credentials],
  ['credentials', credentials],
  [
    'wire_format',
    names('mls_public_message', 'mls_private_message', 'mls_welcome', 'mls_group_info', 'mls_key_package'),
  ],
  ['content_type', names('application', 'proposal', 'commit')],
  ['sender_type', names('member', 'external', 'new_member_proposal', 'new_member_commit')],
  ['leaf_node_source', names('key_package', 'update', 'commit')],
  ['node_type', names('leaf', 'parent')],
  ['psk_type', names('external', 'resumption')],
  ['usage', names('application', 'reinit', 'branch')],
  ['type', names('proposal', 'reference')],
]);

const CLOSED: ReadonlySet<string> = new Set([
  'content_type',
  'sender_type',
  'leaf_node_source',
  'node_type',
  'psk_type',
  'usage',
  'type',
]);
