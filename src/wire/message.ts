/** MLSMessage and its two group message forms (RFC 9420 §6). */

import { fail } from '../base/error.ts';
import {
  type Codec,
  fixedOpaque,
  oneOf,
  opaque,
  select,
  struct,
  uint8,
  uint16,
  uint32,
  uint64,
} from '../codec/codec.ts';
import type { Reader } from '../codec/reader.ts';
import type { Writer } from '../codec/writer.ts';
import { FramedContent, type FramedContentAuthData, readAuthData, writeAuthData } from './content.ts';
import { GroupInfo } from './groupInfo.ts';
import { KeyPackage, ProtocolVersion } from './keyPackage.ts';
import { ContentType, MLS10, SenderType, WireFormat } from './registry.ts';
import { Welcome } from './welcome.ts';

/** §6.2 */
export interface PublicMessage {
  readonly content: FramedContent;
  readonly auth: FramedContentAuthData;
  /** Present exactly for members. */
  readonly membershipTag: Uint8Array | undefined;
}
/** §6.3 */
export interface PrivateMessage {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly contentType: ContentType;
  readonly authenticatedData: Uint8Array;
  readonly encryptedSenderData: Uint8Array;
  readonly ciphertext: Uint8Array;
}
/** §6.3.2 */
export interface SenderData {
  readonly leafIndex: number;
  readonly generation: number;
  readonly reuseGuard: Uint8Array;
}
export type MlsMessage = { readonly version: 1 } & MessageBody;
/** What an MLSMessage carries, by wire format. */
export type MessageBody =
  | { readonly wireFormat: 1; readonly publicMessage: PublicMessage }
  | { readonly wireFormat: 2; readonly privateMessage: PrivateMessage }
  | { readonly wireFormat: 3; readonly welcome: Welcome }
  | { readonly wireFormat: 4; readonly groupInfo: GroupInfo }
  | { readonly wireFormat: 5; readonly keyPackage: KeyPackage };

export const PublicMessage: Codec<PublicMessage> = {
  read: (r: Reader) => {
    const content = FramedContent.read(r);
    const auth = readAuthData(r, content.content.contentType);
    const fromMember = content.sender.senderType === SenderType.member;
    return { content, auth, membershipTag: fromMember ? r.opaque() : undefined };
  },
  write: (w: Writer, { content, auth, membershipTag }) => {
    const fromMember = content.sender.senderType === SenderType.member;
    if (fromMember !== (membershipTag !== undefined)) fail('codec.input', { field: 'membershipTag' });
    FramedContent.write(w, content);
    writeAuthData(w, content.content.contentType, auth);
    if (membershipTag !== undefined) w.opaque(membershipTag);
  },
};

const contentType = /* @__PURE__ */ oneOf(uint8, Object.values(ContentType));
export const PrivateMessage: Codec<PrivateMessage> = /* @__PURE__ */ struct<PrivateMessage>({
  groupId: opaque,
  epoch: uint64,
  contentType,
  authenticatedData: opaque,
  encryptedSenderData: opaque,
  ciphertext: opaque,
});

export const SenderData: Codec<SenderData> = /* @__PURE__ */ struct<SenderData>({
  leafIndex: uint32,
  generation: uint32,
  reuseGuard: /* @__PURE__ */ fixedOpaque(4),
});

const bodies: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [WireFormat.publicMessage, /* @__PURE__ */ struct({ publicMessage: PublicMessage })],
  [WireFormat.privateMessage, /* @__PURE__ */ struct({ privateMessage: PrivateMessage })],
  [WireFormat.welcome, /* @__PURE__ */ struct({ welcome: Welcome })],
  [WireFormat.groupInfo, /* @__PURE__ */ struct({ groupInfo: GroupInfo as Codec<GroupInfo> })],
  [WireFormat.keyPackage, /* @__PURE__ */ struct({ keyPackage: KeyPackage as Codec<KeyPackage> })],
]);
const MessageBody: Codec<MessageBody> = /* @__PURE__ */ select<MessageBody>(
  'wireFormat',
  uint16,
  (format) => bodies.get(format),
  'codec.unsupported',
);

/** @throws `codec.unsupported` for another version or wire format */
export const MlsMessage: Codec<MlsMessage> = {
  read: (r) => {
    ProtocolVersion.read(r);
    return { version: MLS10, ...MessageBody.read(r) };
  },
  write: (w, message) => {
    ProtocolVersion.write(w, message.version);
    MessageBody.write(w, message);
  },
};
