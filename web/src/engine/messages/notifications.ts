/**
 * The list of notifications: read when a screen shows it, then updated by `notification` frames. Notifications about
 * messages are read once their conversation is.
 */
import type { Api, Event, Notification } from "../service/api";
import type { Clock } from "../ports";
import { Value } from "../subscribable";
import type { NotificationsState } from "../types";

const PAGE = 50;
const LOOK_AGAIN_AFTER_MS = 2_000;
const ABOUT_MESSAGES: ReadonlySet<Notification["kind"]> = new Set(["mention", "reply"]);
const EMPTY: NotificationsState = { items: [], unread: 0, loaded: false, more: false };

interface Parts {
  readonly api: Api;
  readonly userId: string;
  readonly clock: Clock;
}

export class NotificationBoard {
  readonly state = new Value<NotificationsState>(EMPTY);
  readonly #parts: Parts;
  #lookingAgain = false;
  #cursor: string | null = null;
  /** Notifications that arrived while a page was loading; they may be newer than the page. */
  #arrivedMeanwhile: Notification[] = [];

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Replaces the list by the newest notifications. */
  async load(): Promise<void> {
    this.#arrivedMeanwhile = [];
    const page = await this.#parts.api.get("/notifications", { query: { limit: PAGE } });
    const known = new Set(page.items.map((each) => each.id));
    const newer = this.#arrivedMeanwhile.filter((each) => !known.has(each.id));
    this.#cursor = page.next_cursor;
    this.state.set({
      items: [...newer, ...page.items],
      unread: page.unread_count + newer.length,
      loaded: true,
      more: page.next_cursor !== null,
    });
  }

  async loadMore(): Promise<void> {
    const cursor = this.#cursor;
    if (cursor === null) return;
    const page = await this.#parts.api.get("/notifications", { query: { limit: PAGE, cursor } });
    if (this.#cursor !== cursor) return; // the list was loaded again meanwhile
    this.#cursor = page.next_cursor;
    const before = this.state.get();
    const known = new Set(before.items.map((each) => each.id));
    const older = page.items.filter((each) => !known.has(each.id));
    this.state.set({ ...before, items: [...before.items, ...older], more: page.next_cursor !== null });
  }

  /** Marks this notification and all older ones as read. */
  async markRead(upTo: string): Promise<void> {
    const { unread_count } = await this.#parts.api.post("/notifications/read", { body: { up_to: upTo } });
    const before = this.state.get();
    // ids sort by creation
    const items = before.items.map((each) => (each.read || each.id > upTo ? each : { ...each, read: true }));
    this.state.set({ ...before, items, unread: unread_count });
  }

  apply(event: Event): void {
    if (event.conversation_id !== undefined && this.#mayRead(event)) this.lookAgain(event.conversation_id);
    const notification = event.type === "notification" ? event.data : null;
    if (notification === null) return;
    const before = this.state.get();
    if (notification.read && notification.id <= (before.items[0]?.id ?? "")) return this.#updateReadSoon(); // read on some device
    this.#arrivedMeanwhile.unshift(notification);
    if (before.items.some((each) => each.id === notification.id)) return;
    this.state.set({ ...before, items: [notification, ...before.items], unread: before.unread + (notification.read ? 0 : 1) });
  }

  /** Messages of a conversation were read or are gone, and with them what tells of them. */
  lookAgain(conversationId: string): void {
    const { items, unread } = this.state.get();
    const listed = items.filter((each) => !each.read);
    const concerned = listed.some((each) => each.conversation_id === conversationId && ABOUT_MESSAGES.has(each.kind));
    // unread ones that are not listed may be of any conversation
    if (concerned || unread > listed.length) this.#updateReadSoon();
  }

  /** Asks what is unread now: once for all that happens within two seconds, and only if something may be. */
  #updateReadSoon(): void {
    if (this.state.get().unread === 0 || this.#lookingAgain) return;
    this.#lookingAgain = true;
    void this.#parts.clock
      .sleep(LOOK_AGAIN_AFTER_MS)
      .finally(() => (this.#lookingAgain = false))
      .then(() => this.#updateRead())
      .catch(() => undefined); // without a connection; with the next one the list is loaded again
  }

  /** Whether an event may have made notifications of its conversation read. */
  #mayRead(event: Event): boolean {
    if (event.type === "receipt.updated") return event.data?.user_id === this.#parts.userId;
    return event.type === "message.deleted" || event.type === "conversation.removed" || event.type === "conversation.deleted";
  }

  /** Takes over what has been read, and keeps the pages that are loaded. */
  async #updateRead(): Promise<void> {
    const page = await this.#parts.api.get("/notifications", { query: { limit: PAGE } });
    const read = new Set(page.items.filter((each) => each.read).map((each) => each.id));
    const newest = page.items[0]?.id ?? "";
    const before = this.state.get();
    const arrived = before.items.filter((each) => !each.read && each.id > newest); // while the page was on its way
    const items = before.items.map((each) => (read.has(each.id) ? { ...each, read: true } : each));
    this.state.set({ ...before, items, unread: page.unread_count + arrived.length });
  }
}
