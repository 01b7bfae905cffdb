/** Trees of secrets as records: as far as they were derived, and no further. */

import { type Codec, empty, mapped, opaque, select, struct, uint8, uint32, vector } from '../codec/codec.ts';
import type { Ratchet, SkippedKeys } from '../schedule/ratchet.ts';
import type { ExporterNode, ExporterTree } from '../schedule/safeExporter.ts';
import type { SecretNode, SecretTree } from '../schedule/secretTree.ts';

const RatchetRecord: Codec<Ratchet> = /* @__PURE__ */ struct<Ratchet>({
  next: uint32,
  secret: opaque,
  skipped: /* @__PURE__ */ vector(
    /* @__PURE__ */ struct<SkippedKeys>({ first: uint32, count: uint32, packed: opaque, used: opaque }),
  ),
  evictedBelow: uint32,
});

const Nested: Codec<SecretNode> = {
  read: (r) => NodeRecord.read(r),
  write: (w, node) => NodeRecord.write(w, node),
};

const bodies: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [0, /* @__PURE__ */ struct({ secret: opaque })],
  [1, /* @__PURE__ */ struct({ left: Nested, right: Nested })],
  [2, /* @__PURE__ */ struct({ handshake: RatchetRecord, application: RatchetRecord })],
]);

type Tagged = SecretNode & { readonly tag: number };

const NodeRecord: Codec<SecretNode> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ select<Tagged>('tag', uint8, (tag) => bodies.get(tag)),
  ({ tag: _, ...node }) => node as SecretNode,
  (node) => ({ ...node, tag: 'secret' in node ? 0 : 'left' in node ? 1 : 2 }),
);

/** The message secrets of one epoch. */
export const SecretTreeRecord: Codec<SecretTree> = /* @__PURE__ */ struct<SecretTree>({
  width: uint32,
  root: NodeRecord,
});

const NestedExporter: Codec<ExporterNode> = {
  read: (r) => ExporterNodeRecord.read(r),
  write: (w, node) => ExporterNodeRecord.write(w, node),
};

const exporterBodies: ReadonlyMap<number, Codec<object>> = /* @__PURE__ */ new Map<number, Codec<object>>([
  [0, /* @__PURE__ */ struct({ secret: opaque })],
  [1, /* @__PURE__ */ struct({ left: NestedExporter, right: NestedExporter })],
  [2, empty],
]);

const ExporterNodeRecord: Codec<ExporterNode> = /* @__PURE__ */ mapped(
  /* @__PURE__ */ select<{ readonly tag: number }>('tag', uint8, (tag) => exporterBodies.get(tag)),
  ({ tag, ...node }) => (tag === 2 ? { exported: true } : (node as ExporterNode)),
  (node) => ({ ...node, tag: 'secret' in node ? 0 : 'left' in node ? 1 : 2 }),
);

/** The component secrets of one epoch that were not exported. */
export const ExporterTreeRecord: Codec<ExporterTree> = /* @__PURE__ */ struct<ExporterTree>({
  root: ExporterNodeRecord,
});
