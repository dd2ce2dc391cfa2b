/**
 * The tabs of one account: which of them leads, and what they say to each other.
 *
 * The leader is whoever holds a lock, which the browser passes on when a tab ends, however it ends. The others ask it
 * for what only it can do; a question that it cannot answer any more fails when its successor introduces itself.
 */
import type { Channel, Clock, Locks } from "./ports";
import { ApiError, ConnectionLost } from "./problems";

const FAILED = { api: "api", lost: "lost" } as const;

interface Told {
  kind: string;
  from: string;
  to?: string;
  body?: unknown;
}

interface Question {
  id: number;
  action: string;
  fields: Record<string, unknown>;
}

interface Waiting {
  leader: string | null;
  resolve(data: unknown): void;
  reject(error: Error): void;
}

export interface TabsParts {
  channel: Channel;
  locks: Locks;
  clock: Clock;
  lockName: string;
  /** This tab, among all. */
  tabId: string;
}

export class Tabs {
  readonly #parts: TabsParts;
  readonly #listeners = new Map<string, (body: never, from: string) => void>();
  readonly #waiting = new Map<number, Waiting>();
  #answer: ((action: string, fields: Record<string, unknown>) => Promise<unknown>) | null = null;
  #leader: string | null = null;
  #lastId = 0;
  #closed = false;

  constructor(parts: TabsParts) {
    this.#parts = parts;
    parts.channel.onMessage((message) => this.#hear(message as Told));
  }

  get id(): string {
    return this.#parts.tabId;
  }

  /** Whether this tab is the leader. */
  get leading(): boolean {
    return this.#answer !== null;
  }

  /** Waits to become the leader, leads until `lead` ends, and settles as that does. */
  async run(
    signal: AbortSignal,
    lead: () => Promise<void>,
    answer: (action: string, fields: Record<string, unknown>) => Promise<unknown>,
  ): Promise<void> {
    await this.#parts.locks.hold(this.#parts.lockName, signal, async () => {
      signal.throwIfAborted();
      this.#answer = answer;
      this.#leader = this.id;
      this.#lose("another tab leads now");
      try {
        await lead();
      } finally {
        this.#answer = null;
        this.#leader = null;
      }
    });
  }

  /** Tells all other tabs; nobody any more after `close`. */
  tell(kind: string, body?: unknown): void {
    if (this.#closed) return;
    this.#parts.channel.post({ kind, from: this.id, body } satisfies Told);
  }

  /** One listener per kind. `hello` is what a leader says of itself: it marks the sender as the leader. */
  on<T>(kind: string, listener: (body: T, from: string) => void): void {
    this.#listeners.set(kind, listener);
  }

  /** Lets the leader do something. Throws what it throws, and ConnectionLost when it does not answer. */
  async ask(action: string, fields: Record<string, unknown>, timeoutMs: number): Promise<unknown> {
    const id = (this.#lastId += 1);
    const over = new AbortController();
    try {
      return await new Promise<unknown>((resolve, reject) => {
        this.#waiting.set(id, { leader: this.#leader, resolve, reject });
        this.tell("ask", { id, action, fields } satisfies Question);
        this.#parts.clock.sleep(timeoutMs, over.signal).then(
          () => reject(new ConnectionLost(`no other tab answered ${action}`)),
          () => undefined,
        );
      });
    } finally {
      this.#waiting.delete(id);
      over.abort();
    }
  }

  close(): void {
    this.#closed = true;
    this.#lose("this tab has stopped");
    this.#parts.channel.close();
  }

  #hear(told: Told): void {
    if (told.to !== undefined && told.to !== this.id) return;
    if (told.kind === "ask") void this.#serve(told.from, told.body as Question);
    else if (told.kind === "answer") this.#settle(told.body as Record<string, unknown>);
    else {
      if (told.kind === "hello") this.#follow(told.from);
      this.#listeners.get(told.kind)?.(told.body as never, told.from);
    }
  }

  #follow(leader: string): void {
    if (this.#leader === leader) return;
    this.#leader = leader;
    for (const each of this.#waiting.values()) {
      if (each.leader !== leader) each.reject(new ConnectionLost("the tab that held the socket is gone"));
    }
  }

  async #serve(to: string, { id, action, fields }: Question): Promise<void> {
    if (!this.#answer) return;
    let body: Record<string, unknown>;
    try {
      body = { id, data: await this.#answer(action, fields) };
    } catch (error) {
      body =
        error instanceof ApiError
          ? { id, failed: FAILED.api, problem: error.problem, retryAfterMs: error.retryAfterMs, status: error.status }
          : { id, failed: FAILED.lost, why: error instanceof Error ? error.message : String(error) };
    }
    if (this.#closed) return;
    this.#parts.channel.post({ kind: "answer", from: this.id, to, body } satisfies Told);
  }

  #settle(body: Record<string, unknown>): void {
    const waiting = this.#waiting.get(Number(body.id));
    if (!waiting) return;
    if (body.failed === FAILED.api) {
      const given = { status: Number(body.status), retryAfterMs: body.retryAfterMs as number | null };
      waiting.reject(new ApiError(body.problem as Record<string, unknown>, given));
    } else if (body.failed === FAILED.lost) waiting.reject(new ConnectionLost(String(body.why)));
    else waiting.resolve(body.data);
  }

  #lose(why: string): void {
    for (const each of this.#waiting.values()) each.reject(new ConnectionLost(why));
  }
}
