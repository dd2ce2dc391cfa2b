/**
 * The tabs of one account: leader election, and messages between tabs.
 *
 * The leader is the tab that holds a Web Lock; when it ends, for whatever reason, the browser gives the lock to another
 * tab. Other tabs ask the leader for actions that need the socket. A question to a leader that is gone fails when the
 * next leader announces itself.
 */
import type { Channel, Clock, Locks } from "../ports";
import { ApiError, ConnectionLost } from "../service/problems";

const FAILED = { api: "api", lost: "lost" } as const;

interface TabMessage {
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

interface PendingQuestion {
  leader: string | null;
  resolve(data: unknown): void;
  reject(error: Error): void;
}

export interface TabsParts {
  channel: Channel;
  locks: Locks;
  clock: Clock;
  lockName: string;
  /** A unique id of this tab. */
  tabId: string;
}

export class Tabs {
  readonly #parts: TabsParts;
  readonly #listeners = new Map<string, (body: never, from: string) => void>();
  readonly #pending = new Map<number, PendingQuestion>();
  #answer: ((action: string, fields: Record<string, unknown>) => Promise<unknown>) | null = null;
  #leader: string | null = null;
  #lastId = 0;
  #closed = false;

  constructor(parts: TabsParts) {
    this.#parts = parts;
    parts.channel.onMessage((message) => this.#receive(message as TabMessage));
  }

  get id(): string {
    return this.#parts.tabId;
  }

  /** Whether this tab is the leader. */
  get leading(): boolean {
    return this.#answer !== null;
  }

  /** Waits to become the leader, leads until `lead` settles, and settles like it. */
  async run(
    signal: AbortSignal,
    lead: () => Promise<void>,
    answer: (action: string, fields: Record<string, unknown>) => Promise<unknown>,
  ): Promise<void> {
    await this.#parts.locks.hold(this.#parts.lockName, signal, async () => {
      signal.throwIfAborted();
      this.#answer = answer;
      this.#leader = this.id;
      this.#rejectPending("another tab leads now");
      try {
        await lead();
      } finally {
        this.#answer = null;
        this.#leader = null;
      }
    });
  }

  /** Sends a message to all other tabs; does nothing after `close`. */
  tell(kind: string, body?: unknown): void {
    if (this.#closed) return;
    this.#parts.channel.post({ kind, from: this.id, body } satisfies TabMessage);
  }

  /** Sets the listener of a kind of message. The kind `hello` comes from the leader and marks its sender as such. */
  on<T>(kind: string, listener: (body: T, from: string) => void): void {
    this.#listeners.set(kind, listener);
  }

  /** Asks the leader to execute an action. Throws the leader's ApiError, and ConnectionLost when it does not answer. */
  async ask(action: string, fields: Record<string, unknown>, timeoutMs: number): Promise<unknown> {
    const id = (this.#lastId += 1);
    const over = new AbortController();
    try {
      return await new Promise<unknown>((resolve, reject) => {
        this.#pending.set(id, { leader: this.#leader, resolve, reject });
        this.tell("ask", { id, action, fields } satisfies Question);
        this.#parts.clock.sleep(timeoutMs, over.signal).then(
          () => reject(new ConnectionLost(`no other tab answered ${action}`)),
          () => undefined,
        );
      });
    } finally {
      this.#pending.delete(id);
      over.abort();
    }
  }

  close(): void {
    this.#closed = true;
    this.#rejectPending("this tab has stopped");
    this.#parts.channel.close();
  }

  #receive(message: TabMessage): void {
    if (message.to !== undefined && message.to !== this.id) return;
    if (message.kind === "ask") void this.#serve(message.from, message.body as Question);
    else if (message.kind === "answer") this.#settle(message.body as Record<string, unknown>);
    else {
      if (message.kind === "hello") this.#setLeader(message.from);
      this.#listeners.get(message.kind)?.(message.body as never, message.from);
    }
  }

  #setLeader(leader: string): void {
    if (this.#leader === leader) return;
    this.#leader = leader;
    for (const each of this.#pending.values()) {
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
    this.#parts.channel.post({ kind: "answer", from: this.id, to, body } satisfies TabMessage);
  }

  #settle(body: Record<string, unknown>): void {
    const pending = this.#pending.get(Number(body.id));
    if (!pending) return;
    if (body.failed === FAILED.api) {
      const given = { status: Number(body.status), retryAfterMs: body.retryAfterMs as number | null };
      pending.reject(new ApiError(body.problem as Record<string, unknown>, given));
    } else if (body.failed === FAILED.lost) pending.reject(new ConnectionLost(String(body.why)));
    else pending.resolve(body.data);
  }

  #rejectPending(why: string): void {
    for (const each of this.#pending.values()) each.reject(new ConnectionLost(why));
  }
}
