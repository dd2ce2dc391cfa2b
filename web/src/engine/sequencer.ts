/**
 * Exactly once and in order: what may be delivered now, given what came so far. Pure; does no I/O.
 *
 * Sockets are a hint and the log is the truth. Events from sockets are offered and may be lost, doubled or shuffled;
 * events from `GET …/events` are confirmed: within an answer nothing is missing that the caller may see. A conversation
 * that is not known yet starts where the log says it starts.
 *
 * An event that puts the reader out leaves the conversation in doubt: what comes behind it is held until it is known
 * whether the reader came back, and if so, where the log now starts for them.
 */
import type { Event } from "./api";
import { conversationRemoved, putsOut } from "./events";

/** Per conversation; what is not held comes from the log later. */
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

  /** Per conversation, the last seq delivered; everything before it has been, too. */
  get cursors(): Record<string, number> {
    return Object.fromEntries(this.#cursors);
  }

  get size(): number {
    return this.#cursors.size;
  }

  cursor(conversationId: string): number | undefined {
    return this.#cursors.get(conversationId);
  }

  /** What this event makes deliverable: nothing if it is old or early, else itself and its followers. */
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
   * The same for an ascending stretch of the log asked for after this cursor or an earlier one. A hole in a confirmed
   * stretch means that the caller was out of the conversation in between: its log ends and begins anew.
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

  /** The log is known to reach this seq. */
  note(id: string, seq: number): void {
    if ((this.#cursors.get(id) ?? -1) >= seq) return;
    this.#highest.set(id, Math.max(seq, this.#highest.get(id) ?? 0));
  }

  /** Conversations whose log reaches further than what was delivered, or that are in doubt. */
  behind(): string[] {
    return [...new Set([...this.#highest.keys(), ...this.inDoubt])];
  }

  /** The log of a conversation in doubt starts here for the reader now. */
  resolve(id: string, firstSeq: number): Event[] {
    this.inDoubt.delete(id);
    if (firstSeq <= (this.#cursors.get(id) ?? 0)) return this.#advance(id); // back, with the whole history
    this.#restart(id, firstSeq);
    return [conversationRemoved(id), ...this.#advance(id)];
  }

  /** Goes on behind this seq without what lies before it; the caller has seen its outcome some other way. */
  skipTo(id: string, seq: number): Event[] {
    if ((this.#cursors.get(id) ?? -1) >= seq) return [];
    this.inDoubt.delete(id);
    this.#restart(id, seq + 1);
    return this.#advance(id);
  }

  /** Stops expecting what the log refuses to show. */
  giveUp(id: string): void {
    this.inDoubt.delete(id);
    this.#highest.delete(id);
    this.#held.delete(id);
  }

  /**
   * The caller is out: forgets the conversation and says so, once. What is held may be from after a return: it stays,
   * as that of a conversation not known yet.
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

  /** Delivers this event, if given, and what was held behind it. */
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
