/**
 * What is told of calls: they come as frames and in every sync, in any order, and must ring once.
 *
 * A call only moves from ringing to active to ended. What shows an earlier state than was heard of is late, and what
 * looks as before is a repetition; neither is told.
 */
import type { Call, Event } from "./api";

/** Calls remembered, the latest heard of. */
const MAX_KNOWN = 256;
const RANK: Readonly<Record<string, number>> = { ringing: 0, active: 1, ended: 2 };

export class CallTracker {
  readonly #known = new Map<string, { rank: number; look: string }>();

  /** Whether an event of the socket tells something new; that of no call always does. */
  letsPass(event: Event): boolean {
    switch (event.type) {
      case "call.ringing":
      case "call.updated":
      case "call.answered_elsewhere":
      case "call.ended":
        break;
      default:
        return true;
    }
    if (!event.data || !(event.data.state in RANK)) return true;
    const first = !this.#known.has(event.data.id);
    const news = this.#isNews(event.data);
    return event.type === "call.ringing" ? first : news || event.type === "call.answered_elsewhere";
  }

  /** Events for what is new among the live calls that a sync shows. */
  listed(calls: readonly Call[]): Event[] {
    const events: Event[] = [];
    for (const call of calls) {
      const first = !this.#known.has(call.id);
      if (!(call.state in RANK) || !this.#isNews(call)) continue;
      const type = first && call.state === "ringing" ? "call.ringing" : "call.updated";
      events.push({ type, data: call, conversation_id: call.conversation_id });
    }
    return events;
  }

  #isNews(call: Call): boolean {
    const rank = RANK[call.state] ?? 0;
    const look = JSON.stringify(call, sortedKeys);
    const known = this.#known.get(call.id);
    if (known && (rank < known.rank || look === known.look)) return false;
    this.#known.delete(call.id);
    this.#known.set(call.id, { rank, look });
    for (const id of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(id);
    }
    return true;
  }
}

/** Equal objects give equal texts, whatever the order of their keys. */
function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
