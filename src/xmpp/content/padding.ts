/** How long MLS messages become: application data as envelopes are padded, handshakes to a multiple of 256. */

import { ContentType } from '../../wire/index.ts';
import { paddedLength } from '../stanza/sce.ts';

/** Padded length of the content of a private message: `pad` of the policy of a client. */
export function padMls(length: number, contentType: ContentType): number {
  return contentType === ContentType.application ? paddedLength(length) : Math.ceil(length / 256) * 256;
}
