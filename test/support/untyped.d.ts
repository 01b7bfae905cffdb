// What tests use of libraries that bring no types.

declare module 'ltx' {
  export function parse(xml: string): unknown;
}

declare module '@xmpp/client' {
  import type { XmppJsClient, XmppJsXml } from '../../src/xmpp/adapters/xmppjs.ts';
  export const xml: XmppJsXml;
  export function client(options: Record<string, string>): XmppJsClient & {
    start(): Promise<unknown>;
    stop(): Promise<unknown>;
  };
}

declare module 'ws' {
  export const WebSocket: unknown;
}
