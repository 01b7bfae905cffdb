/** Credential (RFC 9420 §5.3). */

import { ownedCopy, utf8 } from '../base/bytes.ts';
import { fail } from '../base/error.ts';
import { type Codec, checked, opaque, select, struct, uint16, vector } from '../codec/codec.ts';
import { openBody } from './openBody.ts';
import { CredentialType } from './registry.ts';

/** What a member presents as its identity. `identity` is opaque: it need not be text. */
export type Credential = BasicCredential | X509Credential | OtherCredential;
export interface BasicCredential {
  readonly credentialType: 1;
  readonly identity: Uint8Array;
}
/** DER certificates, the end entity first. */
export interface X509Credential {
  readonly credentialType: 2;
  readonly certificates: readonly Uint8Array[];
}
/** A type registered through the decoding options; `body` is everything after the type. */
export interface OtherCredential {
  readonly credentialType: number;
  readonly body: Uint8Array;
}

const certificates = /* @__PURE__ */ checked(/* @__PURE__ */ vector(opaque), (chain) => {
  if (chain.length === 0) fail('validation.credential', { certificates: 0 });
});
const basic = /* @__PURE__ */ struct({ identity: opaque });
const x509 = /* @__PURE__ */ struct({ certificates });

/** @throws `validation.unsupported` for an unregistered type, whose body has no known end */
export const Credential: Codec<Credential> = /* @__PURE__ */ select<Credential>(
  'credentialType',
  uint16,
  (type, reader) => {
    if (type === CredentialType.basic) return basic;
    if (type === CredentialType.x509) return x509;
    return openBody(reader, reader?.options.openTypes?.credentials?.get(type));
  },
  'validation.unsupported',
);

/** A basic credential (§5.3) over any bytes. @throws `codec.utf8` for text with a lone surrogate */
export function basicCredential(identity: Uint8Array | string): BasicCredential {
  return {
    credentialType: CredentialType.basic,
    identity: typeof identity === 'string' ? utf8(identity) : ownedCopy(identity),
  };
}
