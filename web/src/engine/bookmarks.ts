/**
 * How far the application has got, across reloads. Writes cursors, nothing else.
 *
 * Within a tab an event is handed out once. Its cursor is stored at most half a second later, so after a crash what
 * was handed out since then comes again: exactly once while running, at least once over a crash. A cursor at an event
 * that put the reader out is stored negative: the next start, too, has to ask whether they came back.
 */
import type { Event } from "./api";
import { putsOut } from "./events";
import type { Store } from "./store";

export class Bookmarks {
  readonly #store: Store;
  readonly #account: string;
  #dirty: Record<string, number | null> = {};

  constructor(store: Store, account: string) {
    this.#store = store;
    this.#account = account;
  }

  /** Where to go on from. */
  async load(): Promise<{ cursors: Record<string, number>; inDoubt: string[] }> {
    const stored = Object.entries(await this.#store.loadCursors(this.#account));
    return {
      cursors: Object.fromEntries(stored.map(([id, seq]) => [id, Math.abs(seq)])),
      inDoubt: stored.filter(([, seq]) => seq < 0).map(([id]) => id),
    };
  }

  /** The application has dealt with this event. */
  done(event: Event): void {
    if (event.conversation_id === undefined) return;
    if (event.type === "conversation.removed") this.#dirty[event.conversation_id] = null;
    else if (event.type === "conversation.synced") {
      if (event.data.skipped) this.#dirty[event.conversation_id] = event.data.conversation.last_seq;
    } else if (event.seq !== undefined) {
      this.#dirty[event.conversation_id] = putsOut(event, this.#account) ? -event.seq : event.seq;
    }
  }

  /** Stores what is done. */
  async flush(): Promise<void> {
    const dirty = this.#dirty;
    if (Object.keys(dirty).length === 0) return;
    this.#dirty = {};
    await this.#store.saveCursors(this.#account, dirty);
  }
}
