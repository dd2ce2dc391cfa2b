/**
 * Messages that get there: stored before the first try, sent in order per conversation, until acknowledged.
 *
 * A message is tried again after anything that may pass, with full jitter, also after a reload or by another tab; its
 * `client_id` makes the repetition harmless. A refusal that will not pass marks it failed and lets those behind it go
 * ahead. One tab at a time may run the lanes (`lead`); all others only put messages in.
 */
import { Alarm, Limit } from "./alarm";
import type { Message, MessageFields } from "./api";
import { type Backoff, backoffDelay } from "./backoff";
import type { Clock } from "./ports";
import { ApiError, EncryptionError, NotSignedIn, TransportFailed } from "./problems";
import type { Store } from "./store";
import type { OutboxItem } from "./types";

const BACKOFF: Backoff = { baseMs: 1_000, capMs: 30_000 };
const PARALLEL_SENDS = 8;
const KEEP_SENT_MS = 24 * 3_600_000;
/** Refusals that may pass; 401 is waited out until somebody signs in again. */
const PASSING = new Set([401, 408, 429]);

export interface OutboxParts {
  account: string;
  store: Store;
  clock: Clock;
  random: () => number;
  uuid: () => string;
  /** Sends one message; throws what HTTP throws. */
  post: (conversationId: string, body: MessageFields) => Promise<Message>;
  onChange: (item: OutboxItem) => void;
  backoff?: Backoff | undefined;
}

interface Lane {
  /** Ends its pause. */
  readonly wake: Alarm;
  /** A message was put in since the lane last looked. */
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

  /** Takes a message for sending; stored when it resolves. A `client_id` that is there already gives that message. */
  async add(conversationId: string, fields: Omit<MessageFields, "client_id"> & { client_id?: string }): Promise<OutboxItem> {
    const { account, store, clock, uuid } = this.#parts;
    // Taken before anything is awaited: two messages keep the order in which they were given.
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
    this.heard(item);
    return item;
  }

  /** Runs the lanes until the signal aborts; what is pending then stays in the store. */
  async lead(signal: AbortSignal): Promise<void> {
    this.#leading = signal;
    signal.addEventListener("abort", () => {
      this.#leading = null;
      this.#lanes = new Map();
    });
    await this.kick();
  }

  /** Tries everything pending now: at the start, with every new connection, when the network is back. */
  async kick(): Promise<void> {
    if (!this.#leading) return;
    const { account, store, clock } = this.#parts;
    for (const item of await store.items(account)) {
      if (item.state === "pending") this.#lane(item.conversation_id);
      else if (item.state === "sent" && item.created_at < clock.now() - KEEP_SENT_MS) await store.dropItem(item.client_id);
    }
    for (const lane of this.#lanes.values()) lane.wake.ring();
  }

  /** A message was put in, here or by another tab. */
  heard(item: OutboxItem): void {
    if (this.#leading && item.state === "pending") this.#lane(item.conversation_id);
  }

  /** Gives a failed message another chance, behind those now pending. */
  async retry(clientId: string): Promise<void> {
    const item = await this.#parts.store.getItem(clientId);
    if (item?.state !== "failed") return;
    this.#lastAt = Math.max(this.#parts.clock.now(), this.#lastAt + 0.001);
    const again: OutboxItem = { ...item, state: "pending", error: undefined, created_at: this.#lastAt };
    await this.#put(again);
    this.heard(again);
  }

  /** Takes a message out; one that is being sent just now may still arrive. */
  async discard(clientId: string): Promise<OutboxItem | undefined> {
    const item = await this.#parts.store.getItem(clientId);
    await this.#parts.store.dropItem(clientId);
    return item;
  }

  /** Sees to it that somebody sends this conversation's messages. */
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
        if (lane.more) continue; // one came while we looked
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
      if (signal.aborted || error instanceof NotSignedIn) throw error; // it begins anew with the next leader
      if (error instanceof TransportFailed) return this.#again(item, "network", null);
      if (error instanceof EncryptionError && error.passing) return this.#again(item, error.code, null);
      if (error instanceof EncryptionError) {
        await this.#keep({ ...item, state: "failed", error: error.code });
        return "settled";
      }
      if (!(error instanceof ApiError)) throw error;
      const underWay = error.status === 409 && error.retryAfterMs !== null;
      if (error.status >= 500 || PASSING.has(error.status) || underWay) {
        return this.#again(item, error.code, error.retryAfterMs);
      }
      await this.#keep({ ...item, state: "failed", error: error.code });
      return "settled";
    }
    await this.#keep({ ...item, state: "sent", message_id: message.id, seq: message.seq, error: undefined });
    return "settled";
  }

  async #again(item: OutboxItem, error: string, retryAfterMs: number | null): Promise<Outcome> {
    return (await this.#keep({ ...item, error })) ? { retryAfterMs } : "settled";
  }

  /** Notes what came of a try, unless the message was taken out meanwhile: it does not come back. */
  async #keep(item: OutboxItem): Promise<boolean> {
    if (!(await this.#parts.store.getItem(item.client_id))) return false;
    await this.#put(item);
    return true;
  }

  async #put(item: OutboxItem): Promise<void> {
    await this.#parts.store.putItem(item);
    this.#parts.onChange(item);
  }
}
