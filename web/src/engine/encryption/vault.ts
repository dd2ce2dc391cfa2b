/**
 * This device's encryption data (keys, groups, decrypted messages) in the account's store.
 *
 * Changes are visible at once and written by `flush`, all or none, so that a group's state and the messages decrypted
 * with it never get out of step.
 */
import type { Store } from "../storage/store";

const PREFIX = "mls/";

export class Vault {
  readonly #store: Store;
  readonly #account: string;
  #changed = new Map<string, unknown>();
  #closed = false;

  constructor(store: Store, account: string) {
    this.#store = store;
    this.#account = account;
  }

  async get<T>(name: string): Promise<T | undefined> {
    if (this.#changed.has(name)) return this.#changed.get(name) as T | undefined;
    return this.#store.loadValue<T>(this.#account, PREFIX + name);
  }

  /** Sets a value; undefined removes it. */
  put(name: string, value: unknown): void {
    this.#changed.set(name, value);
  }

  async all<T>(prefix: string): Promise<Map<string, T>> {
    const found = new Map<string, T>();
    for (const [name, value] of await this.#store.loadValues<T>(this.#account, PREFIX + prefix)) found.set(name.slice(PREFIX.length), value);
    for (const [name, value] of this.#changed) {
      if (!name.startsWith(prefix)) continue;
      if (value === undefined) found.delete(name);
      else found.set(name, value as T);
    }
    return found;
  }

  /** The last stored values of a prefix with names before `below`, greatest first; without changes that are not flushed. */
  async last<T>(prefix: string, below: string | null, limit: number): Promise<[string, T][]> {
    const found = await this.#store.lastValues<T>(this.#account, PREFIX + prefix, below === null ? null : PREFIX + below, limit);
    return found.map(([key, value]) => [key.slice(PREFIX.length), value]);
  }

  /** Durable when it resolves. */
  async flush(): Promise<void> {
    if (this.#closed || this.#changed.size === 0) return;
    await this.#store.saveValues(this.#account, new Map([...this.#changed].map(([name, value]) => [PREFIX + name, value])));
    this.#changed = new Map();
  }

  /** Stops writing, so that the account's data can be removed from this device. */
  close(): void {
    this.#closed = true;
  }
}
