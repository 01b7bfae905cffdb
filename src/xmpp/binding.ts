/**
 * What ties a group to where it lives: MLS for XMPP, version 0, section 4.1.
 *
 * The binding is an extension of the GroupContext, so the key schedule covers it, and with it every message.
 */

import { compare, EMPTY, fromUtf8, utf8 } from '../base/bytes.ts';
import { fail, MlsError } from '../base/error.ts';
import {
  type Codec,
  checked,
  fixedOpaque,
  mapped,
  oneOf,
  opaque,
  struct,
  text,
  uint8,
  uint32,
  vector,
} from '../codec/codec.ts';
import type { Group } from '../index.ts';
import { type Extension, extensionBody, makeExtension, RequiredCapabilities } from '../wire/extension.ts';
import { CredentialType, ExtensionType } from '../wire/registry.ts';
import { DEVICE_CERT } from './identity/deviceCert.ts';
import { sameBareJid } from './jid.ts';

/** Extension type of GroupContexts `xmpp_binding`. */
export const XMPP_BINDING = 0xf0e1;

/** Where a group lives. */
export const GroupMode = /* @__PURE__ */ Object.freeze({ muc: 1, dm: 2, mix: 3, self: 4 } as const);
export type GroupMode = (typeof GroupMode)[keyof typeof GroupMode];

/** Who may change the group: an account with its key. */
export interface Admin {
  /** Bare JID. */
  readonly jid: string;
  /** Fingerprint of the account's key, 32 bytes. */
  readonly aikId: Uint8Array;
}

/** Body of {@link XMPP_BINDING}. */
export interface XmppBinding {
  readonly version: 0;
  readonly mode: GroupMode;
  /** Room or channel whose archive orders the commits. */
  readonly sequencer: string;
  /** 0: by invitation. 1: whoever the room lets in. */
  readonly joinRule: 0 | 1;
  /** 0: admins, or with evidence. 1: any member. */
  readonly removeRule: 0 | 1;
  /** 0: no GroupInfo. 1: published. */
  readonly infoRule: 0 | 1;
  /** 0: history for own devices only. 1: members may share it. */
  readonly historyRule: 0 | 1;
  /** Seconds after which a silent leaf counts as abandoned; 0 for never. */
  readonly staleAfter: number;
  readonly admins: readonly Admin[];
  /** The two accounts of a one-to-one group, as `sortedPair` orders them; nothing in any other. */
  readonly pair: readonly [string, string] | undefined;
}

const Admin: Codec<Admin> = /* @__PURE__ */ struct<Admin>({
  jid: text,
  aikId: /* @__PURE__ */ fixedOpaque(32),
});
const rule = /* @__PURE__ */ oneOf<0 | 1>(uint8, [0, 1]);
const Pair: Codec<XmppBinding['pair']> = /* @__PURE__ */ mapped(opaque, readPair, (pair) =>
  pair === undefined ? EMPTY : utf8(pair.join('\0')),
);

/** Body of {@link XMPP_BINDING}. @throws `codec.*`; `xmpp.binding` for a pair that is none, or stands in another mode */
export const XmppBinding: Codec<XmppBinding> = /* @__PURE__ */ checked(
  /* @__PURE__ */ struct<XmppBinding>({
    version: /* @__PURE__ */ oneOf(uint8, [0], 'codec.unsupported'),
    mode: /* @__PURE__ */ oneOf<GroupMode>(uint8, [1, 2, 3, 4]),
    sequencer: text,
    joinRule: rule,
    removeRule: rule,
    infoRule: rule,
    historyRule: rule,
    staleAfter: uint32,
    admins: /* @__PURE__ */ vector(Admin),
    pair: Pair,
  }),
  ({ mode, pair }) => {
    if ((mode === GroupMode.dm) !== (pair !== undefined)) fail('xmpp.binding', { field: 'pair', mode });
    if (pair !== undefined && sortedPair(...pair)[0] !== pair[0]) fail('xmpp.binding', { field: 'pair' });
  },
);

/** Two bare JIDs in the order of a binding: that of their bytes. @throws `xmpp.binding` for one account twice */
export function sortedPair(a: string, b: string): readonly [string, string] {
  const order = compare(utf8(a), utf8(b));
  if (order === 0) fail('xmpp.binding', { field: 'pair' });
  return order < 0 ? [a, b] : [b, a];
}

/** The binding as an extension. @throws `xmpp.binding`, `codec.*` */
export function bindingExtension(binding: XmppBinding): Extension {
  return makeExtension(XMPP_BINDING, XmppBinding, binding);
}

/** What all members of a bound group support. */
export const requiredCapabilities: RequiredCapabilities = /* @__PURE__ */ Object.freeze({
  extensionTypes: [DEVICE_CERT, XMPP_BINDING],
  proposalTypes: [],
  credentialTypes: [CredentialType.basic],
});

/** The extensions of a new group: what its members must support, and the binding. @throws as {@link bindingExtension} */
export function groupExtensions(binding: XmppBinding): readonly Extension[] {
  return [
    makeExtension(ExtensionType.requiredCapabilities, RequiredCapabilities, requiredCapabilities),
    bindingExtension(binding),
  ];
}

/** The binding of a group; nothing when there is none, or none that can be read. */
export function findBinding(extensions: readonly Extension[]): XmppBinding | undefined {
  try {
    return extensionBody(extensions, XMPP_BINDING, XmppBinding);
  } catch (error) {
    if (error instanceof MlsError) return undefined;
    throw error;
  }
}

/** The binding of a group. @throws `xmpp.binding` when there is none, or none that can be read */
export function bindingOf(extensions: readonly Extension[]): XmppBinding {
  return findBinding(extensions) ?? fail('xmpp.binding', { missing: 'binding' });
}

/** Where something arrived. JIDs may have resources, and need not be normalised. */
export type Arrival =
  | { readonly kind: 'room' | 'channel'; readonly jid: string }
  /** A one-to-one conversation, and its log room where that is known. */
  | { readonly kind: 'pair'; readonly jids: readonly [string, string]; readonly sequencer?: string }
  | { readonly kind: 'self'; readonly jid: string; readonly sequencer?: string };

/**
 * A Welcome or a GroupInfo belongs to where it came from: this keeps the traffic of one room out of another.
 * @param extensions of the GroupContext
 * @throws `xmpp.binding`
 */
export function requireArrival(extensions: readonly Extension[], arrival: Arrival): XmppBinding {
  const binding = bindingOf(extensions);
  const { kind } = arrival;
  if (binding.mode !== MODES[kind]) fail('xmpp.binding', { field: 'mode', mode: binding.mode });
  const sequencer = 'sequencer' in arrival ? arrival.sequencer : undefined;
  const expected = kind === 'room' || kind === 'channel' ? arrival.jid : sequencer;
  if (expected !== undefined && !sameBareJid(binding.sequencer, expected))
    fail('xmpp.binding', { field: 'sequencer' });
  if (kind === 'pair' && !isPair(binding.pair, arrival.jids)) fail('xmpp.binding', { field: 'pair' });
  if (kind === 'self' && !isOnly(binding.admins, arrival.jid)) fail('xmpp.binding', { field: 'admins' });
  return binding;
}

/** Which branch of its history a group is on: 8 bytes, equal for those who agree. @throws `state.closed`, `state.not-member` */
export function branchTag(group: Pick<Group, 'export'>): Uint8Array {
  return group.export('XMPP MLS 0 branch', EMPTY, 8);
}

const MODES = { room: GroupMode.muc, channel: GroupMode.mix, pair: GroupMode.dm, self: GroupMode.self };

function isPair(pair: XmppBinding['pair'], [a, b]: readonly [string, string]): boolean {
  if (pair === undefined) return false;
  const [first, second] = pair;
  return (
    (sameBareJid(first, a) && sameBareJid(second, b)) || (sameBareJid(first, b) && sameBareJid(second, a))
  );
}

function isOnly(admins: readonly Admin[], jid: string): boolean {
  return admins.length > 0 && admins.every((admin) => sameBareJid(admin.jid, jid));
}

function readPair(bytes: Uint8Array): XmppBinding['pair'] {
  if (bytes.length === 0) return undefined;
  const [first, second, ...more] = fromUtf8(bytes).split('\0');
  if (first === undefined || second === undefined || more.length > 0)
    return fail('xmpp.binding', { field: 'pair' });
  return first === '' || second === '' ? fail('xmpp.binding', { field: 'pair' }) : [first, second];
}
