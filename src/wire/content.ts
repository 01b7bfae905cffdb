/** Framed and authenticated content (RFC 9420 §6, §6.1). */

import { fail } from '../base/error.ts';
import { type CachedCodec, cached } from '../codec/cached.ts';
import { type Codec, opaque, select, struct, uint8, uint32, uint64 } from '../codec/codec.ts';
import type { Reader } from '../codec/reader.ts';
import type { Writer } from '../codec/writer.ts';
import { Commit } from './commit.ts';
import { Proposal } from './proposal.ts';
import { ContentType, SenderType, WireFormat } from './registry.ts';

export type Sender =
  | { readonly senderType: 1; readonly leafIndex: number }
  | { readonly senderType: 2; readonly senderIndex: number }
  | { readonly senderType: 3 }
  | { readonly senderType: 4 };

/** The body of a message, by content type. */
export type Content =
  | { readonly contentType: 1; readonly applicationData: Uint8Array }
  | { readonly contentType: 2; readonly proposal: Proposal }
  | { readonly contentType: 3; readonly commit: Commit };

export interface FramedContent {
  readonly groupId: Uint8Array;
  readonly epoch: bigint;
  readonly sender: Sender;
  readonly authenticatedData: Uint8Array;
  readonly content: Content;
}

export interface FramedContentAuthData {
  readonly signature: Uint8Array;
  /** Present exactly for commits. */
  readonly confirmationTag: Uint8Array | undefined;
}

/** Content with its proof, apart from how it travelled: the input of ProposalRef and of the transcript. */
export interface AuthenticatedContent {
  readonly wireFormat: 1 | 2;
  readonly content: FramedContent;
  readonly auth: FramedContentAuthData;
}

const senders: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [SenderType.member, /* @__PURE__ */ struct({ leafIndex: uint32 })],
  [SenderType.external, /* @__PURE__ */ struct({ senderIndex: uint32 })],
  [SenderType.newMemberProposal, /* @__PURE__ */ struct({})],
  [SenderType.newMemberCommit, /* @__PURE__ */ struct({})],
]);
const Sender: Codec<Sender> = /* @__PURE__ */ select<Sender>('senderType', uint8, (type) =>
  senders.get(type),
);

const contents: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [ContentType.application, /* @__PURE__ */ struct({ applicationData: opaque })],
  [ContentType.proposal, /* @__PURE__ */ struct({ proposal: Proposal })],
  [ContentType.commit, /* @__PURE__ */ struct({ commit: Commit })],
]);
const Content: Codec<Content> = /* @__PURE__ */ select<Content>('contentType', uint8, (type) =>
  contents.get(type),
);

/** The body alone, its type known from elsewhere (`PrivateMessageContent`, §6.3.1). */
export function readContentBody(reader: Reader, contentType: ContentType): Content {
  const body = contents.get(contentType) as Codec<object>;
  return { contentType, ...body.read(reader) } as Content;
}

/** The counterpart of {@link readContentBody}. */
export function writeContentBody(writer: Writer, content: Content): void {
  (contents.get(content.contentType) as Codec<object>).write(writer, content);
}

export const FramedContent: CachedCodec<FramedContent> = /* @__PURE__ */ cached(
  /* @__PURE__ */ struct<FramedContent>({
    groupId: opaque,
    epoch: uint64,
    sender: Sender,
    authenticatedData: opaque,
    content: Content,
  }),
);

/** `FramedContentAuthData`, whose form depends on the content type. */
export function readAuthData(reader: Reader, contentType: ContentType): FramedContentAuthData {
  const signature = reader.opaque();
  return { signature, confirmationTag: contentType === ContentType.commit ? reader.opaque() : undefined };
}

/** @throws `codec.input` when the tag is missing from a commit or present elsewhere */
export function writeAuthData(writer: Writer, contentType: ContentType, auth: FramedContentAuthData): void {
  const isCommit = contentType === ContentType.commit;
  if (isCommit !== (auth.confirmationTag !== undefined)) fail('codec.input', { field: 'confirmationTag' });
  writer.opaque(auth.signature);
  if (auth.confirmationTag !== undefined) writer.opaque(auth.confirmationTag);
}

export const AuthenticatedContent: CachedCodec<AuthenticatedContent> = /* @__PURE__ */ cached({
  read: (r: Reader): AuthenticatedContent => {
    const offset = r.offset;
    const wireFormat = r.uint16();
    if (wireFormat !== WireFormat.publicMessage && wireFormat !== WireFormat.privateMessage) {
      return fail('codec.enum', { field: 'wireFormat', value: wireFormat, offset });
    }
    const content = FramedContent.read(r);
    return { wireFormat, content, auth: readAuthData(r, content.content.contentType) };
  },
  write: (w: Writer, { wireFormat, content, auth }: AuthenticatedContent): void => {
    w.uint16(wireFormat);
    FramedContent.write(w, content);
    writeAuthData(w, content.content.contentType, auth);
  },
});
