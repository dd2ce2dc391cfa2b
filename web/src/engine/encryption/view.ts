/** What screens show of messages in encrypted conversations, in the form of the server's. */
import type { Conversation, Message, Poll } from "../service/api";
import type { Content, DecryptedMessage } from "./index";
import { byEmoji, tombstone } from "../messages/reduce";
import type { Store } from "../storage/store";
import type { Tabs } from "../storage/tabs";

type Changes = DecryptedMessage["changes"];

/** How a message was made for screens; no server can set it, since it is no text. Copies of the message keep it. */
const MADE = Symbol("made");
type Made = Message & { readonly [MADE]?: "shown" | "plain" };

export const isShown = (message: Message): boolean => MADE in message;

/** Whether the message came in the clear though its conversation is encrypted; its content is left out. */
export const isInTheClear = (message: object): boolean => (message as Made)[MADE] === "plain";

const PREFIX = "encrypted/";

export interface EncryptedFromParts {
  store: Store;
  account: string;
  tabs: Tabs;
  /** There is an earlier beginning than was known. */
  onLearn: (conversationId: string) => void;
}

/**
 * From which seq on conversations are encrypted, as far as this device knows; Infinity if only that they are. It is
 * stored and gets only smaller, in all tabs: a server that denies it later is not believed.
 */
export class EncryptedFrom {
  readonly #parts: EncryptedFromParts;
  readonly #known = new Map<string, number>();

  constructor(parts: EncryptedFromParts) {
    this.#parts = parts;
    parts.tabs.on<{ conversationId: string; seq: number }>("encrypted", ({ conversationId, seq }) => {
      this.learn(conversationId, seq);
      if (this.of(conversationId) !== seq) this.#keep(conversationId); // that tab has stored a later beginning
    });
  }

  static load = (store: Store, account: string): Promise<Map<string, number>> => store.loadValues<number>(account, PREFIX);

  restore(stored: ReadonlyMap<string, number>): void {
    for (const [key, seq] of stored) this.#note(key.slice(PREFIX.length), seq);
  }

  of(conversationId: string): number | undefined {
    return this.#known.get(conversationId);
  }

  /** All that follows `seq` is encrypted; returns whether that is new. What is no seq tells only that it is encrypted. */
  learn(conversationId: string, seq: number | undefined): boolean {
    if (!this.#note(conversationId, seq)) return false;
    this.#keep(conversationId);
    this.#parts.onLearn(conversationId);
    return true;
  }

  /** The server's summary, encrypted if this device has ever known it to be, and then from `seq` on at the latest. */
  honest(conversation: Conversation, seq?: number): Conversation {
    if (conversation.settings?.encrypted) this.learn(conversation.id, seq);
    else if (this.#known.has(conversation.id)) return { ...conversation, settings: { ...conversation.settings, encrypted: true } };
    return conversation;
  }

  #note(conversationId: string, given: number | undefined): boolean {
    const seq = Number.isInteger(given) && given! > 0 ? given! : Infinity; // the first seq is 1
    const known = this.of(conversationId);
    if (known !== undefined && known <= seq) return false;
    this.#known.set(conversationId, seq);
    return true;
  }

  #keep(conversationId: string): void {
    const { store, account, tabs } = this.#parts;
    const seq = this.of(conversationId);
    void store.saveValue(account, PREFIX + conversationId, seq);
    tabs.tell("encrypted", { conversationId, seq });
  }
}

/** A message with its decrypted content and nothing of the server's that could pass for its sender's. */
export function withContent(message: Message, content: Content | DecryptedMessage, decrypted: DecryptedMessage | undefined, me: string): Message {
  const { text, files = [], voice, poll } = content;
  const changes = decrypted?.changes;
  const shown: Made = {
    ...withoutContent(message),
    [MADE]: "shown",
    type: "encrypted",
    sender_id: decrypted?.senderId ?? message.sender_id,
    text,
    attachments: message.attachments.flatMap((each) => files.filter(({ id }) => id === each.id).map(({ name, content_type, size }) => ({ ...each, name, content_type, size }))),
    // of what an earlier version has decrypted, only the server says what it replies to
    reply_to: (decrypted && !decrypted.hash ? message.reply_to : content.reply?.of) ?? null,
    metadata: voice ? { voice } : {},
    poll: poll ? pollOf(message, text ?? "", poll, changes, me) : null,
    reactions: (changes?.reactions ?? []).map(({ emoji, by }) => ({ emoji, count: by.length, mine: by.includes(me) })).sort(byEmoji),
    edited_at: changes?.edited_at ?? null,
  };
  return shown;
}

/** A message of an encrypted conversation that this device has not decrypted. What the server says itself is nobody's. */
export function withoutContent(message: Message): Message {
  const isServers = message.type === "system" || message.type === "call";
  const shown: Made = {
    ...tombstone(message, null),
    deleted_at: message.deleted_at || null,
    [MADE]: isServers || message.deleted_at || (message.type === "encrypted" && message.ciphertext !== null) ? "shown" : "plain",
    type: isServers ? message.type : "encrypted",
    sender_id: message.type === "system" ? "" : message.sender_id,
    text: message.type === "system" ? message.text : null,
    mentions_all: false,
    forwarded_from: null,
    poll: null,
  };
  return shown;
}

/** A poll, in which everybody sees who voted for what. Its options' ids are their numbers. */
export function pollOf(message: Message, question: string, { options, multiple }: NonNullable<DecryptedMessage["poll"]>, changes: Changes, me: string): Poll {
  const votes = Object.values(changes?.votes ?? {}).filter((each) => each.length > 0);
  return {
    id: message.id,
    conversation_id: message.conversation_id,
    message_id: message.id,
    creator_id: message.sender_id,
    question,
    options: options.map((text, n) => ({ id: String(n), text, votes: votes.filter((each) => each.includes(n)).length })),
    multiple,
    max_choices: multiple ? options.length : 1,
    anonymous: false,
    allow_change: true,
    allow_add_options: false,
    results: "live",
    state: changes?.closed ? "closed" : "open",
    closes_at: null,
    closed_at: null,
    created_at: message.created_at,
    total_voters: votes.length,
    my_votes: (changes?.votes?.[me] ?? []).map(String),
  };
}
