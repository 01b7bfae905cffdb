/** What messages can say, as a table: which element carries it, how that is read and written, how such a message is sent. */

import { NS_CLIENT, type XmlElement } from '../element.ts';
import {
  fileSharingElement,
  NS_SHARING,
  NS_STICKERS,
  readFileSharing,
  readSticker,
  type SharedFile,
  type Sticker,
  stickerElement,
} from './fileSharing.ts';
import { type Mention, mentionElement, NS_MENTIONS, readMention } from './mentions.ts';
import {
  correctionElement,
  idOf,
  NS_CORRECTION,
  NS_REACTIONS,
  NS_REPLY,
  NS_RETRACTION,
  type Reactions,
  type Reply,
  reactionsElement,
  readReactions,
  readReply,
  replyElement,
  retractionElement,
} from './relations.ts';
import {
  type CallSignal,
  type ChatState,
  callElement,
  chatStateElement,
  displayedElement,
  markableElement,
  NS_CALLS,
  NS_CHAT_STATES,
  NS_MARKERS,
  NS_RECEIPTS,
  readCall,
  readChatState,
  receivedElement,
  requestElement,
} from './signals.ts';
import { type Fallback, fallbackElement, NS_FALLBACK, readFallback, readText, textElement } from './text.ts';

/**
 * How a message is sent. `visible`: its readers are to see it, so phones may be woken, and archives keep it. `kept`:
 * archives keep it. `ephemeral`: worth nothing later.
 */
export type Handling = 'visible' | 'kept' | 'ephemeral';

/** What can be said by one kind of element each; texts that may stand there in several languages are apart. */
export interface KnownContent {
  readonly thread?: string;
  readonly fallbacks?: readonly Fallback[];
  readonly reply?: Reply;
  readonly reactions?: Reactions;
  /** Id of the message in whose place this one is. */
  readonly correction?: string;
  /** Id of the message that is taken back. */
  readonly retraction?: string;
  readonly mentions?: readonly Mention[];
  readonly files?: readonly SharedFile[];
  readonly sticker?: Sticker;
  readonly call?: CallSignal;
  readonly chatState?: ChatState;
  /** Asks to be told when the message was displayed. */
  readonly isMarkable?: true;
  /** Asks to be told that the message has arrived. */
  readonly wantsReceipt?: true;
  /** Id of the newest message that was displayed. */
  readonly displayed?: string;
  /** Id of a message that has arrived. */
  readonly received?: string;
}

/** One row of the table. */
export interface Kind {
  readonly field: keyof KnownContent;
  readonly namespace: string;
  /** Nothing where the namespace has several elements, of which a message has one. */
  readonly name: string | undefined;
  readonly isList: boolean;
  /** @throws `xmpp.stanza`, `codec.base64` */
  readonly read: (element: XmlElement) => unknown;
  readonly write: (content: KnownContent) => XmlElement[];
  /** Nothing for what only says more about the rest of a message. */
  readonly handling: (content: KnownContent) => Handling | undefined;
}

type Value<K extends keyof KnownContent> = Exclude<KnownContent[K], undefined>;
type Item<K extends keyof KnownContent> = Value<K> extends readonly (infer T)[] ? T : never;
type Place = readonly [namespace: string, name?: string];

interface How<T> {
  readonly read: (element: XmlElement) => T;
  readonly write: (value: T) => XmlElement;
  readonly handling?: Handling | ((value: T) => Handling);
}

/** Every kind of element that is known. */
export const KINDS: readonly Kind[] = [
  one('thread', [NS_CLIENT, 'thread'], {
    read: readText,
    write: (thread) => textElement('thread', thread),
  }),
  list('fallbacks', [NS_FALLBACK, 'fallback'], { read: readFallback, write: fallbackElement }),
  one('reply', [NS_REPLY, 'reply'], { read: readReply, write: replyElement }),
  one('reactions', [NS_REACTIONS, 'reactions'], {
    read: readReactions,
    write: reactionsElement,
    handling: 'visible',
  }),
  one('correction', [NS_CORRECTION, 'replace'], {
    read: idOf,
    write: correctionElement,
    handling: 'visible',
  }),
  one('retraction', [NS_RETRACTION, 'retract'], {
    read: idOf,
    write: retractionElement,
    handling: 'visible',
  }),
  list('mentions', [NS_MENTIONS, 'mention'], { read: readMention, write: mentionElement }),
  list('files', [NS_SHARING, 'file-sharing'], {
    read: readFileSharing,
    write: fileSharingElement,
    handling: 'visible',
  }),
  one('sticker', [NS_STICKERS, 'sticker'], { read: readSticker, write: stickerElement, handling: 'visible' }),
  one('call', [NS_CALLS], {
    read: readCall,
    write: callElement,
    // Ringing begins and ends on phones that sleep.
    handling: ({ kind }) => (kind === 'invite' || kind === 'retract' ? 'visible' : 'kept'),
  }),
  one('chatState', [NS_CHAT_STATES], {
    read: readChatState,
    write: chatStateElement,
    handling: 'ephemeral',
  }),
  one('isMarkable', [NS_MARKERS, 'markable'], { read: () => true as const, write: markableElement }),
  one('wantsReceipt', [NS_RECEIPTS, 'request'], { read: () => true as const, write: requestElement }),
  one('displayed', [NS_MARKERS, 'displayed'], { read: idOf, write: displayedElement, handling: 'kept' }),
  one('received', [NS_RECEIPTS, 'received'], { read: idOf, write: receivedElement, handling: 'kept' }),
];

function one<K extends keyof KnownContent>(field: K, [namespace, name]: Place, how: How<Value<K>>): Kind {
  const { read, write, handling } = how;
  const value = (content: KnownContent): Value<K> | undefined => content[field] as Value<K> | undefined;
  return {
    field,
    namespace,
    name,
    isList: false,
    read,
    write: (content) => mapOne(value(content), write),
    handling: (content) => {
      const [found] = mapOne(value(content), (it) =>
        typeof handling === 'function' ? handling(it) : handling,
      );
      return found;
    },
  };
}

function list<K extends keyof KnownContent>(field: K, [namespace, name]: Place, how: How<Item<K>>): Kind {
  const { read, write, handling } = how;
  const items = (content: KnownContent): readonly Item<K>[] => (content[field] ?? []) as readonly Item<K>[];
  return {
    field,
    namespace,
    name,
    isList: true,
    read,
    write: (content) => items(content).map(write),
    handling: (content) => (items(content).length > 0 && typeof handling === 'string' ? handling : undefined),
  };
}

function mapOne<T, U>(value: T | undefined, map: (value: T) => U): U[] {
  return value === undefined ? [] : [map(value)];
}
