/**
 * Unsent texts: kept on this device at once, and on the server a moment later, where one's other devices read them.
 * Of two the later one stays. What could not be told to the server is told with the next connection.
 */
import type { Api, Draft, Event } from "./api";
import type { Clock, Journal } from "./ports";
import { ApiError, SecureConnectError } from "./problems";
import type { Store } from "./store";
import { Value } from "./subscribable";
import type { Drafts, Subscribable, UnsentText } from "./types";

const PREFIX = "draft:";
const TELL_AFTER_MS = 1_200;
const NOTHING: UnsentText = { text: "", replyTo: null, writtenAt: 0 };

/** What the store keeps; `told` once the server has it. */
interface Kept extends UnsentText {
  readonly told: boolean;
}

export interface DraftParts {
  account: string;
  api: Api;
  store: Store;
  clock: Clock;
  journal?: Journal | undefined;
  /** Whether this conversation's texts are none of the server's business; undefined while that is not known. */
  isEncrypted: (conversationId: string) => boolean | undefined;
}

export class DraftBoard implements Drafts {
  readonly #parts: DraftParts;
  readonly #values = new Map<string, Value<UnsentText>>();
  readonly #untold = new Set<string>();
  #due = false;

  constructor(parts: DraftParts) {
    this.#parts = parts;
  }

  /** What this device remembers. */
  async restore(): Promise<void> {
    for (const [key, kept] of await this.#parts.store.loadValues<Kept>(this.#parts.account, PREFIX)) {
      const place = key.slice(PREFIX.length);
      this.#value(place).set({ text: kept.text, replyTo: kept.replyTo, writtenAt: kept.writtenAt });
      if (!kept.told && isTold(place)) this.#untold.add(place);
    }
    const prefix = this.#journalKey("");
    for (const [key, text] of this.#parts.journal?.entries(prefix) ?? []) {
      const place = key.slice(prefix.length);
      const unsent: UnsentText = JSON.parse(text);
      if (unsent.writtenAt <= this.#value(place).get().writtenAt) continue;
      this.#keep(place, unsent, false);
      if (isTold(place)) this.#untold.add(place);
    }
  }

  /** There is a connection: what one wrote elsewhere meanwhile comes here, what was written here goes there. */
  async renew(): Promise<void> {
    await this.#quietly(async () => {
      const { items } = await this.#parts.api.get("/drafts", { query: { limit: 100 } });
      for (const each of items) this.#heard(each);
    });
    if (this.#untold.size > 0) this.#soon(0);
  }

  of(conversationId: string, threadRoot?: string): Subscribable<UnsentText> {
    return this.#value(placeOf(conversationId, threadRoot));
  }

  write(conversationId: string, text: string, options: { replyTo?: string | null; threadRoot?: string | undefined } = {}): void {
    const place = placeOf(conversationId, options.threadRoot);
    const before = this.#value(place).get();
    const replyTo = options.replyTo ?? null;
    if (before.text === text && before.replyTo === replyTo) return;
    this.#keep(place, { text, replyTo, writtenAt: this.#parts.clock.now() }, false);
    if (!isTold(place)) return;
    this.#untold.add(place);
    this.#soon(text ? TELL_AFTER_MS : 0);
  }

  editOf(conversationId: string, threadRoot?: string): Subscribable<UnsentText> {
    return this.#value(editIn(conversationId, threadRoot));
  }

  writeEdit(conversationId: string, messageId: string | null, text: string, threadRoot?: string): void {
    const unsent = { text: messageId === null ? "" : text, replyTo: messageId, writtenAt: this.#parts.clock.now() };
    this.#keep(editIn(conversationId, threadRoot), unsent, true);
  }

  apply(event: Event): void {
    if (event.type === "draft.updated" && event.data) this.#heard(event.data);
  }

  // --- how

  #heard(draft: Draft): void {
    const writtenAt = Date.parse(draft.written_at);
    if (draft.thread_root || writtenAt <= this.#value(draft.conversation_id).get().writtenAt) return;
    this.#untold.delete(draft.conversation_id);
    this.#keep(draft.conversation_id, { text: draft.text ?? "", replyTo: draft.reply_to, writtenAt }, true);
  }

  #keep(place: string, unsent: UnsentText, told: boolean): void {
    this.#value(place).set(unsent);
    const kept: Kept | undefined = told && !unsent.text && !unsent.replyTo ? undefined : { ...unsent, told };
    const { journal, store, account } = this.#parts;
    const key = this.#journalKey(place);
    journal?.write(key, JSON.stringify(unsent)); // the page may end before the store is done
    void store.saveValue(account, PREFIX + place, kept).then(() => {
      if (this.#value(place).get() === unsent) journal?.remove(key);
    });
  }

  #journalKey(place: string): string {
    return `secureconnect:${PREFIX}${this.#parts.account}:${place}`;
  }

  #value(place: string): Value<UnsentText> {
    let value = this.#values.get(place);
    if (!value) this.#values.set(place, (value = new Value<UnsentText>(NOTHING)));
    return value;
  }

  /** Tells the server, once for many keystrokes. */
  #soon(afterMs: number): void {
    if (this.#due) return;
    this.#due = true;
    void this.#parts.clock.sleep(afterMs).then(async () => {
      this.#due = false;
      for (const place of [...this.#untold]) await this.#quietly(() => this.#tell(place));
    });
  }

  async #tell(place: string): Promise<void> {
    const { api } = this.#parts;
    const path = { conversation_id: place };
    const encrypted = this.#parts.isEncrypted(place);
    if (encrypted) this.#untold.delete(place);
    if (encrypted !== false) return;
    const unsent = this.#value(place).get();
    const written_at = new Date(unsent.writtenAt).toISOString();
    try {
      if (unsent.text) await api.put("/conversations/{conversation_id}/draft", { path, body: { text: unsent.text, reply_to: unsent.replyTo, written_at } });
      else await api.delete("/conversations/{conversation_id}/draft", { path });
    } catch (error) {
      if (!(error instanceof ApiError) || error.transient) throw error;
      // refused for good: it stays on this device
    }
    if (this.#value(place).get() !== unsent) return; // more was written meanwhile
    this.#untold.delete(place);
    this.#keep(place, unsent, true);
  }

  /** What fails for want of a network is tried again with the next connection. */
  async #quietly(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SecureConnectError)) throw error;
    }
  }
}

const placeOf = (conversationId: string, threadRoot?: string): string =>
  threadRoot === undefined ? conversationId : `${conversationId}/${threadRoot}`;

const editIn = (conversationId: string, threadRoot?: string): string => `${placeOf(conversationId, threadRoot)}/edit`;

/** The server keeps one a conversation; threads and edits stay on this device. */
const isTold = (place: string): boolean => !place.includes("/");
