/** Whether we may change who is in a group. */

import { equal } from '../../base/bytes.ts';
import type { Group } from '../../index.ts';
import { findBinding } from '../binding.ts';
import type { Setting } from './setting.ts';

/** Whether the group names our account and its key among its admins. */
export function isAdminOf({ self, device }: Pick<Setting, 'self' | 'device'>, group: Group): boolean {
  const admins = findBinding(group.extensions)?.admins ?? [];
  return admins.some(({ jid, aikId }) => jid === self.jid && equal(aikId, device.aikId));
}
