/**
 * Commands that go over the socket, and over HTTP when the socket fails.
 *
 * A command whose acknowledgement was lost may have been executed. Repeating it over HTTP is safe: a message keeps its
 * `client_id`, and all other commands are idempotent.
 */
import type { Event, Message, MessageFields, Poll, ReadState } from "./service/api";
import { backoffDelay } from "./live/backoff";
import { fillPath } from "./service/http";
import type { Live } from "./live/live";
import type { Clock } from "./ports";
import { ApiError, ConnectionLost, FrameRefused } from "./service/problems";
import type { Requests } from "./service/requests";

const MAX_RETRY_AFTER_MS = 10_000;
/** The wait before a command that the gateway refused goes over HTTP. */
const BUSY_BACKOFF = { baseMs: 500, capMs: 500 };

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
    const message = (await this.#overSocketOrHttp("sendMessage", fields, "POST", path, body)) as Message;
    if (message.edited_at === null && message.deleted_at === null) this.#parts.live.receive(created(message));
    return message;
  }

  async editMessage(conversationId: string, messageId: string, text: string): Promise<Message> {
    return (await this.#thenReadOwnEvent(conversationId, () =>
      this.#overSocketOrHttp(
        "editMessage",
        { conversation_id: conversationId, message_id: messageId, text },
        "PATCH",
        messagePath(conversationId, messageId),
        { text },
      ),
    )) as Message;
  }

  async deleteMessage(conversationId: string, messageId: string): Promise<void> {
    await this.#thenReadOwnEvent(conversationId, () =>
      this.#overSocketOrHttp(
        "deleteMessage",
        { conversation_id: conversationId, message_id: messageId },
        "DELETE",
        messagePath(conversationId, messageId),
      ),
    );
  }

  async react(conversationId: string, messageId: string, emoji: string, remove: boolean): Promise<void> {
    const path = `${messagePath(conversationId, messageId)}/reactions/${encodeURIComponent(emoji)}`;
    await this.#thenReadOwnEvent(conversationId, () =>
      this.#overSocketOrHttp(
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
    return (await this.#thenReadOwnEvent(poll.conversation_id, () =>
      this.#overSocketOrHttp("vote", { poll_id: poll.id, ...body }, "PUT", path, body),
    )) as Poll;
  }

  async markRead(conversationId: string, seq: number): Promise<ReadState> {
    const path = fillPath("/conversations/{id}/read", { id: conversationId });
    const fields = { conversation_id: conversationId, seq };
    return (await this.#overSocketOrHttp("markRead", fields, "POST", path, { seq })) as ReadState;
  }

  /** A connection gets no frame for its own commands, so the log is read afterwards, unless an event came meanwhile. */
  async #thenReadOwnEvent(conversationId: string, work: () => Promise<unknown>): Promise<unknown> {
    const { live } = this.#parts;
    const since = live.cursor(conversationId);
    const answer = await work();
    live.suspect(conversationId, since);
    return answer;
  }

  async #overSocketOrHttp(
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
      const transient = error instanceof ConnectionLost || (error instanceof ApiError && error.transient);
      if (!transient) throw error;
      const busy = error instanceof FrameRefused || error instanceof ApiError;
      const after = error instanceof ApiError ? Math.min(error.retryAfterMs ?? 0, MAX_RETRY_AFTER_MS) : 0;
      if (busy) await clock.sleep(backoffDelay(BUSY_BACKOFF, 0, Math.random, after));
    }
    return requests.request(method, { path, body, retry: true });
  }
}

function messagePath(conversationId: string, messageId: string): string {
  return fillPath("/conversations/{id}/messages/{message}", { id: conversationId, message: messageId });
}

/** The log's event for a message that was just stored; the two have the same seq. */
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
