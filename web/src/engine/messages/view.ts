/**
 * The state of conversations, derived from their events alone; it equals what `GET …/messages` would show.
 *
 * Events are applied in the order of a sequencer; applying one twice changes nothing. A view that starts in the middle
 * of a log has only the messages from there on.
 */
import type { Conversation, Event, EventOf, Message, Poll } from "../service/api";
import { byEmoji, hasExpired, tombstone } from "./reduce";

/** The state of a conversation after event `lastSeq`; messages are ordered by seq, tombstones included. */
export interface ConversationState {
  readonly id: string;
  readonly lastSeq: number;
  readonly conversation: Conversation | null;
  readonly messages: readonly Message[];
}

interface Entry {
  message: Message;
  reactions: Map<string, Set<string>>;
}

interface Log {
  seq: number;
  conversation: Conversation | null;
  readonly entries: Map<string, Entry>;
}

export class View {
  readonly #userId: string;
  readonly #now: () => number;
  readonly #logs = new Map<string, Log>();

  constructor(userId: string, now: () => number) {
    this.#userId = userId;
    this.#now = now;
  }

  /** Applies an event. Ephemeral events, and events already applied, change nothing. */
  apply(event: Event): void {
    const id = event.conversation_id;
    if (id === undefined) return;
    if (event.type === "conversation.removed") {
      this.#logs.delete(id);
      return;
    }
    if (event.seq === undefined) return;
    let log = this.#logs.get(id);
    if (!log) this.#logs.set(id, (log = { seq: 0, conversation: null, entries: new Map() }));
    if (event.seq <= log.seq) return;
    log.seq = event.seq;
    switch (event.type) {
      case "message.created":
      case "message.updated":
      case "message.deleted":
        applyMessage(log, event);
        break;
      case "reaction.added":
      case "reaction.removed":
        applyReaction(log, event);
        break;
      case "poll.created":
      case "poll.updated":
      case "poll.voted":
      case "poll.closed":
        applyPoll(log, event.data);
        break;
      case "conversation.created":
      case "conversation.updated":
        log.conversation = event.data;
        break;
    }
  }

  /** The present state of a conversation; null if no event of it was applied. */
  state(id: string): ConversationState | null {
    const log = this.#logs.get(id);
    if (!log) return null;
    const entries = [...log.entries.values()].sort((a, b) => a.message.seq - b.message.seq);
    const replies = new Map<string, number>();
    for (const { message } of entries) {
      if (message.thread_root !== null && message.deleted_at === null) {
        replies.set(message.thread_root, (replies.get(message.thread_root) ?? 0) + 1);
      }
    }
    const messages = entries.map((each) => this.#shown(each, replies.get(each.message.id) ?? 0));
    return { id, lastSeq: log.seq, conversation: log.conversation, messages };
  }

  get conversationIds(): string[] {
    return [...this.#logs.keys()];
  }

  /** A message as it shows now. All replies of a thread come after its root, so a view with the root has them all. */
  #shown(entry: Entry, replies: number): Message {
    if (hasExpired(entry.message, this.#now())) {
      entry.message = tombstone(entry.message, entry.message.expires_at);
      entry.reactions = new Map();
    }
    if (entry.message.deleted_at !== null) return { ...entry.message, thread_count: replies };
    const reactions = [...entry.reactions]
      .map(([emoji, users]) => ({ emoji, count: users.size, mine: users.has(this.#userId) }))
      .sort(byEmoji);
    return { ...entry.message, reactions, thread_count: replies };
  }
}

type MessageEvent = EventOf<"message.created"> | EventOf<"message.updated"> | EventOf<"message.deleted">;

function applyMessage(log: Log, event: MessageEvent): void {
  const message = event.data;
  if (!message?.id) return;
  if (event.type === "message.created") {
    log.entries.set(message.id, { message: { ...message, seq: event.seq ?? message.seq }, reactions: new Map() });
    return;
  }
  const known = log.entries.get(message.id);
  if (!known) return;
  const deleted_at = message.deleted_at ?? (event.type === "message.deleted" ? (event.at ?? null) : null);
  known.message = { ...message, seq: known.message.seq, deleted_at };
}

function applyPoll(log: Log, poll: Poll | null): void {
  const known = poll && log.entries.get(poll.message_id);
  if (known && known.message.deleted_at === null) known.message = { ...known.message, poll };
}

function applyReaction(log: Log, event: EventOf<"reaction.added"> | EventOf<"reaction.removed">): void {
  const reaction = event.data;
  const known = reaction && log.entries.get(reaction.message_id);
  if (!known) return;
  const users = known.reactions.get(reaction.emoji) ?? new Set<string>();
  if (event.type === "reaction.added") users.add(reaction.user_id);
  else users.delete(reaction.user_id);
  if (users.size > 0) known.reactions.set(reaction.emoji, users);
  else known.reactions.delete(reaction.emoji);
}
