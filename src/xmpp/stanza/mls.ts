/**
 * MLS for XMPP, version 0: the element that carries MLS messages in stanzas, and where it may stand.
 *
 * One `<mls/>` holds one thing: a message of the group with what belongs to it, a Welcome, or a request (`mlsControl.ts`).
 * MLS messages are bytes here; what is in them is not looked at.
 */

import { fromBase64, toBase64, toHex } from '../../base/bytes.ts';
import {
  attr,
  bytesIn,
  child,
  childrenOf,
  decimal,
  el,
  elBytes,
  elementsOf,
  namespaceOf,
  needAttr,
  needChild,
  refuse,
  type XmlElement,
} from '../element.ts';
import { jidIn } from '../jid.ts';
import { buildControl, type Control, readControl } from './mlsControl.ts';
import { NS_MLS, readBranch, readEpoch } from './mlsFields.ts';

const NS_SFS = 'urn:xmpp:sfs:0';
const NS_URL = 'http://jabber.org/protocol/url-data';

/** The GroupInfo of an epoch. */
export interface GroupInfoPart {
  /** Tag of the epoch that it describes: 8 bytes. */
  readonly branch: Uint8Array;
  readonly message: Uint8Array;
}

/** A ratchet tree: the vector itself, or where it can be had. */
export type TreePart =
  | { readonly kind: 'inline'; readonly tree: Uint8Array }
  | {
      readonly kind: 'reference';
      readonly epoch: bigint;
      /** Bytes. */
      readonly size: number;
      readonly sha256: Uint8Array;
      readonly urls: readonly string[];
    };

/** What one `<mls/>` holds. */
export type MlsContent =
  | { readonly kind: 'app' | 'proposal'; readonly message: Uint8Array }
  | {
      readonly kind: 'commit';
      readonly message: Uint8Array;
      readonly groupInfo?: GroupInfoPart;
      /** From the tree of the epoch to that of the next. */
      readonly treePatch?: Uint8Array;
    }
  | { readonly kind: 'group-info'; readonly groupInfo: GroupInfoPart; readonly tree?: TreePart }
  | { readonly kind: 'tree'; readonly tree: TreePart }
  | {
      readonly kind: 'welcome';
      readonly message: Uint8Array;
      /** Where the group is ordered, and from where to read: hints. */
      readonly sequencer?: string;
      readonly cursor?: string;
    }
  | Control;

/** One `<mls/>`. */
export interface MlsPayload {
  /** Tag of the epoch in which the message was made: 8 bytes. */
  readonly branch: Uint8Array | undefined;
  readonly content: MlsContent;
}

/** Build the element. */
export function buildMls(content: MlsContent, branch?: Uint8Array): XmlElement {
  return el('mls', { xmlns: NS_MLS, branch: branch && toHex(branch) }, ...parts(content));
}

/** The `<mls/>` of a stanza, item or envelope, unread. @throws `xmpp.stanza` for several */
export function mlsIn(parent: XmlElement): XmlElement | undefined {
  return child(parent, 'mls', NS_MLS);
}

/**
 * Read the element. Elements of other namespaces in it are skipped.
 * @returns nothing if it holds only what we do not know: a later version
 * @throws `xmpp.stanza` for two contents in one, and for what is malformed; `codec.base64`
 */
export function readMls(mls: XmlElement): MlsPayload | undefined {
  const inside = elementsOf(mls).filter((one) => namespaceOf(one) === NS_MLS && KNOWN.has(one.name));
  const [main, ...beside] = inside.sort((a, b) => rank(a) - rank(b));
  if (main === undefined) return undefined;
  const allowed = BESIDE[main.name] ?? [];
  if (beside.some(({ name }) => !allowed.includes(name))) refuse('mls', 'several');
  return { branch: readBranch(mls), content: readContent(mls, main) };
}

/** The main content first, then what may stand beside it. */
const ORDER = [
  'app',
  'proposal',
  'commit',
  'welcome',
  'join-request',
  'info-request',
  'desync',
  'log-hint',
  'group-info',
  'tree',
  'tree-patch',
];
const KNOWN: ReadonlySet<string> = /* @__PURE__ */ new Set(ORDER);
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  commit: ['group-info', 'tree-patch'],
  'group-info': ['tree'],
};

function rank(element: XmlElement): number {
  return ORDER.indexOf(element.name);
}

function readContent(mls: XmlElement, main: XmlElement): MlsContent {
  switch (main.name) {
    case 'app':
    case 'proposal':
      return { kind: main.name, message: bytesIn(needChild(mls, main.name)) };
    case 'commit':
      return readCommit(mls);
    case 'group-info': {
      const tree = child(mls, 'tree');
      const part = readGroupInfo(needChild(mls, 'group-info'));
      return { kind: 'group-info', groupInfo: part, ...(tree && { tree: readTree(tree) }) };
    }
    case 'tree':
      return { kind: 'tree', tree: readTree(needChild(mls, 'tree')) };
    case 'welcome':
      return readWelcome(needChild(mls, 'welcome'));
    case 'tree-patch':
      return refuse('tree-patch', 'alone');
    default:
      return readControl(needChild(mls, main.name));
  }
}

function readCommit(mls: XmlElement): MlsContent {
  const groupInfo = child(mls, 'group-info');
  const patch = child(mls, 'tree-patch');
  return {
    kind: 'commit',
    message: bytesIn(needChild(mls, 'commit')),
    ...(groupInfo && { groupInfo: readGroupInfo(groupInfo) }),
    ...(patch && { treePatch: bytesIn(patch) }),
  };
}

function readWelcome(welcome: XmlElement): MlsContent {
  const sequencer = attr(welcome, 'sequencer');
  const cursor = attr(welcome, 'cursor');
  return {
    kind: 'welcome',
    message: bytesIn(welcome),
    ...(sequencer !== undefined && { sequencer: jidIn(sequencer) }),
    ...(cursor !== undefined && { cursor }),
  };
}

function readGroupInfo(element: XmlElement): GroupInfoPart {
  return { branch: readBranch(element) ?? refuse('branch', 'missing'), message: bytesIn(element) };
}

function readTree(element: XmlElement): TreePart {
  const sources = child(element, 'sources', NS_SFS);
  if (sources === undefined) return { kind: 'inline', tree: bytesIn(element) };
  const sha256 = fromBase64(needAttr(element, 'sha-256'));
  if (sha256.length !== 32) refuse('sha-256', 'length');
  return {
    kind: 'reference',
    epoch: readEpoch(needAttr(element, 'epoch')),
    size: decimal(needAttr(element, 'size'), 'size'),
    sha256,
    urls: childrenOf(sources, 'url-data', NS_URL).map((one) => needAttr(one, 'target')),
  };
}

function parts(content: MlsContent): XmlElement[] {
  switch (content.kind) {
    case 'app':
    case 'proposal':
      return [elBytes(content.kind, {}, content.message)];
    case 'commit':
      return [
        elBytes('commit', {}, content.message),
        ...(content.groupInfo ? [groupInfoElement(content.groupInfo)] : []),
        ...(content.treePatch ? [elBytes('tree-patch', {}, content.treePatch)] : []),
      ];
    case 'group-info':
      return [groupInfoElement(content.groupInfo), ...(content.tree ? [treeElement(content.tree)] : [])];
    case 'tree':
      return [treeElement(content.tree)];
    case 'welcome':
      return [elBytes('welcome', { sequencer: content.sequencer, cursor: content.cursor }, content.message)];
    default:
      return [buildControl(content)];
  }
}

function groupInfoElement({ branch, message }: GroupInfoPart): XmlElement {
  return elBytes('group-info', { branch: toHex(branch) }, message);
}

function treeElement(part: TreePart): XmlElement {
  if (part.kind === 'inline') return elBytes('tree', {}, part.tree);
  const urls = part.urls.map((target) => el('url-data', { xmlns: NS_URL, target }));
  return el(
    'tree',
    { epoch: part.epoch, size: part.size, 'sha-256': toBase64(part.sha256) },
    el('sources', { xmlns: NS_SFS }, ...urls),
  );
}
