/**
 * Filters repeated and late news of calls. Calls come as frames and in every sync, in any order, and must ring once.
 *
 * A call moves only from ringing to active to ended. An earlier state than the known one is late, and an equal copy is
 * a repetition; both are dropped.
 */
import type { Call, Event } from "../service/api";

/** How many calls are remembered; the least recently updated one is forgotten first. */
const MAX_KNOWN = 256;
const RANK: Readonly<Record<string, number>> = { ringing: 0, active: 1, ended: 2 };

export class CallTracker {
  readonly #known = new Map<string, { rank: number; snapshot: string }>();

  /** Whether an event from the socket is to be delivered; always true if it is not about a call. */
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

  /** Events for those live calls of a sync that are new or have changed. */
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
    const snapshot = JSON.stringify(call, sortedKeys);
    const known = this.#known.get(call.id);
    if (known && (rank < known.rank || snapshot === known.snapshot)) return false;
    this.#known.delete(call.id);
    this.#known.set(call.id, { rank, snapshot });
    for (const id of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(id);
    }
    return true;
  }
}

/** A replacer for JSON.stringify that makes the text independent of the order of keys. */
function sortedKeys(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
