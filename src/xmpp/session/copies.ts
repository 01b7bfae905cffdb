/** An account's copy of the newest GroupInfo of a conversation, for devices that lost their way (design, 4.4). */

import { fail, MlsError } from '../../base/error.ts';
import type { Group } from '../../index.ts';
import { branchTag } from '../binding.ts';
import type { Nodes } from '../nodes.ts';
import { groupInfoIn } from '../ordered/header.ts';
import { buildMls, type GroupInfoPart, readMls } from '../stanza/mls.ts';
import { CURRENT, groupInfoNode, NODE_OPTIONS } from '../stanza/mlsItems.ts';

/** Copies at the nodes of accounts. They are hints: whoever uses one verifies it. */
export class GroupInfoCopies {
  readonly #nodes: Nodes;
  /** Nodes that the other account may read. */
  readonly #shared = new Set<string>();

  constructor(nodes: Nodes) {
    this.#nodes = nodes;
  }

  /** What accounts have of a group. What cannot be had is left out. @throws `xmpp.offline` */
  async read(accounts: readonly string[], groupId: Uint8Array): Promise<readonly GroupInfoPart[]> {
    const parts: GroupInfoPart[] = [];
    for (const jid of new Set(accounts)) {
      const part = await this.#one(jid, groupId);
      if (part !== undefined) parts.push(part);
    }
    return parts;
  }

  /**
   * Keep the present GroupInfo at our own node.
   * @param peer who may read it @param onlyIfNewer another device of ours may have done it @throws `xmpp.*`
   */
  async write(group: Group, peer: string | undefined, onlyIfNewer: boolean): Promise<void> {
    const { id, epoch } = group;
    const node = groupInfoNode(id);
    if (onlyIfNewer) {
      const [there] = await this.read([this.#nodes.account], id);
      const known = there && groupInfoIn(there.message)?.groupContext.epoch;
      if (known !== undefined && known >= epoch) return;
    }
    if (!group.isActive) fail('state.not-member');
    const groupInfo: GroupInfoPart = { message: group.groupInfo(), branch: branchTag(group) };
    const payload = buildMls({ kind: 'group-info', groupInfo });
    await this.#nodes.publish(node, { id: CURRENT, payload }, NODE_OPTIONS.groupInfo);
    if (peer === undefined || this.#shared.has(node)) return;
    await this.#nodes.share(node, peer);
    this.#shared.add(node);
  }

  async #one(jid: string, groupId: Uint8Array): Promise<GroupInfoPart | undefined> {
    try {
      const [item] = await this.#nodes.fetch(jid, groupInfoNode(groupId), [CURRENT]);
      const content = item?.payload && readMls(item.payload)?.content;
      return content?.kind === 'group-info' ? content.groupInfo : undefined;
    } catch (error) {
      if (error instanceof MlsError && error.code !== 'xmpp.offline') return undefined;
      throw error;
    }
  }
}
