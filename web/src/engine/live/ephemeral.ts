/** Ephemeral state: presence, typing, read receipts and calls. Kept in memory only. */
import type { Call, Event, Presence, Receipt } from "../service/api";
import type { Clock } from "../ports";
import { SecureConnectError } from "../service/problems";
import { Derived, Value } from "../subscribable";
import type { Calls, PresenceState, Receipts, Subscribable, TypingState } from "../types";

/** How long a typing signal lasts without a repetition: the server's time limit, and a margin for the network. */
const TYPING_LASTS_MS = 4_000;
const TYPING_AGAIN_MS = 2_000;
const MAX_WATCHED = 200;

type Ask = (action: "watchPresence" | "setPresence" | "typing", fields: Record<string, unknown>) => Promise<unknown>;

// --- presence

export interface PresenceParts {
  ask: Ask;
  /** Sets presence over HTTP when there is no socket. */
  put: (fields: Record<string, unknown>) => Promise<Presence>;
  /** Tells the other tabs which people this tab watches. */
  share: (userIds: readonly string[]) => void;
  leading: () => boolean;
}

export class PresenceBoard implements PresenceState {
  readonly #parts: PresenceParts;
  readonly #watchedHere = new Map<symbol, readonly string[]>();
  readonly #watchedElsewhere = new Map<string, readonly string[]>();
  readonly all = new Value<ReadonlyMap<string, Presence>>(new Map());
  #scheduled = false;

  constructor(parts: PresenceParts) {
    this.#parts = parts;
  }

  of(userId: string): Presence | undefined {
    return this.all.get().get(userId);
  }

  watch(userIds: readonly string[]): () => void {
    const key = Symbol();
    this.#watchedHere.set(key, userIds);
    this.#watchedChanged();
    return () => {
      this.#watchedHere.delete(key);
      this.#watchedChanged();
    };
  }

  async set(
    status: "online" | "away" | "busy" | "invisible",
    options: { text?: string; until?: string } = {},
  ): Promise<void> {
    const fields = { status, ...options };
    try {
      this.saw([(await this.#parts.ask("setPresence", fields)) as Presence]);
    } catch (error) {
      if (!(error instanceof SecureConnectError) || error.name === "ApiError") throw error;
      this.saw([await this.#parts.put(fields)]);
    }
  }

  apply(event: Event): void {
    if (event.type === "presence" && event.data) this.saw([event.data]);
  }

  /** The people that another tab watches; an empty list when that tab closes. */
  watchedBy(tab: string, userIds: readonly string[]): void {
    if (userIds.length > 0) this.#watchedElsewhere.set(tab, userIds);
    else this.#watchedElsewhere.delete(tab);
    this.#schedule();
  }

  /** There is a new leader or connection: the watched people must be sent again. */
  renew(): void {
    this.#parts.share(this.#wanted());
    this.#schedule();
  }

  saw(items: readonly Presence[]): void {
    const all = new Map(this.all.get());
    for (const item of items) all.set(item.user_id, item);
    this.all.set(all);
  }

  #wanted(): string[] {
    return [...new Set([...this.#watchedHere.values()].flat())];
  }

  #watchedChanged(): void {
    this.#parts.share(this.#wanted());
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setTimeout(() => void this.#send(), 50);
  }

  /** Sends the watched people of all tabs. A failure is ignored, since the next connection sends them again. */
  async #send(): Promise<void> {
    this.#scheduled = false;
    if (!this.#parts.leading()) return;
    const wanted = new Set([...this.#wanted(), ...[...this.#watchedElsewhere.values()].flat()]);
    try {
      const answer = await this.#parts.ask("watchPresence", { user_ids: [...wanted].slice(0, MAX_WATCHED) });
      this.saw((answer as { items: Presence[] }).items);
    } catch (error) {
      if (!(error instanceof SecureConnectError)) throw error;
    }
  }
}

// --- typing

export interface TypingParts {
  userId: string;
  clock: Clock;
  ask: Ask;
}

export class TypingBoard implements TypingState {
  readonly #parts: TypingParts;
  readonly #until = new Map<string, Map<string, number>>();
  readonly #sentAt = new Map<string, number>();
  readonly all = new Derived<ReadonlyMap<string, readonly string[]>>(() => this.#make());

  constructor(parts: TypingParts) {
    this.#parts = parts;
  }

  of(conversationId: string): readonly string[] {
    return this.all.get().get(conversationId) ?? [];
  }

  typed(conversationId: string): void {
    const { clock } = this.#parts;
    const now = clock.now();
    if (now - (this.#sentAt.get(conversationId) ?? 0) < TYPING_AGAIN_MS) return;
    this.#sentAt.set(conversationId, now);
    this.#send(conversationId, true);
  }

  stopped(conversationId: string): void {
    if (!this.#sentAt.delete(conversationId)) return;
    this.#send(conversationId, false);
  }

  apply(event: Event): void {
    const id = event.conversation_id;
    if (id === undefined) return;
    if (event.type === "message.created" && event.actor_id) this.#mark(id, event.actor_id, false);
    if (event.type !== "typing" || typeof event.data !== "object" || event.data === null) return;
    const { user_id, typing } = event.data as { user_id?: unknown; typing?: unknown };
    if (typeof user_id === "string" && user_id !== this.#parts.userId) this.#mark(id, user_id, typing === true);
  }

  #mark(conversationId: string, userId: string, typing: boolean): void {
    const { clock } = this.#parts;
    const people = this.#until.get(conversationId) ?? new Map<string, number>();
    if (!typing) {
      if (people.delete(userId)) this.all.changed();
      return;
    }
    people.set(userId, clock.now() + TYPING_LASTS_MS);
    this.#until.set(conversationId, people);
    this.all.changed();
    void clock.sleep(TYPING_LASTS_MS + 10).then(() => this.all.changed());
  }

  /** Sends a typing signal. A failure is ignored, since later keystrokes repeat it. */
  #send(conversationId: string, typing: boolean): void {
    this.#parts.ask("typing", { conversation_id: conversationId, typing }).catch((error: unknown) => {
      if (!(error instanceof SecureConnectError)) throw error;
    });
  }

  #make(): ReadonlyMap<string, readonly string[]> {
    const now = this.#parts.clock.now();
    const made = new Map<string, readonly string[]>();
    for (const [id, people] of this.#until) {
      const typing = [...people].filter(([, until]) => until > now).map(([userId]) => userId);
      if (typing.length > 0) made.set(id, typing);
    }
    return made;
  }
}

// --- receipts

export class ReceiptBoard implements Receipts {
  readonly #fetch: (conversationId: string) => Promise<Receipt[]>;
  readonly #boards = new Map<string, Value<readonly Receipt[]>>();

  constructor(fetch: (conversationId: string) => Promise<Receipt[]>) {
    this.#fetch = fetch;
  }

  of(conversationId: string): Subscribable<readonly Receipt[]> {
    return this.#board(conversationId);
  }

  async load(conversationId: string): Promise<void> {
    const board = this.#board(conversationId);
    board.set(furthest([...board.get(), ...(await this.#fetch(conversationId))]));
  }

  apply(event: Event): void {
    if (event.type !== "receipt.updated" || !event.data || event.conversation_id === undefined) return;
    const board = this.#boards.get(event.conversation_id);
    board?.set(furthest([...board.get(), event.data]));
  }

  #board(conversationId: string): Value<readonly Receipt[]> {
    let board = this.#boards.get(conversationId);
    if (!board) this.#boards.set(conversationId, (board = new Value<readonly Receipt[]>([])));
    return board;
  }
}

/** The furthest markers of each person: markers move only forward, in whatever order they arrive. */
function furthest(receipts: readonly Receipt[]): Receipt[] {
  const found = new Map<string, Receipt>();
  for (const each of receipts) {
    const known = found.get(each.user_id);
    found.set(each.user_id, {
      user_id: each.user_id,
      delivered_seq: Math.max(each.delivered_seq, known?.delivered_seq ?? 0),
      read_seq: Math.max(each.read_seq, known?.read_seq ?? 0),
    });
  }
  return [...found.values()];
}

// --- calls

export class CallBoard implements Calls {
  readonly #userId: string;
  readonly #silenced = new Set<string>();
  readonly live = new Value<readonly Call[]>([]);
  readonly ringing = new Value<Call | null>(null);

  constructor(userId: string) {
    this.#userId = userId;
  }

  put(call: Call): void {
    const others = this.live.get().filter((each) => each.id !== call.id);
    this.live.set(call.state === "ended" ? others : [...others, call]);
    this.ringing.set(this.live.get().find((each) => this.#rings(each)) ?? null);
  }

  apply(event: Event): void {
    switch (event.type) {
      case "call.answered_elsewhere":
        if (event.data) this.#silenced.add(event.data.id);
        if (event.data) this.put(event.data);
        break;
      case "call.ringing":
      case "call.updated":
      case "call.ended":
        if (event.data) this.put(event.data);
        break;
    }
  }

  #rings(call: Call): boolean {
    const mine = call.participants.find((each) => each.user_id === this.#userId);
    return !this.#silenced.has(call.id) && call.initiator_id !== this.#userId && mine?.state === "ringing";
  }
}
