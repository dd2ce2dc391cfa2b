/**
 * The live event stream of one tab: each event once and in order, whatever the network does.
 *
 * The leading tab holds the socket and broadcasts the events it delivers to the other tabs; every tab has its own
 * sequencer and reads missed events from the log. Where sockets are refused, the leader polls the log.
 */
import { Alarm } from "../alarm";
import type { Event } from "../service/api";
import type { ReconnectPolicy } from "./backoff";
import { CatchUp } from "./catch-up";
import type { Connection, Frame } from "./connection";
import { parseEvent } from "./events";
import type { Ports } from "../ports";
import { ConnectionLost, SecureConnectError, TransportFailed } from "../service/problems";
import { Reconnect } from "./reconnect";
import type { Requests } from "../service/requests";
import { Resync } from "./resync";
import { Sequencer } from "./sequencer";
import type { Tabs } from "../storage/tabs";
import { socketUrl } from "../service/ticket";
import type { LinkStatus } from "../types";

/** A cursor takes at most 55 bytes, a frame 32 KB. */
const CURSORS_PER_PING = 300;
const PINGS_PER_SYNC = 4;
/** Failed attempts in a row after which sockets count as refused. */
const REFUSED_AFTER = 2;

export interface LiveSettings {
  policy: ReconnectPolicy;
  /** How long a gap may last before it is filled from the log. */
  gapWaitMs: number;
  pingMs: number;
  /** How often the server is told which events have arrived, for delivery receipts; null: never. */
  deliveredEveryMs: number | null;
  requestTimeoutMs: number;
  /** How often the log is polled while there is no socket. */
  pollMs: number;
  skipBeyond: number;
}

export interface LiveParts {
  account: string;
  httpUrl: string;
  /** The URL for sockets, instead of the one that tickets give. */
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
  /** This tab is the leader now, until the signal aborts. */
  onLead: (signal: AbortSignal) => void;
  /** There is a new connection, in this or another tab. */
  onOpen: () => void;
}

export class Live {
  readonly #parts: LiveParts;
  readonly #catchUp: CatchUp;
  readonly #resync: Resync;
  readonly #sequencer: Sequencer;
  readonly #pings: Alarm;
  #reconnect: Reconnect | null = null;
  #leaderStatus: LinkStatus = { phase: "connecting", caughtUp: false, leader: false };
  #leader: string | null = null;
  #outgoing: Event[] = [];
  #reported: Record<string, number> = {};

  constructor(parts: LiveParts) {
    this.#parts = parts;
    this.#pings = new Alarm(parts.ports.clock);
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
      this.#leaderStatus = status;
      if (this.#leader !== from) parts.onOpen();
      this.#leader = from;
      for (const [id, seq] of Object.entries(cursors)) this.#sequencer.note(id, seq);
      this.#resync.look();
      this.#publishStatus();
    });
    tabs.on<Event[]>("events", (events) => events.forEach((event) => this.receive(event)));
    tabs.on<LinkStatus>("status", (status) => {
      this.#leaderStatus = status;
      this.#publishStatus();
    });
    tabs.on("who", () => tabs.leading && this.#announce());
    tabs.on<boolean>("wake", (networkWasGone) => this.#hurry(networkWasGone));
  }

  /** Never resolves; rejects when the signal aborts, or with the error that ended the session. */
  async run(signal: AbortSignal): Promise<never> {
    const over = new AbortController();
    const both = AbortSignal.any([signal, over.signal]);
    try {
      this.#resync.sync();
      this.#parts.tabs.tell("who");
      const lead = () => this.#lead(both);
      const serve = (action: string, fields: Frame) => this.#requestOverSocket(action, fields);
      await Promise.race([this.#resync.run(both), this.#parts.tabs.run(both, lead, serve)]);
      throw new ConnectionLost("stopped");
    } finally {
      over.abort();
      this.#reconnect = null;
    }
  }

  get cursors(): Record<string, number> {
    return this.#sequencer.cursors;
  }

  /** Whether this tab has every event it knows of. */
  get caughtUp(): boolean {
    return this.#resync.settled;
  }

  get connected(): boolean {
    return this.#reconnect?.current != null;
  }

  get stats(): { openings: number; heals: number; duplicates: number } {
    return {
      openings: this.#reconnect?.openings ?? 0,
      heals: this.#catchUp.heals,
      duplicates: this.#sequencer.duplicates,
    };
  }

  /**
   * Sends an action over the socket of this or the leading tab. Throws ApiError, and ConnectionLost when no answer
   * came; the action may have been executed all the same.
   */
  async request(action: string, fields: Frame): Promise<unknown> {
    const { tabs, settings } = this.#parts;
    if (tabs.leading) return this.#requestOverSocket(action, fields);
    return tabs.ask(action, { ...fields }, settings.requestTimeoutMs);
  }

  /** Takes in an event that came as a frame or is known to be in the log. */
  receive(event: Event): void {
    this.#catchUp.offer(event);
    this.#resync.look();
  }

  /**
   * Reads the log after `since`, unless newer events have come: a connection gets no frames for its own commands.
   */
  suspect(conversationId: string, since: number | undefined): void {
    if (this.#sequencer.cursor(conversationId) === since) this.#resync.lookInto(conversationId, since);
  }

  cursor(conversationId: string): number | undefined {
    return this.#sequencer.cursor(conversationId);
  }

  /** Starts a sync: any conversation may be out of date. */
  sync(): void {
    this.#resync.sync();
  }

  /** See `Engine.wake`. */
  wake(networkWasGone = false): void {
    const { ports, settings, tabs } = this.#parts;
    if (tabs.leading) this.#hurry(networkWasGone);
    else tabs.tell("wake", networkWasGone);
    if (ports.clock.now() - (this.#resync.syncedAt ?? 0) > settings.pollMs) this.#resync.sync();
  }

  /** The page is left: closes the socket, since a browser that keeps the page would hold it open with nobody listening. */
  rest(): void {
    this.#reconnect?.current?.abort();
  }

  /** For tests: drops the socket. */
  dropConnection(): void {
    this.rest();
    this.#reconnect?.hurry();
  }

  // --- as the leader

  /** Reconnects at once. A socket that looks open may have died with its network: a ping that is not answered closes it. */
  #hurry(networkWasGone: boolean): void {
    this.#reconnect?.hurry();
    if (networkWasGone) this.#pings.ring();
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const { requests, ports, settings, httpUrl, wsUrl, onLead } = this.#parts;
    this.#reconnect = new Reconnect({
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
    this.#announce();
    onLead(signal);
    await Promise.race([this.#reconnect.run(signal), this.#pingPeriodically(signal), this.#pollWithoutSocket(signal), this.#reportDelivered(signal)]);
  }

  async #requestOverSocket(action: string, fields: Frame): Promise<unknown> {
    const connection = this.#reconnect?.current;
    if (!connection) throw new ConnectionLost("there is no connection at the moment");
    return connection.request(action, fields, this.#parts.settings.requestTimeoutMs);
  }

  #opened(): void {
    this.#resync.sync();
    this.#parts.onOpen();
    this.#announce();
    this.#publishStatus();
  }

  #onFrame(connection: Connection, frame: Frame): void {
    const data = (typeof frame.data === "object" && frame.data !== null ? frame.data : {}) as Frame;
    if (frame.type === "pong") {
      this.#resync.behind(data.behind);
      if (data.behind === null) this.#resync.sync(); // frames could not be delivered to this socket
    } else if (frame.type === "reconnect") {
      if (!connection.retiring) this.#reconnect?.hint(Number(frame.after_ms ?? data.after_ms ?? 0));
    } else {
      const event = parseEvent(frame);
      // the connection that replaces a retiring one brings ephemeral events as well
      if (event && !(event.seq === undefined && connection.retiring)) this.receive(event);
    }
  }

  async #pingPeriodically(signal: AbortSignal): Promise<never> {
    const { settings } = this.#parts;
    this.#pings.clear();
    for (let round = 1; ; round += 1) {
      await this.#pings.wait(settings.pingMs, signal);
      // A ping covers known conversations only; an unknown new one is found by a sync.
      if (round % PINGS_PER_SYNC === 0) this.#resync.sync();
      const cursors = Object.entries(this.#sequencer.cursors);
      for (let start = 0; start === 0 || start < cursors.length; start += CURSORS_PER_PING) {
        await this.#sendPing(Object.fromEntries(cursors.slice(start, start + CURSORS_PER_PING)));
      }
      this.#announce();
    }
  }

  /** Reports the cursors that have advanced to the server, every `deliveredEveryMs`. */
  async #reportDelivered(signal: AbortSignal): Promise<void> {
    const { ports, settings } = this.#parts;
    this.#reported = this.#sequencer.cursors;
    for (;;) {
      await ports.clock.sleep(settings.deliveredEveryMs ?? 2 ** 31 - 1, signal);
      const moved = Object.entries(this.#sequencer.cursors).filter(([id, seq]) => seq > (this.#reported[id] ?? 0));
      const part = Object.fromEntries(moved.slice(0, CURSORS_PER_PING));
      if (moved.length > 0 && (await this.#sendPing(part))) this.#reported = { ...this.#reported, ...part };
    }
  }

  /** Sends cursors to the server and returns whether it answered. A failure is harmless: the next ping repeats them. */
  async #sendPing(cursors: Record<string, number>): Promise<boolean> {
    try {
      await this.#requestOverSocket("ping", { cursors });
      return true;
    } catch (error) {
      if (error instanceof SecureConnectError) return false;
      throw error;
    }
  }

  async #pollWithoutSocket(signal: AbortSignal): Promise<never> {
    const { ports, settings } = this.#parts;
    for (;;) {
      // jitter keeps clients from polling at the same time
      await ports.clock.sleep(settings.pollMs * (0.9 + 0.2 * ports.random()), signal);
      if (!this.connected && (this.#reconnect?.failures ?? 0) >= REFUSED_AFTER) this.#resync.sync();
    }
  }

  // --- events and status to this and the other tabs

  #emit(event: Event): void {
    this.#parts.emit(event);
    if (!this.#parts.tabs.leading) return;
    if (this.#outgoing.length === 0) queueMicrotask(() => this.#broadcast());
    this.#outgoing.push(event);
  }

  #broadcast(): void {
    const events = this.#outgoing;
    this.#outgoing = [];
    this.#parts.tabs.tell("events", events);
  }

  #announce(): void {
    this.#parts.tabs.tell("hello", { cursors: this.#sequencer.cursors, status: this.#ownStatus() });
  }

  #ownStatus(): LinkStatus {
    const refused = (this.#reconnect?.failures ?? 0) >= REFUSED_AFTER;
    const unreachable = this.#resync.failing || this.#reconnect?.lastError instanceof TransportFailed;
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
      onStatus({ phase: this.#leaderStatus.phase, caughtUp: this.#resync.settled, leader: false });
    }
  }
}
