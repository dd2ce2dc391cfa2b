/**
 * The window of a conversation's history that a screen shows: pages of the server's list, updated by events, with
 * pending messages at the end. It never has a gap: a jump to a distant message replaces the whole window.
 */
import type { Event, EventOf, Message } from "../service/api";
import { pollOf } from "../encryption/view";
import { hasExpired, tombstone, withReaction } from "./reduce";
import { Derived } from "../subscribable";
import type { OutboxItem, Timeline, TimelineItem, TimelineState } from "../types";

const PAGE_SIZE = 50;
/** Messages kept in memory; those dropped at the far end are read again when needed. */
const MAX_KEPT = 600;
/** For so long after a page was read, arriving events may already be included in it. */
const MAY_INCLUDE_MS = 3_000;

export interface Pages {
  list(query: { before?: number; after?: number; limit: number }, signal: AbortSignal): Promise<Message[]>;
  get(messageId: string): Promise<Message>;
}

export interface TimelineParts {
  conversationId: string;
  userId: string;
  pages: Pages;
  now: () => number;
  /** The message with its decrypted text, if this device has it. */
  shown?: ((message: Message) => Message) | undefined;
  /** Why a message shows no text; undefined if it shows one. */
  sealed?: ((message: Message) => TimelineItem["sealed"]) | undefined;
  /** A holder of this timeline has closed it. */
  onClose: () => void;
  /** Stores the newest page for the next start. */
  remember: (messages: readonly Message[]) => void;
}

export class TimelineWindow implements Timeline {
  readonly conversationId: string;
  readonly #parts: TimelineParts;
  readonly #state = new Derived<TimelineState>(() => this.#make());
  readonly #items = new Map<string, TimelineItem>();
  readonly #patches = new Map<string, (message: Message) => Message>();
  #messages: Message[] = [];
  #outgoing: OutboxItem[] = [];
  #atStart = false;
  #atEnd = false;
  #loading: TimelineState["loading"] = "initial";
  #error: Error | null = null;
  #stale = false;
  #loadedAt = 0;
  #eventsWhileLoading: Event[] = [];
  #loadAbort = new AbortController();

  constructor(parts: TimelineParts) {
    this.#parts = parts;
    this.conversationId = parts.conversationId;
  }

  readonly get = (): TimelineState => this.#state.get();
  readonly subscribe = (listener: () => void): (() => void) => this.#state.subscribe(listener);

  // --- called by screens

  async loadOlder(): Promise<void> {
    const first = this.#messages[0];
    if (this.#loading || this.#atStart || !first) return;
    await this.#load("older", async (signal) => {
      const page = await this.#parts.pages.list({ before: first.seq, limit: PAGE_SIZE }, signal);
      signal.throwIfAborted();
      this.#messages = [...page.reverse(), ...this.#messages];
      this.#atStart = page.length < PAGE_SIZE;
      if (this.#messages.length > MAX_KEPT) {
        this.#messages.length = MAX_KEPT;
        this.#atEnd = false;
      }
    });
  }

  async loadNewer(): Promise<void> {
    const last = this.#messages.at(-1);
    if (this.#loading || this.#atEnd || !last) return;
    await this.#load("newer", async (signal) => {
      const page = await this.#parts.pages.list({ after: last.seq, limit: PAGE_SIZE }, signal);
      signal.throwIfAborted();
      this.#messages = [...this.#messages, ...page];
      this.#atEnd = page.length < PAGE_SIZE;
      if (this.#messages.length > MAX_KEPT) {
        this.#messages = this.#messages.slice(-MAX_KEPT);
        this.#atStart = false;
      }
    });
  }

  async jumpToEnd(): Promise<void> {
    if (this.#atEnd && this.#messages.length > 0 && !this.#stale) return;
    await this.#load("initial", async (signal) => {
      const page = await this.#parts.pages.list({ limit: PAGE_SIZE }, signal);
      signal.throwIfAborted();
      this.#messages = page.reverse();
      this.#atStart = page.length < PAGE_SIZE;
      this.#atEnd = true;
      this.#stale = false;
    });
  }

  async jumpToSeq(seq: number): Promise<string | null> {
    if (!this.#covers(seq)) {
      await this.#load("initial", async (signal) => {
        const half = PAGE_SIZE / 2;
        const [older, newer] = await Promise.all([
          this.#parts.pages.list({ before: seq, limit: half }, signal),
          this.#parts.pages.list({ after: seq - 1, limit: half }, signal),
        ]);
        signal.throwIfAborted();
        this.#messages = [...older.reverse(), ...newer];
        this.#atStart = older.length < half;
        this.#atEnd = newer.length < half;
        this.#stale = false;
      });
    }
    const found = this.#messages.find((each) => each.seq >= seq) ?? this.#messages.at(-1);
    return found?.id ?? null;
  }

  async jumpToMessage(messageId: string): Promise<string | null> {
    const known = this.#messages.find((each) => each.id === messageId);
    const message = known ?? (await this.#parts.pages.get(messageId));
    return this.jumpToSeq(message.seq);
  }

  /** Jumps to the first message at or after a date, by binary search over the seqs: 17 requests in 100,000 messages. */
  async jumpToDate(date: Date): Promise<string | null> {
    const signal = this.#loadAbort.signal;
    const [newest] = await this.#parts.pages.list({ limit: 1 }, signal);
    if (!newest) return null;
    let [low, high] = [0, newest.seq];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const [next] = await this.#parts.pages.list({ after: middle, limit: 1 }, signal);
      if (next && Date.parse(next.created_at) < date.getTime()) low = next.seq;
      else high = middle;
    }
    return this.jumpToSeq(Math.min(high + 1, newest.seq));
  }

  close(): void {
    this.#parts.onClose();
  }

  // --- called by the engine

  /** Cancels requests: the last holder has closed this timeline. */
  dispose(): void {
    this.#loadAbort.abort();
  }

  /** Shows the newest page that this device stored, until the server's is read. */
  restore(messages: readonly Message[]): void {
    if (this.#messages.length > 0 || this.#loadedAt > 0) return;
    this.#messages = [...messages];
    this.#stale = true;
    this.#state.changed();
  }

  /** Reads the shown messages again, after events were skipped. */
  async reload(): Promise<void> {
    this.#stale = true;
    if (this.#atEnd || this.#messages.length === 0) await this.jumpToEnd();
    else await this.jumpToSeq(this.#messages[Math.floor(this.#messages.length / 2)]?.seq ?? 0);
  }

  /** Renders again: more messages can be decrypted than before. */
  refresh(): void {
    this.#state.changed();
  }

  setOutgoing(items: readonly OutboxItem[]): void {
    this.#outgoing = [...items];
    this.#state.changed();
  }

  /** Shows a change optimistically; returns the function that undoes it. */
  patch(messageId: string, change: (message: Message) => Message): () => void {
    this.#patches.set(messageId, change);
    this.#state.changed();
    return () => {
      if (this.#patches.get(messageId) === change) this.#patches.delete(messageId);
      this.#state.changed();
    };
  }

  apply(event: Event): void {
    if (this.#loading) this.#eventsWhileLoading.push(event); // the page that is loading may be older than the event
    this.#applyNow(event);
  }

  #applyNow(event: Event): void {
    switch (event.type) {
      case "message.created":
        if (event.data) this.#append(event.data, event.seq);
        break;
      case "message.updated": {
        const changed = event.data;
        if (changed) this.#replace(changed.id, (known) => ({ ...changed, seq: known.seq }));
        break;
      }
      case "message.deleted":
        if (event.data) this.#replace(event.data.id, (known) => tombstone({ ...known, ...event.data, seq: known.seq }, event.at ?? null));
        break;
      case "reaction.added":
      case "reaction.removed":
        if (event.data) this.#react(event);
        break;
      case "poll.created":
      case "poll.updated":
      case "poll.voted":
      case "poll.closed": {
        const poll = event.data;
        if (poll?.message_id) this.#replace(poll.message_id, (known) => ({ ...known, poll }));
        break;
      }
      case "conversation.synced":
        if (event.data.skipped && this.#loadedAt > 0) void this.reload();
        break;
    }
  }

  // --- how

  #append(message: Message, seq = message.seq): void {
    const root = message.thread_root;
    if (root) this.#replace(root, (known) => ({ ...known, thread_count: known.thread_count + 1 }), true);
    const last = this.#messages.at(-1);
    if (!this.#atEnd || !(seq > (last?.seq ?? 0))) return;
    this.#messages = [...this.#messages, { ...message, seq }];
    this.#parts.remember(this.#messages.slice(-PAGE_SIZE));
    this.#state.changed();
  }

  #react(event: EventOf<"reaction.added"> | EventOf<"reaction.removed">): void {
    if (event.data) this.#replace(event.data.message_id, (known) => withReaction(known, event, this.#parts.userId), true);
  }

  /**
   * Changes a message. `counting` marks a change that must not be applied twice: if a page was read just now, which may
   * include the change already, the message is fetched instead.
   */
  #replace(messageId: string, change: (known: Message) => Message, counting = false): void {
    const index = this.#messages.findIndex((each) => each.id === messageId);
    const known = this.#messages[index];
    if (!known) return;
    if (counting && (this.#loading || this.#parts.now() - this.#loadedAt < MAY_INCLUDE_MS)) {
      void this.#refresh(messageId);
      return;
    }
    this.#messages = this.#messages.with(index, change(known));
    this.#state.changed();
  }

  async #refresh(messageId: string): Promise<void> {
    try {
      const message = await this.#parts.pages.get(messageId);
      this.#replace(messageId, (known) => ({ ...message, seq: known.seq }));
    } catch (error) {
      this.#error = error instanceof Error ? error : new Error(String(error));
      this.#state.changed();
    }
  }

  async #load(what: NonNullable<TimelineState["loading"]>, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (what === "initial") {
      this.#loadAbort.abort(); // a jump replaces the load that is running
      this.#loadAbort = new AbortController();
    }
    const { signal } = this.#loadAbort;
    this.#loading = what;
    this.#error = null;
    this.#eventsWhileLoading = [];
    this.#state.changed();
    try {
      await work(signal);
      signal.throwIfAborted();
      // a message's place must not contradict its seq, by which a message is from before the encryption
      this.#messages = this.#messages.filter((each) => each.conversation_id === this.conversationId && Number.isInteger(each.seq)).sort((a, b) => a.seq - b.seq);
      this.#loadedAt = this.#parts.now();
      for (const event of this.#eventsWhileLoading) this.#applyNow(event);
      if (this.#atEnd) this.#parts.remember(this.#messages.slice(-PAGE_SIZE));
    } catch (error) {
      if (signal.aborted) return;
      this.#error = error instanceof Error ? error : new Error(String(error));
    }
    if (signal.aborted) return;
    this.#loading = null;
    this.#state.changed();
  }

  #covers(seq: number): boolean {
    const [first, last] = [this.#messages[0], this.#messages.at(-1)];
    if (!first || !last || this.#stale) return false;
    return (seq >= first.seq || this.#atStart) && (seq <= last.seq || this.#atEnd);
  }

  #make(): TimelineState {
    const here = new Set(this.#messages.map((each) => keyOf(each, this.#parts.userId)));
    const items = this.#messages.map((message) => this.#item(message, "sent"));
    if (this.#atEnd || this.#messages.length === 0) {
      for (const each of this.#outgoing) {
        const shown = asMessage(each);
        if (each.state !== "sent" && !here.has(keyOf(shown, this.#parts.userId))) {
          items.push(this.#item(shown, each.state, each.error));
        }
      }
    }
    return {
      items,
      atStart: this.#atStart,
      atEnd: this.#atEnd,
      loading: this.#loading,
      error: this.#error,
      stale: this.#stale,
    };
  }

  /** Returns the same object while nothing changes, so that a list of thousands can be compared by identity. */
  #item(message: Message, state: TimelineItem["state"], error?: string): TimelineItem {
    const expired = hasExpired(message, this.#parts.now()) ? tombstone(message, message.expires_at) : message;
    const isSent = state === "sent";
    const read = (isSent && this.#parts.shown?.(expired)) || expired;
    const shown = this.#patches.get(message.id)?.(read) ?? read;
    const sealed = isSent ? this.#parts.sealed?.(shown) : undefined;
    const key = keyOf(message, this.#parts.userId);
    const known = this.#items.get(key);
    if (known && known.state === state && known.error === error && known.sealed === sealed && known.message === shown) return known;
    const item: TimelineItem = { key, state, message: shown, error, sealed };
    this.#items.set(key, item);
    return item;
  }
}

/** An own message keeps the key that it had while it was pending. */
function keyOf(message: Message, userId: string): string {
  return message.sender_id === userId && message.client_id ? `own:${message.client_id}` : message.id;
}

/** The message that a timeline shows for an outbox item. */
export function asMessage(item: OutboxItem): Message {
  const { body } = item;
  const { poll } = (body.metadata ?? {}) as { poll?: Parameters<typeof pollOf>[2] };
  const message: Message = {
    id: `pending:${item.client_id}`,
    conversation_id: item.conversation_id,
    seq: item.seq ?? 0,
    sender_id: item.account,
    client_id: item.client_id,
    type: body.type ?? (body.attachment_ids?.length ? "file" : "text"),
    text: body.text ?? (body.type === "encrypted" ? "" : null),
    ciphertext: body.ciphertext ?? null,
    attachments: [],
    mentions: body.mentions ?? [],
    mentions_all: false,
    reply_to: body.reply_to ?? null,
    thread_root: body.thread_root ?? null,
    thread_count: 0,
    forwarded_from: null,
    pinned: false,
    reactions: [],
    metadata: body.metadata ?? {},
    poll: null,
    edited_at: null,
    deleted_at: null,
    expires_at: null,
    created_at: new Date(item.created_at).toISOString(),
  };
  return poll ? { ...message, poll: { ...pollOf(message, body.text ?? "", poll, undefined, item.account), id: "" } } : message;
}
