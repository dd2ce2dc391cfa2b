/**
 * Orders events for exactly-once delivery: decides which may be delivered, given those that have arrived. Does no I/O.
 *
 * Frames from sockets are hints; they may be lost, repeated or out of order. Events from `GET …/events` are confirmed:
 * an answer has every event in its range that the reader may see. A conversation that is not known yet starts where its
 * log starts.
 *
 * An event that removes the reader leaves the conversation in doubt: later events are held until it is known whether
 * the reader is back, and where the log then starts for them.
 */
import type { Event } from "../service/api";
import { conversationRemoved, putsOut } from "./events";

/** Held events per conversation; further ones are dropped and later read from the log. */
const MAX_HELD = 1_000;

export class Sequencer {
  readonly #readerId: string | null;
  readonly #cursors: Map<string, number>;
  readonly #highest = new Map<string, number>();
  readonly #held = new Map<string, Map<number, Event>>();
  readonly #ended = new Set<string>();
  readonly inDoubt: Set<string>;
  duplicates = 0;

  constructor({
    cursors = {},
    readerId = null,
    inDoubt = [],
  }: { cursors?: Readonly<Record<string, number>>; readerId?: string | null; inDoubt?: Iterable<string> } = {}) {
    this.#readerId = readerId;
    this.#cursors = new Map(Object.entries(cursors));
    this.inDoubt = new Set(inDoubt);
  }

  /** The last delivered seq of each conversation; all earlier events have been delivered as well. */
  get cursors(): Record<string, number> {
    return Object.fromEntries(this.#cursors);
  }

  get size(): number {
    return this.#cursors.size;
  }

  cursor(conversationId: string): number | undefined {
    return this.#cursors.get(conversationId);
  }

  /**
   * The events that are deliverable now: none if `event` is a duplicate or too early, else `event` and held followers.
   */
  offer(event: Event): Event[] {
    const { conversation_id: id, seq } = event;
    if (id === undefined || seq === undefined) return [event];
    let cursor = this.#cursors.get(id);
    if (cursor === undefined && seq === 1 && !this.#ended.has(id)) {
      cursor = 0; // nothing can precede it
      this.#cursors.set(id, cursor);
    }
    if (cursor !== undefined && seq <= cursor) {
      this.duplicates += 1;
      return [];
    }
    if (cursor !== undefined && seq === cursor + 1 && !this.inDoubt.has(id)) return this.#advance(id, event);
    const held = this.#heldOf(id);
    if (held.has(seq)) this.duplicates += 1;
    else if (held.size < MAX_HELD) held.set(seq, event);
    this.note(id, seq);
    return [];
  }

  /**
   * The same for a stretch of the log, which was read from the cursor or from an earlier seq. A gap in a confirmed
   * stretch means that the reader was not a member in between: the old log ends, and a new one begins.
   */
  offerLog(id: string, events: readonly Event[], { confirmed = false } = {}): Event[] {
    const ready: Event[] = [];
    for (const event of [...events].sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0))) {
      if (event.seq === undefined) continue;
      const cursor = this.#cursors.get(id);
      if (cursor === undefined) {
        this.#restart(id, event.seq);
      } else if (confirmed && event.seq > cursor + 1 && !this.inDoubt.has(id)) {
        ready.push(conversationRemoved(id));
        this.#restart(id, event.seq);
      }
      ready.push(...this.offer(event));
    }
    return ready;
  }

  /** Notes that the log reaches at least this seq. */
  note(id: string, seq: number): void {
    if ((this.#cursors.get(id) ?? -1) >= seq) return;
    this.#highest.set(id, Math.max(seq, this.#highest.get(id) ?? 0));
  }

  /** Conversations whose log reaches further than the cursor, or that are in doubt. */
  behind(): string[] {
    return [...new Set([...this.#highest.keys(), ...this.inDoubt])];
  }

  /** Resolves a doubt: the reader is back, and their log starts at `firstSeq`. */
  resolve(id: string, firstSeq: number): Event[] {
    this.inDoubt.delete(id);
    if (firstSeq <= (this.#cursors.get(id) ?? 0)) return this.#advance(id); // back, with the whole history
    this.#restart(id, firstSeq);
    return [conversationRemoved(id), ...this.#advance(id)];
  }

  /** Moves the cursor to `seq` and skips the events before; the caller knows their outcome from a summary. */
  skipTo(id: string, seq: number): Event[] {
    if ((this.#cursors.get(id) ?? -1) >= seq) return [];
    this.inDoubt.delete(id);
    this.#restart(id, seq + 1);
    return this.#advance(id);
  }

  /** Forgets a gap that the log does not fill. */
  giveUp(id: string): void {
    this.inDoubt.delete(id);
    this.#highest.delete(id);
    this.#held.delete(id);
  }

  /**
   * The reader is removed: forgets the conversation and returns `conversation.removed`, once. Held events may be from
   * after a return, so they stay, like those of an unknown conversation.
   */
  end(id: string): Event[] {
    this.inDoubt.delete(id);
    if (!this.#held.has(id)) this.#highest.delete(id);
    this.#ended.add(id);
    return this.#cursors.delete(id) ? [conversationRemoved(id)] : [];
  }

  #heldOf(id: string): Map<number, Event> {
    let held = this.#held.get(id);
    if (!held) this.#held.set(id, (held = new Map()));
    return held;
  }

  #restart(id: string, seq: number): void {
    this.#cursors.set(id, seq - 1);
    this.#ended.delete(id);
    const held = this.#held.get(id);
    if (held) this.#held.set(id, new Map([...held].filter(([each]) => each >= seq)));
  }

  /** Moves the cursor over this event, if given, and over held events that follow; returns them. */
  #advance(id: string, event?: Event): Event[] {
    const held = this.#heldOf(id);
    let seq = this.#cursors.get(id) ?? 0;
    if (event) held.set(seq + 1, event);
    const ready: Event[] = [];
    for (let next = held.get(seq + 1); next && !this.inDoubt.has(id); next = held.get(seq + 1)) {
      held.delete(seq + 1);
      ready.push(next);
      seq += 1;
      if (putsOut(next, this.#readerId)) this.inDoubt.add(id);
    }
    if (held.size === 0) this.#held.delete(id);
    if ((this.#highest.get(id) ?? seq) <= seq) this.#highest.delete(id);
    this.#cursors.set(id, seq);
    return ready;
  }
}
