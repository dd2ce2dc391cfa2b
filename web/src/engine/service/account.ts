/**
 * One signed-in person in one tab: the event stream, the outbox and the cursors. This is the SDK's middle layer:
 * `engine.ts` adds the state that screens show; a program without screens takes the events from here.
 */
import type { Event, Message, MessageFields } from "./api";
import { type Backoff, RECONNECT_POLICY } from "../live/backoff";
import { Bookmarks } from "../messages/bookmarks";
import { SocketCommands } from "../commands";
import type { Http } from "./http";
import { Live, type LiveSettings } from "../live/live";
import { OutboxLanes } from "../messages/outbox";
import type { Ports } from "../ports";
import { type Requests, actingAs } from "./requests";
import type { SessionKeeper } from "./session";
import type { Store } from "../storage/store";
import { Tabs } from "../storage/tabs";
import type { LinkStatus, OutboxItem } from "../types";

const FLUSH_MS = 500;

export const LIVE_SETTINGS: LiveSettings = {
  policy: RECONNECT_POLICY,
  gapWaitMs: 150,
  pingMs: 240_000,
  deliveredEveryMs: 5_000,
  requestTimeoutMs: 10_000,
  pollMs: 5_000,
  skipBeyond: Infinity,
};

export interface AccountParts {
  userId: string;
  httpUrl: string;
  wsUrl?: string | undefined;
  http: Http;
  keeper: SessionKeeper;
  store: Store;
  ports: Ports;
  settings?: Partial<LiveSettings>;
  outboxBackoff?: Backoff;
  /** Sends a message of the outbox; by default over the socket, or over HTTP when the socket fails. */
  post?: (conversationId: string, body: MessageFields) => Promise<Message>;
  /** Called once per event and tab, in order. Must be synchronous: on return the event counts as processed. */
  onEvent: (event: Event) => void;
  onStatus?: (status: LinkStatus) => void;
  /** An item of the outbox has changed, in this or another tab; `null` if it was discarded. */
  onItem?: (clientId: string, item: OutboxItem | null) => void;
  /** See `CatchUpParts`. */
  onList?: (conversationIds: ReadonlySet<string>) => void;
  /**
   * There is a new connection, in this or another tab: state that the server keeps per connection must be sent again.
   */
  onOpen?: () => void;
  /** Called before the cursors are stored, so that state derived from the events is stored first. */
  beforeFlush?: () => Promise<void>;
}

export interface Place {
  cursors: Record<string, number>;
  inDoubt: string[];
}

export class Account {
  readonly userId: string;
  readonly requests: Requests;
  readonly live: Live;
  readonly outbox: OutboxLanes;
  readonly commands: SocketCommands;
  readonly tabs: Tabs;
  readonly #parts: AccountParts;
  readonly #bookmarks: Bookmarks;
  readonly #stop = new AbortController();
  /** Settles when the stream ends: resolves after `stop`, rejects when the session is over. */
  readonly over: Promise<void>;

  private constructor(parts: AccountParts, bookmarks: Bookmarks, from: Place) {
    const { userId, http, keeper, store, ports, httpUrl, wsUrl, settings, outboxBackoff, onItem } = parts;
    const name = `secureconnect:${httpUrl}:${userId}`;
    this.#parts = parts;
    this.#bookmarks = bookmarks;
    this.userId = userId;
    this.requests = actingAs(http, keeper, userId);
    this.tabs = new Tabs({
      channel: ports.channel(name),
      locks: ports.locks,
      clock: ports.clock,
      lockName: `${name}:leader`,
      tabId: ports.uuid(),
    });
    this.live = new Live({
      account: userId,
      httpUrl,
      wsUrl,
      requests: this.requests,
      ports,
      tabs: this.tabs,
      settings: { ...LIVE_SETTINGS, ...settings },
      ...from,
      emit: (event) => this.#dispatch(event),
      onStatus: (status) => parts.onStatus?.(status),
      onLead: (signal) => void this.outbox.lead(signal),
      onList: parts.onList,
      onOpen: () => {
        void this.outbox.kick();
        parts.onOpen?.();
      },
    });
    this.commands = new SocketCommands({ live: this.live, requests: this.requests, clock: ports.clock });
    this.outbox = new OutboxLanes({
      account: userId,
      store,
      clock: ports.clock,
      random: ports.random,
      uuid: ports.uuid,
      backoff: outboxBackoff,
      post: parts.post ?? ((conversationId, body) => this.commands.sendMessage(conversationId, body)),
      onChange: (item) => {
        onItem?.(item.client_id, item);
        this.tabs.tell("item", { clientId: item.client_id, item });
      },
    });
    this.tabs.on<{ clientId: string; item: OutboxItem | null }>("item", ({ clientId, item }) => {
      onItem?.(clientId, item);
      if (item) this.outbox.added(item);
    });
    this.over = this.#run();
  }

  /** Starts an account at its stored cursors; events begin to arrive at once. */
  static async open(parts: AccountParts): Promise<Account> {
    return Account.begin(parts, await Account.place(parts.store, parts.userId));
  }

  /** The cursors that this device has stored for a person. */
  static place(store: Store, userId: string): Promise<Place> {
    return new Bookmarks(store, userId).load();
  }

  /** Starts an account at these cursors; events begin to arrive at once. */
  static begin(parts: AccountParts, from: Place): Account {
    return new Account(parts, new Bookmarks(parts.store, parts.userId), from);
  }

  async discard(clientId: string): Promise<void> {
    await this.outbox.discard(clientId);
    this.#parts.onItem?.(clientId, null);
    this.tabs.tell("item", { clientId, item: null });
  }

  /**
   * Stops the account and stores its cursors. `crashed` skips the storing, as if the tab had been killed (for tests).
   */
  async stop({ crashed = false } = {}): Promise<void> {
    const flush = !crashed && this.tabs.leading;
    this.#stop.abort(new DOMException("stopped", "AbortError"));
    await this.over.catch(() => undefined);
    if (flush) await this.#flush();
    this.tabs.close();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    try {
      await Promise.race([this.live.run(signal), this.#flushPeriodically(signal)]);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #flushPeriodically(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#parts.ports.clock.sleep(FLUSH_MS, signal);
      if (this.tabs.leading) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    await this.#parts.beforeFlush?.();
    await this.#bookmarks.flush();
  }

  #dispatch(event: Event): void {
    if (this.#stop.signal.aborted) return; // a late answer: the next start asks for it again
    this.#parts.onEvent(event);
    this.#bookmarks.done(event);
  }
}
