/** A service in memory with the routes and sockets that the engine needs; it records all requests (`asked`). */
import type { Channel, Locks, Ports, Wire, WireEvents } from "../ports";
import { ConnectionLost } from "../service/problems";
import { clock } from "../browser";
import { localTabs } from "./local-tabs";

export interface LogRow {
  conversation_id: string;
  seq: number;
  type: string;
  actor_id: string;
  at: string;
  data: unknown;
}

type Answer = [status: number, body?: unknown];

export class FakeServer {
  readonly logs = new Map<string, LogRow[]>();
  readonly asked: string[] = [];
  /** Conversations that are encrypted. */
  readonly encrypted = new Set<string>();
  readonly sockets = new Set<{ events: WireEvents; received: Record<string, unknown>[]; lost: boolean }>();
  socketsRefused = false;
  down = false;
  accessToken = "access-0";
  refreshes = 0;
  mentioned = 0; // unread mentions, as the server counts them
  readonly #answers: { route: string; answer: Answer }[] = [];

  /** Replaces the next answer of a route. */
  once(route: string, ...answer: Answer): void {
    this.#answers.push({ route, answer });
  }

  message(conversationId: string, seq: number, senderId: string, clientId: string, text: string): Record<string, unknown> {
    return {
      id: `msg_${conversationId}_${seq}`,
      conversation_id: conversationId,
      seq,
      sender_id: senderId,
      client_id: clientId,
      type: "text",
      text,
      ciphertext: null,
      attachments: [],
      mentions: [],
      mentions_all: false,
      reply_to: null,
      thread_root: null,
      thread_count: 0,
      forwarded_from: null,
      pinned: false,
      reactions: [],
      metadata: {},
      poll: null,
      edited_at: null,
      deleted_at: null,
      expires_at: null,
      created_at: new Date(Date.UTC(2026, 0, 1) + seq * 60_000).toISOString(),
    };
  }

  /** Appends a message to a log; with `told: false` no socket gets its frame. */
  say(conversationId: string, senderId: string, text: string, { told = true, clientId = "", mentions = [] as string[] } = {}): Record<string, unknown> {
    const log = this.logs.get(conversationId) ?? [];
    this.logs.set(conversationId, log);
    const known = log.find((row) => clientId && (row.data as { client_id: string }).client_id === clientId);
    if (known) return known.data as Record<string, unknown>;
    const data: Record<string, unknown> = { ...this.message(conversationId, log.length + 1, senderId, clientId, text), mentions };
    const row = { conversation_id: conversationId, seq: log.length + 1, type: "message.created", actor_id: senderId, at: String(data.created_at), data };
    log.push(row);
    if (told) this.frame(row);
    return data;
  }

  frame(frame: unknown): void {
    for (const { events, lost } of this.sockets) if (!lost) events.onText(JSON.stringify(frame));
  }

  /** Loses the network below all sockets: they stay open at the other end, and nothing passes any more. */
  loseNetwork(): void {
    for (const socket of this.sockets) socket.lost = true;
  }

  /** Closes all sockets, as at a restart of the gateway. */
  dropSockets(): void {
    for (const { events } of this.sockets) events.onClose();
    this.sockets.clear();
  }

  conversation(id: string): Record<string, unknown> {
    const log = this.logs.get(id) ?? [];
    return {
      id,
      type: "group",
      name: id,
      last_seq: log.length,
      last_message: log.at(-1)?.data ?? null,
      unread_count: 0,
      unread_mentions: this.mentioned,
      pinned: false,
      created_at: "2026-01-01T00:00:00.000Z",
      ...(this.encrypted.has(id) ? { settings: { encrypted: true } } : {}),
    };
  }

  readonly fetch = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const { pathname, searchParams } = new URL(String(url));
    const route = `${init?.method} ${pathname}`;
    this.asked.push(route);
    await new Promise((go) => setTimeout(go, 1));
    if (this.down) throw new TypeError("fetch failed");
    const body: Record<string, unknown> = init?.body ? JSON.parse(String(init.body)) : {};
    const token = new Headers(init?.headers).get("Authorization")?.slice("Bearer ".length) ?? null;
    const planned = this.#answers.findIndex((each) => each.route === route);
    const [status, answer] =
      this.#answers.splice(planned, planned < 0 ? 0 : 1)[0]?.answer ?? this.#route(route, pathname, searchParams, body, token);
    return new Response(answer === undefined ? null : JSON.stringify(answer), { status });
  };

  readonly dial = async (url: string, events: WireEvents): Promise<Wire> => {
    this.asked.push(`DIAL ${new URL(url).pathname}`);
    await new Promise((go) => setTimeout(go, 1));
    if (this.socketsRefused || this.down) throw new ConnectionLost("refused");
    const socket = { events, received: [] as Record<string, unknown>[], lost: false };
    this.sockets.add(socket);
    return {
      send: (text) => {
        if (!this.sockets.has(socket)) throw new ConnectionLost("closed");
        if (socket.lost) return;
        const frame: Record<string, unknown> = JSON.parse(text);
        socket.received.push(frame);
        setTimeout(() => events.onText(JSON.stringify({ type: "ack", id: frame.id, data: this.#act(frame, socket) })), 1);
      },
      close: () => {
        if (this.sockets.delete(socket)) events.onClose();
      },
    };
  };

  count(route: string): number {
    return this.asked.filter((each) => each === route).length;
  }

  #act(frame: Record<string, unknown>, socket: { events: WireEvents }): unknown {
    if (frame.action !== "sendMessage") return frame.action === "watchPresence" ? { items: [] } : null;
    const made = this.say(String(frame.conversation_id), "me", String(frame.text), { told: false, clientId: String(frame.client_id) });
    const row = this.logs.get(String(frame.conversation_id))?.find((each) => each.data === made);
    for (const { events } of this.sockets) if (events !== socket.events) events.onText(JSON.stringify(row));
    return made;
  }

  #route(route: string, path: string, query: URLSearchParams, body: Record<string, unknown>, token: string | null): Answer {
    if (route === "POST /auth/refresh") {
      this.refreshes += 1;
      this.accessToken = `access-${this.refreshes}`;
      return [200, { tokens: this.tokens() }];
    }
    if (token !== this.accessToken) return [401, { code: "token_expired", status: 401 }];
    const id = path.split("/")[2] ?? "";
    const log = this.logs.get(id) ?? [];
    switch (route.replace(/(conversations|users)\/[^/]+/, "$1/{id}")) {
      case "POST /realtime/tickets":
        return [201, { ticket: "t", url: "ws://service/socket", expires_in: 60, reconnect_spread_ms: 1 }];
      case "GET /conversations":
        return [200, { items: [...this.logs.keys()].map((each) => this.conversation(each)), next_cursor: null }];
      case "GET /conversations/{id}":
        return [200, this.conversation(id)];
      case "GET /conversations/{id}/events": {
        const rows = log.filter((row) => row.seq > Number(query.get("after"))).slice(0, Number(query.get("limit")));
        return [200, { items: rows, next_cursor: (rows.at(-1)?.seq ?? log.length) < log.length ? "more" : null }];
      }
      case "GET /conversations/{id}/messages": {
        const limit = Number(query.get("limit"));
        const messages = log.map((row) => row.data as { seq: number });
        const after = query.get("after");
        if (after !== null) return [200, { items: messages.filter((each) => each.seq > Number(after)).slice(0, limit), next_cursor: null }];
        const before = Number(query.get("before") ?? Infinity);
        return [200, { items: messages.filter((each) => each.seq < before).slice(-limit).reverse(), next_cursor: null }];
      }
      case "POST /conversations/{id}/messages":
        return [201, this.say(id, "me", String(body.text), { clientId: String(body.client_id) })];
      case "GET /users/{id}":
        return [200, { id: "me", username: "me", display_name: "Me" }];
    }
    if (route === "POST /sync") {
      const cursors = body.cursors as Record<string, number>;
      const moved = [...this.logs].filter(([each, rows]) => rows.length > (cursors[each] ?? 0));
      return [
        200,
        {
          conversations: moved.map(([each, rows]) => ({
            conversation: this.conversation(each),
            events: rows.filter((row) => row.seq > (cursors[each] ?? 0)).slice(0, 100),
            more: rows.length > (cursors[each] ?? 0) + 100,
          })),
          removed: Object.keys(cursors).filter((each) => !this.logs.has(each)),
          more: false,
          ephemeral: { calls: [] },
        },
      ];
    }
    return [404, { code: "not_found", status: 404 }];
  }

  tokens(expires_in = 900) {
    return { access_token: this.accessToken, refresh_token: `refresh-${this.refreshes}`, expires_in, session_id: "ses_1" };
  }

  /** The ports of a machine whose tabs use this service. */
  ports(machine: { locks: Locks; channel: (name: string) => Channel } = localTabs()): Ports {
    let ids = 0;
    return {
      fetch: this.fetch as typeof fetch,
      dial: this.dial,
      sendBytes: async () => 204,
      clock,
      ...machine,
      random: () => 0.5,
      uuid: () => `id-${(ids += 1)}-${Math.round(performance.now() * 1000)}`,
    };
  }
}

/** Short waits, for tests that use the real clock. */
export const QUICK = {
  gapWaitMs: 5,
  pollMs: 30,
  requestTimeoutMs: 500,
  deliveredEveryMs: null,
  policy: { backoff: { baseMs: 5, capMs: 20 }, spreadMs: 5, lifetimeMs: [60_000, 60_000], stableMs: 0 },
} as const;
