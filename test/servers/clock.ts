/** A clock for one process that can be moved while it runs: libfaketime, reading a file at each look. */

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const LIBRARY = 'faketime/libfaketime.so.1';

/** Where libfaketime is, or nothing. */
export function findClock(): string | undefined {
  const paths = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib'];
  try {
    return execFileSync(
      'ls',
      paths.map((path) => join(path, LIBRARY)),
      { stdio: ['ignore', 'pipe', 'ignore'] },
    )
      .toString()
      .split('\n')[0];
  } catch (error) {
    // `ls` fails for those that are absent, and has told the others all the same.
    const told = (error as { stdout?: Buffer }).stdout?.toString().split('\n')[0];
    return told === '' ? undefined : told;
  }
}

/** The environment of a process whose wall clock {@link moveClock} moves; timers go on undisturbed. */
export function clockEnvironment(folder: string): Record<string, string> {
  const library = findClock();
  if (library === undefined) throw new Error('libfaketime is missing (Debian: apt-get install faketime)');
  return {
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: join(folder, 'clock'),
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

/** Set the clock to so many seconds from the true time. */
export function moveClock(folder: string, seconds: number): void {
  writeFileSync(join(folder, 'clock'), `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}\n`);
}
