/** Out of a position that the archive contradicts: to an entry before it, and in the end to the start (design, 4.2). */

import { MlsError } from '../../base/error.ts';
import type { MlsStore } from '../../storage/index.ts';
import type { From, Sequencer } from '../sequencer/contract.ts';
import { type Names, PositionRecord, readRecord } from './records.ts';

interface Place {
  readonly store: MlsStore;
  readonly names: Names;
  readonly sequencer: Sequencer;
  readonly onHole: (error: MlsError) => void;
}

/**
 * Go on from an earlier entry after `xmpp.gap`: what was taken comes again as a duplicate, and what was not, comes. A hostile
 * service can make us read twice as much by this, not for ever.
 * @param round 0 for the entry before the last one, then the start
 * @throws another error as it is, and this one when there is no way left; `storage.*`
 */
export async function stepBack(
  error: unknown,
  round: number,
  { store, names, sequencer, onHole }: Place,
): Promise<void> {
  if (!(error instanceof MlsError) || error.code !== 'xmpp.gap' || round > 1) throw error;
  const kept = await store.get(names.position);
  const anchor = kept && readRecord(PositionRecord, kept).anchor;
  const from: From = round > 0 || anchor === undefined ? 'start' : { cursor: anchor };
  sequencer.reset(from);
  // Messages in between may be lost.
  onHole(error);
}
