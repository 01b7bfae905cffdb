/** The back ends that a command line can name. */

import { nobleProvider } from '../crypto/noble/index.ts';
import { nodeProvider } from '../crypto/node/index.ts';
import type { Provider } from '../crypto/provider.ts';

/** Provider by name. */
export const PROVIDERS: ReadonlyMap<string, Provider> = new Map([
  ['noble', nobleProvider],
  ['node', nodeProvider],
]);
