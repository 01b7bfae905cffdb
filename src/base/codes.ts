/**
 * The error table of the whole package: one line per code. Codes are API: added in minor versions, removed only
 * in majors, never re-used. Columns: retry, scope, blame, RFC 9420 section, sentence.
 */

/** `never`: the message can be acknowledged. `after-sync`: data is missing. `after-fix`: a local cause is to be removed. */
export type Retry = 'never' | 'after-sync' | 'after-fix';
/** What the failure concerns. */
export type Scope = 'message' | 'group' | 'profile';
/** Who most likely caused it. */
export type Blame = 'local' | 'member' | 'network' | 'unknown';

type Row = readonly [retry: Retry, scope: Scope, blame: Blame, section: string, sentence: string];

/** Code to row. */
export const CODES = {
  'codec.truncated': ['never', 'message', 'network', '2.1', 'The input ends inside a field.'],
  'codec.varint': ['never', 'message', 'network', '2.1.2', 'A vector length is not in its shortest form.'],
  'codec.length': [
    'never',
    'message',
    'network',
    '2.1',
    'A vector does not hold a whole number of elements.',
  ],
  'codec.trailing': ['never', 'message', 'network', '2.1', 'Bytes remain after the structure.'],
  'codec.presence': ['never', 'message', 'network', '2.1.1', 'A presence byte is neither 0 nor 1.'],
  'codec.enum': ['never', 'message', 'network', '2.1', 'A closed enumeration has an undefined value.'],
  'codec.utf8': ['never', 'message', 'network', '', 'Text is not well-formed UTF-8.'],
  'codec.base64': ['never', 'message', 'network', '', 'Text is not strict base64.'],
  'codec.duplicate-extension': [
    'never',
    'message',
    'member',
    '13.4',
    'An extension type appears twice in one list.',
  ],
  'codec.component-order': [
    'never',
    'message',
    'member',
    '',
    'Components are not listed in strictly ascending order.',
  ],
  'codec.padding': ['never', 'message', 'member', '6.3.1', 'Padding has a byte that is not zero.'],
  'codec.unsupported': [
    'never',
    'message',
    'network',
    '6',
    'The version, wire format or suite is not implemented.',
  ],
  'codec.limit': ['never', 'message', 'unknown', '2.1.2', 'A configured size or count limit is exceeded.'],
  'codec.input': ['never', 'message', 'local', '', 'The caller passed a value of an unusable type.'],

  'crypto.signature': ['never', 'message', 'member', '5.1.2', 'A signature does not verify.'],
  'crypto.aead': ['never', 'message', 'unknown', '6.3', 'Decryption failed.'],
  'crypto.kem': ['never', 'message', 'member', '5.1.3', 'The key encapsulation failed.'],
  'crypto.public-key': ['never', 'message', 'member', '5.1.1', 'A public key is not valid for the suite.'],
  'crypto.private-key': [
    'after-fix',
    'profile',
    'local',
    '5.1.1',
    'A private key is not valid for the suite.',
  ],
  'crypto.membership-tag': ['never', 'message', 'unknown', '6.2', 'The membership tag is missing or wrong.'],
  'crypto.confirmation-tag': ['never', 'group', 'member', '12.4.2', 'The confirmation tag does not match.'],
  'crypto.entropy': ['after-fix', 'profile', 'local', '', 'The random source is unusable.'],
  'crypto.unavailable': ['after-fix', 'profile', 'local', '5.1', 'The back end lacks an algorithm.'],
  'crypto.self-test': ['after-fix', 'profile', 'local', '', 'The back end failed its self test.'],
  'crypto.limit': ['after-fix', 'group', 'local', '15.2', 'A usage limit of a key is reached; commit first.'],

  'validation.wire-format': [
    'never',
    'message',
    'member',
    '6',
    'This content may not travel in this wire format.',
  ],
  'validation.sender': ['never', 'message', 'member', '6', 'The sender is unknown or may not send this.'],
  'validation.unsupported': [
    'never',
    'message',
    'member',
    '13',
    'Something not supported by all members is used.',
  ],
  'validation.credential': ['never', 'message', 'member', '5.3', 'A credential is not acceptable.'],
  'validation.tree': ['never', 'group', 'member', '12.4.3.3', 'The ratchet tree is malformed.'],
  'validation.tree-hash': [
    'never',
    'group',
    'member',
    '12.4.3.1',
    'The tree does not hash to the group context.',
  ],
  'validation.parent-hash': ['never', 'group', 'member', '7.9.2', 'A parent hash is not valid.'],
  'validation.unmerged-leaves': [
    'never',
    'group',
    'member',
    '12.4.3.1',
    'A list of unmerged leaves is not valid.',
  ],
  'validation.duplicate-key': ['never', 'group', 'member', '7.3', 'A key appears twice in the tree.'],
  'validation.duplicate-client': [
    'never',
    'group',
    'member',
    '12.2',
    'A client would be in the group twice.',
  ],
  'validation.leaf-source': [
    'never',
    'message',
    'member',
    '7.3',
    'A leaf node has the wrong source for its place.',
  ],
  'validation.capabilities': ['never', 'message', 'member', '7.3', 'A leaf node lacks a needed capability.'],
  'validation.key-package': ['never', 'message', 'member', '10.1', 'A KeyPackage is not valid.'],
  'validation.welcome': ['never', 'group', 'member', '12.4.3.1', 'A Welcome is not valid.'],
  'validation.group-info': ['never', 'group', 'member', '12.4.3', 'A GroupInfo is not valid.'],
  'validation.group-id': ['never', 'group', 'member', '11', 'The group id is already in use.'],
  'validation.extension': ['never', 'group', 'member', '13.4', 'An extension of the group is not valid.'],
  'validation.proposal': ['never', 'message', 'member', '12.1', 'A proposal is not valid.'],
  'validation.proposal-list': ['never', 'group', 'member', '12.2', 'A list of proposals is not valid.'],
  'validation.path': ['never', 'group', 'member', '12.4.2', 'An update path is not valid.'],
  'validation.path-required': ['never', 'group', 'member', '12.4', 'A commit lacks its update path.'],
  'validation.psk': ['never', 'group', 'member', '12.1.4', 'A pre-shared key proposal is not valid.'],
  'validation.reinit': ['never', 'group', 'member', '11.2', 'A reinitialization is not valid.'],
  'validation.external-commit': ['never', 'group', 'member', '12.2', 'An external commit is not valid.'],
  'validation.unknown-proposal-ref': [
    'after-sync',
    'group',
    'network',
    '12.4.2',
    'A referenced proposal was not seen.',
  ],

  'state.unknown-group': ['never', 'message', 'network', '6', 'The message belongs to another group.'],
  'state.not-member': ['never', 'group', 'local', '12.4.2', 'This client is no longer a member.'],
  'state.closed': ['never', 'group', 'local', '11.2', 'The group was closed by a reinitialization.'],
  'state.closed-handle': ['never', 'group', 'local', '', 'The handle was closed.'],
  'state.stale-handle': ['never', 'group', 'local', '', 'The handle belongs to an earlier state.'],
  'state.epoch-past': ['never', 'message', 'network', '14', 'The epoch has passed.'],
  'state.key-evicted': ['never', 'message', 'network', '9.2', 'The key was deleted by the retention policy.'],
  'state.replay': ['never', 'message', 'network', '9.2', 'The key was used already.'],
  'state.exported': ['never', 'group', 'local', '', 'This secret was exported and deleted already.'],
  'state.own-message': ['never', 'message', 'network', '6.3.2', 'The message is our own.'],
  'state.epoch-future': ['after-sync', 'message', 'network', '14', 'The epoch is not reached yet.'],
  'state.generation-gap': ['after-sync', 'message', 'member', '15.3', 'The generation is too far ahead.'],
  'state.missing-psk': ['after-fix', 'group', 'local', '8.4', 'A pre-shared key is not available.'],
  'state.unknown-key-package': ['never', 'message', 'network', '12.4.3.1', 'No KeyPackage of ours is named.'],
  'state.key-package-used': ['never', 'message', 'network', '10', 'The KeyPackage was used already.'],
  'state.proposals-pending': ['after-sync', 'group', 'local', '12.4', 'Proposals await a commit.'],
  'state.pending-commit': ['after-sync', 'group', 'local', '14', 'A commit of ours awaits its decision.'],
  'state.busy': ['after-sync', 'group', 'local', '', 'Another operation is under way.'],
  'state.desync': ['after-fix', 'group', 'unknown', '16.12', 'This client and the group have diverged.'],
  'state.rollback': ['after-fix', 'group', 'local', '', 'Newer activity of this client was seen.'],

  'storage.corrupt': ['after-fix', 'group', 'local', '', 'A record cannot be read.'],
  'storage.version': ['after-fix', 'profile', 'local', '', 'A record has an unknown version.'],
  'storage.quota': ['after-fix', 'profile', 'local', '', 'There is no room left to write.'],
  'storage.timeout': ['after-fix', 'profile', 'local', '', 'The store did not answer in time.'],
  'storage.lock': ['after-fix', 'profile', 'local', '', 'Another writer has the store open.'],
  'storage.durability': ['after-fix', 'profile', 'local', '', 'The store could not write.'],
  'storage.contract': ['after-fix', 'profile', 'local', '', 'A backend does not do what backends must.'],
  'storage.conflict': ['after-sync', 'profile', 'local', '', 'Another writer has changed the store.'],

  'policy.lifetime': ['after-fix', 'message', 'member', '7.2', 'A lifetime does not include the present.'],
  'policy.proposal-rejected': [
    'never',
    'message',
    'member',
    '12.2',
    'The group rules do not allow this proposal.',
  ],
  'policy.commit-rejected': ['never', 'group', 'member', '12.2', 'The group rules do not allow this commit.'],
  'policy.successor': [
    'never',
    'group',
    'member',
    '5.3.1',
    'A credential is no valid successor of the old one.',
  ],
  'policy.external-commit': [
    'never',
    'group',
    'member',
    '12.4.3.2',
    'The group does not allow external commits.',
  ],

  'xmpp.stanza': ['never', 'message', 'network', '', 'A stanza or a payload in it is malformed.'],
  'xmpp.node-owner': ['never', 'message', 'network', '', 'An item does not come from the owner of its node.'],
  'xmpp.sender': ['never', 'message', 'network', '', 'The sender of a stanza is not who it has to be.'],
  'xmpp.binding': ['never', 'message', 'unknown', '', 'A message belongs to another conversation.'],
  'xmpp.too-large': [
    'after-fix',
    'message',
    'local',
    '',
    'A stanza or an item is larger than the server takes.',
  ],
  'xmpp.mixed-body': ['never', 'message', 'unknown', '', 'Unencrypted parts stand beside encrypted ones.'],
  'xmpp.downgrade': [
    'never',
    'message',
    'unknown',
    '',
    'A message of an encrypted conversation is not encrypted.',
  ],
  'xmpp.file': ['never', 'message', 'unknown', '', 'A file is not the one that its message describes.'],
  'xmpp.refused': ['after-fix', 'message', 'network', '', 'The server answered a request with an error.'],
  'xmpp.timeout': ['after-sync', 'message', 'network', '', 'No answer came in time; the outcome is unknown.'],
  'xmpp.offline': ['after-sync', 'profile', 'network', '', 'There is no connection; nothing was sent.'],

  'internal.bug': ['after-fix', 'group', 'local', '', 'An invariant of the library broke; please report it.'],
} as const satisfies Readonly<Record<string, Row>>;

/** Every stable error code. */
export type MlsErrorCode = keyof typeof CODES;
