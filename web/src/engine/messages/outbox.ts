/**
 * The outbox: messages are stored before the first attempt, and sent in order per conversation until acknowledged.
 *
 * After a transient error a message is sent again, with full jitter, also after a reload or by another tab; its
 * `client_id` makes repetitions harmless. A permanent refusal marks the message as failed, and the next ones are sent.
 * Each conversation has a lane. Only the leading tab runs the lanes (`lead`); all tabs add messages.
 */
import { Alarm, Limit } from "../alarm";
import type { Message, MessageFields } from "../service/api";
import { type Backoff, backoffDelay } from "../live/backoff";
import type { Clock } from "../ports";
import { ApiError, EncryptionError, NotSignedIn, TransportFailed } from "../service/problems";
import type { Store } from "../storage/store";
import type { OutboxItem } from "../types";

const BACKOFF: Backoff = { baseMs: 1_000, capMs: 30_000 };
const PARALLEL_SENDS = 8;
const KEEP_SENT_MS = 24 * 3_600_000;
/** Transient refusals, besides 5xx; after a 401, or while a second factor is to be enrolled, messages wait. */
const TRANSIENT = new Set([401, 408, 429]);
const ENROL = "second_factor_required";

export interface OutboxParts {
  account: string;
  store: Store;
  clock: Clock;
  random: () => number;
  uuid: () => string;
  /** Sends one message. Throws ApiError, TransportFailed, NotSignedIn, EncryptionError. */
  post: (conversationId: string, body: MessageFields) => Promise<Message>;
  onChange: (item: OutboxItem) => void;
  backoff?: Backoff | undefined;
}

interface Lane {
  /** Ends the pause before the next attempt. */
  readonly wake: Alarm;
  /** Whether a message was added since the lane last read the store. */
  more: boolean;
  done: boolean;
}

type Outcome = "settled" | { retryAfterMs: number | null };

export class OutboxLanes {
  readonly #parts: OutboxParts;
  readonly #limit = new Limit(PARALLEL_SENDS);
  #lanes = new Map<string, Lane>();
  #leading: AbortSignal | null = null;
  #lastAt = 0;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** Adds a message; it is stored when this resolves. For a known `client_id` returns the item that is there. */
  async add(conversationId: string, fields: Omit<MessageFields, "client_id"> & { client_id?: string }): Promise<OutboxItem> {
    const { account, store, clock, uuid } = this.#parts;
    // Set before the first await, so that messages keep the order of the calls.
    this.#lastAt = Math.max(clock.now(), this.#lastAt + 0.001);
    const created_at = this.#lastAt;
    const known = fields.client_id === undefined ? undefined : await store.getItem(fields.client_id);
    if (known) return known;
    const client_id = fields.client_id ?? uuid();
    const item: OutboxItem = {
      client_id,
      account,
      conversation_id: conversationId,
      body: { ...fields, client_id },
      created_at,
      state: "pending",
      tries: 0,
    };
    await this.#put(item);
    this.added(item);
    return item;
  }

  /** Runs the lanes until the signal aborts; pending messages stay in the store. */
  async lead(signal: AbortSignal): Promise<void> {
    this.#leading = signal;
    signal.addEventListener("abort", () => {
      this.#leading = null;
      this.#lanes = new Map();
    });
    await this.kick();
  }

  /** Tries all pending messages now: at the start, on every new connection, when the network is back. */
  async kick(): Promise<void> {
    if (!this.#leading) return;
    const { account, store, clock } = this.#parts;
    for (const item of await store.items(account)) {
      if (item.state === "pending") this.#lane(item.conversation_id);
      else if (item.state === "sent" && item.created_at < clock.now() - KEEP_SENT_MS) await store.dropItem(item.client_id);
    }
    for (const lane of this.#lanes.values()) lane.wake.ring();
  }

  /** A message was added, by this or another tab. */
  added(item: OutboxItem): void {
    if (this.#leading && item.state === "pending") this.#lane(item.conversation_id);
  }

  /** Makes a failed message pending again, after those that are pending now. */
  async retry(clientId: string): Promise<void> {
    const item = await this.#parts.store.getItem(clientId);
    if (item?.state !== "failed") return;
    this.#lastAt = Math.max(this.#parts.clock.now(), this.#lastAt + 0.001);
    const again: OutboxItem = { ...item, state: "pending", error: undefined, created_at: this.#lastAt };
    await this.#put(again);
    this.added(again);
  }

  /** Removes a message; if it is being sent just now, it may still arrive. */
  async discard(clientId: string): Promise<OutboxItem | undefined> {
    const item = await this.#parts.store.getItem(clientId);
    await this.#parts.store.dropItem(clientId);
    return item;
  }

  /** Starts the lane of a conversation unless it is running. */
  #lane(conversationId: string): void {
    const signal = this.#leading;
    const present = this.#lanes.get(conversationId);
    if (!signal) return;
    if (present && !present.done) {
      present.more = true;
      return;
    }
    const lane: Lane = { wake: new Alarm(this.#parts.clock), more: false, done: false };
    this.#lanes.set(conversationId, lane);
    void this.#sendAll(conversationId, lane, signal).catch((error: unknown) => {
      lane.done = true;
      if (!signal.aborted && !(error instanceof NotSignedIn)) throw error;
    });
  }

  async #sendAll(conversationId: string, lane: Lane, signal: AbortSignal): Promise<void> {
    const { account, store, random, backoff = BACKOFF } = this.#parts;
    let failures = 0;
    for (;;) {
      lane.more = false;
      const item = await store.nextItem(account, conversationId);
      if (!item) {
        if (lane.more) continue; // one was added during the read
        lane.done = true;
        return;
      }
      const outcome = await this.#limit.run(() => this.#try(item, signal));
      signal.throwIfAborted();
      if (outcome === "settled") {
        failures = 0;
        continue;
      }
      lane.wake.clear();
      await lane.wake.wait(backoffDelay(backoff, failures, random, outcome.retryAfterMs), signal);
      failures += 1;
    }
  }

  async #try(before: OutboxItem, signal: AbortSignal): Promise<Outcome> {
    const item: OutboxItem = { ...before, tries: before.tries + 1 };
    let message: Message;
    try {
      message = await this.#parts.post(item.conversation_id, item.body);
    } catch (error) {
      if (signal.aborted || error instanceof NotSignedIn) throw error; // stays pending for the next leader
      if (error instanceof TransportFailed) return this.#retryLater(item, "network", null);
      if (error instanceof EncryptionError && error.transient) return this.#retryLater(item, error.code, null);
      if (error instanceof EncryptionError) {
        await this.#saveOutcome({ ...item, state: "failed", error: error.code });
        return "settled";
      }
      if (!(error instanceof ApiError)) throw error;
      const underWay = error.status === 409 && error.retryAfterMs !== null;
      if (error.status >= 500 || TRANSIENT.has(error.status) || error.code === ENROL || underWay) {
        return this.#retryLater(item, error.code, error.retryAfterMs);
      }
      await this.#saveOutcome({ ...item, state: "failed", error: error.code });
      return "settled";
    }
    await this.#saveOutcome({ ...item, state: "sent", message_id: message.id, seq: message.seq, error: undefined });
    return "settled";
  }

  async #retryLater(item: OutboxItem, error: string, retryAfterMs: number | null): Promise<Outcome> {
    return (await this.#saveOutcome({ ...item, error })) ? { retryAfterMs } : "settled";
  }

  /** Stores the outcome of an attempt; false if the message was discarded meanwhile, which must not bring it back. */
  async #saveOutcome(item: OutboxItem): Promise<boolean> {
    if (!(await this.#parts.store.getItem(item.client_id))) return false;
    await this.#put(item);
    return true;
  }

  async #put(item: OutboxItem): Promise<void> {
    await this.#parts.store.putItem(item);
    this.#parts.onChange(item);
  }
}
