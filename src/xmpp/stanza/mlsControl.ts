/**
 * MLS for XMPP, version 0: requests between clients, and which stanza may carry what.
 *
 * Requests are not protected by MLS. Whoever receives one does no more than what would be right without it.
 */

import { toHex } from '../../base/bytes.ts';
import { attr, childrenOf, el, needAttr, refuse, type XmlElement } from '../element.ts';
import { jidIn } from '../jid.ts';
import type { MlsContent } from './mls.ts';
import { readDeviceId, readEpoch, readHex } from './mlsFields.ts';

/** A request or a hint. Group ids have 16 bytes, branch tags 8, device ids 16 hexadecimal digits. */
export type Control =
  | {
      readonly kind: 'join-request';
      readonly group: Uint8Array;
      readonly sequencer?: string;
      readonly devices: readonly string[];
    }
  | { readonly kind: 'info-request'; readonly group?: Uint8Array }
  | {
      readonly kind: 'desync';
      readonly group: Uint8Array;
      readonly epoch: bigint;
      readonly branch: Uint8Array;
      readonly device: string;
    }
  | { readonly kind: 'log-hint'; readonly group: Uint8Array; readonly epoch: bigint };

/** Build the element of a request. */
export function buildControl(control: Control): XmlElement {
  const gid = control.group && toHex(control.group);
  switch (control.kind) {
    case 'join-request':
      return el(
        control.kind,
        { gid, sequencer: control.sequencer },
        ...control.devices.map((id) => el('device', { id })),
      );
    case 'info-request':
      return el(control.kind, { gid });
    case 'desync':
      return el(control.kind, {
        gid,
        epoch: control.epoch,
        branch: toHex(control.branch),
        device: control.device,
      });
    case 'log-hint':
      return el(control.kind, { gid, epoch: control.epoch });
  }
}

/** Read the element of a request. @throws `xmpp.stanza` */
export function readControl(element: XmlElement): Control {
  const kind = element.name;
  const gid = attr(element, 'gid');
  const group = gid === undefined ? undefined : readHex(gid, 16, 'gid');
  if (kind === 'info-request') return group === undefined ? { kind } : { kind, group };
  if (group === undefined) return refuse('gid', 'missing');
  if (kind === 'join-request') {
    const sequencer = attr(element, 'sequencer');
    const devices = childrenOf(element, 'device').map((one) => readDeviceId(needAttr(one, 'id')));
    if (devices.length === 0) refuse('device', 'missing');
    return { kind, group, devices, ...(sequencer !== undefined && { sequencer: jidIn(sequencer) }) };
  }
  const epoch = readEpoch(needAttr(element, 'epoch'));
  if (kind === 'log-hint') return { kind, group, epoch };
  if (kind !== 'desync') return refuse('mls', 'unknown');
  return {
    kind,
    group,
    epoch,
    branch: readHex(needAttr(element, 'branch'), 8, 'branch'),
    device: readDeviceId(needAttr(element, 'device')),
  };
}

/** Types of messages that may carry a content. What belongs to the order of a group comes through its room alone. */
const CARRIERS: Readonly<Record<MlsContent['kind'], readonly string[]>> = {
  app: ['chat', 'groupchat'],
  commit: ['groupchat'],
  proposal: ['groupchat'],
  'group-info': ['groupchat'],
  tree: ['groupchat'],
  welcome: ['chat'],
  'join-request': ['chat'],
  'info-request': ['chat', 'groupchat'],
  desync: ['chat'],
  'log-hint': ['headline'],
};

/**
 * Check that a stanza may carry a content; a bounce of our own stanza never may.
 * @throws `xmpp.stanza`
 */
export function checkCarrier(stanza: XmlElement, content: MlsContent): void {
  const type = attr(stanza, 'type') ?? 'normal';
  if (stanza.name !== 'message' || !CARRIERS[content.kind].includes(type)) refuse('mls', 'carrier');
}
