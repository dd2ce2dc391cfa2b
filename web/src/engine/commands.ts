/**
 * What can be asked over the socket, and its way out: the same call over HTTP when the socket fails.
 *
 * A call whose acknowledgement is lost may have been done. Repeating it over HTTP is safe, since a message keeps its
 * `client_id` and everything else sets a state.
 */
import type { Event, Message, MessageFields, Poll, ReadState } from "./api";
import { backoffDelay } from "./backoff";
import { fillPath } from "./http";
import type { Live } from "./live";
import type { Clock } from "./ports";
import { ApiError, ConnectionLost, FrameRefused } from "./problems";
import type { Requests } from "./requests";

const MAX_RETRY_AFTER_MS = 10_000;
/** Before what the socket had no room for goes over HTTP. */
const BUSY = { baseMs: 500, capMs: 500 };

export interface CommandParts {
  live: Live;
  requests: Requests;
  clock: Clock;
}

export class SocketCommands {
  readonly #parts: CommandParts;

  constructor(parts: CommandParts) {
    this.#parts = parts;
  }

  async sendMessage(conversationId: string, body: MessageFields): Promise<Message> {
    const path = fillPath("/conversations/{id}/messages", { id: conversationId });
    const fields = { conversation_id: conversationId, ...body };
    const message = (await this.#either("sendMessage", fields, "POST", path, body)) as Message;
    if (message.edited_at === null && message.deleted_at === null) this.#parts.live.receive(created(message));
    return message;
  }

  async editMessage(conversationId: string, messageId: string, text: string): Promise<Message> {
    return (await this.#changing(conversationId, () =>
      this.#either(
        "editMessage",
        { conversation_id: conversationId, message_id: messageId, text },
        "PATCH",
        messagePath(conversationId, messageId),
        { text },
      ),
    )) as Message;
  }

  async deleteMessage(conversationId: string, messageId: string): Promise<void> {
    await this.#changing(conversationId, () =>
      this.#either(
        "deleteMessage",
        { conversation_id: conversationId, message_id: messageId },
        "DELETE",
        messagePath(conversationId, messageId),
      ),
    );
  }

  async react(conversationId: string, messageId: string, emoji: string, remove: boolean): Promise<void> {
    const path = `${messagePath(conversationId, messageId)}/reactions/${encodeURIComponent(emoji)}`;
    await this.#changing(conversationId, () =>
      this.#either(
        "react",
        { conversation_id: conversationId, message_id: messageId, emoji, remove },
        remove ? "DELETE" : "PUT",
        path,
      ),
    );
  }

  async vote(poll: Poll, optionIds: readonly string[]): Promise<Poll> {
    const path = fillPath("/polls/{id}/vote", { id: poll.id });
    const body = { option_ids: [...optionIds] };
    return (await this.#changing(poll.conversation_id, () =>
      this.#either("vote", { poll_id: poll.id, ...body }, "PUT", path, body),
    )) as Poll;
  }

  async markRead(conversationId: string, seq: number): Promise<ReadState> {
    const path = fillPath("/conversations/{id}/read", { id: conversationId });
    const fields = { conversation_id: conversationId, seq };
    return (await this.#either("markRead", fields, "POST", path, { seq })) as ReadState;
  }

  /** A connection is not told of what it did itself: the log is asked unless something came meanwhile. */
  async #changing(conversationId: string, work: () => Promise<unknown>): Promise<unknown> {
    const { live } = this.#parts;
    const since = live.cursor(conversationId);
    const answer = await work();
    live.suspect(conversationId, since);
    return answer;
  }

  async #either(
    action: string,
    fields: Record<string, unknown>,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<unknown> {
    const { live, requests, clock } = this.#parts;
    try {
      return await live.request(action, fields);
    } catch (error) {
      const passing = error instanceof ConnectionLost || (error instanceof ApiError && error.transient);
      if (!passing) throw error;
      const busy = error instanceof FrameRefused || error instanceof ApiError;
      const after = error instanceof ApiError ? Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS) : 0;
      if (busy) await clock.sleep(backoffDelay(BUSY, 0, Math.random, after));
    }
    return requests.request(method, { path, body, retry: true });
  }
}

function messagePath(conversationId: string, messageId: string): string {
  return fillPath("/conversations/{id}/messages/{message}", { id: conversationId, message: messageId });
}

/** The log's event for a message that was just stored: the message's seq is the event's. */
export function created(message: Message): Event {
  return {
    type: "message.created",
    data: message,
    conversation_id: message.conversation_id,
    seq: message.seq || undefined,
    actor_id: message.sender_id,
    at: message.created_at,
  };
}
