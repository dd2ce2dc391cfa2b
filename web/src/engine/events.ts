/** Frames and rows of the log as events. Never throws on data: one odd event must not stop a stream. */
import type { Event, EventOf } from "./api";

/** An event from its wire form; types that this version does not know pass through as they are. */
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

/** The end of a log for its reader; made here, so it has no seq. */
export function conversationRemoved(conversationId: string): EventOf<"conversation.removed"> {
  return { type: "conversation.removed", data: null, conversation_id: conversationId };
}

/** Whether the log ends with this event for its reader, until they are let in again. */
export function putsOut(event: Event, readerId: string | null): boolean {
  if (event.type === "conversation.deleted") return true;
  return event.type === "member.removed" && readerId !== null && event.data?.user?.id === readerId;
}
