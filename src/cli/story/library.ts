/**
 * The XMPP library of real connections, which the application has or has not: it is looked for when it is asked for, since
 * nothing else here needs it. The one place where something is imported by name at run time.
 */

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

/** Load it; nothing if it is not installed. */
export async function loadXmppJs(name: string = LIBRARY): Promise<XmppJs | undefined> {
  try {
    return (await import(name)) as XmppJs;
  } catch {
    return undefined;
  }
}
