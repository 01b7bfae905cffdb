/** `xmpp-mls inspect FILE|- [--json] [--as TYPE]`. */

import type { MlsError } from '../base/error.ts';
import { parseArguments } from './arguments.ts';
import { type Reading, readings } from './inspect/input.ts';
import { outline, plain } from './inspect/outline.ts';
import { type Findings, findStructures, STRUCTURES, structureNamed } from './inspect/structures.ts';
import { counted, harmless, paint, type Terminal } from './print.ts';

/** Show what an MLS structure holds. @returns 0, 1 for an input that is none, 2 for a wrong call */
export async function inspect(words: readonly string[], terminal: Terminal): Promise<number> {
  const { operands, values, flags, problem } = parseArguments(words, { values: ['as'], flags: ['json'] });
  const [path, ...more] = operands;
  const wanted = values.get('as');
  const type = wanted === undefined ? undefined : structureNamed(wanted);
  const unknownType = wanted !== undefined && type === undefined ? `there is no type ${wanted}` : undefined;
  const fault =
    problem ?? unknownType ?? (path === undefined || more.length > 0 ? 'name one file, or -' : undefined);
  if (fault !== undefined || path === undefined) {
    for (const line of [`xmpp-mls inspect: ${harmless(fault ?? '')}`, ...USAGE]) terminal.err(line);
    return 2;
  }
  const input = await contents(terminal, path);
  if (input === undefined) return 1;
  const { reading, findings } = bestReading(input, type);
  if (findings.structures.length === 0) {
    terminal.err(`xmpp-mls inspect: ${complaint(reading, findings, type)}`);
    return 1;
  }
  if (flags.has('json')) printJson(terminal, findings);
  else printOutline(terminal, reading, findings);
  return 0;
}

const USAGE: readonly string[] = [
  'usage: xmpp-mls inspect FILE|- [--json] [--as TYPE]',
  `types: ${[...STRUCTURES.keys()].join(', ')}`,
];

async function contents(terminal: Terminal, path: string): Promise<Uint8Array | undefined> {
  try {
    return await terminal.read(path);
  } catch (error) {
    terminal.err(`xmpp-mls inspect: ${harmless(error instanceof Error ? error.message : String(error))}`);
    return undefined;
  }
}

interface Best {
  readonly reading: Reading;
  readonly findings: Findings;
}

/** The first reading of the input that is a structure; failing that, the first one. */
function bestReading(input: Uint8Array, type: string | undefined): Best {
  const attempts = readings(input).map((reading) => ({
    reading,
    findings: findStructures(reading.bytes, type === undefined ? undefined : [type]),
  }));
  const hit = attempts.find(({ findings }) => findings.structures.length > 0);
  return hit ?? (attempts[0] as Best);
}

function complaint(reading: Reading, { nearest }: Findings, type: string | undefined): string {
  const source = `${counted(reading.bytes.length, 'byte')} of ${reading.form}`;
  if (reading.bytes.length === 0 || nearest === undefined) return 'the input is empty';
  const what =
    type === undefined ? `no MLS structure in ${source}; as ${nearest.type}` : `no ${type} in ${source}`;
  return `${what}: ${explained(nearest.error)}`;
}

function explained(error: MlsError): string {
  const { offset, ...facts } = error.detail;
  const place = typeof offset === 'number' ? `at byte ${offset}: ` : '';
  const known = Object.entries(facts).filter(([, fact]) => fact !== undefined);
  const rest = known.length === 0 ? '' : ` (${known.map(([name, fact]) => `${name} ${fact}`).join(', ')})`;
  return `${place}${error.message}${rest}`;
}

function printOutline(terminal: Terminal, reading: Reading, { structures }: Findings): void {
  const [first, ...others] = structures;
  const size = `${counted(reading.bytes.length, 'byte')}, read as ${reading.form}`;
  terminal.out(`${paint(terminal, 'bold', first?.type ?? '')} ${paint(terminal, 'dim', `(${size})`)}`);
  for (const line of outline(first?.value)) terminal.out(`  ${line}`);
  if (others.length === 0) return;
  const types = others.map((structure) => structure.type).join(', ');
  terminal.out(paint(terminal, 'dim', `The same bytes can also be: ${types}. Choose with --as TYPE.`));
}

function printJson(terminal: Terminal, { structures }: Findings): void {
  const [first, ...others] = structures;
  const alternatives = others.map((structure) => structure.type);
  terminal.out(JSON.stringify({ type: first?.type, alternatives, value: plain(first?.value) }, undefined, 2));
}
