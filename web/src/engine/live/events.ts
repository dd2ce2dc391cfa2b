/** Parses frames and rows of the log. Never throws on malformed data: one odd event must not stop the stream. */
import type { Event, EventOf } from "../service/api";

/** An event from its wire form, null if it is none; types unknown to this version pass through unchanged. */
export function parseEvent(raw: unknown, conversationId?: string): Event | null {
  if (typeof raw !== "object" || raw === null) return null;
  const { type, data, conversation_id, seq, actor_id, at } = raw as Record<string, unknown>;
  if (typeof type !== "string") return null;
  return {
    type,
    data: data ?? null,
    conversation_id: typeof conversation_id === "string" && conversation_id ? conversation_id : conversationId,
    seq: typeof seq === "number" && Number.isInteger(seq) ? seq : undefined,
    actor_id: typeof actor_id === "string" ? actor_id : undefined,
    at: typeof at === "string" ? at : undefined,
  } as Event;
}

export function parseEvents(rows: unknown, conversationId: string): Event[] {
  if (!Array.isArray(rows)) return [];
  return rows.map((row) => parseEvent(row, conversationId)).filter((each) => each !== null);
}

/** The event for the end of a log for its reader; it is made by this client, so it has no seq. */
export function conversationRemoved(conversationId: string): EventOf<"conversation.removed"> {
  return { type: "conversation.removed", data: null, conversation_id: conversationId };
}

/** Whether the log ends with this event for its reader, until they join again. */
export function putsOut(event: Event, readerId: string | null): boolean {
  if (event.type === "conversation.deleted") return true;
  return event.type === "member.removed" && readerId !== null && event.data?.user?.id === readerId;
}
