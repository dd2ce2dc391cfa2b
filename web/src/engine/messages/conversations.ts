/** The list of conversations: the server's summaries, updated by events. */
import type { Conversation, Event, Message } from "../service/api";
import { tombstone } from "./reduce";
import { Derived } from "../subscribable";
import type { Conversations } from "../types";

export interface ConversationListParts {
  userId: string;
  /** Reads one conversation from the server. */
  fetch: (conversationId: string) => Promise<Conversation>;
  /** Schedules a refresh from the server, for changes that cannot be derived from an event. */
  later: (conversationId: string) => void;
  /** Corrects what the server says of a conversation by what this device knows. `seq`: the last one when it was said. */
  honest: (conversation: Conversation, seq?: number) => Conversation;
}

export class ConversationList implements Conversations {
  readonly #parts: ConversationListParts;
  readonly #items = new Map<string, Conversation>();
  #loaded = false;
  readonly list = new Derived(() => ({ items: [...this.#items.values()].sort(byActivity), loaded: this.#loaded }));

  constructor(parts: ConversationListParts) {
    this.#parts = parts;
  }

  of(conversationId: string): Conversation | undefined {
    return this.#items.get(conversationId);
  }

  put(conversation: Conversation): void {
    const known = this.#items.get(conversation.id);
    // An answer older than the events that have come since would turn the list back.
    if (known && known.last_seq > conversation.last_seq) this.#parts.later(conversation.id);
    else this.#set(conversation, conversation.last_seq);
  }

  async refresh(conversationId: string): Promise<Conversation> {
    const conversation = await this.#parts.fetch(conversationId);
    this.put(conversation);
    return conversation;
  }

  /** Shows the conversations that this device stored, until the server's list is read. */
  restore(conversations: readonly Conversation[]): void {
    for (const each of conversations) this.#items.set(each.id, this.#parts.honest(each));
    this.list.changed();
  }

  /** The server's list has been read; `only` are its ids, all other conversations are removed. */
  loadedAll(only?: ReadonlySet<string>): void {
    this.#loaded = true;
    if (only) for (const id of this.#items.keys()) if (!only.has(id)) this.#items.delete(id);
    this.list.changed();
  }

  clear(): void {
    this.#items.clear();
    this.#loaded = false;
    this.list.changed();
  }

  apply(event: Event): void {
    const id = event.conversation_id;
    if (id === undefined) return;
    if (event.type === "conversation.removed" || event.type === "conversation.deleted") {
      if (this.#items.delete(id)) this.list.changed();
      return;
    }
    if (event.type === "conversation.synced") {
      this.put(event.data.conversation);
      return;
    }
    const known = this.#items.get(id);
    if (!known) {
      if (event.seq !== undefined) this.#parts.later(id);
      return;
    }
    if (event.type === "receipt.updated") {
      if (event.data?.user_id === this.#parts.userId) this.#read(known, event.data.read_seq);
      return;
    }
    if (event.type === "preferences.updated") {
      if (event.data) this.#set({ ...known, ...event.data });
      return;
    }
    if (event.seq === undefined || event.seq <= known.last_seq) return;
    this.#set(this.#withEvent({ ...known, last_seq: event.seq }, event));
  }

  /** The person has read up to `seq`; `unread` is the server's count afterwards, if known. */
  read(conversationId: string, seq: number, unread?: number): void {
    const known = this.#items.get(conversationId);
    if (!known) return;
    if (unread === undefined) return this.#read(known, seq);
    this.#set({ ...known, unread_count: unread, unread_mentions: unread === 0 ? 0 : known.unread_mentions });
    if (unread > 0 && known.unread_mentions > 0) this.#parts.later(known.id);
  }

  #read(known: Conversation, seq: number): void {
    if (known.unread_count === 0) return;
    if (seq >= known.last_seq) this.#set({ ...known, unread_count: 0, unread_mentions: 0 });
    else this.#parts.later(known.id);
  }

  #withEvent(known: Conversation, event: Event): Conversation {
    switch (event.type) {
      case "message.created":
        return event.data ? this.#withMessage(known, event.data) : known;
      case "message.updated":
        return known.last_message?.id === event.data?.id ? { ...known, last_message: event.data } : known;
      case "message.deleted":
        if (known.unread_count > 0) this.#parts.later(known.id);
        if (!known.last_message || known.last_message.id !== event.data?.id) return known;
        return { ...known, last_message: tombstone(known.last_message, event.at ?? null) };
      case "conversation.created":
      case "conversation.updated": {
        if (!event.data) return known;
        const { name, description, avatar_url, settings } = event.data;
        // an event has the conversation of the present, so its seq is not where the encryption begins
        if (settings?.encrypted && !known.settings?.encrypted) this.#parts.later(known.id);
        return { ...known, name, description, avatar_url, settings };
      }
      case "member.added":
      case "member.removed":
      case "member.updated":
        this.#parts.later(known.id);
        return known;
      default:
        return known;
    }
  }

  #withMessage(known: Conversation, message: Message): Conversation {
    const fromOther = message.sender_id !== this.#parts.userId;
    const mentioned = fromOther && (message.mentions_all || message.mentions.includes(this.#parts.userId));
    // Only the server knows whether a mention counts (not by a blocked person), and whether an archiving ends (not while muted).
    if (mentioned || known.archived) this.#parts.later(known.id);
    return {
      ...known,
      last_message: message,
      unread_count: known.unread_count + (fromOther ? 1 : 0),
    };
  }

  #set(conversation: Conversation, seq?: number): void {
    this.#items.set(conversation.id, this.#parts.honest(conversation, seq));
    this.list.changed();
  }
}

const activity = (each: Conversation): string => each.last_message?.created_at ?? each.created_at;

function byActivity(a: Conversation, b: Conversation): number {
  if (a.pinned !== b.pinned) return a.pinned ? -1 : 1;
  const [left, right] = [activity(a), activity(b)];
  return left === right ? (a.id < b.id ? 1 : -1) : left < right ? 1 : -1;
}
