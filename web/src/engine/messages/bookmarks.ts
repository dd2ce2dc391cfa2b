/**
 * The cursors of processed events, kept across reloads. Writes nothing else to the store.
 *
 * Within a tab an event is delivered once. Its cursor is stored at most half a second later, so after a crash the
 * events since then are delivered again: exactly once while running, at least once across a crash. If the last event
 * removed the reader from the conversation, the cursor is stored negative, so that the next start asks whether they
 * are back.
 */
import type { Event } from "../service/api";
import { putsOut } from "../live/events";
import type { Store } from "../storage/store";

export class Bookmarks {
  readonly #store: Store;
  readonly #account: string;
  #dirty: Record<string, number | null> = {};

  constructor(store: Store, account: string) {
    this.#store = store;
    this.#account = account;
  }

  /** The stored cursors, and the conversations from which the reader was removed (`inDoubt`). */
  async load(): Promise<{ cursors: Record<string, number>; inDoubt: string[] }> {
    const stored = Object.entries(await this.#store.loadCursors(this.#account));
    return {
      cursors: Object.fromEntries(stored.map(([id, seq]) => [id, Math.abs(seq)])),
      inDoubt: stored.filter(([, seq]) => seq < 0).map(([id]) => id),
    };
  }

  /** Marks an event as processed. */
  done(event: Event): void {
    if (event.conversation_id === undefined) return;
    if (event.type === "conversation.removed") this.#dirty[event.conversation_id] = null;
    else if (event.type === "conversation.synced") {
      if (event.data.skipped) this.#dirty[event.conversation_id] = event.data.conversation.last_seq;
    } else if (event.seq !== undefined) {
      this.#dirty[event.conversation_id] = putsOut(event, this.#account) ? -event.seq : event.seq;
    }
  }

  /** Stores the cursors that have changed. */
  async flush(): Promise<void> {
    const dirty = this.#dirty;
    if (Object.keys(dirty).length === 0) return;
    this.#dirty = {};
    await this.#store.saveCursors(this.#account, dirty);
  }
}
