/** Trees that are too large for a stanza: uploaded, and fetched by those who come in (design, 6.3). */

import { fail } from '../../base/error.ts';
import type { Provider } from '../../index.ts';
import { findUploadService, type Http, type UploadService } from '../content/files.ts';
import { parseJid } from '../jid.ts';
import type { UploadTree } from '../ordered/handout.ts';
import type { FetchTree } from '../ordered/treeTrail.ts';
import type { Transport } from '../transport.ts';
import { fetchTree, uploadTree } from '../treeSync.ts';

/** Bytes of the largest tree that is fetched: more than ten thousand leaves have. */
const MOST_BYTES = 16 * 1024 * 1024;

/** What a session does with trees that are elsewhere. */
export interface TreeFiles {
  /** Nothing without HTTP. */
  readonly uploadTree: UploadTree | undefined;
  readonly fetchTree: FetchTree;
}

/** Trees over HTTP, if there is any. */
export function treeFiles(transport: Transport, provider: Provider, http: Http | undefined): TreeFiles {
  if (http === undefined)
    return {
      uploadTree: undefined,
      fetchTree: async (part) => (part.kind === 'inline' ? part.tree : undefined),
    };
  let service: UploadService | undefined;
  return {
    uploadTree: async (snapshot) => {
      service ??= await findUploadService(transport, parseJid(transport.jid).domain);
      if (service === undefined) return fail('xmpp.server-unfit', { missing: 'upload' });
      return uploadTree(snapshot, { provider, transport, http, service });
    },
    fetchTree: (part) => fetchTree(part, { provider, http, maxBytes: MOST_BYTES }),
  };
}
