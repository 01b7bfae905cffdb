/** XEP-0082 (1.1.1): dates and times, as whole seconds since 1970. */

import { fail } from '../../base/error.ts';
import { refuse } from '../element.ts';

const STAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:Z|([+-])(\d\d):(\d\d))$/;
const DAY = 86_400;

/** Read a stamp; fractions of a second are cut off. @throws `xmpp.stanza` for no stamp, or a day that does not exist */
export function readStamp(stamp: string): number {
  const match = STAMP.exec(stamp) ?? refuse('stamp', 'malformed');
  const field = (index: number): number => Number(match[index] ?? 0);
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map(field) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const days = daysFrom(year, month, day);
  const exists = month >= 1 && month <= 12 && day >= 1 && dateOf(days).join() === [year, month, day].join();
  if (!exists || hour > 23 || minute > 59 || second > 60) refuse('stamp', 'malformed');
  const offset = (field(8) * 60 + field(9)) * 60 * (match[7] === '-' ? -1 : 1);
  return days * DAY + hour * 3600 + minute * 60 + second - offset;
}

/** Write a stamp in UTC. @throws `codec.input` for a time outside the years 0 to 9999 */
export function writeStamp(seconds: number): string {
  const [year, month, day] = dateOf(Math.floor(seconds / DAY));
  if (!Number.isSafeInteger(seconds) || year < 0 || year > 9999) fail('codec.input', { expected: 'time' });
  const rest = ((seconds % DAY) + DAY) % DAY;
  const time = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60, rest % 60].map(two).join(':');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${time}Z`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Days since 1970 of a date in the Gregorian calendar, whose years are taken to begin in March. */
function daysFrom(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const ofEra = shifted - era * 400;
  const ofYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}

function dateOf(days: number): [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const leaps = Math.floor(ofEra / 1460) - Math.floor(ofEra / 36_524) + Math.floor(ofEra / 146_096);
  const year = Math.floor((ofEra - leaps) / 365);
  const ofYear = ofEra - (year * 365 + Math.floor(year / 4) - Math.floor(year / 100));
  const march = Math.floor((5 * ofYear + 2) / 153);
  const month = march < 10 ? march + 3 : march - 9;
  return [year + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - Math.floor((153 * march + 2) / 5) + 1];
}
