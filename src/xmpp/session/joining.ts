/** The tree for a Welcome that comes without one: out of what the order of the group has (design, 6.3). */

import { fromHex, toHex } from '../../base/bytes.ts';
import { fail, MlsError } from '../../base/error.ts';
import type { StoredJoin } from '../../storage/index.ts';
import { newId } from '../ordered/committer.ts';
import { isWrongTree } from '../ordered/enter.ts';
import { directStanza } from '../ordered/outgoing.ts';
import { TreeTrail } from '../ordered/treeTrail.ts';
import { readBackwards } from '../sequencer/reader.ts';
import type { MlsContent } from '../stanza/mls.ts';
import type { Setting } from './setting.ts';

/** A join that was checked. */
export interface PreparedJoin {
  readonly join: StoredJoin;
  /** Epoch of the snapshot behind the tree; nothing where the Welcome carries it. */
  readonly since: bigint | undefined;
}

type Welcome = Extract<MlsContent, { kind: 'welcome' }>;

/** Pages of an archive in which a tree is looked for. */
const MOST_PAGES = 200;

/**
 * Check a Welcome.
 * @throws `xmpp.gap` with `missing` `tree`, and `group` where it is known, when the archive leads to no tree that is right;
 *   `xmpp.*` of reading it, and as `StoredClient.prepareJoin`
 */
export async function prepareJoin(setting: Setting, welcome: Welcome): Promise<PreparedJoin> {
  try {
    return { join: await setting.client.prepareJoin(welcome.message), since: undefined };
  } catch (error) {
    if (!isTreeless(error)) throw error;
  }
  const { sequencer, cursor } = welcome;
  if (sequencer === undefined || cursor === undefined) return fail('xmpp.gap', { missing: 'tree' });
  const { transport, random, hash, client, fetchTree } = setting;
  const archive = { transport, jid: sequencer, random, hash };
  const trail = new TreeTrail(readBackwards(archive, MOST_PAGES), fetchTree);
  for await (const { tree, since } of trail.after(cursor)) {
    try {
      return { join: await client.prepareJoin(welcome.message, { ratchetTree: tree }), since };
    } catch (error) {
      if (!isWrongTree(error)) throw error;
    }
  }
  const group = trail.groupAt(cursor);
  return fail('xmpp.gap', { missing: 'tree', ...(group && { group: toHex(group) }) });
}

/** Whether a Welcome waits for a tree that may come. */
export function isWithoutTree(error: unknown): error is MlsError {
  if (!(error instanceof MlsError)) return false;
  // Whoever is in a group before the room knows it may not read yet.
  return error.code === 'xmpp.refused' || (error.code === 'xmpp.gap' && error.detail['missing'] === 'tree');
}

/** Ask whoever has invited us to post what we need. */
export async function askForTree(
  { transport, random }: Setting,
  from: string,
  group: unknown,
): Promise<void> {
  const content = {
    kind: 'info-request',
    ...(typeof group === 'string' && { group: fromHex(group) }),
  } as const;
  await transport.send(directStanza(from, content, newId('q', random)));
}

function isTreeless(error: unknown): boolean {
  return (
    error instanceof MlsError &&
    error.code === 'validation.group-info' &&
    error.detail['missing'] === 'ratchet_tree'
  );
}
