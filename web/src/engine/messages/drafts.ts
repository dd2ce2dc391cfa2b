/**
 * Unsent texts: stored on this device at once, and on the server a moment later, for the person's other devices. Of two
 * versions the later one wins. A draft that could not be sent to the server is sent with the next connection.
 */
import type { Api, Draft, Event } from "../service/api";
import type { Clock, Journal } from "../ports";
import { ApiError, SecureConnectError } from "../service/problems";
import type { Store } from "../storage/store";
import { Value } from "../subscribable";
import type { Drafts, Subscribable, UnsentText } from "../types";

const PREFIX = "draft:";
const SYNC_AFTER_MS = 1_200;
const NOTHING: UnsentText = { text: "", replyTo: null, writtenAt: 0 };

/** The stored form; `told` is true once the server has the text. */
interface Kept extends UnsentText {
  readonly told: boolean;
}

export interface DraftParts {
  account: string;
  api: Api;
  store: Store;
  clock: Clock;
  journal?: Journal | undefined;
  /** Whether a conversation is encrypted, so that its drafts must not reach the server; undefined if not known yet. */
  isEncrypted: (conversationId: string) => boolean | undefined;
}

export class DraftBoard implements Drafts {
  readonly #parts: DraftParts;
  readonly #values = new Map<string, Value<UnsentText>>();
  readonly #unsynced = new Set<string>();
  #due = false;

  constructor(parts: DraftParts) {
    this.#parts = parts;
  }

  /** Reads the drafts that this device has stored. */
  async restore(): Promise<void> {
    for (const [key, kept] of await this.#parts.store.loadValues<Kept>(this.#parts.account, PREFIX)) {
      const slot = key.slice(PREFIX.length);
      this.#value(slot).set({ text: kept.text, replyTo: kept.replyTo, writtenAt: kept.writtenAt });
      if (!kept.told && isSynced(slot)) this.#unsynced.add(slot);
    }
    const prefix = this.#journalKey("");
    for (const [key, text] of this.#parts.journal?.entries(prefix) ?? []) {
      const slot = key.slice(prefix.length);
      const unsent: UnsentText = JSON.parse(text);
      if (unsent.writtenAt <= this.#value(slot).get().writtenAt) continue;
      this.#save(slot, unsent, false);
      if (isSynced(slot)) this.#unsynced.add(slot);
    }
  }

  /** There is a new connection: fetches drafts written on other devices and sends those written here. */
  async renew(): Promise<void> {
    await this.#ignoringFailures(async () => {
      const { items } = await this.#parts.api.get("/drafts", { query: { limit: 100 } });
      for (const each of items) this.#receive(each);
    });
    if (this.#unsynced.size > 0) this.#syncSoon(0);
  }

  of(conversationId: string, threadRoot?: string): Subscribable<UnsentText> {
    return this.#value(slotOf(conversationId, threadRoot));
  }

  write(conversationId: string, text: string, options: { replyTo?: string | null; threadRoot?: string | undefined } = {}): void {
    const slot = slotOf(conversationId, options.threadRoot);
    const before = this.#value(slot).get();
    const replyTo = options.replyTo ?? null;
    if (before.text === text && before.replyTo === replyTo) return;
    this.#save(slot, { text, replyTo, writtenAt: this.#parts.clock.now() }, false);
    if (!isSynced(slot)) return;
    this.#unsynced.add(slot);
    this.#syncSoon(text ? SYNC_AFTER_MS : 0);
  }

  editOf(conversationId: string, threadRoot?: string): Subscribable<UnsentText> {
    return this.#value(editSlotOf(conversationId, threadRoot));
  }

  writeEdit(conversationId: string, messageId: string | null, text: string, threadRoot?: string): void {
    const unsent = { text: messageId === null ? "" : text, replyTo: messageId, writtenAt: this.#parts.clock.now() };
    this.#save(editSlotOf(conversationId, threadRoot), unsent, true);
  }

  apply(event: Event): void {
    if (event.type === "draft.updated" && event.data) this.#receive(event.data);
  }

  // --- how

  #receive(draft: Draft): void {
    const writtenAt = Date.parse(draft.written_at);
    if (draft.thread_root || this.#parts.isEncrypted(draft.conversation_id) || writtenAt <= this.#value(draft.conversation_id).get().writtenAt) return;
    this.#unsynced.delete(draft.conversation_id);
    this.#save(draft.conversation_id, { text: draft.text ?? "", replyTo: draft.reply_to, writtenAt }, true);
  }

  #save(slot: string, unsent: UnsentText, told: boolean): void {
    this.#value(slot).set(unsent);
    const kept: Kept | undefined = told && !unsent.text && !unsent.replyTo ? undefined : { ...unsent, told };
    const { journal, store, account } = this.#parts;
    const key = this.#journalKey(slot);
    journal?.write(key, JSON.stringify(unsent)); // synchronous: the page may end before the store has written
    void store.saveValue(account, PREFIX + slot, kept).then(() => {
      if (this.#value(slot).get() === unsent) journal?.remove(key);
    });
  }

  #journalKey(slot: string): string {
    return `secureconnect:${PREFIX}${this.#parts.account}:${slot}`;
  }

  #value(slot: string): Value<UnsentText> {
    let value = this.#values.get(slot);
    if (!value) this.#values.set(slot, (value = new Value<UnsentText>(NOTHING)));
    return value;
  }

  /** Schedules sending to the server, once for many keystrokes. */
  #syncSoon(afterMs: number): void {
    if (this.#due) return;
    this.#due = true;
    void this.#parts.clock.sleep(afterMs).then(async () => {
      this.#due = false;
      for (const slot of [...this.#unsynced]) await this.#ignoringFailures(() => this.#sync(slot));
    });
  }

  async #sync(slot: string): Promise<void> {
    const { api } = this.#parts;
    const path = { conversation_id: slot };
    const encrypted = this.#parts.isEncrypted(slot);
    if (encrypted) this.#unsynced.delete(slot);
    if (encrypted !== false) return;
    const unsent = this.#value(slot).get();
    const written_at = new Date(unsent.writtenAt).toISOString();
    try {
      if (unsent.text) await api.put("/conversations/{conversation_id}/draft", { path, body: { text: unsent.text, reply_to: unsent.replyTo, written_at } });
      else await api.delete("/conversations/{conversation_id}/draft", { path });
    } catch (error) {
      if (!(error instanceof ApiError) || error.transient) throw error;
      // refused for good: the draft stays on this device
    }
    if (this.#value(slot).get() !== unsent) return; // more was written meanwhile
    this.#unsynced.delete(slot);
    this.#save(slot, unsent, true);
  }

  /** Ignores the client's own errors: the work is repeated with the next connection. */
  async #ignoringFailures(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SecureConnectError)) throw error;
    }
  }
}

const slotOf = (conversationId: string, threadRoot?: string): string =>
  threadRoot === undefined ? conversationId : `${conversationId}/${threadRoot}`;

const editSlotOf = (conversationId: string, threadRoot?: string): string => `${slotOf(conversationId, threadRoot)}/edit`;

/** The server keeps one draft per conversation; those of threads and edits stay on this device. */
const isSynced = (slot: string): boolean => !slot.includes("/");
