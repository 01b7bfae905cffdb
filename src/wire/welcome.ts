/** Welcome and what it seals (RFC 9420 §12.4.3.1). */

import { type Codec, opaque, optional, struct, uint16, vector } from '../codec/codec.ts';
import { HpkeCiphertext } from './commit.ts';
import { PreSharedKeyId } from './psk.ts';

export interface EncryptedGroupSecrets {
  /** KeyPackageRef of the new member. */
  readonly newMember: Uint8Array;
  readonly encryptedGroupSecrets: HpkeCiphertext;
}
export interface Welcome {
  readonly cipherSuite: number;
  readonly secrets: readonly EncryptedGroupSecrets[];
  readonly encryptedGroupInfo: Uint8Array;
}
export interface GroupSecrets {
  readonly joinerSecret: Uint8Array;
  /** Path secret of the lowest common ancestor of the new member and the committer. */
  readonly pathSecret: { readonly pathSecret: Uint8Array } | undefined;
  readonly psks: readonly PreSharedKeyId[];
}

const EncryptedGroupSecrets: Codec<EncryptedGroupSecrets> = /* @__PURE__ */ struct<EncryptedGroupSecrets>({
  newMember: opaque,
  encryptedGroupSecrets: HpkeCiphertext,
});
export const Welcome: Codec<Welcome> = /* @__PURE__ */ struct<Welcome>({
  cipherSuite: uint16,
  secrets: /* @__PURE__ */ vector(EncryptedGroupSecrets),
  encryptedGroupInfo: opaque,
});
export const GroupSecrets: Codec<GroupSecrets> = /* @__PURE__ */ struct<GroupSecrets>({
  joinerSecret: opaque,
  pathSecret: /* @__PURE__ */ optional(/* @__PURE__ */ struct({ pathSecret: opaque })),
  psks: /* @__PURE__ */ vector(PreSharedKeyId),
});
