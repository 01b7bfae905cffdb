/** Extensions (RFC 9420 §13.4) and the bodies of the default ones. */

import { fail } from '../base/error.ts';
import { type Codec, decodeOwned, encode, opaque, struct, uint16, vector } from '../codec/codec.ts';
import { type DecodeOptions, Reader } from '../codec/reader.ts';
import { varintSize } from '../codec/varint.ts';
import { Credential } from './credential.ts';
import { ExtensionType } from './registry.ts';

export interface Extension {
  readonly extensionType: number;
  readonly extensionData: Uint8Array;
}

/** §11.1 */
export interface RequiredCapabilities {
  readonly extensionTypes: readonly number[];
  readonly proposalTypes: readonly number[];
  readonly credentialTypes: readonly number[];
}

/** §12.1.8.1 */
export interface ExternalSender {
  readonly signatureKey: Uint8Array;
  readonly credential: Credential;
}

const Extension: Codec<Extension> = /* @__PURE__ */ struct<Extension>({
  extensionType: uint16,
  extensionData: opaque,
});
const list = /* @__PURE__ */ vector(Extension);
/** `uint16 values<V>`. */
export const uint16List: Codec<readonly number[]> = /* @__PURE__ */ vector(uint16, 2);

/** Body of application_id (§5.3.3): never evidence of identity. */
export const ApplicationId: Codec<{ applicationId: Uint8Array }> = /* @__PURE__ */ struct({
  applicationId: opaque,
});
/** Body of required_capabilities (§11.1). */
export const RequiredCapabilities: Codec<RequiredCapabilities> = /* @__PURE__ */ struct<RequiredCapabilities>(
  {
    extensionTypes: uint16List,
    proposalTypes: uint16List,
    credentialTypes: uint16List,
  },
);
/** Body of external_pub (§12.4.3.2). */
export const ExternalPub: Codec<{ externalPub: Uint8Array }> = /* @__PURE__ */ struct({
  externalPub: opaque,
});
/** Body of external_senders (§12.1.8.1). */
export const ExternalSenders: Codec<readonly ExternalSender[]> = /* @__PURE__ */ vector(
  /* @__PURE__ */ struct<ExternalSender>({ signatureKey: opaque, credential: Credential }),
);

/** Which bodies have a meaning in a container; all others stay opaque there. */
export type ExtensionBodies = ReadonlyMap<number, Codec<unknown>>;

/** Bodies known in `LeafNode.extensions`. */
export const LEAF_BODIES: ExtensionBodies = /* @__PURE__ */ new Map([
  [ExtensionType.applicationId, ApplicationId as Codec<unknown>],
]);
/** Bodies known in `GroupContext.extensions`, and so in GroupContextExtensions and ReInit. */
export const CONTEXT_BODIES: ExtensionBodies = /* @__PURE__ */ new Map<number, Codec<unknown>>([
  [ExtensionType.requiredCapabilities, RequiredCapabilities],
  [ExtensionType.externalSenders, ExternalSenders],
]);

const parsed = /* @__PURE__ */ new WeakMap<Extension, unknown>();

/**
 * `Extension extensions<V>`: one per type, and known bodies well-formed already when the container is decoded.
 * @throws `codec.duplicate-extension`, and what the bodies throw
 */
export function extensionList(bodies: ExtensionBodies): Codec<readonly Extension[]> {
  return {
    read: (r) => {
      const extensions = list.read(r);
      noDuplicates(extensions);
      if (bodies.size > 0) parseBodies(r, extensions, bodies);
      return extensions;
    },
    write: (w, extensions) => {
      noDuplicates(extensions);
      list.write(w, extensions);
    },
  };
}

/** The extension of a type, if the list has it. */
export function findExtension(extensions: readonly Extension[], type: number): Extension | undefined {
  return extensions.find((extension) => extension.extensionType === type);
}

/** The parsed body of the extension of a type, if the list has it; parsed once per extension. */
export function extensionBody<T>(
  extensions: readonly Extension[],
  type: number,
  body: Codec<T>,
  options?: DecodeOptions,
): T | undefined {
  const extension = findExtension(extensions, type);
  if (extension === undefined) return undefined;
  const known = parsed.get(extension);
  if (known !== undefined) return known as T;
  const fresh = decodeOwned(body, extension.extensionData, options);
  parsed.set(extension, fresh);
  return fresh;
}

/** Make an extension from its parsed body. */
export function makeExtension<T>(type: number, body: Codec<T>, value: T): Extension {
  return { extensionType: type, extensionData: encode(body, value) };
}

/** Parse the known bodies of a list that `r` has just read: in place, so that errors tell the offset in the input. */
function parseBodies(r: Reader, extensions: readonly Extension[], bodies: ExtensionBodies): void {
  let at = r.offset;
  for (const extension of extensions) at -= sizeOf(extension);
  for (const extension of extensions) {
    const body = bodies.get(extension.extensionType);
    if (body !== undefined) {
      const inner = new Reader(r.bytes, r.options, at + 2);
      const value = inner.vector(() => body.read(inner));
      parsed.set(extension, value);
    }
    at += sizeOf(extension);
  }
}

/** Bytes that an extension takes. */
function sizeOf({ extensionData: { length } }: Extension): number {
  return 2 + varintSize(length) + length;
}

function noDuplicates(extensions: readonly Extension[]): void {
  if (extensions.length < 2) return;
  const seen = new Set<number>();
  for (const { extensionType } of extensions) {
    if (seen.has(extensionType)) fail('codec.duplicate-extension', { extensionType });
    seen.add(extensionType);
  }
}
