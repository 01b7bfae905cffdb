/**
 * Libraries that an installation has or has not, that of real connections and that of databases: they are looked for when
 * they are asked for, since nothing else here needs them. The one place where something is imported by name at run time.
 */

import type { LevelDatabase } from '../../storage/level.ts';
import type { XmppJsClient, XmppJsXml } from '../../xmpp/adapters/xmppjs.ts';

/** What is used of `@xmpp/client`. */
export interface XmppJs {
  readonly xml: XmppJsXml;
  client(options: Readonly<Record<string, string>>): XmppJsClient & {
    start(): Promise<unknown>;
    stop(): Promise<unknown>;
  };
}

/** Where it is found. */
export const LIBRARY: string = '@xmpp/client';

/** Where databases come from. */
export const DATABASE: string = 'level';

/** Load the library of connections; nothing if it is not installed. */
export async function loadXmppJs(name: string = LIBRARY): Promise<XmppJs | undefined> {
  return (await load(name)) as XmppJs | undefined;
}

/** Load the library of databases; nothing if it is not installed. */
export async function loadLevel(
  name: string = DATABASE,
): Promise<{ readonly Level: new (folder: string) => LevelDatabase } | undefined> {
  return (await load(name)) as { readonly Level: new (folder: string) => LevelDatabase } | undefined;
}

async function load(name: string): Promise<unknown> {
  try {
    return await import(name);
  } catch {
    return undefined;
  }
}
