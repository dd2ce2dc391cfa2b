/**
 * One signed-in person in one tab: the stream, the outbox and the place in the log. The SDK's middle layer: `engine.ts`
 * adds what screens show, a program without screens takes the events from here.
 */
import type { Event, Message, MessageFields } from "./api";
import { type Backoff, RECONNECT_POLICY } from "./backoff";
import { Bookmarks } from "./bookmarks";
import { SocketCommands } from "./commands";
import type { Http } from "./http";
import { Live, type LiveSettings } from "./live";
import { OutboxLanes } from "./outbox";
import type { Ports } from "./ports";
import { type Requests, actingAs } from "./requests";
import type { SessionKeeper } from "./session";
import type { Store } from "./store";
import { Tabs } from "./tabs";
import type { LinkStatus, OutboxItem } from "./types";

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
  /** How a message of the outbox goes out; over the socket, else by HTTP, unless given. */
  post?: (conversationId: string, body: MessageFields) => Promise<Message>;
  /** Synchronous: an event has been dealt with when this returns. Each comes once per tab, in order. */
  onEvent: (event: Event) => void;
  onStatus?: (status: LinkStatus) => void;
  /** A message of the outbox has changed, in whichever tab; `null` when it was taken out. */
  onItem?: (clientId: string, item: OutboxItem | null) => void;
  /** See `CatchUpParts`. */
  onList?: (conversationIds: ReadonlySet<string>) => void;
  /** There is a new connection, here or in another tab: what lasts only as long as one is to be said again. */
  onOpen?: () => void;
  /** Before the place in the log is stored: what was made of the events goes first. */
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
  /** Settles when the stream has ended: resolves after `stop`, rejects when the session is over. */
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
      emit: (event) => this.#take(event),
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
      if (item) this.outbox.heard(item);
    });
    this.over = this.#run();
  }

  /** Starts it; events begin to come at once. */
  static async open(parts: AccountParts): Promise<Account> {
    return Account.begin(parts, await Account.place(parts.store, parts.userId));
  }

  /** Where this device is in the log of somebody. */
  static place(store: Store, userId: string): Promise<Place> {
    return new Bookmarks(store, userId).load();
  }

  /** Starts it from there. */
  static begin(parts: AccountParts, from: Place): Account {
    return new Account(parts, new Bookmarks(parts.store, parts.userId), from);
  }

  async discard(clientId: string): Promise<void> {
    await this.outbox.discard(clientId);
    this.#parts.onItem?.(clientId, null);
    this.tabs.tell("item", { clientId, item: null });
  }

  /** Ends it; the place in the log is kept. With `crashed` as if the tab had been killed, for tests. */
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
      await Promise.race([this.live.run(signal), this.#keepPlace(signal)]);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #keepPlace(signal: AbortSignal): Promise<never> {
    for (;;) {
      await this.#parts.ports.clock.sleep(FLUSH_MS, signal);
      if (this.tabs.leading) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    await this.#parts.beforeFlush?.();
    await this.#bookmarks.flush();
  }

  #take(event: Event): void {
    if (this.#stop.signal.aborted) return; // an answer on its way when the end came: the next start asks again
    this.#parts.onEvent(event);
    this.#bookmarks.done(event);
  }
}
