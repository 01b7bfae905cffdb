/** `xmpp-mls vectors FILE... [--provider noble|node]`. */

import { basename } from 'node:path';
import type { Provider } from '../../crypto/provider.ts';
import { parseArguments } from '../arguments.ts';
import { harmless, paint, type Terminal } from '../print.ts';
import { PROVIDERS } from '../providers.ts';
import { type FileReport, parseVectors, runVectors, type Tally } from './run.ts';
import { reason } from './verifier.ts';

/** Check files of vectors and print the counts. @returns 0 when all passed, 1 when not, 2 for a wrong call */
export async function vectors(words: readonly string[], terminal: Terminal): Promise<number> {
  const { operands, values, problem } = parseArguments(words, { values: ['provider'] });
  const provider = PROVIDERS.get(values.get('provider') ?? 'node');
  if (problem !== undefined || provider === undefined || operands.length === 0) {
    const fault =
      problem ?? (provider === undefined ? 'the providers are noble and node' : 'no file is named');
    terminal.err(`xmpp-mls vectors: ${harmless(fault)}`);
    terminal.err('usage: xmpp-mls vectors FILE... [--provider noble|node]');
    return 2;
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const path of operands) {
    const tally = await checkFile(terminal, provider, path);
    total.passed += tally.passed;
    total.failed += tally.failed;
    total.skipped += tally.skipped;
  }
  // Never coloured: this line is for scripts.
  terminal.out(summary(total));
  return total.failed === 0 ? 0 : 1;
}

/** A file that cannot be used counts as one failure: nothing was proven. */
async function checkFile(terminal: Terminal, provider: Provider, path: string): Promise<Tally> {
  try {
    const report = runVectors(provider, parseVectors(await terminal.read(path)));
    printReport(terminal, harmless(basename(path)), report);
    return report;
  } catch (error) {
    terminal.out(`${paint(terminal, 'bad', 'FAIL')}  ${harmless(path)}: ${harmless(reason(error))}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

function printReport(terminal: Terminal, file: string, report: FileReport): void {
  const mark = report.failed === 0 ? paint(terminal, 'good', 'ok') : paint(terminal, 'bad', 'FAIL');
  const counts = summary(report, report.failed > 0);
  terminal.out(`${mark}  ${file} (${report.kind.name}): ${counts}`);
  for (const failure of report.failures) {
    const suite = failure.suite === undefined ? '' : `, suite ${failure.suite}`;
    terminal.out(`      ${file}, case ${failure.index}${suite}: ${harmless(failure.reason)}`);
  }
}

function summary({ passed, failed, skipped }: Tally, withFailed = true): string {
  const parts = [`${passed} passed`];
  if (withFailed) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(', ');
}
