/**
 * The port of the persistent store (session, cursors, outbox, values by key), and an implementation in memory.
 *
 * Every method is one short transaction. Rows belong to an account (the user's id), so a second person who signs in
 * never sees the first one's data or sends their messages.
 */
import type { OutboxItem } from "../types";

export interface Session {
  readonly userId: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Epoch milliseconds of this machine's clock. */
  readonly expiresAt: number;
  /** A second factor is to be enrolled before anything else. */
  readonly mustEnrol?: boolean;
}

export interface Store {
  loadSession(): Promise<Session | null>;
  /** Durable when it resolves, since the previous refresh token is no longer valid. */
  saveSession(session: Session | null): Promise<void>;

  loadCursors(account: string): Promise<Record<string, number>>;
  /** Sets the given cursors, negative ones as they are; null removes a cursor. */
  saveCursors(account: string, changed: Readonly<Record<string, number | null>>): Promise<void>;

  /** Adds or replaces by `client_id`. Durable when it resolves. */
  putItem(item: OutboxItem): Promise<void>;
  getItem(clientId: string): Promise<OutboxItem | undefined>;
  /** Oldest first. */
  items(account: string): Promise<OutboxItem[]>;
  /** The oldest pending item of a conversation. */
  nextItem(account: string, conversationId: string): Promise<OutboxItem | undefined>;
  dropItem(clientId: string): Promise<void>;

  loadValue<T>(account: string, key: string): Promise<T | undefined>;
  /** Sets a value; undefined removes it. */
  saveValue(account: string, key: string, value: unknown): Promise<void>;
  /** Sets all values or none; undefined removes one. Durable when it resolves. */
  saveValues(account: string, values: ReadonlyMap<string, unknown>): Promise<void>;
  /** The values whose keys begin with `prefix`, by key. */
  loadValues<T>(account: string, prefix: string): Promise<Map<string, T>>;
  /** The last `limit` of them with keys before `below` (null: of all), greatest key first. */
  lastValues<T>(account: string, prefix: string, below: string | null, limit: number): Promise<[string, T][]>;

  /** Removes everything of the account. */
  wipe(account: string): Promise<void>;
  close(): void;
}

export const byAge = (a: OutboxItem, b: OutboxItem): number =>
  a.created_at - b.created_at || (a.client_id < b.client_id ? -1 : 1);

/** A store in memory, for programs and tests. */
export class MemoryStore implements Store {
  #session: Session | null = null;
  readonly #cursors = new Map<string, Record<string, number>>();
  readonly #items = new Map<string, OutboxItem>();
  readonly #values = new Map<string, Map<string, unknown>>();

  async loadSession(): Promise<Session | null> {
    return this.#session;
  }

  async saveSession(session: Session | null): Promise<void> {
    this.#session = session;
  }

  async loadCursors(account: string): Promise<Record<string, number>> {
    return { ...this.#cursors.get(account) };
  }

  async saveCursors(account: string, changed: Readonly<Record<string, number | null>>): Promise<void> {
    const kept = { ...this.#cursors.get(account) };
    for (const [id, seq] of Object.entries(changed)) {
      if (seq === null) delete kept[id];
      else kept[id] = seq;
    }
    this.#cursors.set(account, kept);
  }

  async putItem(item: OutboxItem): Promise<void> {
    this.#items.set(item.client_id, item);
  }

  async getItem(clientId: string): Promise<OutboxItem | undefined> {
    return this.#items.get(clientId);
  }

  async items(account: string): Promise<OutboxItem[]> {
    return [...this.#items.values()].filter((each) => each.account === account).sort(byAge);
  }

  async nextItem(account: string, conversationId: string): Promise<OutboxItem | undefined> {
    const items = await this.items(account);
    return items.find((each) => each.conversation_id === conversationId && each.state === "pending");
  }

  async dropItem(clientId: string): Promise<void> {
    this.#items.delete(clientId);
  }

  async loadValue<T>(account: string, key: string): Promise<T | undefined> {
    return this.#values.get(account)?.get(key) as T | undefined;
  }

  async saveValue(account: string, key: string, value: unknown): Promise<void> {
    const values = this.#values.get(account) ?? new Map<string, unknown>();
    if (value === undefined) values.delete(key);
    else values.set(key, value);
    this.#values.set(account, values);
  }

  async saveValues(account: string, values: ReadonlyMap<string, unknown>): Promise<void> {
    for (const [key, value] of values) await this.saveValue(account, key, value);
  }

  async loadValues<T>(account: string, prefix: string): Promise<Map<string, T>> {
    const values = [...(this.#values.get(account) ?? [])].filter(([key]) => key.startsWith(prefix));
    return new Map(values as [string, T][]);
  }

  async lastValues<T>(account: string, prefix: string, below: string | null, limit: number): Promise<[string, T][]> {
    const values = [...(await this.loadValues<T>(account, prefix))].filter(([key]) => below === null || key < below);
    return values.sort(([a], [b]) => (a < b ? 1 : -1)).slice(0, limit);
  }

  async wipe(account: string): Promise<void> {
    this.#cursors.delete(account);
    this.#values.delete(account);
    for (const item of await this.items(account)) this.#items.delete(item.client_id);
  }

  close(): void {
    // nothing to close
  }
}
