/** The store in IndexedDB, shared by all tabs of an origin. */
import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import type { Session, Store } from "./store";
import type { OutboxItem } from "../types";

const VERSION = 1;

interface Schema extends DBSchema {
  session: { key: "session"; value: Session };
  cursors: { key: [account: string, conversationId: string]; value: { account: string; conversation_id: string; seq: number } };
  outbox: {
    key: string;
    value: OutboxItem;
    indexes: {
      by_age: [account: string, createdAt: number];
      by_lane: [account: string, conversationId: string, state: string, createdAt: number];
    };
  };
  values: { key: [account: string, key: string]; value: { account: string; key: string; value: unknown } };
}

/** Sorts after every id and key. */
const LAST = "\uffff";

export class IdbStore implements Store {
  readonly #db: IDBPDatabase<Schema>;

  private constructor(db: IDBPDatabase<Schema>) {
    this.#db = db;
  }

  static async open(name: string): Promise<IdbStore> {
    const db = await openDB<Schema>(name, VERSION, {
      upgrade(fresh) {
        fresh.createObjectStore("session");
        fresh.createObjectStore("cursors", { keyPath: ["account", "conversation_id"] });
        const outbox = fresh.createObjectStore("outbox", { keyPath: "client_id" });
        outbox.createIndex("by_age", ["account", "created_at"]);
        outbox.createIndex("by_lane", ["account", "conversation_id", "state", "created_at"]);
        fresh.createObjectStore("values", { keyPath: ["account", "key"] });
      },
      blocking(_current, _blocked, event) {
        (event.target as IDBDatabase).close(); // lets a newer version of this client in another tab upgrade the database
      },
    });
    return new IdbStore(db);
  }

  async loadSession(): Promise<Session | null> {
    return (await this.#db.get("session", "session")) ?? null;
  }

  async saveSession(session: Session | null): Promise<void> {
    if (session === null) await this.#db.delete("session", "session");
    else await this.#db.put("session", session, "session");
  }

  async loadCursors(account: string): Promise<Record<string, number>> {
    const rows = await this.#db.getAll("cursors", IDBKeyRange.bound([account, ""], [account, LAST]));
    return Object.fromEntries(rows.map((each) => [each.conversation_id, each.seq]));
  }

  async saveCursors(account: string, changed: Readonly<Record<string, number | null>>): Promise<void> {
    const work = this.#db.transaction("cursors", "readwrite");
    for (const [conversation_id, seq] of Object.entries(changed)) {
      if (seq === null) void work.store.delete([account, conversation_id]);
      else void work.store.put({ account, conversation_id, seq });
    }
    await work.done;
  }

  async putItem(item: OutboxItem): Promise<void> {
    await this.#db.put("outbox", item);
  }

  async getItem(clientId: string): Promise<OutboxItem | undefined> {
    return this.#db.get("outbox", clientId);
  }

  async items(account: string): Promise<OutboxItem[]> {
    return this.#db.getAllFromIndex("outbox", "by_age", IDBKeyRange.bound([account, 0], [account, Infinity]));
  }

  async nextItem(account: string, conversationId: string): Promise<OutboxItem | undefined> {
    const lane = IDBKeyRange.bound([account, conversationId, "pending", 0], [account, conversationId, "pending", Infinity]);
    return this.#db.getFromIndex("outbox", "by_lane", lane);
  }

  async dropItem(clientId: string): Promise<void> {
    await this.#db.delete("outbox", clientId);
  }

  async loadValue<T>(account: string, key: string): Promise<T | undefined> {
    return (await this.#db.get("values", [account, key]))?.value as T | undefined;
  }

  async saveValue(account: string, key: string, value: unknown): Promise<void> {
    if (value === undefined) await this.#db.delete("values", [account, key]);
    else await this.#db.put("values", { account, key, value });
  }

  async saveValues(account: string, values: ReadonlyMap<string, unknown>): Promise<void> {
    const work = this.#db.transaction("values", "readwrite", { durability: "strict" });
    for (const [key, value] of values) {
      if (value === undefined) void work.store.delete([account, key]);
      else void work.store.put({ account, key, value });
    }
    await work.done;
  }

  async loadValues<T>(account: string, prefix: string): Promise<Map<string, T>> {
    const rows = await this.#db.getAll("values", IDBKeyRange.bound([account, prefix], [account, prefix + LAST]));
    return new Map(rows.map((each) => [each.key, each.value as T]));
  }

  async lastValues<T>(account: string, prefix: string, below: string | null, limit: number): Promise<[string, T][]> {
    const end = [account, below ?? prefix + LAST] as [string, string];
    const { store } = this.#db.transaction("values");
    const last = await store.openKeyCursor(IDBKeyRange.bound([account, prefix], end, false, true), "prev");
    if (!last) return [];
    const first = limit > 1 ? await last.advance(limit - 1) : last; // null if there are fewer
    const rows = await store.getAll(IDBKeyRange.bound(first?.key ?? [account, prefix], end, false, true));
    return rows.reverse().map((each) => [each.key, each.value as T]);
  }

  async wipe(account: string): Promise<void> {
    const work = this.#db.transaction(["cursors", "outbox", "values"], "readwrite");
    void work.objectStore("cursors").delete(IDBKeyRange.bound([account, ""], [account, LAST]));
    void work.objectStore("values").delete(IDBKeyRange.bound([account, ""], [account, LAST]));
    const mine = IDBKeyRange.bound([account, 0], [account, Infinity]);
    for (const id of await work.objectStore("outbox").index("by_age").getAllKeys(mine)) {
      void work.objectStore("outbox").delete(id);
    }
    await work.done;
  }

  close(): void {
    this.#db.close();
  }
}
