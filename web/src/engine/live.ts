/**
 * The live stream of one tab: events as they happen, each once and in order, over whatever the network does.
 *
 * The tab that leads holds the socket for all and passes on what it delivers; every tab has a sequencer of its own and
 * reads from the log what it has missed. Where sockets are refused, the leader asks the log at intervals.
 */
import type { Event } from "./api";
import type { ReconnectPolicy } from "./backoff";
import { CatchUp } from "./catch-up";
import type { Connection, Frame } from "./connection";
import { parseEvent } from "./events";
import type { Ports } from "./ports";
import { ConnectionLost, SecureConnectError, TransportFailed } from "./problems";
import { Reconnect } from "./reconnect";
import type { Requests } from "./requests";
import { Resync } from "./resync";
import { Sequencer } from "./sequencer";
import type { Tabs } from "./tabs";
import { socketUrl } from "./ticket";
import type { LinkStatus } from "./types";

/** Of at most 55 bytes each, in a frame of 32 KB. */
const CURSORS_PER_PING = 300;
const PINGS_PER_SYNC = 4;
/** Failed tries after which sockets count as refused here. */
const REFUSED_AFTER = 2;

export interface LiveSettings {
  policy: ReconnectPolicy;
  /** How long frames may be out of order before the log is asked. */
  gapWaitMs: number;
  pingMs: number;
  /** How often the server is told what has been received, for receipts; null: never. */
  deliveredEveryMs: number | null;
  requestTimeoutMs: number;
  /** How often the log is asked while there is no socket. */
  pollMs: number;
  skipBeyond: number;
}

export interface LiveParts {
  account: string;
  httpUrl: string;
  /** Where sockets are opened, in place of the address that tickets give. */
  wsUrl: string | undefined;
  requests: Requests;
  ports: Ports;
  tabs: Tabs;
  settings: LiveSettings;
  cursors: Readonly<Record<string, number>>;
  inDoubt: readonly string[];
  /** See `CatchUpParts`. */
  onList?: ((conversationIds: ReadonlySet<string>) => void) | undefined;
  emit: (event: Event) => void;
  onStatus: (status: LinkStatus) => void;
  /** This tab leads now, until the signal aborts. */
  onLead: (signal: AbortSignal) => void;
  /** There is a new connection, here or in another tab. */
  onOpen: () => void;
}

export class Live {
  readonly #parts: LiveParts;
  readonly #catchUp: CatchUp;
  readonly #resync: Resync;
  readonly #sequencer: Sequencer;
  #link: Reconnect | null = null;
  #led: LinkStatus = { phase: "connecting", caughtUp: false, leader: false };
  #leader: string | null = null;
  #outgoing: Event[] = [];
  #told: Record<string, number> = {};

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#sequencer = new Sequencer({ cursors: parts.cursors, readerId: parts.account, inDoubt: parts.inDoubt });
    this.#catchUp = new CatchUp({
      requests: parts.requests,
      sequencer: this.#sequencer,
      emit: (event) => this.#emit(event),
      skipBeyond: parts.settings.skipBeyond,
      onList: parts.onList,
    });
    this.#resync = new Resync({
      catchUp: this.#catchUp,
      clock: parts.ports.clock,
      random: parts.ports.random,
      gapWaitMs: parts.settings.gapWaitMs,
      onChange: () => this.#publishStatus(),
    });
    const { tabs } = parts;
    tabs.on<{ cursors: Record<string, number>; status: LinkStatus }>("hello", ({ cursors, status }, from) => {
      this.#led = status;
      if (this.#leader !== from) parts.onOpen();
      this.#leader = from;
      for (const [id, seq] of Object.entries(cursors)) this.#sequencer.note(id, seq);
      this.#resync.look();
      this.#publishStatus();
    });
    tabs.on<Event[]>("events", (events) => events.forEach((event) => this.receive(event)));
    tabs.on<LinkStatus>("status", (status) => {
      this.#led = status;
      this.#publishStatus();
    });
    tabs.on("who", () => tabs.leading && this.#introduce());
    tabs.on("wake", () => this.#link?.hurry());
  }

  /** Never resolves; rejects when the signal aborts, and with what ended the session. */
  async run(signal: AbortSignal): Promise<never> {
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    try {
      this.#resync.sync();
      this.#parts.tabs.tell("who");
      const lead = () => this.#lead(both);
      const serve = (action: string, fields: Frame) => this.#ask(action, fields);
      await Promise.race([this.#resync.run(both), this.#parts.tabs.run(both, lead, serve)]);
      throw new ConnectionLost("stopped");
    } finally {
      over.abort();
      this.#link = null;
    }
  }

  get cursors(): Record<string, number> {
    return this.#sequencer.cursors;
  }

  /** Nothing is known to be missing in this tab. */
  get caughtUp(): boolean {
    return this.#resync.settled;
  }

  get connected(): boolean {
    return this.#link?.current != null;
  }

  get stats(): { openings: number; heals: number; duplicates: number } {
    return {
      openings: this.#link?.openings ?? 0,
      heals: this.#catchUp.heals,
      duplicates: this.#sequencer.duplicates,
    };
  }

  /** An action over the socket, whichever tab has it. Throws ApiError; ConnectionLost when it may have been done. */
  async request(action: string, fields: Frame): Promise<unknown> {
    const { tabs, settings } = this.#parts;
    if (tabs.leading) return this.#ask(action, fields);
    return tabs.ask(action, { ...fields }, settings.requestTimeoutMs);
  }

  /** An event that is known to be in the log, or that came as a frame. */
  receive(event: Event): void {
    this.#catchUp.offer(event);
    this.#resync.look();
  }

  /**
   * This log may hold something after `since` that no socket will bring: a connection need not be told of what it did
   * itself.
   */
  suspect(conversationId: string, since: number | undefined): void {
    if (this.#sequencer.cursor(conversationId) === since) this.#resync.lookInto(conversationId, since);
  }

  cursor(conversationId: string): number | undefined {
    return this.#sequencer.cursor(conversationId);
  }

  /** Everything may be out of date: ask the log now. */
  sync(): void {
    this.#resync.sync();
  }

  /** The network is back, or somebody looks. */
  wake(): void {
    this.#link?.hurry();
    if (!this.#parts.tabs.leading) this.#parts.tabs.tell("wake");
    const { ports, settings } = this.#parts;
    if (ports.clock.now() - (this.#resync.syncedAt ?? 0) > settings.pollMs) this.#resync.sync();
  }

  /** For tests: the socket goes without a goodbye. */
  dropConnection(): void {
    this.#link?.current?.abort();
    this.#link?.hurry();
  }

  // --- as the leader

  async #lead(signal: AbortSignal): Promise<void> {
    const { requests, ports, settings, httpUrl, wsUrl, onLead } = this.#parts;
    this.#link = new Reconnect({
      enter: async () => {
        const ticket = await requests.request("POST", { path: "/realtime/tickets", retry: true, signal });
        return socketUrl(ticket, { httpUrl, wsUrl });
      },
      dial: ports.dial,
      clock: ports.clock,
      random: ports.random,
      policy: settings.policy,
      onOpen: () => this.#opened(),
      onDown: () => this.#publishStatus(),
      onFrame: (connection, frame) => this.#onFrame(connection, frame),
    });
    this.#introduce();
    onLead(signal);
    await Promise.race([this.#link.run(signal), this.#ping(signal), this.#pollWithoutSocket(signal), this.#tellDelivered(signal)]);
  }

  async #ask(action: string, fields: Frame): Promise<unknown> {
    const connection = this.#link?.current;
    if (!connection) throw new ConnectionLost("there is no connection at the moment");
    return connection.request(action, fields, this.#parts.settings.requestTimeoutMs);
  }

  #opened(): void {
    this.#resync.sync();
    this.#parts.onOpen();
    this.#introduce();
    this.#publishStatus();
  }

  #onFrame(connection: Connection, frame: Frame): void {
    const data = (typeof frame.data === "object" && frame.data !== null ? frame.data : {}) as Frame;
    if (frame.type === "pong") {
      this.#resync.behind(data.behind);
      if (data.behind === null) this.#resync.sync(); // frames could not be delivered to this socket
    } else if (frame.type === "reconnect") {
      if (!connection.retiring) this.#link?.hint(Number(frame.after_ms ?? data.after_ms ?? 0));
    } else {
      const event = parseEvent(frame);
      // what passes comes by the successor as well
      if (event && !(event.seq === undefined && connection.retiring)) this.receive(event);
    }
  }

  async #ping(signal: AbortSignal): Promise<never> {
    const { ports, settings } = this.#parts;
    for (let turn = 1; ; turn += 1) {
      await ports.clock.sleep(settings.pingMs, signal);
      // A ping asks about the conversations known; one that is new and was missed needs a sync.
      if (turn % PINGS_PER_SYNC === 0) this.#resync.sync();
      const cursors = Object.entries(this.#sequencer.cursors);
      for (let start = 0; start === 0 || start < cursors.length; start += CURSORS_PER_PING) {
        await this.#hintToServer(Object.fromEntries(cursors.slice(start, start + CURSORS_PER_PING)));
      }
      this.#introduce();
    }
  }

  /** Shows the server what has been received, at most so often and only what moved on. */
  async #tellDelivered(signal: AbortSignal): Promise<void> {
    const { ports, settings } = this.#parts;
    this.#told = this.#sequencer.cursors;
    for (;;) {
      await ports.clock.sleep(settings.deliveredEveryMs ?? 2 ** 31 - 1, signal);
      const moved = Object.entries(this.#sequencer.cursors).filter(([id, seq]) => seq > (this.#told[id] ?? 0));
      const part = Object.fromEntries(moved.slice(0, CURSORS_PER_PING));
      if (moved.length > 0 && (await this.#hintToServer(part))) this.#told = { ...this.#told, ...part };
    }
  }

  /** What fails here is said again soon; a dead socket is closed by it. */
  async #hintToServer(cursors: Record<string, number>): Promise<boolean> {
    try {
      await this.#ask("ping", { cursors });
      return true;
    } catch (error) {
      if (error instanceof SecureConnectError) return false;
      throw error;
    }
  }

  async #pollWithoutSocket(signal: AbortSignal): Promise<never> {
    const { ports, settings } = this.#parts;
    for (;;) {
      // a little jitter, so that many clients do not fall into step
      await ports.clock.sleep(settings.pollMs * (0.9 + 0.2 * ports.random()), signal);
      if (!this.connected && (this.#link?.failures ?? 0) >= REFUSED_AFTER) this.#resync.sync();
    }
  }

  // --- telling

  #emit(event: Event): void {
    this.#parts.emit(event);
    if (!this.#parts.tabs.leading) return;
    if (this.#outgoing.length === 0) queueMicrotask(() => this.#passOn());
    this.#outgoing.push(event);
  }

  #passOn(): void {
    const events = this.#outgoing;
    this.#outgoing = [];
    this.#parts.tabs.tell("events", events);
  }

  #introduce(): void {
    this.#parts.tabs.tell("hello", { cursors: this.#sequencer.cursors, status: this.#ownStatus() });
  }

  #ownStatus(): LinkStatus {
    const refused = (this.#link?.failures ?? 0) >= REFUSED_AFTER;
    const unreachable = this.#resync.failing || this.#link?.lastError instanceof TransportFailed;
    const without = unreachable ? "offline" : refused ? "polling" : "connecting";
    return { phase: this.connected ? "live" : without, caughtUp: this.#resync.settled, leader: true };
  }

  #publishStatus(): void {
    const { tabs, onStatus } = this.#parts;
    if (tabs.leading) {
      const status = this.#ownStatus();
      tabs.tell("status", status);
      onStatus(status);
    } else {
      onStatus({ phase: this.#led.phase, caughtUp: this.#resync.settled, leader: false });
    }
  }
}
