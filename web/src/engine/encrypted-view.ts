/** What screens show of messages in encrypted conversations, in the form of the server's. */
import type { Conversation, Message, Poll } from "./api";
import type { Content, DecryptedMessage } from "./encryption";
import { byEmoji, tombstone } from "./reduce";
import type { Store } from "./store";

type Changes = DecryptedMessage["changes"];

/** How a message was made for screens; no server can set it, since it is no text. Copies of the message keep it. */
const MADE = Symbol("made");
type Made = Message & { readonly [MADE]?: "shown" | "plain" };

export const isShown = (message: Message): boolean => MADE in message;

/** Whether the message came in the clear though its conversation is encrypted; its content is left out. */
export const isInTheClear = (message: object): boolean => (message as Made)[MADE] === "plain";

const PREFIX = "encrypted/";

/**
 * From which seq on conversations are encrypted, as far as this device knows. It is stored and gets only smaller: a
 * server that denies it later is not believed.
 */
export class EncryptedFrom {
  readonly #parts: { store: Store; account: string };
  readonly #known = new Map<string, number>();

  constructor(parts: { store: Store; account: string }) {
    this.#parts = parts;
  }

  static load = (store: Store, account: string): Promise<Map<string, number>> => store.loadValues<number>(account, PREFIX);

  restore(stored: ReadonlyMap<string, number>): void {
    for (const [key, seq] of stored) this.#known.set(key.slice(PREFIX.length), seq);
  }

  of(conversationId: string): number | undefined {
    return this.#known.get(conversationId);
  }

  /** All that follows `seq` is encrypted; returns whether that is new. */
  learn(conversationId: string, seq: number): boolean {
    if (seq >= (this.of(conversationId) ?? Infinity)) return false;
    this.#known.set(conversationId, seq);
    void this.#parts.store.saveValue(this.#parts.account, PREFIX + conversationId, seq);
    return true;
  }

  /** The server's summary, encrypted if this device has ever known it to be. */
  honest(conversation: Conversation): Conversation {
    if (conversation.settings?.encrypted) this.learn(conversation.id, conversation.last_seq);
    else if (this.#known.has(conversation.id)) return { ...conversation, settings: { ...conversation.settings, encrypted: true } };
    return conversation;
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
    [MADE]: isServers || (message.type === "encrypted" && message.ciphertext !== null) ? "shown" : "plain",
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
function pollOf(message: Message, question: string, { options, multiple }: NonNullable<DecryptedMessage["poll"]>, changes: Changes, me: string): Poll {
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
