/** passive-client-negative.json: each rule broken by an insider or a stranger who does everything else right. */

import type { Scenario } from '../files.ts';
import { confirmationTag, framing, membershipTag, signature } from './framing.ts';
import { capabilities, extensions, leaves, lists, psks } from './lists.ts';
import { externalKeys, externalList, strangers } from './outside.ts';
import { pathKeys, pathShape } from './path.ts';

/** One case for each family in suite 1, and signatures of ECDSA besides. */
export const NEGATIVE: readonly Scenario[] = [
  family('framing', framing),
  family('membership tag', membershipTag),
  family('signature', signature, [1, 2]),
  family('confirmation tag', confirmationTag),
  family('proposal lists', lists),
  family('key packages and updates', leaves),
  family('PSK', psks),
  family('GroupContextExtensions', extensions),
  family('required capabilities', capabilities),
  family('path: shape and leaf', pathShape),
  family('path: keys and secrets', pathKeys),
  family('external commit: proposals', externalList),
  family('external commit: keys', externalKeys),
  family('proposals from outside', strangers),
];

function family(name: string, play: Scenario['play'], suites: readonly number[] = [1]): Scenario {
  return { name, psks: 1, suites, play };
}
