/**
 * What this device keeps of encryption: keys, groups and what was said, in the store of the account.
 *
 * Changes are seen at once and written together by `flush`, all or none: a group's state never gets ahead of, or falls
 * behind, what was read with it.
 */
import type { Store } from "../store";

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

  /** undefined removes it. */
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

  /** Durable when it resolves. */
  async flush(): Promise<void> {
    if (this.#closed || this.#changed.size === 0) return;
    await this.#store.saveValues(this.#account, new Map([...this.#changed].map(([name, value]) => [PREFIX + name, value])));
    this.#changed = new Map();
  }

  /** Nothing is written any more: the account may be wiped from this device now. */
  close(): void {
    this.#closed = true;
  }
}
