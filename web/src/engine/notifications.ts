/** The list of notifications: read when a screen shows it, then updated by `notification` frames. */
import type { Api, Event, Notification } from "./api";
import { Value } from "./subscribable";
import type { NotificationsState } from "./types";

const PAGE = 50;
const EMPTY: NotificationsState = { items: [], unread: 0, loaded: false, more: false };

export class NotificationBoard {
  readonly state = new Value<NotificationsState>(EMPTY);
  readonly #api: Api;
  #cursor: string | null = null;
  /** Notifications that arrived while a page was loading; they may be newer than the page. */
  #arrivedMeanwhile: Notification[] = [];

  constructor(api: Api) {
    this.#api = api;
  }

  /** Replaces the list by the newest notifications. */
  async load(): Promise<void> {
    this.#arrivedMeanwhile = [];
    const page = await this.#api.get("/notifications", { query: { limit: PAGE } });
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
    const page = await this.#api.get("/notifications", { query: { limit: PAGE, cursor } });
    if (this.#cursor !== cursor) return; // the list was loaded again meanwhile
    this.#cursor = page.next_cursor;
    const before = this.state.get();
    const known = new Set(before.items.map((each) => each.id));
    const older = page.items.filter((each) => !known.has(each.id));
    this.state.set({ ...before, items: [...before.items, ...older], more: page.next_cursor !== null });
  }

  /** Marks this notification and all older ones as read. */
  async markRead(upTo: string): Promise<void> {
    const { unread_count } = await this.#api.post("/notifications/read", { body: { up_to: upTo } });
    const before = this.state.get();
    // ids sort by creation
    const items = before.items.map((each) => (each.read || each.id > upTo ? each : { ...each, read: true }));
    this.state.set({ ...before, items, unread: unread_count });
  }

  apply(event: Event): void {
    const notification = event.type === "notification" ? event.data : null;
    if (notification === null) return;
    this.#arrivedMeanwhile.unshift(notification);
    const before = this.state.get();
    if (before.items.some((each) => each.id === notification.id)) return;
    this.state.set({ ...before, items: [notification, ...before.items], unread: before.unread + (notification.read ? 0 : 1) });
  }
}
