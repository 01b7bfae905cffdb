/** Any decoded structure as an outline: one line a field, indented by depth. */

import { toHex } from '../../base/bytes.ts';
import { MlsError } from '../../base/error.ts';
import { type Codec, decode } from '../../codec/codec.ts';
import {
  ApplicationId,
  type Extension,
  ExtensionType,
  ExternalPub,
  ExternalSenders,
  RatchetTree,
  RequiredCapabilities,
  type TreeNode,
} from '../../wire/index.ts';
import { drawTree } from '../drawTree.ts';
import { counted } from '../print.ts';
import { codeName } from './names.ts';
import { quotedText, shortHex } from './text.ts';

/** The lines of a value. */
export function outline(value: unknown): string[] {
  const lines: string[] = [];
  if (isTree(value)) lines.push(...drawTree(value));
  writeInside(lines, '', value);
  return lines;
}

/** A value as JSON: byte strings in hexadecimal, 64-bit integers as decimal text, field names as the RFC has them. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value ?? null;
  const entries = Object.entries(value).map(([key, field]) => [fieldName(key), plain(field)]);
  const body = isExtension(value) ? extensionBodyOf(value) : undefined;
  if (body !== undefined) entries.push(['body', plain(body)]);
  return Object.fromEntries(entries);
}

type Lines = string[];

function writeField(lines: Lines, indent: string, field: string, value: unknown): void {
  const inline = inlineText(field, value);
  if (inline !== undefined) {
    lines.push(`${indent}${field}: ${inline}`);
    return;
  }
  lines.push(`${indent}${field}`);
  writeInside(lines, `${indent}  `, value, field);
}

/** The parts of an object or a list. */
function writeInside(lines: Lines, indent: string, value: unknown, field = ''): void {
  if (Array.isArray(value)) {
    value.forEach((item: unknown, i) => {
      if (isExtension(item)) writeExtension(lines, indent, item);
      else writeField(lines, indent, `[${i}]`, typeof item === 'number' ? named(field, item) : item);
    });
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, inner] of Object.entries(value)) writeField(lines, indent, fieldName(key), inner);
  }
}

function writeExtension(lines: Lines, indent: string, extension: Extension): void {
  const { extensionType, extensionData } = extension;
  const title = `${indent}${named('extension_type', extensionType)}`;
  const body = extensionBodyOf(extension);
  if (body === undefined) {
    lines.push(`${title}: ${shortHex(extensionData)}`);
    return;
  }
  lines.push(title);
  if (isTree(body)) lines.push(...drawTree(body).map((line) => `${indent}  ${line}`));
  else writeInside(lines, `${indent}  `, body);
}

/** The value as the rest of a line; `undefined` when it needs lines of its own. */
function inlineText(field: string, value: unknown): string | undefined {
  if (value === undefined) return 'none';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return named(field, value);
  if (typeof value === 'bigint') return DATES.has(field) ? `${value} (${date(value)})` : value.toString();
  if (value instanceof Uint8Array) return bytesText(field, value);
  if (Array.isArray(value) && value.length === 0) return 'none';
  if (Array.isArray(value) && value.every((item) => typeof item === 'number')) {
    const text = value.map((item) => named(field, item)).join(', ');
    return text.length <= LONGEST_LIST ? text : undefined;
  }
  return undefined;
}

/** Longer lists get a line for each item. */
const LONGEST_LIST = 90;

/** Only fields that applications choose are shown as text: a key that happens to be text is still a key. */
function bytesText(field: string, bytes: Uint8Array): string {
  const text = TEXTS.has(field) ? quotedText(bytes) : undefined;
  return text === undefined ? shortHex(bytes) : `${text} (${counted(bytes.length, 'byte')})`;
}

function named(field: string, value: number): string {
  const name = codeName(field, value);
  if (name === undefined) return String(value);
  const number = value > 0xff ? `0x${value.toString(16).padStart(4, '0')}` : String(value);
  return `${number} (${name})`;
}

/** The last second that a date can be: the end of the range of `Date`. */
const LAST_DATE = 8_640_000_000_000n;

function date(seconds: bigint): string {
  if (seconds > LAST_DATE) return 'beyond the calendar';
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}

function fieldName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isExtension(value: unknown): value is Extension {
  return typeof value === 'object' && value !== null && 'extensionType' in value && 'extensionData' in value;
}

function isTree(value: unknown): value is readonly (TreeNode | undefined)[] {
  return (
    Array.isArray(value) &&
    value.some((node) => typeof node === 'object' && node !== null && 'nodeType' in node)
  );
}

/** The parsed body of an extension that has a known one, wherever it stands. */
function extensionBodyOf({ extensionType, extensionData }: Extension): unknown {
  const codec = BODIES.get(extensionType);
  try {
    return codec === undefined ? undefined : decode(codec, extensionData);
  } catch (error) {
    // In a container that gives the type no meaning, any bytes are allowed.
    if (error instanceof MlsError) return undefined;
    throw error;
  }
}

const BODIES: ReadonlyMap<number, Codec<unknown>> = new Map<number, Codec<unknown>>([
  [ExtensionType.applicationId, ApplicationId as Codec<unknown>],
  [ExtensionType.ratchetTree, RatchetTree as Codec<unknown>],
  [ExtensionType.requiredCapabilities, RequiredCapabilities as Codec<unknown>],
  [ExtensionType.externalPub, ExternalPub as Codec<unknown>],
  [ExtensionType.externalSenders, ExternalSenders as Codec<unknown>],
]);

const DATES: ReadonlySet<string> = new Set(['not_before', 'not_after']);
const TEXTS: ReadonlySet<string> = new Set([
  'identity',
  'application_id',
  'group_id',
  'psk_id',
  'psk_group_id',
  'authenticated_data',
  'application_data',
]);
